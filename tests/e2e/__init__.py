"""Tests on the running stack. A package, so that the stack they share ends with the last of them."""
