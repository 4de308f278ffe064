"""From what a file shows to intensities: colours that are grey, look-up tables, MinIsWhite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepometry.images.readers.file_images import FileError

GREY = "grey: its red, green and blue are equal"
SPREAD = "grey: repeated as red, green and blue"
CLEAR = "its transparency (alpha) was left out"
TURNED = "turned: the file calls 0 white"
LOSSY = "JPEG: its compression changed noise and fine detail"
LOOKED_UP = "its look-up table of colours was left out"

_SMALL_STEP = 24 / 255  # from one entry of a look-up table to the next


def joined_notes(*notes: str) -> str:
    """Join notes, each once; blank ones are left out."""
    return "; ".join(dict.fromkeys(filter(None, notes)))


def is_grey(image: np.ndarray) -> bool:
    """Return whether the first three channels are equal: (height, width, 3 or more)."""
    red = image[:, :, 0]
    return bool((red == image[:, :, 1]).all() and (red == image[:, :, 2]).all())


def without_alpha(images: list[np.ndarray], marked: Sequence[bool]) -> tuple[list[np.ndarray], str]:
    """Leave transparency out of pictures: of the 4th sample that says what it is, or seems it.

    With 16 bits, or in planes, a sample called alpha may be a channel, since common software
    calls the fourth of any four so; it is kept unless it is the same everywhere beside equal
    colours.

    Parameters
    ----------
    images : list of ndarray, shape (height, width, channels)
    marked : sequence of bool
        Which of the last channels are called alpha; as many as there are further samples.

    Returns
    -------
    images, note
    """
    first = images[0]
    colours = first.shape[2] - len(marked)
    seems = colours == 3 and len(marked) == 1 and all(map(_is_opaque_grey, images))
    if not seems and (not any(marked) or first.dtype.itemsize > 1):
        return images, ""
    marked = [True] if seems else marked
    keep = [*range(colours), *(colours + i for i, alpha in enumerate(marked) if not alpha)]
    alphas = [image[:, :, colours:][:, :, list(marked)] for image in images]
    note = CLEAR if any(alpha.min() != alpha.max() for alpha in alphas) else ""
    return [image[:, :, keep] for image in images], note


def _is_opaque_grey(image: np.ndarray) -> bool:
    alpha = image[:, :, 3]
    top = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "ui" else 1
    return is_grey(image) and bool((alpha == top).all())


def turned(image: np.ndarray, bits: int) -> np.ndarray:
    """Make 0 the darkest value where a file calls it white (MinIsWhite).

    Unsigned values are taken from the largest of their bits, such as 255 or 4095; signed ones
    are mirrored from end to end of their range.

    Raises
    ------
    FileError
        The values are no whole numbers, whose range is known.
    """
    if image.dtype.kind == "i":
        return ~image
    if image.dtype.kind != "u":
        raise FileError(
            "calls 0 white, of values that are no whole numbers; save it so that 0 is black"
        )
    top = image.dtype.type(2 ** min(bits, 8 * image.dtype.itemsize) - 1)
    return top - np.minimum(image, top)


def looked_up(image: np.ndarray, table: np.ndarray | None) -> tuple[np.ndarray, str]:
    """Take intensities from an image of indices into a table of colours.

    Parameters
    ----------
    image : ndarray of uint8 or uint16, shape (height, width, 1)
    table : ndarray, shape (3, entries)
        Red, green and blue, from 0 to 65535.

    Returns
    -------
    image, note
        Where colours change little from entry to entry, as in the look-up tables of ImageJ, the
        indices are intensities. Where all are grey they are looked up.

    Raises
    ------
    FileError
        The table is a palette of any colours.
    """
    if table is None or table.ndim != 2 or len(table) != 3 or not table.shape[1]:
        raise FileError("has no table for its colours")
    if table.min() == table.max():
        raise FileError("has a palette of a single colour; save it as grey")
    levels = table.astype(np.float64) / max(int(table.max()), 1)
    grey = bool((table[0] == table[1]).all() and (table[0] == table[2]).all())
    steps = np.diff(levels, axis=1)
    if grey and (steps[0] >= 0).all() and levels[0, -1] > levels[0, 0]:
        return image, LOOKED_UP
    if grey:
        shift = 8 if image.dtype.itemsize == 1 else 0
        shades = (table[0].astype(np.uint32) >> shift).astype(image.dtype)
        return shades[np.minimum(image, len(shades) - 1)], "its grey palette was looked up"
    used = steps[:, 1:-1] if steps.shape[1] > 3 else steps  # the ends may mark what is saturated
    if used.shape[1] > 13 and (np.abs(used).max(axis=0) <= _SMALL_STEP).mean() > 0.95:
        return image, LOOKED_UP
    raise FileError("holds palette colours in place of intensities; save it as grey")


def spread(image: np.ndarray) -> np.ndarray:
    """Repeat the only channel as red, green and blue."""
    return np.repeat(image[:, :, :1], 3, axis=2)
