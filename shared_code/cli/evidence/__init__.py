"""Where the values of a document came from: drawn on its pages, or as elements of an e-invoice."""
