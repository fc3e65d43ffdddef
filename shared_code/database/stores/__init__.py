"""One module of statements per noun. Stores take an open connection, return records, and never commit."""
