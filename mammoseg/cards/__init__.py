"""Model cards of the bundles: what is counted and drawn from the networks, and what people wrote beside it."""
