"""E-invoices with XML, read without a model; one module, or a pair, per syntax."""
