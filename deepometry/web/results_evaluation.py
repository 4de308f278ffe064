"""What an evaluation found, beside the confusion matrix: scores with intervals, plots, report."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import Any

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.files import read_json
from deepometry.web.results_output import Output, Unknown

RECORD, REPORT, MISTAKES = "evaluation.json", "report.html", "mistakes.csv"
# No script, no address, nothing but what stands in the file itself
REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox"
)
PLOTS = {
    "curves.png": "ROC and precision-recall curves of every class against all others",
    "reliability.png": "Reliability diagram: accuracy against the probability of the class named",
    "unsure_tradeoff.png": "Accuracy of the labels kept against the share of cells that keep one",
    "sample_summary.png": "Share of every predicted class in every sample",
    "mistakes.png": "The mistakes that the model was surest of, with their pictures",
    "gradcam.png": "Heat maps of cells, a row a cell",
}
_SHOWN = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "kappa",
    "mcc",
    "roc_area",
    "average_precision",
    "calibration_error",
    "brier",
)
_SURE = 12  # mistakes whose heat maps are offered


@dataclass(frozen=True)
class Told:
    """A score in words.

    Attributes
    ----------
    name, value, between : str
        `between` is empty where the score has no interval.
    """

    name: str
    value: str
    between: str


@dataclass(frozen=True)
class Found:
    """What the page tells of an evaluation.

    Attributes
    ----------
    scores : list of Told
        Of all cells.
    recalls : dict of str to str
        Interval of the recall of every class.
    how : str
        What the intervals are.
    temperature, error, error_before : str
        Of the calibration.
    by_fold : bool
        Whether every fold had a temperature of its own, so that there is no error before it.
    accuracy : str
        Interval of the accuracy in percent; empty where there is none.
    share_labelled, accuracy_labelled : str
        In percent, where labels may be withheld; else empty.
    plots : dict of str to str
        File names of the plots that are there, and what they show.
    report : bool
        Whether there is a report.
    mistakes : str
        The surest mistakes as file:object, for their heat maps.
    """

    scores: list[Told]
    recalls: dict[str, str]
    how: str
    temperature: str
    error: str
    error_before: str
    by_fold: bool
    accuracy: str
    share_labelled: str
    accuracy_labelled: str
    plots: dict[str, str]
    report: bool
    mistakes: str


def evaluation_of(output: Output) -> Found:
    """Gather what the page tells of an evaluation; little for cells without true labels.

    Raises
    ------
    DeepometryError
        Its record is not there any more, or damaged.
    """
    record = read_json(output.path(RECORD)) if RECORD in output.files else {}
    known = {(s["name"], s["label"]): s for s in record.get("scores", [])}
    names = [name for name in _SHOWN if (name, "") in known]
    withheld = record.get("unsure_below") is not None
    return Found(
        scores=[_told(known[name, ""]) for name in names],
        recalls={label: _between(s) for (name, label), s in known.items() if name == "recall"},
        how=str(record.get("intervals", "")),
        temperature=_number(record.get("temperature")),
        error=_number(known.get(("calibration_error", ""), {}).get("value")),
        error_before=_number(record.get("calibration_error_without_temperature")),
        by_fold=record.get("temperature", 1) is None,
        accuracy=_in_percent(known.get(("accuracy", ""), {})),
        share_labelled=_percent(record.get("share_labelled")) if withheld else "",
        accuracy_labelled=_percent(record.get("accuracy_labelled")) if withheld else "",
        plots={name: text for name, text in PLOTS.items() if name in output.files},
        report=REPORT in output.files,
        mistakes=_surest(output),
    )


def _told(score: dict[str, Any]) -> Told:
    # not at the top: it loads NumPy, which would delay the first page
    from deepometry.evaluation.scores import NAMES

    return Told(NAMES[score["name"]], _number(score["value"]), _between(score))


def _between(score: dict[str, Any]) -> str:
    low, high = score.get("low"), score.get("high")
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _in_percent(score: dict[str, Any]) -> str:
    low, high = score.get("low"), score.get("high")
    if low is None or high is None:
        return ""
    return f"{100 * low:.1f} to {100 * high:.1f}\N{NO-BREAK SPACE}%"


def _number(value: Any) -> str:
    missing = value is None or math.isnan(value)
    return "none" if missing else f"{value:.3f}"


def _percent(share: Any) -> str:
    return "none" if share is None else f"{100 * share:.1f} %"


def _surest(output: Output) -> str:
    """Name the surest mistakes, as the heat maps want them."""
    if MISTAKES not in output.files:
        return ""
    path = output.path(MISTAKES)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [f"{row['source']}:{row['object']}" for row in csv.DictReader(file)]
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (KeyError, ValueError, csv.Error) as error:
        raise DeepometryError(f"{path} is not the table that Predict wrote any more.") from error
    return "; ".join(rows[:_SURE])


def plot_of(output: Output, name: str) -> bytes:
    """Read a plot.

    Raises
    ------
    Unknown
        It is none of `PLOTS`, or the run has none.
    """
    if name not in PLOTS:
        raise Unknown(f"{name} is no plot of this run.")
    return output.path(name).read_bytes()
