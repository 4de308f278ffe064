"""Maps of cells: those with similar features of the network lie close together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.imported_features import ImportedFeatures, open_imported_features
from deepometry.core.earlier_results import earlier_results
from deepometry.core.files import check_outside, staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.embed import MAP_NAMES as NAMES
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import COORDINATE_ARRAYS, COORDINATES_TABLE, EMBED_RECORD
from deepometry.core.run_records import provenance, write_json
from deepometry.core.safe_names import safe_name, unique_name
from deepometry.core.text import counted
from deepometry.maps import MOST_VALUES
from deepometry.maps.cell_table import Column, MapCells, read_map_cells, with_predictions
from deepometry.maps.colouring import Colouring, choose_colourings
from deepometry.maps.coordinates_table import axis_names, write_coordinates, write_points
from deepometry.maps.feature_source import FeatureSource, find_source
from deepometry.maps.methods import check_enough, compute_map, described
from deepometry.maps.pca import Reduced, reduce_features
from deepometry.maps.plots import plot_map


@dataclass(frozen=True)
class EmbedResult(ShowsInNotebook):
    """The outcome of a map.

    Attributes
    ----------
    cells, features : int
        Number of cells, and of their features.
    components : int
        Number of principal components that the features were first reduced to.
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
        What to know when reading the map, one sentence each.
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

    def notebook_view(self) -> NotebookView:
        """Show how the map was made, with its first picture."""
        rows: dict[str, object] = {"Cells": self.cells, "Features": self.features}
        rows |= {"Principal components": self.components, "Coordinates": self.table}
        title = f"{NAMES[self.method]} of {counted(self.cells, 'cell')}"
        picture = next((path for path in self.plots if path.suffix == ".png"), None)
        return NotebookView(title, rows, self.notes, picture)


def embed(options: EmbedOptions, progress: Progress | Report | None = None) -> EmbedResult:
    """Compute coordinates of cells from their features, and draw the map.

    Parameters
    ----------
    options : EmbedOptions
        Where the features are, and by which method.
    progress : Progress or callable, optional
        Called with (done, in all, text).

    Returns
    -------
    EmbedResult
        In the output folder lie `coordinates.csv` (source, object, folder levels, prediction and
        coordinates of every cell) and a picture of each colouring as .png and .svg.

    Raises
    ------
    DeepometryError
        Features, predictions or output folder cannot be used, there are too few cells for the
        method, or a column does not exist.

    Notes
    -----
    Features are standardised and reduced to their first principal components, exactly, in two
    passes over the table; then t-SNE, UMAP or PHATE compute the map. Memory holds the
    components of all cells, never their features.
    """
    progress, start = as_progress(progress), time.monotonic()
    source = find_source(options.input, options.layer)
    _check_place(options, source)
    cells = read_map_cells(source.metadata, progress)
    check_enough(len(cells), options)
    cells = with_predictions(cells, options.predictions, source.table.parent, progress)
    colourings = choose_colourings(cells, options.color, _kept_features(options, source))
    earlier = earlier_results(options)
    components = max(options.components, options.dims)
    reduced = reduce_features(source, len(cells), components, progress)
    made = _Map(options, source, cells, reduced, compute_map(reduced.places, options, progress))
    with staged(options.output, earlier, progress.say) as stage:
        table, places = stage / COORDINATES_TABLE, made.places
        write_coordinates(table, source.metadata, cells, places, made.axes, progress)
        write_points(stage / COORDINATE_ARRAYS, cells, places)
        plots = _draw(stage, made, colourings, progress)
        result = _result(made, plots)
        _write_record(stage, made, result, plots, time.monotonic() - start)
    return result


@dataclass(frozen=True)
class _Map:
    """A map that is computed; `places`, float32 (cells, dims), are the coordinates."""

    options: EmbedOptions
    source: FeatureSource
    cells: MapCells
    reduced: Reduced
    places: np.ndarray

    @property
    def axes(self) -> list[str]:
        """Names of the columns of coordinates."""
        return axis_names(self.options.method, self.options.dims)

    @property
    def axis_titles(self) -> tuple[str, ...]:
        """Titles of the axes of the pictures."""
        if self.options.method != "pca":
            name = NAMES[self.options.method]
            return tuple(f"{name} {n}" for n in range(1, self.options.dims + 1))
        shares = [*self.reduced.explained, *[0.0] * self.options.dims]
        return tuple(f"PC{n + 1} ({100 * shares[n]:.1f} %)" for n in range(self.options.dims))


