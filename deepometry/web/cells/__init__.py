"""Cells as the page shows them, the same everywhere: a gallery of the cells of a run.

`cell_rows` reads the table of a run once; `choose` filters, searches and sorts; `origin` looks up
mask and pixel size in the image files; `selections` keeps chosen cells, `marked` those selected on
a map just now; `views` and `selection_views` answer the page.
"""

from deepometry.web.cells import selection_views
from deepometry.web.cells.views import blueprint

__all__ = ["blueprint", "selection_views"]
