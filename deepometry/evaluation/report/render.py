"""The report of a result: one self-contained page of HTML."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from deepometry.core.errors import explain_os_error
from deepometry.core.files import writing
from deepometry.core.result_files import REPORT_PAGE
from deepometry.core.task import Task
from deepometry.evaluation.cell_sheet import tiles
from deepometry.evaluation.confusion_plots import normalized
from deepometry.evaluation.evaluate import Evaluation
from deepometry.evaluation.evaluate_numbers import NumberEvaluation
from deepometry.evaluation.metrics import EACH, Score
from deepometry.evaluation.novel_cells import NovelCell
from deepometry.evaluation.novelty_tally import NoveltyTally
from deepometry.evaluation.part_scores import TITLES, PartScores
from deepometry.evaluation.report.provenance import Made
from deepometry.evaluation.sample_composition import ALL
from deepometry.evaluation.score_names import IN_UNITS, NAMES, main_pair
from deepometry.evaluation.top_mistakes import Mistake

if TYPE_CHECKING:
    from jinja2 import Environment

_MOST_CLASSES = 40  # in the tables of the page
_THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_NONE = "\N{EN DASH}"
_EARLIER = "<!-- an earlier run -->"  # where a comparison with it stands
_SHOWN = ("target", "labels", "evaluation", "channels", "made", "plots")
_KEY = ("accuracy", "balanced_accuracy", "kappa", "mcc", "roc_area", "calibration_error")
_NUMBER_KEY = ("mae", "r2", "pearson", "spearman", "coverage")


Pictured = TypeVar("Pictured", Mistake, NovelCell)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The contents of every report; each kind of report adds its own.

    Attributes
    ----------
    place : Path
        Where the cells are.
    cells : int
        Number of them.
    task : Task
        Whether classes, ordered classes or numbers were predicted.
    evaluation : Evaluation or NumberEvaluation or None
        None for unannotated data.
    matrix : ndarray of int, shape (classes, classes), or None
    channels : sequence of str
        Names, in the order of the pictures of the mistakes.
    plots : dict of str to str
        Pieces of a page, see `save_plots`.
    caveat : str
        What must be known of the scores; may be empty.
    caveat_title : str
        What the scores are of, such as training scores: its heading.
    novelty : NoveltyTally or None
        How many cells are novel; None where that is not measured.
    novel : sequence of NovelCell
        The most novel cells.
    parts : PartScores or None
        Scores of the parts of a combined model; None for other models.
    """

    template: ClassVar[str]

    place: Path
    cells: int
    target: str
    labels: tuple[str, ...]
    task: Task
    evaluation: Evaluation | NumberEvaluation | None
    matrix: np.ndarray | None
    mistakes: Sequence[Mistake]
    channels: Sequence[str]
    made: Made
    plots: Mapping[str, str]
    caveat: str = ""
    caveat_title: str = ""
    novelty: NoveltyTally | None = None
    novel: Sequence[NovelCell] = ()
    parts: PartScores | None = None

    def own(self) -> dict[str, Any]:
        """Return what the template of this kind of report needs besides."""
        return {}


def write_page(folder: Path, facts: Facts) -> None:
    """Write `report.html`, which loads no other file."""
    with writing(folder / REPORT_PAGE) as part:
        part.write_text(_rendered(facts), "utf-8", newline="\n")


def add_earlier(
    folder: Path, names: Sequence[str], scores: Sequence[Mapping[str, Score]], said: Sequence[str]
) -> None:
    """Add a comparison with an earlier run to `report.html`.

    Parameters
    ----------
    folder : Path
    names : sequence of str
        Of the runs, the earlier one first.
    scores : sequence of dict of str to Score
        Of each run on the cells that both have, by name.
    said : sequence of str
        The comparison in sentences.

    Raises
    ------
    DeepometryError
        The report cannot be read or written.
    """
    path = folder / REPORT_PAGE
    shared = [name for name in NAMES if all(name in each for each in scores)]
    rows = [(NAMES[name], [each[name] for each in scores]) for name in shared]
    values = {"names": names, "rows": rows, "sentences": said}
    section = _environment().get_template("report_earlier.html").render(**values)
    try:
        before, mark, after = path.read_text("utf-8").partition(_EARLIER)
    except OSError as error:
        raise explain_os_error(error, path) from error
    if mark:
        with writing(path) as part:
            part.write_text(f"{before}{section}{after}", "utf-8", newline="\n")