def _check_place(options: EmbedOptions, source: FeatureSource) -> None:
    """Refuse a map among parsed cells, whose table would be read as one of theirs."""
    parsed = source.record.get("options", {}).get("input")
    if parsed and Path(parsed).is_dir():
        check_outside(options.output, Path(parsed))


def _kept_features(options: EmbedOptions, source: FeatureSource) -> ImportedFeatures | None:
    """Find the features that are kept with the parsed cells, if colours may be of them."""
    parsed = source.record.get("options", {}).get("input")
    there = options.color and parsed and Path(parsed).is_dir()
    return open_imported_features(Path(parsed)) if there else None


def _draw(
    stage: Path, made: _Map, colourings: list[Colouring], progress: Progress
) -> list[dict[str, Any]]:
    """Draw every colouring; return the name, the files and the groups of each."""
    method, plots, used = made.options.method, [], set[str]()
    title = f"{NAMES[method]} of {counted(len(made.places), 'cell')}"
    for number, colouring in enumerate(colourings):
        progress.report(
            number, len(colourings), f"Drawing the cells by {colouring.title}", "pictures"
        )
        stem = unique_name(safe_name(f"map_{method}_{colouring.slug}"), used)
        rng = np.random.default_rng([made.options.seed, 3])
        files = plot_map(stage / stem, made.places, colouring, made.axis_titles, title, rng)
        groups = dict(zip(colouring.labels, colouring.counts, strict=True))
        plots.append({"name": colouring.title, "files": files, "groups": groups})
    return plots


def _result(made: _Map, plots: list[dict[str, Any]]) -> EmbedResult:
    output = made.options.output
    return EmbedResult(
        cells=len(made.cells),
        features=made.reduced.features,
        components=len(made.reduced.explained),
        explained=float(made.reduced.explained.sum()),
        method=made.options.method,
        dims=made.options.dims,
        plots=tuple(output / name for plot in plots for name in plot["files"]),
        table=output / COORDINATES_TABLE,
        notes=tuple(_notes(made.options, made.reduced)),
    )


def _notes(options: EmbedOptions, reduced: Reduced) -> list[str]:
    first = (
        f"The {counted(reduced.features, 'feature')} were standardised and first reduced to "
        f"{counted(len(reduced.explained), 'principal component')}, which hold "
        f"{100 * reduced.explained.sum():.0f} % of their variance."
    )
    if options.method == "pca":
        shown = float(reduced.explained[: options.dims].sum())
        return [first, f"The map shows {100 * shown:.0f} % of the variance."]
    second = (
        f"{described(options)}: cells that lie close together are similar; long distances and the "
        "sizes of groups mean little."
    )
    return [first, second, *_repeatable(options)]


def _repeatable(options: EmbedOptions) -> list[str]:
    if options.method != "umap":
        return []
    if options.parallel:
        return ["Computed on all cores: another run may differ a little."]
    return [
        f"Seed {options.seed}: another run gives the same map. --parallel is faster with many "
        "cells, but results are then not exactly repeatable."
    ]


def _values(column: Column) -> dict[str, int]:
    """Return the values of a column with their counts, in the order of their codes.

    Empty for a column with too many values to be groups.
    """
    if len(column.values) > MOST_VALUES:
        return {}
    return dict(zip(column.values, column.counts.tolist(), strict=True))


def _write_record(
    stage: Path, made: _Map, result: EmbedResult, plots: list[dict[str, Any]], seconds: float
) -> None:
    parsed = made.source.record.get("options", {}).get("input")
    facts = {
        "cells": result.cells,
        "features": result.features,
        "layer": made.source.layer,
        "components": result.components,
        "explained": [round(float(share), 6) for share in made.reduced.explained],
        "axes": made.axes,
        "target": made.cells.target,
        "columns": {name: _values(column) for name, column in made.cells.columns.items()},
        "parsed": str(Path(parsed).absolute()) if parsed else None,
        "model": made.source.record.get("model"),
        "plots": plots,
        "notes": list(result.notes),
        "seconds": round(seconds, 1),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / EMBED_RECORD, provenance("embed", made.options) | facts)
