"""The page on which cells are labelled by hand.

`board` holds the parsed cells and the labels that stand; `orders` are the orders in which cells
are shown, `shown` chooses among them; `views` answers the page, `answers` its scripts, and
`elsewhere` the galleries of all other pages.
"""

from deepometry.web.labelling import answers, elsewhere
from deepometry.web.labelling.views import blueprint

__all__ = ["answers", "blueprint", "elsewhere"]
