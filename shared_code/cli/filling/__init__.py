"""Commands that fill a database: with that of an earlier system, or with companies that do not exist."""
