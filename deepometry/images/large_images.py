"""Recognises whole fields of view, which are no single cells, and asks what to do with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.core.errors import Choice, Question
from deepometry.core.text import percent
from deepometry.images.pictures import picture_of

LARGE, MEDIUM = 256, 128
"""Images with sides beyond `LARGE` are probably fields of view, those below `MEDIUM` never."""

SEVERAL = 5
"""Separate objects in an image that make it one of several cells; one large cell may show four."""

_ALIKE = 0.8  # share of the images of one size: what cuts out cells makes all sizes
_KEPT_LITTLE, _KEPT_HALF = 0.25, 0.5
_FINEST = 512  # pixels of the longer side on which objects are counted
_NOISES = 6
_SPECK, _HUGE = 12, 0.25  # pixels, and share of the image, of what is no object


@dataclass(frozen=True)
class Fields:
    """Images that are probably fields of view.

    Attributes
    ----------
    image : ndarray, shape (height, width)
        One of them.
    objects : int
        Separate objects in a typical one; 0 where they are few or cannot be told.
    """

    image: np.ndarray
    objects: int

    @property
    def sides(self) -> tuple[int, int]:
        height, width = self.image.shape
        return height, width


def find_fields(images: Sequence[np.ndarray], frame: int) -> Fields | None:
    """Judge by size and content whether images are fields of view rather than single cells.

    Parameters
    ----------
    images : sequence of ndarray, shape (height, width)
        Some of the images.
    frame : int
        To which they would be cropped.

    Returns
    -------
    Fields or None

    Notes
    -----
    Most images must have one size, as those of a camera have. Images beyond `LARGE` are asked
    about where the frame keeps less than a quarter of them, or where they show several objects;
    images from `MEDIUM` on where both little is kept and they show several objects.
    """
    sizes = Counter(image.shape for image in images)
    size, number = max(sizes.items(), key=lambda item: item[1], default=((0, 0), 0))
    if min(size) < MEDIUM or number < _ALIKE * len(images):
        return None
    alike = [image for image in images if image.shape == size]
    objects = int(np.median([count_objects(image) for image in alike]))
    several = objects if objects >= SEVERAL else 0
    kept = kept_share(size, frame)
    large = min(size) > LARGE and (kept < _KEPT_LITTLE or several)
    return Fields(alike[0], several) if large or (kept < _KEPT_HALF and several) else None


def kept_share(size: Sequence[int], frame: int) -> float:
    """Return the share of the pixels of an image (height, width) that a frame keeps."""
    height, width = size
    return min(height, frame) * min(width, frame) / (height * width)


def count_objects(image: np.ndarray) -> int:
    """Count separate objects that are spread over an image; 0 where all lie in one part of it."""
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    step = max(1, -(-max(image.shape) // _FINEST))
    plane = ndimage.gaussian_filter(image[::step, ::step].astype(np.float64), 2)
    far = np.abs(plane - np.median(plane))
    noise = 1.4826 * np.median(far)
    if not far.any():
        return 0
    labels, found = ndimage.label(far > max(float(threshold_otsu(far)), _NOISES * noise))
    if not found:
        return 0
    areas = np.bincount(labels.ravel(), minlength=found + 1)[1:]
    good = np.flatnonzero((areas >= _SPECK) & (areas <= _HUGE * plane.size)) + 1
    centres = np.array(ndimage.center_of_mass(labels > 0, labels, good)).reshape(-1, 2)
    ninths = np.unique((3 * centres / plane.shape).astype(int), axis=0)
    return len(good) if len(ninths) >= 4 else 0


def question_of(fields: Fields, frame: int | None, suggested: int, fixed: bool = False) -> Question:
    """Ask what to do with images that are probably fields of view.

    Parameters
    ----------
    fields : Fields
    frame : int or None
        To which the images would be cropped; None where the frame is chosen by their sizes.
    suggested : int
        The frame that would be chosen.
    fixed : bool
        Whether the frame is that of a model, and there is no other choice.
    """
    height, width = fields.sides
    facts = f"images of {height} x {width} pixels"
    kept = kept_share(fields.sides, frame or suggested)
    if frame is not None and kept < 1:
        facts += f", of which a frame of {frame} keeps {percent(kept)}"
    if fields.objects:
        facts += f", with about {fields.objects} objects in each"
    message = (
        f"Large images: expected images of single cells, found {facts}. If these are fields of "
        "view, first cut out the cells with a program such as CellProfiler, QuPath or ImageJ; if "
        "every image is one cell, say how to take it."
    )
    most = kept_share(fields.sides, suggested)
    whole = f"A frame of {suggested} pixels"
    whole += f", the largest there is, which keeps {percent(most)} of each" if most < 1 else ""
    choices = [
        Choice(
            "whole",
            "Every image is one cell: take it whole",
            whole,
            picture_of(fields.image),
        )
    ]
    if fixed:
        choices = []
    if frame is not None and (kept < 1 or fixed):
        detail = f"A frame of {frame} pixels, which keeps {percent(kept)} of each"
        label = "Every image has one cell in its middle: crop it"
        choices.append(Choice("crop", label, detail, picture_of(fields.image, frame=frame)))
    return Question("large_images", message, choices)
