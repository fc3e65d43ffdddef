"""Readings as tables: for spreadsheets, and for programs that read CSV."""
