"""Reads an invoice from text with positions, by rules: labels of six languages, no memory of any document."""
