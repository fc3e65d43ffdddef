"""Rows of the demo: statements that no part of the service needs."""
