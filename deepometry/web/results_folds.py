"""What a cross-validation and a learning curve gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepometry.web.results_output import Output

PICTURE = "learning_curve.png"


@dataclass(frozen=True)
class Crossed:
    """What the page tells of a cross-validation.

    Attributes
    ----------
    group_by : str
        What was left out whole; blank for single cells.
    each : list of dict
        Number, cells, scores and seconds of every fold.
    scores : dict of str to float
        Of all cells.
    baseline : dict of str to float
        Scores of the classical features on the same cells in the same folds; empty if there are
        none.
    """

    group_by: str
    each: list[Mapping[str, float]]
    scores: Mapping[str, float]
    baseline: Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """What the page tells of a learning curve.

    Attributes
    ----------
    target : str
    rows : list of dict
        Cells and scores of every training.
    judged : int
        Number of the cells that judged them.
    forecast : dict
        As `Forecast` has it.
    caveats : list of str
    """

    target: str
    rows: list[Mapping[str, float]]
    judged: int
    forecast: Mapping[str, Any]
    caveats: list[str]


def is_crossed(output: Output) -> bool:
    """Tell whether a training was cross-validated."""
    return bool(output.record.get("cross_validation"))


def crossed_of(output: Output) -> Crossed:
    """Gather what the page tells of a cross-validation."""
    from deepometry.web.results_baseline import crossed_beside

    told = output.record["cross_validation"]
    return Crossed(
        group_by=str(told.get("group_by") or ""),
        each=list(told.get("each") or []),
        scores=dict(told.get("scores") or {}),
        baseline=crossed_beside(output),
    )


def learning_curve_of(output: Output) -> Curve:
    """Gather what the page tells of a learning curve."""
    record = output.record
    return Curve(
        target=str(output.option("target")),
        rows=list(record.get("rows") or []),
        judged=int(record.get("judged", 0)),
        forecast=dict(record.get("forecast") or {}),
        caveats=[str(each) for each in record.get("caveats") or []],
    )
