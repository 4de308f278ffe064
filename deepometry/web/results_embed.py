"""What a map is: its pictures, and what to know of how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepometry.web.results_output import Output, Unknown
from deepometry.words import shortened

_NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "phate": "PHATE"}
_MOST_GROUPS = 20  # named in the words for a picture


@dataclass(frozen=True)
class Plot:
    """One picture: what it is coloured by, its files, and its groups in words."""

    name: str
    files: list[str]
    groups: str


@dataclass(frozen=True)
class Map:
    """What the page tells of a map."""

    cells: int
    features: int
    components: int
    method: str
    plots: list[Plot]
    notes: list[str]


def map_of(output: Output) -> Map:
    """Gather what the page tells of a map."""
    record = output.record
    name = _NAMES.get(str(output.option("method")), "Map")
    return Map(
        cells=int(record.get("cells", 0)),
        features=int(record.get("features", 0)),
        components=int(record.get("components", 0)),
        method=f"{name}, {output.option('dims')}-D",
        plots=[_plot(each) for each in record.get("plots") or []],
        notes=[str(each) for each in record.get("notes") or []],
    )


def _plot(told: Mapping[str, Any]) -> Plot:
    groups = [f"{label} {cells:,}" for label, cells in (told.get("groups") or {}).items()]
    return Plot(str(told["name"]), [str(n) for n in told["files"]], shortened(groups, _MOST_GROUPS))


def picture_name(output: Output, number: int) -> str:
    """Name the .png of a picture of a map.

    Raises
    ------
    Unknown
        It has no such picture.
    """
    plots = map_of(output).plots
    found = plots[number].files if number < len(plots) else []
    name = next((each for each in found if each.endswith(".png")), None)
    if name is None:
        raise Unknown(f"This map has no picture {number}.")
    return name
