"""Maps of cells: where each lies among the others, by the features that the network sees."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.embedding import COORDINATES, POINTS
from deepometry.embedding.colouring import Colouring, choose
from deepometry.embedding.methods import NAMES, check_enough, lay_out, neighbors_of
from deepometry.embedding.plots import plot_map
from deepometry.embedding.points import write_points
from deepometry.embedding.reduce import Reduced, reduce_features
from deepometry.embedding.source import Source, earlier_maps, find_source
from deepometry.embedding.table import axis_names, write_coordinates
from deepometry.embedding.who import Column, Who, read_who, with_predictions
from deepometry.errors import DeepometryError
from deepometry.files import lies_in, provenance, staged, write_json
from deepometry.options import EmbedOptions
from deepometry.progress import Progress, Report, as_progress
from deepometry.words import counted

RECORD = "embed.json"


@dataclass(frozen=True)
class EmbedResult:
    """What a map is.

    Attributes
    ----------
    cells, features : int
        What was mapped.
    components : int
        Principal components that the features were reduced to first.
    explained : float
        Share of their variance that these hold.
    method : str
        As in the options.
    dims : int
    plots : tuple of Path
        The pictures, .png and .svg of each colouring.
    table : Path
        `coordinates.csv`.
    notes : tuple of str
        What to know of how it was made.
    """

    cells: int
    features: int
    components: int
    explained: float
    method: str
    dims: int
    plots: tuple[Path, ...]
    table: Path
    notes: tuple[str, ...]

    def __str__(self) -> str:
        pictures = [path.name for path in self.plots if path.suffix == ".png"]
        return "\n".join(
            [
                f"Mapped {counted(self.cells, 'cell')} by {NAMES[self.method]} in {self.dims} "
                "dimensions.",
                *self.notes,
                f"Pictures: {', '.join(pictures)}",
                f"Coordinates: {self.table}",
            ]
        )


def embed(options: EmbedOptions, progress: Progress | Report | None = None) -> EmbedResult:
    """Lay cells out by their features, and draw the map.

    Parameters
    ----------
    options : EmbedOptions
        Where the features are, and by which method.
    progress : Progress or callable, optional
        Told (done, in all, text).

    Returns
    -------
    EmbedResult
        In the output folder lie `coordinates.csv` (source, object, folder levels, prediction and
        coordinates of every cell) and a picture of each colouring as .png and .svg.

    Raises
    ------
    DeepometryError
        Features, predictions or output folder cannot be used, there are too few cells for the
        method, or a colouring is not known.

    Notes
    -----
    Features are standardised and reduced to their first principal components, exactly, in two
    passes over the table; then come t-SNE, UMAP or PHATE. Memory holds the components of all
    cells, never their features.
    """
    progress, start = as_progress(progress), time.monotonic()
    source = find_source(options)
    _check_place(options, source)
    who = read_who(source.metadata, progress)
    check_enough(len(who), options)
    who = with_predictions(who, options.predictions, source.table.parent, progress)
    colourings = choose(who, options.color)
    reduced = reduce_features(source, len(who), _wanted(options), progress)
    places = lay_out(reduced.places, options, progress)
    with staged(options.output, earlier_maps(options.output)) as stage:
        axes = axis_names(options.method, options.dims)
        write_coordinates(stage / COORDINATES, source.metadata, who, places, axes, progress)
        write_points(stage / POINTS, who, places)
        drawn = _draw(stage, places, colourings, options, reduced, progress)
        result = _result(options, who, reduced, drawn)
        _record(stage, options, source, who, reduced, result, drawn, time.monotonic() - start)
    return result


def _wanted(options: EmbedOptions) -> int:
    return max(options.components, options.dims)


def _check_place(options: EmbedOptions, source: Source) -> None:
    """Refuse a map among parsed cells, whose table would be taken for one of theirs.

    Raises
    ------
    DeepometryError
        It lies there.
    """
    parsed = source.record.get("options", {}).get("input")
    if parsed and Path(parsed).is_dir() and lies_in(options.output, Path(parsed)):
        raise DeepometryError(
            f"Output location {options.output} lies among the parsed cells {parsed}; choose a "
            "folder outside."
        )


def _draw(
    stage: Path,
    places: np.ndarray,
    colourings: list[Colouring],
    options: EmbedOptions,
    reduced: Reduced,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Draw every colouring; give the name of each and its files."""
    names, drawn, taken = _axis_titles(options, reduced), [], set()
    title = f"{NAMES[options.method]} of {counted(len(places), 'cell')}"
    for number, colouring in enumerate(colourings):
        progress.report(number, len(colourings), f"Drawing the cells by {colouring.title}")
        stem = f"map_{options.method}_{colouring.slug}"
        stem = stem if stem.casefold() not in taken else f"{stem}_{number}"
        taken.add(stem.casefold())
        rng = np.random.default_rng([options.seed, 3])
        files = plot_map(stage / stem, places, colouring, names, title, rng)
        groups = dict(zip(colouring.labels, colouring.counts, strict=True))
        drawn.append({"name": colouring.title, "files": files, "groups": groups})
    return drawn


