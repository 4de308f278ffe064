"""Folders and images, looked at before a run."""
