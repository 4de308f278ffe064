"""The files of an evaluation: tables, plots, a record, and one page with all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.evaluation.curves import curve_table
from deepometry.evaluation.drawing import save_plots
from deepometry.evaluation.evaluate import Evaluation
from deepometry.evaluation.mistakes import Mistake, mistake_sheet, mistake_table
from deepometry.evaluation.plots import (
    plot_curves,
    plot_reliability,
    plot_samples,
    plot_scores,
    plot_trade_off,
)
from deepometry.evaluation.samples import Sample, sample_table
from deepometry.files import write_json
from deepometry.report import write_table

if TYPE_CHECKING:
    from deepometry.model import Description

RECORD, SAMPLES, SAMPLES_PLOT = "evaluation.json", "sample_summary.csv", "sample_summary"
SCORES, MISTAKES, CURVES = "scores.csv", "mistakes.csv", "curves.csv"
RELIABILITY, TRADE_OFF = "reliability.csv", "unsure_tradeoff.csv"


def write_evaluation(folder: Path, found: Evaluation) -> dict[str, str]:
    """Write tables, plots and record of an evaluation.

    Returns
    -------
    dict of str to str
        The plots, for the report.
    """
    write_table(folder / SCORES, found.table())
    write_table(folder / CURVES, curve_table(found.curves))
    write_table(folder / RELIABILITY, found.reliability.table())
    write_table(folder / TRADE_OFF, found.trade_off.table())
    write_json(folder / RECORD, found.plain())
    temperature = (found.before, found.temperature)
    plots = {
        "scores": plot_scores(found.scores, found.labels),
        "reliability": plot_reliability(found.reliability, *temperature),
        "unsure_tradeoff": plot_trade_off(found.trade_off, found.threshold),
    }
    if found.curves:
        plots["curves"] = plot_curves(found.curves, found.labels)
    return {name: save_plots(figure, folder, name) for name, figure in plots.items()}


def write_samples(
    folder: Path, samples: Sequence[Sample], labels: Sequence[str], target: str, unsure: bool
) -> dict[str, str]:
    """Write the summary of the samples as a table and a plot.

    Returns
    -------
    dict of str to str
        The plot, for the report.
    """
    write_table(folder / SAMPLES, sample_table(samples, labels, unsure))
    figure = plot_samples(samples, labels, f"Predicted {target}")
    return {SAMPLES_PLOT: save_plots(figure, folder, SAMPLES_PLOT)}


def write_mistakes(folder: Path, found: Sequence[Mistake], description: Description) -> None:
    """Write the surest mistakes as a table and, where there are any, as a gallery."""
    write_table(folder / MISTAKES, mistake_table(found))
    if found:
        mistake_sheet(found, channel_names(description), folder / "mistakes.png")


def channel_names(description: Description) -> list[str]:
    """Name the channels of a model, such as `Ch3 Brightfield`."""
    from deepometry.info_text import own_name

    numbers = description.channels or tuple(range(1, description.depth + 1))
    names: Any = description.channel_names
    return [f"Ch{n} {own_name(n, [names.get(str(n), '')])}".strip() for n in numbers]
