"""The stacks that a dataset is made of, and that they fit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.cells.stack_reader import Stored, Window
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import Levels
from deepometry.core.text import counted


@dataclass(frozen=True)
class Part:
    """The cells of one stack, or the single files of one folder, and what its folders say.

    Attributes
    ----------
    stored : Stored
        Where the pixels and the identities are.
    levels : tuple of str
        Folder names below the input folder, without `Train` and `Hold-out`.
    side : str or None
        `Train` or `Hold-out` where the parse made a split.
    """

    stored: Stored
    levels: Levels
    side: str | None


def one_shape(parts: Sequence[Part]) -> tuple[int, int]:
    first = parts[0].stored
    for part in parts:
        if part.stored.shape != first.shape:
            raise DeepometryError(
                f"{part.stored.path} holds images of {_size(part.stored)}, but {first.path} of "
                f"{_size(first)}; parse all cells with the same frame and channels."
            )
    return first.shape[0], first.shape[2]


def _size(stored: Stored) -> str:
    height, width, channels = stored.shape
    return f"{height} x {width} pixels in {counted(channels, 'channel')}"


class SomeChannels:
    """A stack of which only some channels are read, by their positions, in the wanted order."""

    def __init__(self, stored: Stored, columns: Sequence[int]) -> None:
        self._stored, self._columns = stored, list(columns)
        self.path, self.dtype = stored.path, stored.dtype
        self.shape = (*stored.shape[:2], len(self._columns))
        self.identities, self.places = stored.identities, stored.places
        self.sizes = stored.sizes

    def __len__(self) -> int:
        return len(self._stored)

    def read(
        self, rows: np.ndarray, columns: Sequence[int] | None, window: Window = None
    ) -> np.ndarray:
        """Read the pixels of some rows, (n, frame, frame, channels), or a window of them."""
        chosen = self._columns if columns is None else [self._columns[n] for n in columns]
        return self._stored.read(rows, chosen, window)
