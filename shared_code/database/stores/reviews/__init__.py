"""Readings that persons look at: the queue, what was decided and corrected, rules of companies, results to write."""
