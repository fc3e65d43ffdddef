"""From a document's bytes to checked invoice data: intake, e-invoices, the model's answer, checks, result."""
