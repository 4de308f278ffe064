"""Kinds of files, by the ends of their names."""

from __future__ import annotations

import os

AMNIS = (".cif", ".rif")
ANALYSES = (".daf",)
"""Analyses of IDEAS, without images."""

TIFF = (".tif", ".tiff")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
PLAIN_IMAGES = (*TIFF, *PICTURES)
"""Files that hold a cell, or a channel of one, and nothing about it but its name."""

RTDC = (".rtdc",)
IFCB = (".adc", ".roi", ".hdr")
ARRAYS = (".npy", ".npz")
ARCHIVES = (".zip",)

CONTAINERS = (*AMNIS, *RTDC, *IFCB[:1], *ARRAYS)
"""Files of many cells, each of which becomes a stack of its own."""

IMAGES = (*CONTAINERS, *PLAIN_IMAGES, *ARCHIVES)
"""All files that have images of cells."""

LABEL_TABLES = (".csv", ".tsv", ".txt", ".tab", ".xlsx", ".parquet", ".pq")
"""Tables of other programs, with a row a cell."""


def suffix_of(name: str) -> str:
    """Return the suffix in lower case: `.tif`."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (a Path for each is slow)


def is_text(name: str) -> bool:
    """Return whether a name can be shown and sent: Linux also allows names that no encoding has."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
