"""Model providers behind one protocol; each vendor's SDK is imported by one module only, on first use."""
