"""Runs side by side on the page: `/compare?runs=a,b,c`."""

from deepometry.web.compare.views import blueprint

__all__ = ["blueprint"]
