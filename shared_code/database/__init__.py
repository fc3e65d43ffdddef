"""The database: connections, schema and migrations, key encryption, the application log; statements in ``stores``."""
