"""Which element of an e-invoice each value came from."""
