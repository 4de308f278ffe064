"""Gates on features of parsed cells: their limits, and which cells they leave out."""
