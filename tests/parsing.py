"""Shared by the tests of parse: small files of cells, written for one test and parsed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.parse import ParseResult, parse
from deepometry.core.options.parse import ParseOptions
from deepometry.images.cif.directory import CENTRE_X, CENTRE_Y
from deepometry.images.cif.metadata import CifMetadata
from deepometry.images.cif.metadata_writer import acquisition_xml
from tests.builders import write_channel_tiffs, write_cif
from tests.reading import patch

CHANNELS = (1, 2, 3, 10)


@dataclass
class CifInput:
    """A .cif file of noisy cells, numbered from 1; the level of a channel is 100 times its number.

    Attributes
    ----------
    path : str
        Folder below the input.
    cells : int
    size : (height, width)
    stem, suffix : str
        Of the file.
    channels : tuple of int
    names : dict of int to str
        Of the channels.
    damaged : tuple of int
        Places, from 0, of cells that cannot be decoded.
    """

    path: str
    cells: int = 5
    size: tuple[int, int] = (20, 20)
    stem: str = "cells"
    suffix: str = ".cif"
    channels: tuple[int, ...] = CHANNELS
    names: Mapping[int, str] = field(default_factory=dict)
    damaged: tuple[int, ...] = ()

    def pixels(self, number: int) -> np.ndarray:
        """Make the pixels of a cell: uint16, shape (height, width, channels)."""
        random = np.random.default_rng([number, len(self.path)])
        levels = [100 * channel for channel in self.channels]
        return random.normal(levels, 5, (*self.size, len(levels))).clip(0).astype(np.uint16)

    def write(self, root: Path) -> None:
        """Write the file below the input folder."""
        target = root / self.path / f"{self.stem}{self.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        places = write_cif(
            target,
            [self.pixels(number) for number in range(self.cells)],
            channels=self.channels,
            ids=range(1, self.cells + 1),
            xml=acquisition_xml(CifMetadata(self.channels, dict(self.names), None, None)),
            image_tags={CENTRE_X: None, CENTRE_Y: None},
        )
        for number in self.damaged:
            patch(target, places[number].strip, b"\xff" * 9)


@dataclass
class TiffInput:
    """A folder of .tif files, one for each channel of the cells `cell_001`, `cell_002` and so on.

    Attributes
    ----------
    path : str
        Folder below the input, which also names the stack.
    cells : sequence of ndarray, shape (height, width, channels)
        Of any type and byte order.
    channels : tuple of int
    """

    path: str
    cells: Sequence[np.ndarray]
    channels: tuple[int, ...] = CHANNELS

    def write(self, root: Path) -> None:
        """Write the files below the input folder."""
        for number, pixels in enumerate(self.cells, 1):
            order = {"<": "<", ">": ">"}.get(pixels.dtype.byteorder, "<")
            where = root / self.path, f"cell_{number:03}", pixels, self.channels
            write_channel_tiffs(*where, byteorder=order)


class ParseRun:
    """Writes files to <folder>/in and parses them to <folder>/out; called by the tests.

    Parameters
    ----------
    folder : Path
        Of the test.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.input = folder, folder / "in"
        self.input.mkdir()

    def write(self, *sources: CifInput | TiffInput) -> None:
        """Write these sources in place of earlier ones."""
        shutil.rmtree(self.input)
        self.input.mkdir()
        for source in sources:
            source.write(self.input)

    def __call__(
        self, *sources: CifInput | TiffInput, progress: Any = None, **options: Any
    ) -> ParseResult:
        if sources:
            self.write(*sources)
        usual = {"input": self.input, "output": self.folder / "out", "overwrite": True}
        return parse(ParseOptions(**(usual | {"frame": 24, "montage": 2} | options)), progress)


def table(path: Path) -> list[dict[str, str]]:
    """Read a .csv file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder with their content; parse.json without."""
    return {
        path.relative_to(folder).as_posix(): b"" if path.name == "parse.json" else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def record(folder: Path) -> dict[str, Any]:
    """Read parse.json."""
    return json.loads((folder / "parse.json").read_text("utf-8"))


def sides_of(folder: Path) -> dict[str, set[tuple[str, str]]]:
    """Return source and object of the cells on each side of the split."""
    return {
        side: {
            (row["source"], row["object"])
            for path in (folder / side).rglob("*.csv")
            for row in table(path)
        }
        for side in ("Train", "Hold-out")
    }
