"""Labels of other programs, brought to parsed cells."""
