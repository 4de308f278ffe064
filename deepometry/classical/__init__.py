"""Classical analysis: features computed by formulas, and trees trained on them."""
