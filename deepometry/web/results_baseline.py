"""What a baseline gave: its scores, beside the network's, and the features that matter, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepometry.files import own_record
from deepometry.names import CROSS_VALIDATION
from deepometry.web.results_output import RECORDS, Output

PICTURE = "baseline_importance.png"
_VERB = "baseline"


@dataclass(frozen=True)
class Feature:
    """A feature: its name, its importance beside the first one's (0 to 1), and what it says."""

    name: str
    share: float
    told: str


@dataclass(frozen=True)
class Baseline:
    """What the page tells of a baseline.

    Attributes
    ----------
    model, target, method : str
    scores : dict of str to float
        `accuracy` and `balanced_accuracy`, on the validation cells.
    validation, features, folds : int
        Their numbers; no folds is 0.
    important : list of Feature
        The most important first.
    kinds : dict of str to float
        Share of each kind of feature in what was learnt.
    comparison : mapping
        As `Comparison.plain`; empty where there is no network.
    caveats : list of str
    """

    model: str
    target: str
    method: str
    scores: dict[str, float]
    validation: int
    features: int
    important: list[Feature]
    kinds: dict[str, float]
    comparison: Mapping[str, Any]
    caveats: list[str]
    folds: int = 0


def baseline_of(output: Output) -> Baseline:
    """Gather what the page tells of a baseline."""
    record = output.record
    return Baseline(
        model=str(record.get("model", "")),
        target=str(output.option("target")),
        method=str(output.option("method")),
        scores=dict(record.get("scores") or {}),
        validation=int((record.get("cells") or {}).get("validation", 0)),
        features=int(record.get("features", 0)),
        important=_important(record.get("important") or []),
        kinds=dict(record.get("kinds") or {}),
        comparison=record.get("comparison") or {},
        caveats=[str(each) for each in record.get("caveats") or []],
        folds=int((record.get("cross_validation") or {}).get("folds", 0)),
    )


def _important(told: list[Mapping[str, Any]]) -> list[Feature]:
    losses = [max(0.0, float(each["importance"])) for each in told]
    most = max([1e-12, *losses])
    return [
        Feature(each["feature"], loss / most, each["told"].removeprefix(f"{each['feature']}: "))
        for each, loss in zip(told, losses, strict=True)
    ]


def crossed_beside(output: Output) -> dict[str, float]:
    """Give the scores of a baseline in the same folds as a network; empty if there is none."""
    record = own_record(output.root / RECORDS[_VERB], _VERB)
    told, options = record.get("cross_validation") or {}, record.get("options") or {}
    same = all(options.get(name) == output.option(name) for name in ("seed", "folds", "group_by"))
    ours = own_record(output.root / CROSS_VALIDATION, "cross-validation").get("fingerprint")
    if not told or not same or record.get("fingerprint") != ours:
        return {}
    return dict(told.get("scores") or {})


def scores_beside(output: Output, fingerprint: str) -> dict[str, float]:
    """Give the scores of a baseline of the same cells beside a network; empty if there is none."""
    record = own_record(output.root / RECORDS[_VERB], _VERB)
    options = record.get("options") or {}
    shared = ("seed", "validation", "group_by")
    same = all(options.get(name) == output.option(name) for name in shared)
    if not same or record.get("fingerprint") != fingerprint:
        return {}
    return dict(record.get("scores") or {})
