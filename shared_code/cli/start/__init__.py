"""What happens before a command of `manage.py` runs: the right Python, the settings, and which commands there are."""
