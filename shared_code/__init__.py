"""Invoice extraction with exact token accounting: everything that the function folders and the command line share."""
