"""Syntaxes of single countries, read without a model; one module each."""