def _rendered(facts: Facts) -> str:
    evaluation = facts.evaluation
    own = {name: getattr(facts, name) for name in _SHOWN}
    own |= {"matrix": _matrix(facts), "mistakes": _pictured(facts.mistakes)}
    own |= {"novelty": facts.novelty, "novel": _pictured(facts.novel)}
    own |= {
        "key": _key(evaluation) if evaluation else [],
        "rows": _rows(evaluation) if isinstance(evaluation, Evaluation) else [],
        "thresholds": _thresholds(evaluation) if isinstance(evaluation, Evaluation) else [],
        "hidden": max(0, len(facts.labels) - _MOST_CLASSES),
    }
    return _environment().get_template(facts.template).render(facts=facts, **own, **facts.own())


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "percent": _percent, "thousands": "{:,}".format}
    environment.filters |= {"value": _value, "measured": _measured}
    environment.globals |= {"NAMES": NAMES, "EACH": EACH, "ALL": ALL, "main_pair": main_pair}
    environment.globals["PART_TITLES"] = TITLES
    environment.globals["EARLIER"] = Markup(_EARLIER)
    return environment


def _number(value: float) -> str:
    return _NONE if math.isnan(value) else f"{value:.3f}"


def _value(number: float) -> str:
    """Write a number of any size with four digits."""
    return _NONE if math.isnan(number) else f"{number:.4g}"


def _measured(number: float, name: str) -> str:
    """Write the value of a score: those in units of the number may be of any size."""
    return _value(number) if name in IN_UNITS else _number(number)


def _percent(share: float) -> str:
    if math.isnan(share):
        return _NONE
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def _key(evaluation: Evaluation | NumberEvaluation) -> list[Score]:
    """Return the scores that stand at the top."""
    names = _KEY if isinstance(evaluation, Evaluation) else _NUMBER_KEY
    return [score for name in names for score in evaluation.whole if score.name == name]


def _rows(evaluation: Evaluation) -> list[tuple[str, int, dict[str, Score]]]:
    """Return a row for every class: its name, its cells, and its scores by name."""
    each: dict[str, dict[str, Score]] = {}
    for score in evaluation.scores:
        if score.label or score.name in EACH:
            each.setdefault(score.label, {})[score.name] = score
    return [(n, s["recall"].cells, s) for n, s in list(each.items())[:_MOST_CLASSES]]


def _matrix(facts: Facts) -> list[tuple[str, list[tuple[int, float, int]]]]:
    """Return for every true class its name, and count, share and shade of every predicted one."""
    if facts.matrix is None:
        return []
    labels, shares = facts.labels, normalized(facts.matrix)
    rows = []
    for label, counts, each in zip(labels, facts.matrix, shares, strict=True):
        cells = zip(counts.tolist(), each.tolist(), strict=True)
        rows.append((label, [(n, share, math.ceil(10 * share)) for n, share in cells]))
    return [(label, row[:_MOST_CLASSES]) for label, row in rows[:_MOST_CLASSES]]


def _thresholds(evaluation: Evaluation) -> list[tuple[float, int, float, float, bool]]:
    """Return some thresholds: labels kept, their share and accuracy, and whether it is in use."""
    trade_off, chosen = evaluation.trade_off, evaluation.threshold
    wanted = sorted({*_THRESHOLDS, *([] if chosen is None else [chosen])})
    rows = []
    for value in wanted:
        place = int(np.argmin(np.abs(trade_off.threshold - value)))
        share, right = float(trade_off.share[place]), float(trade_off.accuracy[place])
        rows.append((value, int(trade_off.labelled[place]), share, right, value == chosen))
    return rows


def _pictured(cells: Sequence[Pictured]) -> list[tuple[Pictured, list[str]]]:
    """Return every cell with its pictures as data URLs."""
    addresses = [[_address(plane) for plane in each] for each in tiles([c.image for c in cells])]
    return list(zip(cells, addresses, strict=True))


def _address(pixels: np.ndarray) -> str:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
