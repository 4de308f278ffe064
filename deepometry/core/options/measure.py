"""Options of the step that keeps features of all parsed cells, for assisted labelling."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.options.fields import Options, option, parsed_cells, read_path, read_text


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(Options):
    """Options of `deepometry.classical.measure.measure`; every field also accepts text."""

    input: Path = parsed_cells("")
    features: Path | None = option(
        "Features",
        "A folder that Extract wrote for these cells: the network's features are kept. Left blank: "
        "classical features are measured.",
        read_path,
        None,
        metavar="PATH",
        kind="features",
    )
    layer: str | None = option(
        "Layer",
        "Layer of the extracted features; by default the one extracted last.",
        read_text,
        None,
        metavar="NAME",
    )
