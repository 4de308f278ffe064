"""The audit of a model on some cells: which images it is shown, and what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from deepometry.core.progress import Progress
from deepometry.inference.audit.cell_masks import cell_masks, has_background
from deepometry.inference.audit.variants import Cells, Variant, changed

Predict = Callable[[np.ndarray], np.ndarray]
"""From images (n, frame, frame, channels) to probabilities (n, classes)."""

_PIXELS = 1 << 23  # of images in memory at a time
_MOST_AT_ONCE = 128


class Images(Protocol):
    """Images of cells: an array (n, frame, frame, channels), or what reads them when asked."""

    def __getitem__(self, places: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Masks:
    """Where the cells of some images are, eight pixels a byte.

    Attributes
    ----------
    bits : ndarray of uint8, shape (n, frame, bytes)
    frame : int
    found : ndarray of bool, shape (n,)
        In which images something stands out.
    enough : ndarray of bool, shape (n,)
        Which have enough background.
    """

    bits: np.ndarray
    frame: int
    found: np.ndarray
    enough: np.ndarray

    def __getitem__(self, places: np.ndarray) -> np.ndarray:
        """Return the masks of some cells, bool (m, frame, frame)."""
        return np.unpackbits(self.bits[places], axis=2, count=self.frame).astype(bool)


def masks_of(images: Images, cells: int, progress: Progress) -> Masks:
    """Find the cell in each of so many images."""
    parts = []
    for places in in_blocks(images, np.arange(cells)):
        progress.report(int(places[0]), cells, "Finding the cells in their images", "cells")
        masks, found = cell_masks(images[places])
        parts.append((np.packbits(masks, axis=2), found, has_background(masks)))
    bits, found, enough = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Masks(bits, bits.shape[1], found, enough)


def shown(
    images: Images,
    masks: Masks,
    places: np.ndarray,
    true: np.ndarray,
    variants: Sequence[Variant],
    predict: Predict,
    rng: np.random.Generator,
    progress: Progress,
) -> np.ndarray:
    """Show a model changed images of cells.

    Parameters
    ----------
    images : Images
    masks : Masks
    places : ndarray of int, shape (m,)
        The cells that are shown, every one with enough background.
    true : ndarray of int, shape (m,)
        Their classes; two or more occur.
    variants : sequence of Variant
    predict : callable
    rng : numpy.random.Generator
    progress : Progress

    Returns
    -------
    ndarray, shape (variants, m, classes)
        Probabilities.
    """
    sources = np.stack([places, places[same_class(true, rng)], places[other_class(true, rng)]])
    found: list[np.ndarray] = []
    for block in in_blocks(images, np.arange(len(places))):
        progress.report(int(block[0]), len(places), "Auditing what the model goes by", "cells")
        own, same, others = (Cells(images[each], masks[each]) for each in sources[:, block])
        parts = changed(variants, own, same, others, rng)
        found.append(np.stack([_predicted(predict, part, progress) for part in parts]))
    return np.concatenate(found, 1)


def _predicted(predict: Predict, images: np.ndarray, progress: Progress) -> np.ndarray:
    progress.check()
    return predict(images)


def in_blocks(images: Images, places: np.ndarray) -> list[np.ndarray]:
    """Divide cells so that the images of each block fit into a little memory."""
    pixels = images[np.arange(1)].size
    size = int(np.clip(_PIXELS // pixels, 1, _MOST_AT_ONCE))
    return [places[first : first + size] for first in range(0, len(places), size)]


def same_class(true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choose for each cell another of its class; the cell itself where there is no other."""
    chosen = np.empty(len(true), np.int64)
    for code in np.unique(true):
        mixed = rng.permutation(np.flatnonzero(true == code))
        chosen[mixed] = np.roll(mixed, 1)
    return chosen


def other_class(true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choose for each cell one of another class, every other class with the same probability."""
    codes = np.unique(true)
    steps = rng.integers(1, len(codes), len(true))
    wanted = codes[(np.searchsorted(codes, true) + steps) % len(codes)]
    chosen = np.empty(len(true), np.int64)
    for code in codes:
        to = np.flatnonzero(wanted == code)
        chosen[to] = rng.choice(np.flatnonzero(true == code), len(to))
    return chosen
