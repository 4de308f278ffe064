"""The files of an evaluation: tables, plots, a record, and one page with all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepometry.core.figure_style import save_plots
from deepometry.core.result_files import (
    AGAINST_TRUE_PLOT,
    CURVES_PLOT,
    CURVES_TABLE,
    EVALUATION_RECORD,
    MISTAKES_SHEET,
    MISTAKES_TABLE,
    NOVEL_SHEET,
    NOVEL_TABLE,
    RANGES_TABLE,
    RELIABILITY_PLOT,
    RELIABILITY_TABLE,
    SAMPLES_PLOT,
    SAMPLES_TABLE,
    SCORES_PLOT,
    SCORES_TABLE,
    UNSURE_PLOT,
    UNSURE_TABLE,
)
from deepometry.core.run_records import write_json
from deepometry.evaluation.confusion import write_table
from deepometry.evaluation.curves import curve_table
from deepometry.evaluation.evaluate import Evaluation
from deepometry.evaluation.evaluate_numbers import NumberEvaluation
from deepometry.evaluation.novel_cells import NovelCell, novel_sheet, novel_table
from deepometry.evaluation.number_plots import plot_against_true, plot_number_samples
from deepometry.evaluation.number_samples import NumberSample, number_sample_table
from deepometry.evaluation.plots import (
    plot_curves,
    plot_reliability,
    plot_samples,
    plot_scores,
    plot_trade_off,
)
from deepometry.evaluation.sample_composition import Sample, sample_table
from deepometry.evaluation.top_mistakes import (
    Mistake,
    mistake_sheet,
    mistake_table,
    number_mistake_table,
)


def write_evaluation(folder: Path, evaluation: Evaluation) -> dict[str, str]:
    """Write tables, plots and record of an evaluation; return the plots, for the report."""
    write_table(folder / SCORES_TABLE, evaluation.table())
    write_table(folder / CURVES_TABLE, curve_table(evaluation.curves))
    write_table(folder / RELIABILITY_TABLE, evaluation.reliability.table())
    write_table(folder / UNSURE_TABLE, evaluation.trade_off.table())
    write_json(folder / EVALUATION_RECORD, evaluation.plain())
    temperature = (evaluation.before, evaluation.temperature)
    plots = {
        SCORES_PLOT: plot_scores(evaluation.scores, evaluation.labels),
        RELIABILITY_PLOT: plot_reliability(evaluation.reliability, *temperature),
        UNSURE_PLOT: plot_trade_off(evaluation.trade_off, evaluation.threshold),
    }
    if evaluation.curves:
        plots[CURVES_PLOT] = plot_curves(evaluation.curves, evaluation.labels)
    return {name: save_plots(figure, folder, name) for name, figure in plots.items()}


def write_numbers(
    folder: Path, evaluation: NumberEvaluation, target: str, prefix: str = ""
) -> dict[str, str]:
    """Write tables, plot and record of predicted numbers; return the plot, for the report.

    `prefix` begins the name of every file.
    """
    write_table(folder / f"{prefix}{SCORES_TABLE}", evaluation.table())
    write_table(folder / f"{prefix}{RANGES_TABLE}", evaluation.range_table())
    write_json(folder / f"{prefix}{EVALUATION_RECORD}", evaluation.plain())
    figure, name = plot_against_true(evaluation, target), f"{prefix}{AGAINST_TRUE_PLOT}"
    return {name: save_plots(figure, folder, name)}


def write_number_samples(
    folder: Path, samples: Sequence[NumberSample], target: str, unit: str
) -> dict[str, str]:
    """Write the numbers of the samples as a table and a plot; return the plot, for the report."""
    write_table(folder / SAMPLES_TABLE, number_sample_table(samples))
    figure = plot_number_samples(samples, f"Predicted {target}", unit)
    return {SAMPLES_PLOT: save_plots(figure, folder, SAMPLES_PLOT)}


def write_samples(
    folder: Path, samples: Sequence[Sample], labels: Sequence[str], target: str, unsure: bool
) -> dict[str, str]:
    """Write the summary of the samples as a table and a plot; return the plot, for the report."""
    write_table(folder / SAMPLES_TABLE, sample_table(samples, labels, unsure))
    figure = plot_samples(samples, labels, f"Predicted {target}")
    return {SAMPLES_PLOT: save_plots(figure, folder, SAMPLES_PLOT)}


def write_mistakes(
    folder: Path, mistakes: Sequence[Mistake], channels: Sequence[str], numbers: bool = False
) -> None:
    """Write the worst errors, of classes or numbers, as a table and, if any, as a gallery."""
    table = number_mistake_table if numbers else mistake_table
    write_table(folder / MISTAKES_TABLE, table(mistakes))
    if mistakes:
        mistake_sheet(mistakes, channels, folder / MISTAKES_SHEET)


def write_novel(folder: Path, cells: Sequence[NovelCell], channels: Sequence[str]) -> None:
    """Write the most novel cells as a table and a gallery."""
    write_table(folder / NOVEL_TABLE, novel_table(cells))
    novel_sheet(cells, channels, folder / NOVEL_SHEET)
