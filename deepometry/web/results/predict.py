"""Results of a prediction: confusion matrix, accuracies and counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepometry.core.options.gradcam import STAGES
from deepometry.core.result_files import (
    BASELINE_PREFIX,
    CONFUSION_MATRIX,
    CURVES_TABLE,
    LABEL_ERRORS_TABLE,
    NOVEL_TABLE,
    PREDICTED_TABLE,
    RELIABILITY_TABLE,
    REPORT_PAGE,
    SAMPLES_TABLE,
    VALIDATION_TABLE,
)
from deepometry.core.spreadsheet import safe_reader
from deepometry.core.steps import STEPS
from deepometry.web.jobs.job import Job
from deepometry.web.results.audit import audit_of
from deepometry.web.results.evaluation import evaluation_of
from deepometry.web.results.evaluation_charts import EVALUATION
from deepometry.web.results.main_scores import pair_facts, score_in_words
from deepometry.web.results.meaning import meaning, needs_the_cell, next_steps
from deepometry.web.results.meaning_of_numbers import meaning_of_numbers, next_steps_of_numbers
from deepometry.web.results.numbers import (
    against_true_tab,
    has_ranges,
    of_classes,
    of_numbers,
    unit_of,
)
from deepometry.web.results.output import Output, reading
from deepometry.web.results.predict_rows import ClassRow, MatrixCell
from deepometry.web.results.tabs import Tab, written

MISLABELLED = "mislabelled"
"""The tab of the labels that are likely wrong, and the order of the gallery in it."""
CHECK = "likely_mislabelled"  # in the record
_IN_SHORT = ("mean", "median", "lowest", "highest")
_MOST_CLASSES = 40  # shown in the matrix and in the bars


@dataclass(frozen=True)
class Prediction:
    """What the page shows of a prediction.

    Attributes
    ----------
    labels : list of str
        Classes in the order of the model.
    classes : list of ClassRow
        Those shown, in the same order.
    matrix : list of list of MatrixCell
        Of the classes shown; empty for unannotated data.
    unsure : int or None
        Cells labelled unsure; None where every cell was to be labelled.
    warnings : list of str
        Reasons why the predictions may be wrong.
    caveat : str
        Which cells the model knows from its training, or was chosen by; empty where there are none.
    of_training : bool
        Whether the scores are of such cells.
    perhaps_of_training : bool
        Whether they may be.
    number : bool
        Whether numbers were predicted, not classes.
    unit : str
        Of the numbers.
    numbers : dict of str to float
        The predicted numbers in short, as `PredictResult` has them.
    gated_out : int or None
        Cells that gates leave out, in none of the counts; None where there are no gates.
    unknown : int or None
        Cells labelled unknown; None where none may be.
    novelty : dict
        How many cells are novel, as `NoveltyTally.plain` returns it; empty where that is not
        measured.
    """

    cells: int
    labels: list[str]
    classes: list[ClassRow]
    matrix: list[list[MatrixCell]]
    scores: Mapping[str, float]
    unsure: int | None = None
    warnings: Sequence[str] = ()
    caveat: str = ""
    of_training: bool = False
    perhaps_of_training: bool = False
    number: bool = False
    unit: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    gated_out: int | None = None
    unknown: int | None = None
    novelty: Mapping[str, Any] = field(default_factory=dict)

    @property
    def novel_share(self) -> str:
        """Share of the novel cells, with its interval; empty where that is not measured."""
        if not self.novelty:
            return ""
        share, low, high = (100 * float(self.novelty[name]) for name in ("share", "low", "high"))
        return f"{share:.1f} % ({low:.1f} to {high:.1f} %)"

    @property
    def counted(self) -> int:
        """Number of cells that are not gated out."""
        return self.cells - (self.gated_out or 0)

    @property
    def accuracy(self) -> str:
        """What the accuracy is called."""
        return f"{self._whose} accuracy".strip().capitalize()

    @property
    def _whose(self) -> str:
        """Which cells the scores are of, in a word or two; empty for new ones."""
        if self.perhaps_of_training:
            return "possibly training"
        return "training" if self.of_training else ""

    @property
    def facts(self) -> list[list[str]]:
        """The main scores of predicted numbers, or these numbers in short, with their names."""
        if "r2" in self.scores:
            facts = pair_facts(self.scores, "", self.unit, self._whose.capitalize())
            share = score_in_words("coverage", self.scores.get("coverage"))
            return [*facts, ["Coverage of the 90 % intervals", share]]
        told = [(name, self.numbers[name]) for name in _IN_SHORT if name in self.numbers]
        return [[f"{n.capitalize()} number", f"{v:.4g} {self.unit}".strip()] for n, v in told]

    @property
    def hidden(self) -> int:
        """Number of classes that are not shown."""
        return len(self.labels) - len(self.classes)

    @property
    def most(self) -> int:
        """Cells of the class predicted most often."""
        return max((row.predicted for row in self.classes), default=0)


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a prediction show."""
    found = prediction_of(output)
    if of_numbers(output):
        return _number_view(output, found)
    judged = bool(found.matrix)
    return {
        "prediction": found,
        "evaluation": evaluation_of(output),
        "meaning": [
            *meaning(found.scores, found.classes, found.matrix),
            *needs_the_cell(output.record),
        ],
        "next_steps": next_steps(found.classes, found.of_training, found.warnings, judged),
        "stages": STAGES,
    }


