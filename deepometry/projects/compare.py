"""Runs side by side: scores with intervals, paired tests on the cells that they share."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from deepometry.core.earlier_results import earlier_results
from deepometry.core.files import staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.compare import CompareOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import COMPARISON_PLOT, record_of
from deepometry.core.run_records import provenance, write_json
from deepometry.core.text import table
from deepometry.evaluation.score_names import NAMES, score_text
from deepometry.projects.compare_cells import compare_cells, own_results
from deepometry.projects.compared_run import ComparedRun, open_runs, options_that_differ
from deepometry.projects.comparison import Comparison
from deepometry.projects.comparison_files import write_comparison, write_differing
from deepometry.projects.shared_cells import joined

_SHOWN = ("accuracy", "balanced_accuracy", "log_loss", "mae", "r2", "spearman")
_LONG = {"told": False}  # in files, not in the list of jobs


@dataclass(frozen=True)
class CompareResult(ShowsInNotebook):
    """The comparison of 2 to 8 predictions, classifications or trainings.

    Attributes
    ----------
    names : tuple of str
        The runs.
    comparison : Comparison
        Scores, tests, agreement and matrices.
    output : Path or None
        Folder of its files, if they were written.
    """

    names: tuple[str, ...]
    comparison: Comparison = field(repr=False, metadata=_LONG)
    output: Path | None = None

    def __str__(self) -> str:
        compared = self.comparison
        shown = [n for n in _SHOWN if any(n in each for each in compared.scores_by_name)]
        scores = [[NAMES.get(name, "Run") for name in ("", *shown)]]
        scores += [
            [run.name, *(score_text(each[n]) if n in each else "" for n in shown)]
            for run, each in zip(compared.runs, compared.scores_by_name, strict=True)
        ]
        told = table(scores, "<" * len(scores[0])) if any(compared.scores) else []
        lines = [compared.about, *told, *compared.sentences]
        lines += [f"Note: {note}" for note in compared.notes]
        lines += [f"Results: {self.output}"] if self.output else []
        return "\n".join(filter(None, lines))

    def notebook_view(self) -> NotebookView:
        """Show the scores of the runs, and what the tests say."""
        rows: dict[str, object] = {
            f"{NAMES[name]}, {run.name}": each[name]
            for name in _SHOWN
            for run, each in zip(self.comparison.runs, self.comparison.scores_by_name, strict=True)
            if name in each
        }
        notes = [*self.comparison.sentences, *self.comparison.notes]
        picture = self.output / f"{COMPARISON_PLOT}.png" if self.output else None
        return NotebookView(f"Comparison of {len(self.names)} runs", rows, notes, picture)


def compare(options: CompareOptions, progress: Progress | Report | None = None) -> CompareResult:
    """Compare predictions, classifications or trainings by the cells that they share.

    Parameters
    ----------
    options : CompareOptions
    progress : Progress or callable, optional
        Receives (done, total, text).

    Returns
    -------
    CompareResult
        Scores with 95 % intervals, and for every pair McNemar's test and paired bootstrap
        intervals of the differences, adjusted by Holm where there are several pairs. With an
        output folder `comparison.csv`, `paired_tests.csv`, `agreement.csv`,
        `confusion_matrices.csv`, `differing_cells.csv`, `comparison.json` and a plot lie there.

    Raises
    ------
    DeepometryError
        A run is not there or damaged, or they classify by different targets.
    """
    progress = as_progress(progress)
    earlier = earlier_results(options) if options.output else []
    runs = open_runs(options.runs, options.output)
    output = options.output
    with staged(output, earlier, progress.say) if output else nullcontext() as stage:
        comparison = _compared(runs, options, stage, progress)
        if stage:
            write_comparison(stage, comparison)
            facts = {"runs": [str(run.folder.absolute()) for run in runs]}
            facts |= {"files": sorted(path.name for path in stage.iterdir())}
            write_json(stage / record_of("compare"), provenance("compare", options) | facts)
    return CompareResult(tuple(run.name for run in runs), comparison, output)


def _compared(
    runs: list[ComparedRun], options: CompareOptions, stage: Path | None, progress: Progress
) -> Comparison:
    differ = options_that_differ(runs)
    with_cells = [place for place, run in enumerate(runs) if run.table]
    if len(with_cells) < 2:
        return own_results(runs, differ)
    with joined([runs[place] for place in with_cells], progress) as cells:
        comparison = compare_cells(runs, with_cells, cells, options.group_by, differ, progress)
        if stage:
            write_differing(stage, [runs[place] for place in with_cells], cells, progress)
    return comparison
