"""A new prediction beside the last earlier one of the same cells, in its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.options.compare import CompareOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.core.result_files import PREDICTED_TABLE, REPORT_PAGE
from deepometry.evaluation.report.render import add_earlier
from deepometry.projects.compare import compare
from deepometry.projects.project import Project
from deepometry.projects.run import Run
from deepometry.projects.runs import list_runs


def compare_with_earlier(project: Project, output: Path, progress: Progress) -> None:
    """Add a comparison with the last comparable prediction of a project to a report.

    It is of the same parsed cells by the same target, and both have scores; without one, the
    report stays as it is. What hinders the comparison is said: the prediction itself is whole.
    """
    try:
        _compare(project, output, progress)
    except (DeepometryError, OSError, Cancelled) as error:
        progress.say(f"Not compared with an earlier prediction: {error}")


def _compare(project: Project, output: Path, progress: Progress) -> None:
    runs = [run for run in list_runs(project) if run.step == "predict"]
    own = next((run for run in runs if run.folder == output), None)
    if own is None or not (output / REPORT_PAGE).is_file():
        return
    earlier = next((run for run in runs if run.id < own.id and _is_comparable(run, own)), None)
    if earlier is None:
        return
    progress.say(f"Comparing with the earlier prediction {earlier.name}.")
    compared = compare(CompareOptions(runs=(earlier.folder, output)), progress).comparison
    if compared.scored and not compared.of_training:
        said = [compared.about, *compared.sentences, *compared.notes]
        add_earlier(output, (earlier.name, own.name), compared.scores_by_name, said)


def _is_comparable(earlier: Run, own: Run) -> bool:
    if not (earlier.folder / PREDICTED_TABLE).is_file() or earlier.inputs.get("input") is None:
        return False
    one, two = earlier.record(), own.record()
    return bool(one.get("scores") and two.get("scores")) and _cells(one) == _cells(two)


def _cells(record: Mapping[str, Any]) -> tuple[Any, ...]:
    options = record.get("options") or {}
    return record.get("target"), options.get("input")
