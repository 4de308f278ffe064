"""Cleaning before learning: features that tell bad images of cells, and gates on them."""
