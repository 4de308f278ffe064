"""What the form Cleaning shows of its cells: histograms, counts, pictures, and their gates."""

from deepometry.web.cleaning.views import blueprint

__all__ = ["blueprint"]
