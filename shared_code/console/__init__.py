"""The console: pages for operators and clerks. Each is a shell; its data come from the admin API by JavaScript."""
