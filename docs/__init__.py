"""Scripts that make the pictures, outputs and reference of the documentation."""
