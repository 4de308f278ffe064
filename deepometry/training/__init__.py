"""Training of networks: recipes, folds, learning curve, and the classical baseline."""