def _number_view(output: Output, found: Prediction) -> dict[str, Any]:
    """Return what the results of a prediction of numbers show."""
    judged = has_ranges(output)
    return {
        "prediction": found,
        "evaluation": evaluation_of(output),
        "meaning": meaning_of_numbers(output, found.scores),
        "next_steps": next_steps_of_numbers(judged, found.warnings),
        "stages": STAGES,
    }


def audit(job: Job, output: Output) -> dict[str, Any]:
    """Return what may make a prediction wrong, and what it was made of."""
    shown = {"prediction": prediction_of(output), "audit": audit_of(output)}
    return shown | {"shortcuts": output.record.get("audit")}


def evaluated_tabs(view: Callable[[Job, Output], dict[str, Any]]) -> tuple[Tab, ...]:
    """Return the tabs of cells that were predicted: by Predict, or in a cross-validation."""
    matrix, made = written(CONFUSION_MATRIX, VALIDATION_TABLE), "results/{}.html".format
    return (
        Tab("confusion", "Confusion", made("matrix"), view, of_classes(matrix)),
        against_true_tab(view),
        mislabelled_tab(LABEL_ERRORS_TABLE),
        Tab("classes", "Classes", made("classes"), view, of_classes(written(PREDICTED_TABLE))),
        Tab("curves", "Curves", made("curves"), view, written(CURVES_TABLE)),
        Tab("calibration", "Calibration", made("calibration"), view, written(RELIABILITY_TABLE)),
        Tab("cells", "Cells", made("find"), there=written(PREDICTED_TABLE, VALIDATION_TABLE)),
        Tab("samples", "Samples", made("samples"), view, written(SAMPLES_TABLE)),
    )


def mislabelled_tab(table: str) -> Tab:
    """Return the tab of the labels that are likely wrong, of a run that wrote them to a table."""
    title, template = "Likely mislabelled", "results/mislabelled.html"
    return Tab(MISLABELLED, title, template, mislabelled, written(table))


def mislabelled(job: Job, output: Output) -> dict[str, Any]:
    """Return how many labels are doubtful, and the table of them."""
    return {"check": prediction_record(output).get(CHECK) or {}}


CHARTS = EVALUATION
TABS = (
    *evaluated_tabs(view),
    Tab("novel", "Novel", "results/novel.html", view, written(NOVEL_TABLE)),
    Tab("heat-maps", "Heat maps", "results/heat_maps.html", view),
    Tab("audit", "Audit", "results/audit.html", audit),
    Tab("report", "Report", "results/report.html", view, written(REPORT_PAGE)),
)


