"""Shapes of parsed arrays as their parse recorded them: opening thousands of files is slow."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.channel_list import record_above
from deepometry.core.result_files import HEADER_BYTES

Shape = tuple[tuple[int, ...], np.dtype]


class RecordedShapes:
    """What the records of parses say of the arrays that they wrote."""

    def __init__(self) -> None:
        self._records: dict[Path, dict[str, Any]] = {}
        self._stacks: dict[Path, dict[str, Shape]] = {}

    def of(self, folder: Path, names: Iterable[str]) -> dict[str, Shape]:
        """Return shape and dtype of those stacks of a folder whose size on disk is as recorded."""
        record = record_above(folder, self._records)
        if record is None:
            return {}
        if record not in self._stacks:
            self._stacks[record] = _stacks_in(self._records[record])
        stacks, place = self._stacks[record], folder.relative_to(record.parent).as_posix()
        start = "" if place == "." else f"{place}/"
        listed = {name: stacks.get(start + name) for name in names}
        with_shape = ((name, shape) for name, shape in listed.items() if shape is not None)
        return {name: shape for name, shape in with_shape if _is_as_long(f"{folder}/{name}", shape)}


def _stacks_in(record: Mapping[str, Any]) -> dict[str, Shape]:
    """Read the stacks of a record by their paths; none where it is not as a parse writes it."""
    try:
        frame, depth = int(record["frame"]), len(record["channels"])
        return {
            str(stack["path"]): ((int(stack["cells"]), frame, frame, depth), _dtype(stack["dtype"]))
            for stack in record["stacks"]
        }
    except (KeyError, TypeError, ValueError):
        return {}


def _dtype(name: str) -> np.dtype:
    dtype = np.dtype(name)
    if dtype.kind not in "uif":
        raise ValueError(name)
    return dtype


def _is_as_long(path: str, shape: Shape) -> bool:
    sides, dtype = shape
    try:
        size = os.stat(path).st_size  # noqa: PTH116 (a Path for each is slow)
    except OSError:
        return False
    return bool(size == HEADER_BYTES + math.prod(sides) * dtype.itemsize)
