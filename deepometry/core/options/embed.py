"""Options of the step that draws maps of cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.options.fields import (
    Options,
    one_of,
    option,
    output_folder,
    overwrite_option,
    read_flag,
    read_path,
    real,
    seed_option,
    whole,
)
from deepometry.core.options.predict import LAYERS

MAP_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "phate": "PHATE", "pca": "PCA"}
MAPS = tuple(MAP_NAMES)
DIMS = ("2", "3")


def _read_names(value: Any) -> tuple[str, ...]:
    parts = re.split(r"[,;]", value) if isinstance(value, str) else [str(each) for each in value]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _read_dims(value: Any) -> int:
    return int(one_of(DIMS)(value))


@dataclass(frozen=True, kw_only=True)
class EmbedOptions(Options):
    """Options of `deepometry.maps.embed.embed`; every field also accepts text."""

    input: Path = option(
        "Features",
        "Folder that Extract wrote, or one of its tables of features.",
        read_path,
        kind="features",
    )
    output: Path = output_folder("Folder for the map.")
    method: str = option(
        "Method",
        "How cells are placed. umap and tsne place similar cells close together and show groups; "
        "phate shows gradual changes and branches; pca is the simplest and takes seconds.",
        one_of(MAPS),
        "umap",
        choices=MAPS,
        names=MAP_NAMES,
        group="maps",
    )
    dims: int = option(
        "Dimensions",
        "2 for a flat map, 3 for one that can be rotated.",
        _read_dims,
        2,
        choices=DIMS,
        group="maps",
    )
    color: tuple[str, ...] | None = option(
        "Colour by",
        "Folder levels, prediction, or features of IDEAS or of the gate step, such as Area Ch1: "
        "one picture for each. Left blank: the prediction, and every folder level with 2 to 20 "
        "values.",
        _read_names,
        None,
        metavar="NAMES",
        example="Class, Area Ch1; left blank: all that fit",
        group="maps",
    )
    predictions: Path | None = option(
        "Predictions",
        "Folder that Predict wrote, or its predicted.csv, to colour cells by. Left blank: the one "
        "beside the features, or else the predictions of the network that computed them.",
        read_path,
        None,
        metavar="PATH",
        kind="predictions",
        group="maps",
    )
    neighbors: int | None = option(
        "Neighbours",
        "umap and phate: number of neighbours of each cell. Fewer show finer groups, more the "
        "overall shape. Left blank: 15 for umap, 5 for phate.",
        whole(2, 1000),
        None,
        metavar="NUMBER",
        example="30; left blank: 15 for umap, 5 for phate",
        group="maps",
    )
    min_dist: float = option(
        "Minimum distance",
        "umap: minimum distance of cells on the map; 0 packs similar cells tightly.",
        real(0, 1),
        0.1,
        example="0.1",
        group="maps",
    )
    perplexity: float = option(
        "Perplexity",
        "tsne: roughly the number of neighbours of each cell.",
        real(2, 1000),
        30.0,
        example="30",
        group="maps",
    )
    components: int = option(
        "Components",
        "Number of principal components to which the features are reduced first, for all methods.",
        whole(2, 500),
        50,
        example="50",
        group="maps",
    )
    layer: str | None = option(
        "Features of layer",
        "Layer of the features, where the folder holds several. Left blank: the one extracted "
        "last.",
        one_of(LAYERS),
        None,
        metavar="[" + "|".join(LAYERS) + "]",
        example="pool5; left blank: extracted last",
        group="maps",
    )
    seed: int = seed_option(group="maps")
    parallel: bool = option(
        "All cores for UMAP",
        "Run umap on all cores: faster for many cells, but results are then not exactly "
        "repeatable.",
        read_flag,
        False,
        group="speed",
    )
    overwrite: bool = overwrite_option()
