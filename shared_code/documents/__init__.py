"""Untrusted bytes: what a file is, whether it can be read, and what of it goes to a model."""