def _axis_titles(options: EmbedOptions, reduced: Reduced) -> tuple[str, ...]:
    if options.method != "pca":
        return tuple(f"{NAMES[options.method]} {n}" for n in range(1, options.dims + 1))
    shares = [*reduced.explained, *[0.0] * options.dims]
    return tuple(f"PC{n + 1} ({100 * shares[n]:.1f} %)" for n in range(options.dims))


def _result(
    options: EmbedOptions, who: Who, reduced: Reduced, drawn: list[dict[str, Any]]
) -> EmbedResult:
    output = options.output
    held = float(reduced.explained.sum())
    return EmbedResult(
        cells=len(who),
        features=reduced.features,
        components=len(reduced.explained),
        explained=held,
        method=options.method,
        dims=options.dims,
        plots=tuple(output / name for each in drawn for name in each["files"]),
        table=output / COORDINATES,
        notes=tuple(_notes(options, reduced, held)),
    )


def _notes(options: EmbedOptions, reduced: Reduced, held: float) -> list[str]:
    first = (
        f"The {counted(reduced.features, 'feature')} were standardised and first reduced to "
        f"{counted(len(reduced.explained), 'principal component')}, which hold {100 * held:.0f} % "
        "of their variance."
    )
    if options.method == "pca":
        shown = float(reduced.explained[: options.dims].sum())
        return [first, f"The map shows {100 * shown:.0f} % of the variance."]
    told = f" with {near} neighbours" if (near := neighbors_of(options)) else ""
    told = f" with a perplexity of {options.perplexity:g}" if options.method == "tsne" else told
    notes = [first, f"{NAMES[options.method]}{told}: near cells are alike; long distances and "]
    notes[-1] += "the sizes of groups say little."
    if options.method == "umap":
        notes.append(
            "Computed on all cores: another run may differ a little."
            if options.parallel
            else f"Seed {options.seed}: two runs give the same map; --parallel is faster with many "
            "cells, and gives that up."
        )
    return notes


def _values(column: Column) -> dict[str, int]:
    """Give the values of a column with their counts, in the order of their codes."""
    return dict(zip(column.values, column.counts.tolist(), strict=True))


def _whole(parsed: str | None) -> str | None:
    """Give the whole path of the parsed cells, for readers that run elsewhere."""
    return str(Path(parsed).absolute()) if parsed else None


def _record(
    stage: Path,
    options: EmbedOptions,
    source: Source,
    who: Who,
    reduced: Reduced,
    result: EmbedResult,
    drawn: list[dict[str, Any]],
    seconds: float,
) -> None:
    told = source.record.get("options", {})
    facts = {
        "cells": len(who),
        "features": reduced.features,
        "layer": source.layer,
        "components": len(reduced.explained),
        "explained": [round(float(share), 6) for share in reduced.explained],
        "axes": axis_names(options.method, options.dims),
        "target": who.target,
        "columns": {name: _values(column) for name, column in who.columns.items()},
        "parsed": _whole(told.get("input")),
        "model": source.record.get("model"),
        "plots": drawn,
        "notes": list(result.notes),
        "seconds": round(seconds, 1),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / RECORD, provenance("embed", options) | facts)
