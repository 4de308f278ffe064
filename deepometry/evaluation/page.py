"""One page with all that is told of a result: whole in one file, readable without a network."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from deepometry.evaluation.evaluate import Evaluation
from deepometry.evaluation.mistakes import Mistake, tiles
from deepometry.evaluation.provenance import Made
from deepometry.evaluation.samples import ALL
from deepometry.evaluation.scores import EACH, NAMES, Score
from deepometry.evaluation.tradeoff import TradeOff
from deepometry.files import writing
from deepometry.report import normalized

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE = "report.html"
_MOST_CLASSES = 40  # in the tables of the page
_THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_NONE = "\N{EN DASH}"
_KEY = ("accuracy", "balanced_accuracy", "kappa", "mcc", "roc_area", "calibration_error")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What every report tells of; each kind of report adds its own.

    Attributes
    ----------
    place : Path
        Where the cells are.
    cells : int
        Number of them.
    target : str
    labels : tuple of str
        The classes.
    evaluation : Evaluation or None
        None for unannotated data.
    matrix : ndarray of int, shape (classes, classes), or None
    mistakes : sequence of Mistake
    channels : sequence of str
        Names, in the order of the pictures of the mistakes.
    made : Made
        How it came about.
    plots : dict of str to str
        Pieces of a page, see `save_plots`.
    """

    template: ClassVar[str]

    place: Path
    cells: int
    target: str
    labels: tuple[str, ...]
    evaluation: Evaluation | None
    matrix: np.ndarray | None
    mistakes: Sequence[Mistake]
    channels: Sequence[str]
    made: Made
    plots: Mapping[str, str]

    def own(self) -> dict[str, Any]:
        """Give what the template of this kind of report needs besides."""
        return {}


def write_page(folder: Path, facts: Facts) -> None:
    """Write `report.html`; it asks no other file and no other computer for anything.

    Raises
    ------
    DeepometryError
        It cannot be written.
    """
    with writing(folder / PAGE) as part:
        part.write_text(_rendered(facts), "utf-8", newline="\n")


def _rendered(facts: Facts) -> str:
    found = facts.evaluation
    return (
        _environment()
        .get_template(facts.template)
        .render(
            facts=facts,
            target=facts.target,
            labels=facts.labels,
            evaluation=found,
            key=[score for name in _KEY if found for score in found.whole if score.name == name],
            rows=_rows(found) if found else [],
            matrix=_matrix(facts),
            hidden=max(0, len(facts.labels) - _MOST_CLASSES),
            thresholds=_thresholds(found.trade_off, found.threshold) if found else [],
            mistakes=_pictured(facts.mistakes),
            channels=facts.channels,
            made=facts.made,
            plots=facts.plots,
            **facts.own(),
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"number": _number, "percent": _percent, "thousands": "{:,}".format}
    found.globals |= {"NAMES": NAMES, "EACH": EACH, "ALL": ALL}
    return found


def _number(value: float) -> str:
    return _NONE if math.isnan(value) else f"{value:.3f}"


def _percent(share: float) -> str:
    if math.isnan(share):
        return _NONE
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def _rows(found: Evaluation) -> list[tuple[str, int, dict[str, Score]]]:
    """Give a row a class: its name, its cells, and its scores by name."""
    each: dict[str, dict[str, Score]] = {}
    for score in found.scores:
        if score.label or score.name in EACH:
            each.setdefault(score.label, {})[score.name] = score
    return [(n, s["recall"].cells, s) for n, s in list(each.items())[:_MOST_CLASSES]]


def _matrix(facts: Facts) -> list[tuple[str, list[tuple[int, float, int]]]]:
    """Give for every true class its name, and count, share and shade of every predicted one."""
    if facts.matrix is None:
        return []
    labels, shares = facts.labels, normalized(facts.matrix)
    rows = []
    for label, counts, each in zip(labels, facts.matrix, shares, strict=True):
        cells = zip(counts.tolist(), each.tolist(), strict=True)
        rows.append((label, [(n, share, math.ceil(10 * share)) for n, share in cells]))
    return [(label, row[:_MOST_CLASSES]) for label, row in rows[:_MOST_CLASSES]]


def _thresholds(
    found: TradeOff, chosen: float | None
) -> list[tuple[float, int, float, float, bool]]:
    """Give some thresholds: labels kept, their share and accuracy, and whether it is in use."""
    wanted = sorted({*_THRESHOLDS, *([] if chosen is None else [chosen])})
    rows = []
    for value in wanted:
        place = int(np.argmin(np.abs(found.threshold - value)))
        share, right = float(found.share[place]), float(found.accuracy[place])
        rows.append((value, int(found.labelled[place]), share, right, value == chosen))
    return rows


def _pictured(found: Sequence[Mistake]) -> list[tuple[Mistake, list[str]]]:
    """Give every mistake with its pictures as addresses that hold them."""
    addresses = [[_address(plane) for plane in each] for each in tiles(found)]
    return list(zip(found, addresses, strict=True))


def _address(pixels: np.ndarray) -> str:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
