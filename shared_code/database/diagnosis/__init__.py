"""What is wrong with a database, and what to do about it; one module per backend."""
