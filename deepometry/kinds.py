"""Kinds of files, told by their names."""

from __future__ import annotations

import os

AMNIS = (".cif", ".rif")
TIFF = (".tif", ".tiff")


def suffix_of(name: str) -> str:
    """Give the suffix in lower case: `.tif`."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (a Path for each is slow)


def is_text(name: str) -> bool:
    """Tell whether a name can be shown and sent: Linux also allows names that no encoding has."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
