"""What an evaluation found, beside the confusion matrix: scores with intervals, plots, report."""

from __future__ import annotations

import math
from typing import Any

from deepometry.core.result_files import (
    AGAINST_TRUE_PLOT,
    BASELINE_PREFIX,
    CURVES_PLOT,
    DIFFERENCES_PLOT,
    EVALUATION_RECORD,
    GRADCAM_SHEET,
    INSIDE_SHEET,
    MISTAKES_SHEET,
    MISTAKES_TABLE,
    NOVEL_SHEET,
    OUTSIDE_SHEET,
    RELIABILITY_PLOT,
    REPORT_PAGE,
    SAMPLES_PLOT,
    UNSURE_PLOT,
)
from deepometry.core.run_records import read_json
from deepometry.core.spreadsheet import safe_records
from deepometry.web.results.output import Output, Unknown, reading

# No script, no address, nothing but what stands in the file itself
REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox"
)
PLOTS = {
    f"{CURVES_PLOT}.png": "ROC and precision-recall curves of every class against all others",
    f"{RELIABILITY_PLOT}.png": "Reliability diagram: accuracy against the predicted probability",
    f"{UNSURE_PLOT}.png": "Accuracy of the labels against the share of cells that get one",
    f"{SAMPLES_PLOT}.png": "Share of every predicted class in every sample",
    f"{AGAINST_TRUE_PLOT}.png": "Predicted against true numbers of all cells",
    f"{BASELINE_PREFIX}{AGAINST_TRUE_PLOT}.png": "Predicted against true numbers of all cells",
    MISTAKES_SHEET: "The errors with the highest predicted probability, with their images",
    NOVEL_SHEET: "The most novel cells: least like those that the model learnt from",
    DIFFERENCES_PLOT: "Which groups look different, and in what",
    GRADCAM_SHEET: "Heat maps of cells, a row a cell",
    OUTSIDE_SHEET: "Cells that are gated out, a row a cell",
    INSIDE_SHEET: "Cells that are not gated out, a row a cell",
}
_SHOWN = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "kappa",
    "quadratic_kappa",
    "mae_steps",
    "mcc",
    "roc_area",
    "average_precision",
    "calibration_error",
    "brier",
    "mae",
    "rmse",
    "r2",
    "pearson",
    "spearman",
    "bias",
    "coverage",
)
_SURE = 12  # mistakes whose heat maps are offered


def evaluation_of(output: Output) -> dict[str, Any]:
    """Collect what the page shows of an evaluation; little for cells without true labels.

    Raises
    ------
    DeepometryError
        Its record is not there any more, or damaged.
    """
    record = read_json(output.path(EVALUATION_RECORD)) if EVALUATION_RECORD in output.files else {}
    values = {(s["name"], s["label"]): s for s in record.get("scores", [])}
    names = [name for name in _SHOWN if (name, "") in values]
    withheld = record.get("unsure_below") is not None
    recalls = {label: _in_percent(s) for (name, label), s in values.items() if name == "recall"}
    return {
        "scores": [_score_row(values[name, ""]) for name in names],
        "recalls": recalls,  # their intervals
        "how": str(record.get("intervals", "")),
        "temperature": _number(record.get("temperature")),
        "error": _number(values.get(("calibration_error", ""), {}).get("value")),
        "error_before": _number(record.get("calibration_error_without_temperature")),
        "by_fold": record.get("temperature", 1) is None,  # every fold has its own
        "accuracy": _in_percent(values.get(("accuracy", ""), {})),  # its interval
        "share_labelled": _percent(record.get("share_labelled")) if withheld else "",
        "accuracy_labelled": _percent(record.get("accuracy_labelled")) if withheld else "",
        "plots": plots_of(output),
        "report": REPORT_PAGE in output.files,
        "mistakes": _most_confident(output),
    }


def plots_of(output: Output) -> dict[str, str]:
    """Return the names of the plots that a run wrote, and what they show."""
    return {name: text for name, text in PLOTS.items() if name in output.files}


def _score_row(score: dict[str, Any]) -> dict[str, str]:
    # not at the top: it loads NumPy, which would delay the first page
    from deepometry.evaluation.score_names import IN_UNITS, NAMES

    name, low, high = score["name"], score.get("low"), score.get("high")
    digits = ".4g" if name in IN_UNITS else ".3f"
    between = "" if low is None or high is None else f"{low:{digits}} to {high:{digits}}"
    return {"name": NAMES[name], "value": _number(score["value"], digits), "between": between}


def _in_percent(score: dict[str, Any]) -> str:
    low, high = score.get("low"), score.get("high")
    if low is None or high is None:
        return ""
    return f"{100 * low:.1f} to {100 * high:.1f}\N{NO-BREAK SPACE}%"


def _number(value: Any, digits: str = ".3f") -> str:
    missing = value is None or math.isnan(value)
    return "none" if missing else f"{value:{digits}}"


def _percent(share: Any) -> str:
    return "none" if share is None else f"{100 * share:.1f} %"


def _most_confident(output: Output) -> str:
    """Return the most confident errors as file:object, for their heat maps."""
    if MISTAKES_TABLE not in output.files:
        return ""
    path = output.path(MISTAKES_TABLE)
    with (
        reading(path, "is no longer the table that Predict wrote; predict again."),
        path.open(encoding="utf-8-sig", newline="") as file,
    ):
        rows = [f"{row['source']}:{row['object']}" for row in safe_records(file)]
    return "; ".join(rows[:_SURE])


def plot_of(output: Output, name: str) -> bytes:
    """Read a plot.

    Raises
    ------
    Unknown
        It is none of `PLOTS`, or the run has none.
    """
    if name not in PLOTS:
        raise Unknown(f"{name} is not a plot of this run.")
    return output.path(name).read_bytes()
