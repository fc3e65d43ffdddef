"""The steps of the timer, one module each; ``shared_code.rollup.run`` runs them."""
