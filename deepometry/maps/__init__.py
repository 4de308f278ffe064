"""Maps of cells: features reduced to a plane or to space, and pictures of them.

`feature_source` reads the features of an extraction, `cell_table` the cells they belong to; `pca`
reduces the features, `methods` computes the map, and `embed` runs these and writes everything.
"""

PLACES = "places"
"""Name of the coordinates in the arrays of a map."""

MOST_VALUES = 10_000
"""Most values of a column that is offered for colours: more are not groups."""


def code_bytes(values: int) -> int:
    """Return the bytes of a code of so many values; the largest number means "missing"."""
    return 1 if values < 255 else 2 if values < 65_535 else 4
