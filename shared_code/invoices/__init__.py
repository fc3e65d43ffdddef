"""What an invoice is, and what can be said about it: no input, no output, no settings, no model."""
