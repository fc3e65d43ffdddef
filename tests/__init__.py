"""Tests, named by behaviour."""
