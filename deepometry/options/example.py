"""Options of a first try."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.options.settings import (
    Options,
    option,
    read_path,
    whole,
)

DEMO_TARGET = "Class"
"""What a first try learns, here and on the page."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions(Options):
    """Options of `deepometry.demo.demo`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    output: Path = option(
        "Output location",
        "New folder for the example cells and all results.",
        read_path,
        Path("deepometry_demo"),
        metavar="FOLDER",
    )
    cells: int = option("Cells", "Number of example cells to draw.", whole(70, 1_000_000), 1400)
    epochs: int = option("Learning iterations", "Passes over the training cells.", whole(1), 12)
    seed: int = option("Seed", "Number that fixes everything drawn by chance.", whole(0), 0)


@dataclass(frozen=True, kw_only=True)
class ExampleOptions(Options):
    """Options of `deepometry.example.example`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    output: Path = option(
        "Output location",
        "New or empty folder for the example images.",
        read_path,
        metavar="FOLDER",
    )
    cells: int = option("Cells", "Number of example cells to draw.", whole(70, 1_000_000), 1400)
    seed: int = option("Seed", "Number that fixes everything drawn by chance.", whole(0), 0)
