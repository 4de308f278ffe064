"""Assisted labelling: a fast classifier on features says which cells to label next."""
