"""The explorer: a page of its own on which the cells of a map are looked at and selected."""

from deepometry.web.explorer.views import blueprint

__all__ = ["blueprint"]
