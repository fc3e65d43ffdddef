"""Tables, migrations and one store module per noun. Stores take an open connection and return records."""