def prediction_of(output: Output) -> Prediction:
    """Collect what the page shows of a prediction.

    Raises
    ------
    DeepometryError
        Its tables are not there any more, or are others.
    """
    record = prediction_record(output)
    counts = {str(k): int(n) for k, n in record.get("counts", {}).items()}
    labels = list(counts)
    matrix = read_matrix(output, labels)
    rows = [_class_row(code, label, counts, matrix) for code, label in enumerate(labels)]
    shown, seen = _most_frequent(rows), record.get("seen") or {}
    return Prediction(
        number=of_numbers(output),
        unit=unit_of(output),
        numbers=record.get("numbers") or {},
        gated_out=(record.get("gated_out") or {}).get("cells"),
        cells=int(record.get("cells", 0)),
        labels=labels,
        classes=shown,
        matrix=_matrix_cells(matrix, [row.code for row in shown]),
        scores=record.get("scores") or {},
        unsure=record.get("unsure"),
        unknown=record.get("unknown"),
        novelty=record.get("novelty") or {},
        warnings=[str(each) for each in record.get("warnings") or []],
        caveat=_VALIDATED if is_of_validation(output) else _seen_message(seen),
        of_training=bool(seen.get("training_scores")),
        perhaps_of_training=bool(seen.get("perhaps_training_scores")),
    )


_VALIDATED = (
    "These are the validation cells of this training. They chose the temperature and, unless the "
    "final epoch was kept, the epoch of the model, so these numbers are slightly too good."
)


def _seen_message(seen: Mapping[str, Any]) -> str:
    counts = ("training", "validation", "same_name_other_pixels")
    return str(seen["message"]) if any(map(seen.get, counts)) else ""


def is_of_validation(output: Output) -> bool:
    """Return whether the cells of a run are the validation cells of a training."""
    validated = learnt_table(output, VALIDATION_TABLE) in output.files
    return learns(output) and validated and not output.record.get("cross_validation")


def learns(output: Output) -> bool:
    """Return whether a run learnt from labelled cells, some of which its table is of."""
    return STEPS[output.verb].writes in ("model", "baseline")


def learnt_table(output: Output, name: str) -> str:
    """Return what a run that learns calls a table; a baseline may stand beside a network."""
    return f"{BASELINE_PREFIX}{name}" if output.verb == "baseline" else name


def prediction_record(output: Output) -> Mapping[str, Any]:
    """Return the record of a prediction: of Predict, of a cross-validation, of validation cells."""
    record = output.record
    if not learns(output):
        return record
    return record.get("cross_validation") or record.get("validation") or {}


def _class_row(
    code: int, label: str, counts: Mapping[str, int], matrix: Sequence[Sequence[int]]
) -> ClassRow:
    true, right = (sum(matrix[code]), matrix[code][code]) if matrix else (0, 0)
    return ClassRow(code, label, counts[label], true, right)


def _most_frequent(rows: list[ClassRow]) -> list[ClassRow]:
    chosen = sorted(rows, key=lambda row: -max(row.true, row.predicted))[:_MOST_CLASSES]
    return sorted(chosen, key=lambda row: row.code)


def _matrix_cells(matrix: Sequence[Sequence[int]], shown: list[int]) -> list[list[MatrixCell]]:
    if not matrix:
        return []
    sums = [max(1, sum(row)) for row in matrix]
    return [[MatrixCell(t, p, matrix[t][p], matrix[t][p] / sums[t]) for p in shown] for t in shown]


def read_matrix(output: Output, labels: Sequence[str]) -> list[list[int]]:
    """Return the confusion matrix, in the order of the model; empty for unannotated data.

    Raises
    ------
    DeepometryError
        The table is not there any more, or another one.
    """
    if is_of_validation(output):
        recorded = prediction_record(output).get("confusion") or []
        return [[int(count) for count in row] for row in recorded]
    if CONFUSION_MATRIX not in output.files:
        return []
    path = output.path(CONFUSION_MATRIX)
    with (
        reading(path, "is no longer the matrix that Predict wrote; predict again."),
        path.open(encoding="utf-8-sig", newline="") as file,
    ):
        header, *rows = list(safe_reader(file))
        if header[1:] != list(labels) or [row[0] for row in rows] != list(labels):
            raise ValueError("other classes")
        return [[int(count) for count in row[1:]] for row in rows]
