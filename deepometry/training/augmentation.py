"""Random mirror images, turns and shifts of training images."""

from __future__ import annotations

import numpy as np


def augment(
    images: np.ndarray,
    rng: np.random.Generator,
    flips: bool = True,
    rotation: bool = True,
    shifts: float = 0.0,
    mirror: bool = True,
) -> np.ndarray:
    """Mirror, turn and shift every image at random, in one step of interpolation.

    Parameters
    ----------
    images : ndarray of float32, shape (n, frame, frame, channels)
        All channels of a cell move together.
    rng : numpy.random.Generator
    flips, rotation : bool
        Mirror left-right and up-down, each with probability one half; turn by any angle.
    shifts : float
        Farthest shift, in whole pixels, as a share of the frame.
    mirror : bool
        What lies beyond the border is mirrored in; otherwise the pixels of the border are
        repeated, as Keras' ImageDataGenerator does, which the protocol used.
    """
    if not (flips or rotation or shifts):
        return images
    count, frame = images.shape[:2]
    turns = random_turns(count, rng, flips, rotation)
    reach = round(shifts * frame)
    offsets = rng.integers(-reach, reach, (count, 2), endpoint=True)
    # not at the top: it loads Numba, which steps without augmentation do not need
    from deepometry.training.augmentation_kernels import move_all

    images = np.ascontiguousarray(images, np.float32)
    moved = np.empty_like(images)
    move_all(images, _about_centre(turns, offsets, frame), moved, mirror)
    return moved


def random_turns(count: int, rng: np.random.Generator, flips: bool, rotation: bool) -> np.ndarray:
    """Draw orthogonal matrices that mirror and turn (x, y), shape (count, 2, 2)."""
    angles = rng.uniform(0, 2 * np.pi, count) * rotation
    signs = rng.choice([-1.0, 1.0], (count, 1, 2)) if flips else np.ones((count, 1, 2))
    cosine, sine = np.cos(angles), np.sin(angles)
    turns = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    return turns * signs


def _about_centre(turns: np.ndarray, offsets: np.ndarray, frame: int) -> np.ndarray:
    """Write maps from output to input pixels, (count, 2, 3)."""
    centre = np.full(2, (frame - 1) / 2)
    constant = centre - np.einsum("nij,j->ni", turns, centre) + offsets
    return np.concatenate([turns, constant[..., None]], -1)
