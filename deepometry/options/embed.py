"""Options of the step that draws maps of cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.options.predict import LAYERS
from deepometry.options.settings import (
    Options,
    one_of,
    option,
    read_flag,
    read_path,
    real,
    whole,
)

MAPS = ("umap", "tsne", "phate", "pca")
DIMS = ("2", "3")


def _read_names(value: Any) -> tuple[str, ...]:
    parts = re.split(r"[,;]", value) if isinstance(value, str) else [str(each) for each in value]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _read_dims(value: Any) -> int:
    return int(one_of(DIMS)(value))


@dataclass(frozen=True, kw_only=True)
class EmbedOptions(Options):
    """Options of `deepometry.embed.embed`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option(
        "Features", "Folder that Extract wrote, or one of its tables of features.", read_path
    )
    output: Path = option("Output location", "Folder for the map.", read_path)
    method: str = option(
        "Method",
        "How cells are placed. umap and tsne put similar cells side by side, and show groups; "
        "phate shows gradual changes and branches; pca is the plainest view, in seconds.",
        one_of(MAPS),
        "umap",
        choices=MAPS,
    )
    dims: int = option("Dimensions", "A flat map, or one in space.", _read_dims, 2, choices=DIMS)
    color: tuple[str, ...] | None = option(
        "Colour by",
        "Folder levels, or prediction: one picture for each. Left blank: the prediction, and every "
        "folder level with 2 to 20 values.",
        _read_names,
        None,
        metavar="NAMES",
    )
    predictions: Path | None = option(
        "Predictions",
        "Folder that Predict wrote, or its predicted.csv, to colour cells by. Left blank: the one "
        "beside the features, or else what the network of the features says of the cells.",
        read_path,
        None,
        metavar="PATH",
    )
    neighbors: int | None = option(
        "Neighbours",
        "umap and phate: cells that each cell is compared with; few show fine groups, many the "
        "whole. Left blank: 15 for umap, 5 for phate.",
        whole(2, 1000),
        None,
        metavar="NUMBER",
    )
    min_dist: float = option(
        "Least distance",
        "umap: how close cells may lie; 0 packs similar cells tightly.",
        real(0, 1),
        0.1,
    )
    perplexity: float = option(
        "Perplexity", "tsne: about as many cells are each cell's neighbours.", real(2, 1000), 30.0
    )
    components: int = option(
        "Components",
        "Principal components that the features are first reduced to, for all methods.",
        whole(2, 500),
        50,
    )
    layer: str | None = option(
        "Features of layer",
        "Where the folder holds features of several layers. Left blank: those extracted last.",
        one_of(LAYERS),
        None,
        metavar="[" + "|".join(LAYERS) + "]",
    )
    seed: int = option("Seed", "Number that fixes everything drawn by chance.", whole(0), 0)
    parallel: bool = option(
        "All cores for UMAP",
        "Faster with umap on many cells, but two runs then differ a little: with the seed alone, "
        "umap computes on one core, and two runs give the same map.",
        read_flag,
        False,
    )
