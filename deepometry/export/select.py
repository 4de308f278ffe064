"""Which features leave the program: all, some, or their principal components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepometry.errors import OptionsError
from deepometry.export.table import CellTable
from deepometry.progress import Progress

_FCS_DEFAULT = "pca10"


@dataclass(frozen=True)
class Selection:
    """Features to write.

    Attributes
    ----------
    names : list of str
    of : callable
        Makes (n, len(names)) float32 out of all features (n, features).
    """

    names: list[str]
    of: Callable[[np.ndarray], np.ndarray]

    def __bool__(self) -> bool:
        return bool(self.names)


def select_features(table: CellTable, wanted: str, format: str, progress: Progress) -> Selection:
    """Choose features.

    Parameters
    ----------
    table : CellTable
    wanted : str
        As `ExportOptions.features`.
    format : str
        Decides what `auto` means.
    progress : Progress
        Told about the principal components; may cancel.

    Raises
    ------
    OptionsError
        A name is of no feature.
    """
    if wanted == "auto":
        wanted = _FCS_DEFAULT if format == "fcs" else "all"
    if wanted == "none" or not table.features:
        return Selection([], lambda found: found[:, :0])
    if wanted.startswith("pca"):
        return components(table, int(wanted[3:]), progress)
    return _picked(table.features, _places(table.features, wanted))


def _places(known: list[str], wanted: str) -> list[int]:
    if wanted == "all":
        return list(range(len(known)))
    if wanted.isdecimal():
        return list(range(min(int(wanted), len(known))))
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        message = (
            f"Features: expected names such as {known[0]} (to {known[-1]}), found {unknown[0]!r}."
        )
        raise OptionsError({"features": message})
    return [known.index(name) for name in dict.fromkeys(names)]


def _picked(known: list[str], places: list[int]) -> Selection:
    return Selection([known[place] for place in places], lambda found: found[:, places])


def components(table: CellTable, most: int, progress: Progress) -> Selection:
    """Find the principal components of the features, from their covariance, in two passes.

    Notes
    -----
    Centred, not scaled; the sign of each is such that its largest weight is positive. Cells
    without features do not count.
    """
    mean, spread, count = _moments(table, progress)
    most = min(most, max(1, count - 1), len(mean))
    _, vectors = np.linalg.eigh(spread)
    axes = vectors[:, ::-1][:, :most]
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(most)])
    axes = (axes * np.where(signs == 0, 1, signs)).astype(np.float64)
    names = [f"PC{number}" for number in range(1, most + 1)]
    return Selection(names, lambda found: ((found - mean) @ axes).astype(np.float32))


def _moments(table: CellTable, progress: Progress) -> tuple[np.ndarray, np.ndarray, int]:
    width, told = len(table.features), "Principal components"
    total, count = np.zeros(width), 0
    with table.pieces(progress, told) as pieces:
        for piece in pieces:
            found = _whole(piece.features)
            total, count = total + found.sum(0), count + len(found)
    mean = total / max(1, count)
    spread = np.zeros((width, width))
    with table.pieces(progress, told) as pieces:
        for piece in pieces:
            centred = _whole(piece.features) - mean
            spread += centred.T @ centred
    return mean, spread / max(1, count - 1), count


def _whole(features: np.ndarray) -> np.ndarray:
    found = features.astype(np.float64)
    return found[np.isfinite(found).all(1)]
