"""Runs as jobs, each a process of its own."""
