"""Results of an extraction: the table of features, and the newest map of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.result_files import layer_table
from deepometry.web.jobs.job import Job
from deepometry.web.projects.current import every_run
from deepometry.web.results.embed import map_of
from deepometry.web.results.output import Output
from deepometry.web.results.shared import find_output, projectors
from deepometry.web.results.tabs import Tab
from deepometry.web.text_filters import UNFINISHED


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of an extraction show."""
    return {
        "cells": int(output.record.get("cells", 0)),
        "features": _width(output),
        "warnings": output.record.get("warnings") or [],
    }


def _map(job: Job, output: Output) -> dict[str, Any]:
    return newest_map(output)


def _projector(job: Job, output: Output) -> dict[str, Any]:
    return {"view": projectors().view(output.root)}


TABS = (
    Tab("map", "Map", "results/features_map.html", _map),
    Tab("projector", "TensorBoard projector", "results/tensorboard.html", _projector),
    Tab("cells", "Cells", "results/find.html"),
)


def _width(output: Output) -> int:
    """Count the features."""
    with output.path(layer_table(output.option("layer"))).open("rb") as file:
        return file.readline().count(b"\t") + 1


def newest_map(output: Output) -> dict[str, Any]:
    """Return the newest map of these features, if there is one, and whether one is being drawn."""
    jobs = [job for job in every_run("embed") if _is_map_of(job, output)]
    maps = filter(None, (_drawn(job) for job in jobs if job.state == "done"))
    return {
        "newest": next(maps, None),
        "drawing": any(job.state in UNFINISHED for job in jobs),
    }


def _is_map_of(job: Job, output: Output) -> bool:
    place = Path(job.options["input"])
    return output.root.absolute() in (place, place.parent)


def _drawn(job: Job) -> tuple[Output, dict[str, Any]] | None:
    try:
        drawn = find_output(job.id)
    except DeepometryError:  # moved, deleted or written over since
        return None
    return drawn, map_of(drawn)
