"""Options of the step that finds the cells most like one cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.fields import (
    Options,
    as_in,
    option,
    overwrite_option,
    read_path,
    read_text,
    whole,
)


@dataclass(frozen=True, kw_only=True)
class SimilarOptions(Options):
    """Options of `deepometry.maps.similar_cells.similar`; every field also accepts text."""

    input: Path = as_in(EmbedOptions, "input")
    object: str = option(
        "Cell",
        "Its object number; where several files have the number with the file: '4711 of "
        "sample7.cif'.",
        read_text,
    )
    output: Path = option(
        "Table",
        "Table to write (.csv): source, object and distance of the similar cells. Export and "
        "subset take it as --cells.",
        read_path,
    )
    number: int = option(
        "Similar cells", "How many to find.", whole(1, 10_000), 12, metavar="NUMBER"
    )
    layer: str | None = as_in(EmbedOptions, "layer")
    overwrite: bool = overwrite_option()
