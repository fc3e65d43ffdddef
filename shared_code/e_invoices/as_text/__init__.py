"""XML and JSON of kinds that no reader knows: whether it is an invoice, and its text for a model."""
