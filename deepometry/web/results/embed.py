"""Results of a map: its pictures, and notes on how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepometry.core.text import shortened
from deepometry.web.jobs.job import Job
from deepometry.web.results.output import Output, Unknown
from deepometry.web.results.tabs import Tab

_NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "phate": "PHATE"}
_MOST_GROUPS = 20  # named in the description of a picture


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a map show."""
    return {"map": map_of(output)}


TABS = (Tab("cells", "Cells", "results/find.html"),)


def map_of(output: Output) -> dict[str, Any]:
    """Collect what the page shows of a map."""
    record = output.record
    name = _NAMES.get(str(output.option("method")), "Map")
    return {
        "cells": int(record.get("cells", 0)),
        "features": int(record.get("features", 0)),
        "components": int(record.get("components", 0)),
        "method": f"{name}, {output.option('dims')}-D",
        "plots": [_plot(each) for each in record.get("plots") or []],
        "notes": record.get("notes") or [],
    }


def _plot(plot: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a picture is coloured by, its files, and its groups in words."""
    groups = [f"{label} {cells:,}" for label, cells in (plot.get("groups") or {}).items()]
    text = shortened(groups, _MOST_GROUPS)
    return {"name": str(plot["name"]), "files": plot["files"], "groups": text}


def picture_name(output: Output, number: int) -> str:
    """Return the name of the .png of a picture of a map.

    Raises
    ------
    Unknown
        It has no such picture.
    """
    plots = output.record.get("plots") or []
    for name in plots[number]["files"] if number < len(plots) else []:
        if name.endswith(".png"):
            return str(name)
    raise Unknown(f"This map has no picture {number}.")
