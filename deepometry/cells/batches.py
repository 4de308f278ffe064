"""Batches of cells from memory-mapped stacks, read ahead by a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from deepometry.cells.dataset import Dataset

Item = TypeVar("Item")
_END = object()


@dataclass(frozen=True)
class Batch:
    """Cells for one step.

    Attributes
    ----------
    images : ndarray of float32, shape (n, frame, frame, channels)
        Counts.
    indices : ndarray of int64, shape (n,)
        Which cells of the data set they are.
    labels : ndarray of int64, shape (n,)
        Classes.
    weights : ndarray of float32, shape (n,)
        Per-sample loss weights.
    """

    images: np.ndarray
    indices: np.ndarray
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
    """Yield the cells in the order of `indices`, `size` at a time, read ahead.

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
            each = np.ones(len(chosen)) if weights is None else weights[labels]
            images = change(images) if change else images
            yield Batch(images, chosen, labels, each.astype(np.float32))

    return ahead(make())


def ahead(items: Iterable[Item], depth: int = 4) -> Generator[Item]:
    """Yield items made in a thread, at most `depth` of them in advance.

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
            while not made.empty():
                made.get_nowait()
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
