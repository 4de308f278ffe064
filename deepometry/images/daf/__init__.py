"""Analyses of IDEAS (.daf): features, gates and populations of the objects of one .cif file."""
