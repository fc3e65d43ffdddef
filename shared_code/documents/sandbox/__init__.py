"""Files are parsed in child processes with limits: ``pool`` runs them, ``worker`` is one, they talk in ``frames``."""
