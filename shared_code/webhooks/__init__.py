"""Tells companies what became of their documents, and operators of alerts, over HTTPS and signed."""
