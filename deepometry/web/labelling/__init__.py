"""The page on which cells are labelled by hand.

`board` holds the parsed cells and the labels that stand; `orders` are the orders in which cells
are shown, `shown` chooses among them; `views` answers the page, `answers` its scripts, and
`elsewhere` the galleries of all other pages. `assisted` adds the orders of a classifier that learns
from the labels, which `helper` does beside the requests. `checking` corrects labels that are likely
wrong.
"""

from deepometry.web.labelling import answers, assisted, checking, elsewhere
from deepometry.web.labelling.views import blueprint

__all__ = ["answers", "assisted", "blueprint", "checking", "elsewhere"]
