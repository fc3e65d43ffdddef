"""Uploads that are read later: taken in, put into the queue company by company, read, cancelled, and swept."""
