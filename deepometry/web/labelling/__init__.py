"""The page on which cells are labelled by hand.

`board` holds the parsed cells and the labels that stand; `orders` are the orders in which cells
are shown, `shown` chooses among them; `views` answers the page, `answers` its scripts.
"""

from deepometry.web.labelling import answers
from deepometry.web.labelling.views import blueprint

__all__ = ["answers", "blueprint"]
