"""A database of the earlier system, as a source of rows: found by the names of its tables, read and never written."""
