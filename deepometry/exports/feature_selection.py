"""Which features an export has: all, some, or their principal components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.core.errors import OptionsError
from deepometry.core.progress import Progress
from deepometry.exports.cell_table import CellTable
from deepometry.maps.pca import Moments, leading_axes


@dataclass(frozen=True)
class Selection:
    """Features to write: `of` turns all of them, (n, features), into these, float32."""

    names: list[str]
    of: Callable[[np.ndarray], np.ndarray]

    def __bool__(self) -> bool:
        return bool(self.names)


def select_features(table: CellTable, wanted: str, progress: Progress) -> Selection:
    """Select features, as `ExportOptions.features`; raise `OptionsError` if none is so called."""
    if wanted == "none" or not table.features:
        return Selection([], lambda features: features[:, :0])
    if wanted.startswith("pca"):
        return _components(table, int(wanted[3:]), progress)
    columns = _columns(table.features, wanted)
    names = [table.features[column] for column in columns]
    return Selection(names, lambda features: features[:, columns])


def _columns(names: Sequence[str], wanted: str) -> list[int]:
    if wanted == "all":
        return list(range(len(names)))
    if wanted.isdecimal():
        return list(range(min(int(wanted), len(names))))
    asked = [name.strip() for name in wanted.split(",") if name.strip()]
    if unknown := [name for name in asked if name not in names]:
        message = (
            f"Features: expected names such as {names[0]} (to {names[-1]}), found {unknown[0]!r}."
        )
        raise OptionsError({"features": message})
    return [names.index(name) for name in dict.fromkeys(asked)]


def _components(table: CellTable, most: int, progress: Progress) -> Selection:
    """Find the principal components, centred, not scaled, of the cells with features."""
    moments = Moments(len(table.features))
    with table.pieces(progress, "Computing principal components") as pieces:
        for piece in pieces:
            moments.add(piece.features[np.isfinite(piece.features).all(1)])
    number = min(most, max(1, moments.cells - 1), len(table.features))
    mean, (_, axes) = moments.mean, leading_axes(moments.covariance, number)
    names = [f"PC{place}" for place in range(1, number + 1)]
    return Selection(names, lambda features: ((features - mean) @ axes).astype(np.float32))
