"""How training samples cells: their order, the weights of classes, and the scale of channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.core.errors import DeepometryError


def training_order(
    indices: np.ndarray, codes: np.ndarray, size: int, balance: str, rng: np.random.Generator
) -> np.ndarray:
    """Draw the order of the cells in one epoch.

    Parameters
    ----------
    indices : ndarray of int, shape (n,)
        The training cells.
    codes : ndarray of int
        Class of every cell of the data set.
    size : int
        Cells a batch. The last batch is filled up with cells from the start of the order: a
        batch of another size would make TensorFlow build its graph a second time.
    balance : str
        With `sampling`, every class is equally likely at every place, so that rare cells
        return; otherwise every cell comes once.
    rng : numpy.random.Generator
        Random number generator.

    Returns
    -------
    ndarray of int
        A multiple of `size` cells, or all of them where there are fewer.
    """
    if balance == "sampling":
        labels = codes[indices]
        odds = 1.0 / np.bincount(labels)[labels]
        order = rng.choice(indices, len(indices), p=odds / odds.sum())
    else:
        order = rng.permutation(indices)
    return np.resize(order, -(-len(order) // size) * size) if len(order) > size else order


def class_weights(labels: np.ndarray, classes: int, balance: str) -> np.ndarray:
    """Return the weight of each class in the loss.

    Returns
    -------
    ndarray of float64, shape (classes,)
        With `weights`, in inverse proportion to the square root of the number of cells, 1 on
        average over the cells; otherwise ones.

    Notes
    -----
    In proportion to the number itself, the few cells of a rare class outweigh the rest of their
    batch, and training becomes unstable; the square root is a usual compromise (Mahajan et al.,
    Exploring the limits of weakly supervised pretraining, ECCV 2018).
    """
    if balance != "weights":
        return np.ones(classes)
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    weights: np.ndarray = 1 / np.sqrt(counts)
    weights /= weights[labels].mean()
    return weights


def channel_statistics(
    dataset: Dataset,
    indices: np.ndarray,
    columns: Sequence[int] | None,
    change: Callable[[np.ndarray], np.ndarray] | None = None,
    most: int = 20_000,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the mean and standard deviation of every channel.

    Parameters
    ----------
    dataset : Dataset
        Where the pixels are.
    indices : ndarray of int
        The training cells; of more than `most`, so many evenly spaced ones are read.
    columns : sequence of int, optional
        Positions of the channels to keep.
    change : callable, optional
        Applied to the images first, such as a subtraction of the background.

    Returns
    -------
    means, deviations : ndarray of float64, shape (channels,)
        In counts; the deviation of a channel without any contrast is given as 1.

    Raises
    ------
    DeepometryError
        Some pixels are not finite.
    """
    chosen = np.sort(indices)[:: max(1, -(-len(indices) // most))]
    total, squares, pixels = 0.0, 0.0, 0
    for first in range(0, len(chosen), 512):
        images = dataset.read(chosen[first : first + 512], columns).astype(np.float64)
        images = change(images) if change else images
        total = total + images.sum((0, 1, 2))
        squares = squares + np.square(images).sum((0, 1, 2))
        pixels += images[..., 0].size
    means = np.asarray(total) / pixels
    if not np.isfinite(squares).all():
        raise DeepometryError(
            f"{dataset.root}: expected a number in every pixel, found some that are none (NaN or "
            "infinite); parse the cells again, which leaves such cells out."
        )
    deviations = np.sqrt(np.maximum(np.asarray(squares) / pixels - means**2, 0.0))
    return means, np.where(deviations > 1e-6 * np.abs(means), deviations, 1.0)
