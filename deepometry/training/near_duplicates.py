"""Images that are the same but for padding, brightness or a little noise, found by their grain.

Two cells look alike; their camera noise and finest detail do not. So an image is reduced to its
grain, what a small blur takes away, near the centre of the frame, and that to the signs of 256
random sums of it. Two images whose grain correlates by r differ in a share arccos(r) / pi of
these bits (Charikar, Similarity estimation techniques from rounding algorithms, STOC 2002).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.core.progress import Progress

ALIKE = 0.85
"""Correlation of the grain from which two images are called nearly identical.

Among the Jurkat cells, and among the example cells, no two different ones reach 0.6 in any channel;
with noise of one count added to a copy, it keeps 0.88 and more.
"""

_BITS, _BANDS = 256, 16  # two images are compared when one of the bands is equal
_MOST_BITS = 48
_SHARE_OF_NOISE, _ROUNDING = 0.7, 0.5
_MOST = 1.5  # mean strengths of the grain at which it is cut off
_AT_ONCE = 512
_MOST_ALIKE = 64  # images of one band: blank ones would else be compared by the million

_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1)  # of every byte


@dataclass(frozen=True)
class Pair:
    """A validation cell and the training cell that it looks like, by their indices."""

    validation: int
    training: int


def pairs_across(
    dataset: Dataset, training: np.ndarray, validation: np.ndarray, progress: Progress
) -> list[Pair]:
    """Return every validation cell whose image is nearly that of a training cell, with that cell.

    `training` and `validation` are indices of cells.
    """
    indices = np.concatenate([training, validation])
    bits = np.empty((len(indices), _BITS // 8), np.uint8)
    for first in range(0, len(indices), _AT_ONCE):
        some = indices[first : first + _AT_ONCE]
        bits[first : first + len(some)] = grain_bits(dataset.read(some))
        progress.report(first + len(some), len(indices), "Checking for duplicate cells", "cells")
    twins = dict(_confirmed(dataset, indices, _candidates(bits, len(training))))
    return [Pair(int(v), int(t)) for v, t in sorted(twins.items())]


def grain(images: np.ndarray) -> np.ndarray:
    """Reduce images (n, height, width, channels) to their grain, float32 of shape (n, values).

    Each row has mean 0 and length 1; an image without any contrast has zeros.
    """
    pixels = images.astype(np.float32)
    inner = pixels[:, 1:-1, 1:-1]
    around = pixels[:, :-2, 1:-1] + pixels[:, 2:, 1:-1] + pixels[:, 1:-1, :-2] + pixels[:, 1:-1, 2:]
    details = (inner - around / 4) * _window(inner.shape[1])[:, :, None]
    # channels have an equal say, and sharp edges no more than the grain: discs of one size have
    # the same edges
    usual = np.abs(details).mean((1, 2), keepdims=True)
    details = np.clip(details / np.maximum(usual, 1e-6), -_MOST, _MOST)
    flat = details.reshape(len(details), -1)
    flat -= flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _window(side: int) -> np.ndarray:
    """Return weights that fall from the centre, so that padding does not count."""
    place = (np.arange(side) - (side - 1) / 2) / (side / 5)
    one = np.exp(-0.5 * place**2)
    return (one[:, None] * one).astype(np.float32)


def grain_bits(images: np.ndarray) -> np.ndarray:
    """Hash images so that nearly identical ones differ in few bits: uint8 of shape (n, 32)."""
    values = grain(images)
    return np.packbits(values @ _sums(values.shape[1]) > 0, axis=1)


@lru_cache(maxsize=1)
def _sums(values: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((values, _BITS), np.float32)


def _candidates(bits: np.ndarray, training: int) -> Iterator[tuple[int, int]]:
    """Yield pairs (validation, training), by their places, that differ in few bits."""
    for band in np.split(bits, _BANDS, axis=1):
        keys = np.ascontiguousarray(band).view(np.uint16).ravel()
        order = np.argsort(keys, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            sides = group < training
            if 0 < sides.sum() < len(group) and len(group) <= _MOST_ALIKE:
                yield from _near(bits, group[~sides], group[sides])


def _near(bits: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> Iterator[tuple[int, int]]:
    differ = _ONES[bits[ours][:, None] ^ bits[theirs][None]].sum(2, dtype=np.int64)
    for one, other in np.argwhere(differ <= _MOST_BITS):
        yield int(ours[one]), int(theirs[other])


def _confirmed(
    dataset: Dataset, indices: np.ndarray, candidates: Iterator[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Look at the images of the candidates themselves."""
    for pair in sorted(set(candidates)):
        both = indices[list(pair)]
        images = dataset.read(both)
        one, other = grain(images)
        if float(one @ other) >= ALIKE and within_noise(*images.astype(np.float64)):
            yield int(both[0]), int(both[1])


def within_noise(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two images differ by less than the noise of the camera, in every channel.

    The images, (height, width, channels), may differ in brightness and contrast. Two pictures of
    two cells, however alike, have each its own noise, and differ by more.
    """
    weights = np.square(_window(one.shape[0])).ravel().astype(np.float64)
    for a, b in zip(np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0), strict=True):
        edge = np.concatenate([b[:2].ravel(), b[-2:].ravel(), b[:, :2].ravel(), b[:, -2:].ravel()])
        noise = 1.4826 * np.median(np.abs(edge - np.median(edge)))
        if _misfit(a.ravel(), b.ravel(), weights) > max(_SHARE_OF_NOISE * noise, _ROUNDING):
            return False
    return True


def _misfit(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> float:
    """Compute the root mean square of what is left of one image after the other is fitted to it."""
    one, other = (each - np.average(each, weights=weights) for each in (one, other))
    size = np.average(one * one, weights=weights)
    slope = np.average(one * other, weights=weights) / size if size else 0.0
    return float(np.sqrt(np.average((other - slope * one) ** 2, weights=weights)))
