"""Changed images of cells: what a model does with each shows what it goes by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.inference.audit.backgrounds import as_counts, backgrounds_of, replaced

WHOLE, BACKGROUND, BORDER = "whole", "background", "border"
OWN_CLASS, OTHER_CLASS, BLURRED = "own_class_background", "other_class_background", "blurred"
WITHOUT, SHUFFLED = "without_channel", "shuffled_channel"

_BORDER = 16  # parts of the frame, one of which on each side is its border
_LEAST_BORDER = 3  # pixels
_BLUR = 12  # parts of the frame, one of which is the standard deviation of the blur

_ABOUT = {
    WHOLE: "Whole images",
    BACKGROUND: "Background alone (the cell replaced by background)",
    BORDER: "Border of the frame alone",
    OWN_CLASS: "Cell on the background of another cell of its class",
    OTHER_CLASS: "Cell on the background of a cell of another class",
    BLURRED: "Low frequencies alone (blurred)",
}


@dataclass(frozen=True)
class Variant:
    """A way of changing images.

    Attributes
    ----------
    name : str
        One of the names above.
    channel : str
        The channel that is changed; empty for those that change all.
    place : int
        Its position.
    """

    name: str
    channel: str = ""
    place: int = -1

    @property
    def about(self) -> str:
        """What is done, as a row of a table says it."""
        if self.name == WITHOUT:
            return f"Without {self.channel} (replaced by its background)"
        if self.name == SHUFFLED:
            return f"{self.channel} of a cell of another class"
        return _ABOUT[self.name]


def variants_of(channels: Sequence[str]) -> list[Variant]:
    """List the variants for channels of these names."""
    several = list(enumerate(channels)) if len(channels) > 1 else []
    each = [Variant(name, label, n) for name in (WITHOUT, SHUFFLED) for n, label in several]
    return [*map(Variant, _ABOUT), *each]


@dataclass(frozen=True)
class Cells:
    """Images with what is known of them.

    Attributes
    ----------
    images : ndarray, shape (n, frame, frame, channels)
    masks : ndarray of bool, shape (n, frame, frame)
    """

    images: np.ndarray
    masks: np.ndarray


def changed(
    variants: Sequence[Variant], own: Cells, alike: Cells, other: Cells, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the images of some cells changed in each way, (n, frame, frame, channels).

    Parameters
    ----------
    variants : sequence of Variant
    own : Cells
        The cells.
    alike, other : Cells
        For each of them a cell of the same class, and one of another.
    rng : numpy.random.Generator
        Draws the noise of backgrounds.
    """
    grounds = backgrounds_of(own.images, ~own.masks)

    def on_background_of(donors: Cells) -> np.ndarray:
        theirs = backgrounds_of(donors.images, ~donors.masks)
        empty = replaced(donors.images, donors.masks, theirs, rng)
        # the offset goes with the background, so that the cell stands out as it did
        moved = own.images - grounds.levels + theirs.levels
        return np.where(own.masks[..., None], moved, empty)

    def change(variant: Variant) -> np.ndarray:
        if variant.name == BACKGROUND:
            return replaced(own.images, own.masks, grounds, rng)
        if variant.name == BORDER:
            return replaced(own.images, own.masks | _inner(own.masks), grounds, rng)
        if variant.name in (OWN_CLASS, OTHER_CLASS):
            return on_background_of(alike if variant.name == OWN_CLASS else other)
        if variant.name == BLURRED:
            return _blurred(own.images)
        if variant.name == WHOLE:
            return own.images
        image = own.images.astype(np.float32)
        source = grounds.drawn(rng) if variant.name == WITHOUT else other.images
        image[..., variant.place] = source[..., variant.place]
        return image

    for variant in variants:
        yield as_counts(change(variant), own.images)


def _inner(masks: np.ndarray) -> np.ndarray:
    """Mark all but the border of the frame."""
    edge = max(_LEAST_BORDER, masks.shape[1] // _BORDER)
    inner = np.zeros_like(masks)
    inner[:, edge:-edge, edge:-edge] = True
    return inner


def _blurred(images: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    wide = images.shape[1] / _BLUR
    blurred: np.ndarray = gaussian_filter(images.astype(np.float32), (0, wide, wide, 0))
    return blurred
