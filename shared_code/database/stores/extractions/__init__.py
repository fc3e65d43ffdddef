"""Claims on documents and their results."""
