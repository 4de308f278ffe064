"""Results of a training: the learning curve, the best epoch, and the model with its classes."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.core.result_files import REPORT_PAGE, TRAINING_TABLE
from deepometry.core.task_names import MEASURES
from deepometry.web.jobs.job import Job
from deepometry.web.results.audit import option_rows
from deepometry.web.results.baseline import crossed_beside, scores_beside
from deepometry.web.results.cell_pictures import Channel
from deepometry.web.results.charts import Chart, Charts, Series
from deepometry.web.results.evaluation import evaluation_of
from deepometry.web.results.evaluation_charts import EVALUATION
from deepometry.web.results.groups import GROUPS_TAB, groups_chart, groups_in_words
from deepometry.web.results.main_scores import pair_facts, pair_sentence
from deepometry.web.results.numbers import of_numbers, unit_of
from deepometry.web.results.output import Output, reading
from deepometry.web.results.predict import evaluated_tabs, is_of_validation, prediction_of
from deepometry.web.results.tabs import Tab, written

if TYPE_CHECKING:
    from deepometry.cells.model_description import Description

_MEASURES = ("accuracy", "mae")
_MOST_POINTS = 2000
_PLACES = ("input", "output")


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a training show."""
    values: dict[str, Any] = {"training": _training(job, output), "crossed": None}
    values["number"] = of_numbers(output)
    record = output.record.get("cross_validation")
    if is_of_validation(output):
        return values | {"prediction": prediction_of(output)}
    if not record:
        return values
    crossed = {
        "group_by": record.get("group_by") or "",
        "each": record.get("each") or [],
        "scores": record.get("scores") or {},
        "baseline": crossed_beside(output),
        "groups": groups_in_words(output),
    }
    crossed |= _pairs(crossed, unit_of(output))
    return values | {
        "crossed": crossed,
        "prediction": prediction_of(output),
        "evaluation": evaluation_of(output),
    }


