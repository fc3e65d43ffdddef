"""Limits of companies, branches and users, and their counters."""
