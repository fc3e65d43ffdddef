"""The model's answer: what is asked for, and how it is read, grounded in the page and turned into invoices."""
