"""The second reader, for pages without text: ``reader`` runs the process, ``worker`` is it, ``pages`` chooses."""
