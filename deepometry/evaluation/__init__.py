"""How good predictions are, and how sure: pure functions on classes, probabilities and groups."""
