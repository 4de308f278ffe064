"""Options of a first try."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.options.fields import Options, one_of, option, read_path, seed_option, whole

EXAMPLE_FORMATS = ("cif", "tif")
DEMO_TARGET = "Class"
"""What a first try learns, here and on the page."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions(Options):
    """Options of `deepometry.protocol.demo`; every field also accepts text."""

    output: Path = option(
        "Output location",
        "New folder for the example cells and all results.",
        read_path,
        Path("deepometry_demo"),
        metavar="FOLDER",
    )
    cells: int = option("Cells", "Number of example cells to draw.", whole(70, 1_000_000), 1400)
    epochs: int = option("Learning iterations", "Passes over the training cells.", whole(1), 12)
    seed: int = seed_option()


@dataclass(frozen=True, kw_only=True)
class ExampleOptions(Options):
    """Options of `deepometry.images.synthetic.dataset.example`; every field also accepts text."""

    output: Path = option(
        "Output location",
        "New or empty folder for the example images.",
        read_path,
        metavar="FOLDER",
    )
    cells: int = option("Cells", "Number of example cells to draw.", whole(70, 1_000_000), 1400)
    seed: int = seed_option()
    format: str = option(
        "Format",
        "cif: one .cif file a folder; tif: one .tif file a cell and channel.",
        one_of(EXAMPLE_FORMATS),
        "cif",
        choices=EXAMPLE_FORMATS,
    )
