"""Data of companies that do not exist, so that every page of the console has something to show."""
