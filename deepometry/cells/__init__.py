"""Parsed cells on disk: written, read in batches, grouped, and held out."""
