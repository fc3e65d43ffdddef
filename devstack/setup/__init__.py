"""The guts of ``dev.py``: sets the project up on a fresh machine, and runs the local stack.

Everything that ``dev.py`` imports from here runs on the standard library of any Python from 3.11 on, because it is what
finds Python 3.13 and makes the virtual environment. Two modules run inside that environment, as processes of their own:
``seed`` and ``mssql_standin``.
"""
