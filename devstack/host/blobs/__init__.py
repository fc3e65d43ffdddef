"""The blob trigger: finds blobs, remembers them in receipts, and runs functions for them."""
