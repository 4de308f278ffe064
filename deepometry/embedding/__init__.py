"""Maps of cells: features reduced to a plane or to space, and pictures of them."""
