"""A model run over cells: predictions, features, and where it looks."""
