"""The steps of the timer, one module each; ``shared_code.usage_rollup`` runs them."""
