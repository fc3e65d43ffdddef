"""Readings that persons look at: which ones, in which order, what they decide, and what corrected values look like."""