def _pairs(crossed: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Return the main scores of a cross-validation in words, of all cells and of every fold."""
    rows = [*crossed["each"], crossed["scores"]]
    return {
        "facts": pair_facts(crossed["scores"], unit=unit, kind="Cross-validated"),
        "pairs": [[value for _, value in pair_facts(row, unit=unit)] for row in rows],
        "names": [name for name, _ in pair_facts(crossed["scores"])],
        "beside": pair_sentence(crossed["baseline"], unit) if crossed["baseline"] else "",
    }


def _crossed(output: Output) -> bool:
    return bool(output.record.get("cross_validation"))


TABS = (
    Tab("learning-curve", "Learning curve", "results/training_curve.html", view),
    GROUPS_TAB,
    Tab("folds", "Folds", "results/folds.html", view, _crossed),
    *evaluated_tabs(view),
    Tab("training-cells", "Training cells", "results/training_cells.html", view),
    Tab("model", "Model", "results/model.html", view),
    Tab("report", "Report", "results/report.html", view, written(REPORT_PAGE)),
)


def _training(job: Job, output: Output) -> dict[str, Any]:
    """Collect what the page shows of a training, cross-validated or not.

    Raises
    ------
    DeepometryError
        The model or the table of its epochs is not there any more, or damaged.
    """
    from deepometry.cells.model_description import read_description
    from deepometry.evaluation.part_scores import by_part

    model = str(output.record.get("model", ""))
    description = read_description(_place(output, model))
    names = description.channel_names
    return {
        "model": model,
        "target": description.target,
        "classes": {label: int(n) for label, n in description.cells.items()},
        "about": description.about_outputs,
        "interval": _interval(description),
        "facts": pair_facts(description.scores, "val_", unit_of(output), "Validation"),
        "channels": [str(Channel(0, n, names.get(str(n), ""))) for n in description.channels or ()],
        "frame": description.frame,
        "gates": description.about_gates,
        "scores": description.scores,
        "about_views": description.about_views,
        "about_parts": by_part(parts, "validation")
        if (parts := description.combination.get("scores"))
        else "",
        "best_epoch": int(output.record.get("best_epoch", 0)),
        "epochs": len(read_history(output)["epoch"]),
        "wanted": int(output.option("epochs") or 0),
        "stopped": bool((job.result or {}).get("stopped")),
        "options": option_rows(output, _PLACES),
        "baseline": pair_sentence(scores_beside(output, description.fingerprint), unit_of(output)),
        "warnings": output.record.get("warnings") or [],
    }


def _interval(description: Description) -> str:
    """Return the interval of a predicted number in words; empty where there is none."""
    task = description.task
    return "" if task.half_width is None else f"± {task.half_width:.4g} {task.unit}".strip()


def _place(output: Output, name: str) -> Path:
    return output.path(name) if name in output.files else output.root / name


def read_history(output: Output) -> dict[str, list[float]]:
    """Read loss and measure of every epoch, of training and validation.

    Returns
    -------
    dict of str to list of float
        `epoch`, `loss` and `val_loss`; and the same of `accuracy`, or of `mae` of numbers.

    Raises
    ------
    DeepometryError
        The table is not there any more, or is another one.
    """
    path = _place(output, TRAINING_TABLE)
    with (
        reading(path, "is no longer the table that Train wrote; train again."),
        path.open(encoding="utf-8-sig", newline="") as file,
    ):
        rows = list(csv.DictReader(file))
        measure = next(name for name in _MEASURES if name in rows[0]) if rows else _MEASURES[0]
        names = ("epoch", "loss", "val_loss", measure, f"val_{measure}")
        return {name: [float(row[name]) for row in rows] for name in names}


def _epochs(output: Output, name: str) -> Chart:
    """Return a loss or a measure of every epoch; of very many epochs, of evenly spaced ones.

    The epoch that was kept is marked, with the reason: a whole cycle keeps its last one, whatever
    its loss.
    """
    history, best = read_history(output), int(output.record.get("best_epoch", 0))
    epochs = history["epoch"]
    step = max(1, -(-len(epochs) // _MOST_POINTS))
    shown = [n for n in range(len(epochs)) if n % step == 0 or epochs[n] in (best, epochs[-1])]
    series = [
        Series(
            label,
            [history[each][n] for n in shown],
            [epochs[n] for n in shown],
            colour=place,
            dashed=place == 1,
        )
        for place, (label, each) in enumerate((("Training", name), ("Validation", f"val_{name}")))
    ]
    title, shares = MEASURES.get(name, name).capitalize(), name == "accuracy"
    about = f"The dashed line marks epoch {best}, which was selected{_reason(history, best)}."
    return Chart(title, "Epoch", title, series, shares=shares, mark=best, about=about)


def _reason(history: Mapping[str, list[float]], best: int) -> str:
    """Say why an epoch was kept."""
    epochs, losses = history["epoch"], history["val_loss"]
    if epochs and epochs[losses.index(min(losses))] == best:
        return ", because its validation loss is the lowest"
    last = epochs and epochs[-1] == best
    why = ", because it is the final epoch, when the learning rate reaches zero"
    return why if last else ""


def _folds(output: Output) -> Chart:
    """Return the accuracy of every fold; of numbers, R2 and the correlation."""
    rows = (output.record.get("cross_validation") or {}).get("each") or []
    names = [f"Fold {row['fold']:.0f}" for row in rows]
    if of_numbers(output):
        r2, pearson = ([_defined(row[name]) for row in rows] for name in ("r2", "pearson"))
        bars = [Series("R2", r2), Series("Pearson correlation", pearson, colour=1)]
        return Chart("R2 of each fold", "Fold", "", bars, names)
    series = [
        Series(label, [float(row[key]) for row in rows], colour=place)
        for place, (label, key) in enumerate(
            (("Accuracy", "accuracy"), ("Balanced accuracy", "balanced_accuracy"))
        )
    ]
    return Chart("Accuracy of each fold", "Fold", "Accuracy", series, names, shares=True)


def _defined(score: float | None) -> float:
    return math.nan if score is None else float(score)


CHARTS: Charts = {
    "loss": partial(_epochs, name="loss"),
    "accuracy": partial(_epochs, name="accuracy"),
    "mae": partial(_epochs, name="mae"),
    "folds": _folds,
    "groups": groups_chart,
    **EVALUATION,
}
