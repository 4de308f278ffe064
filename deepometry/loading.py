"""Batches of cells from memory-mapped stacks, read ahead by a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from deepometry.dataset import Dataset
from deepometry.errors import DeepometryError

Item = TypeVar("Item")
_END = object()


@dataclass(frozen=True)
class Batch:
    """Cells for one step.

    Attributes
    ----------
    images : ndarray of float32, shape (n, frame, frame, channels)
        Counts.
    labels : ndarray of int64, shape (n,)
        Classes.
    weights : ndarray of float32, shape (n,)
        Their say in the loss.
    """

    images: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def batches(
    dataset: Dataset,
    indices: np.ndarray,
    codes: np.ndarray,
    size: int,
    columns: Sequence[int] | None = None,
    weights: np.ndarray | None = None,
    change: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Generator[Batch]:
    """Give the cells in the order of `indices`, `size` at a time, read ahead.

    Parameters
    ----------
    dataset : Dataset
        Where the pixels are.
    indices : ndarray of int, shape (n,)
        Cells, in the wanted order.
    codes : ndarray of int, shape (cells of the data set,)
        Class of every cell.
    size : int
        Cells a batch; the last one may be smaller.
    columns : sequence of int, optional
        Positions of the channels to keep.
    weights : ndarray of float, shape (classes,), optional
        Weight of each class; 1 by default.
    change : callable, optional
        Applied to the images of each batch, such as an augmentation.
    """

    def make() -> Iterator[Batch]:
        for first in range(0, len(indices), size):
            chosen = indices[first : first + size]
            images = dataset.read(chosen, columns).astype(np.float32)
            labels = codes[chosen]
            say = np.ones(len(chosen)) if weights is None else weights[labels]
            yield Batch(change(images) if change else images, labels, say.astype(np.float32))

    return ahead(make())


def ahead(items: Iterable[Item], depth: int = 4) -> Generator[Item]:
    """Make items in a thread, at most `depth` before they are asked for.

    An error in the making is raised where the items are used; leaving the loop early ends the
    thread.
    """
    made: queue.Queue[Any] = queue.Queue(depth)
    stop = threading.Event()
    worker = threading.Thread(target=_make, args=(items, made, stop), daemon=True)
    worker.start()
    try:
        while (item := made.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stop.set()
        while worker.is_alive():
            _drain(made)
            worker.join(0.01)


@dataclass(frozen=True)
class _Failure:
    error: BaseException


def _make(items: Iterable[Any], made: queue.Queue[Any], stop: threading.Event) -> None:
    try:
        for item in items:
            made.put(item)
            if stop.is_set():
                return
        made.put(_END)
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads
        made.put(_Failure(error))


def _drain(made: queue.Queue[Any]) -> None:
    while not made.empty():
        made.get_nowait()


def training_order(
    indices: np.ndarray, codes: np.ndarray, size: int, balance: str, rng: np.random.Generator
) -> np.ndarray:
    """Draw the order of one epoch.

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
        Where the chance comes from.

    Returns
    -------
    ndarray of int
        A multiple of `size` cells, or all of them where there are fewer.
    """
    if balance == "sampling":
        labels = codes[indices]
        chances = 1.0 / np.bincount(labels)[labels]
        order = rng.choice(indices, len(indices), p=chances / chances.sum())
    else:
        order = rng.permutation(indices)
    return np.resize(order, -(-len(order) // size) * size) if len(order) > size else order


def class_weights(labels: np.ndarray, classes: int, balance: str) -> np.ndarray:
    """Give the weight of each class in the loss.

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
    weights = 1 / np.sqrt(counts)
    return weights / weights[labels].mean()


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
            "infinite); parse the cells anew, which leaves such cells out."
        )
    deviations = np.sqrt(np.maximum(np.asarray(squares) / pixels - means**2, 0.0))
    return means, np.where(deviations > 1e-6 * np.abs(means), deviations, 1.0)
