"""Example cells: synthetic red blood cells of seven shapes."""
