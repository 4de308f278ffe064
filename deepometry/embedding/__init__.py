"""Maps of cells: features reduced to a plane or to space, and pictures of them."""

COORDINATES = "coordinates.csv"
"""A row a cell: source, object, folder levels, prediction, coordinates."""

POINTS, PLACES = "coordinates.npz", "places"
"""The same as plain arrays, for programs that draw a million cells at once."""


def code_bytes(values: int) -> int:
    """Give the bytes of a code of so many values, whose largest number says "none"."""
    return 1 if values < 255 else 2 if values < 65_535 else 4
