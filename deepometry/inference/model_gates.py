"""The gates that a model learnt under, beside those of the cells that it is to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deepometry.cells.dataset import Dataset
from deepometry.cells.gate_like import lacking
from deepometry.cells.gates.gate import Limit
from deepometry.core.progress import Progress
from deepometry.inference.run import Inference


def with_gates(
    inference: Inference, dataset: Dataset, cells: Path, progress: Progress
) -> Inference:
    """Warn where a model learnt from cells inside of gates that these cells do not have.

    `cells` is the folder of the parsed cells, for the command that gates them.
    """
    limits = lacking(inference.description.learnt_gates, dataset.gated_out.gates)
    if not limits:
        return inference
    advice = (
        "these cells have no gate of that kind. The model has never seen what lies outside. "
        f'deepometry gate "{cells}" OUTPUT --like "{inference.path}" applies it (on the page: '
        "Cleaning, with the model as Like)."
    )
    return warned(inference, f"{learnt_inside(limits)}; {advice}", progress)


def learnt_inside(limits: Sequence[Limit]) -> str:
    """Begin a sentence on the limits that a model learnt under."""
    return f"The model learnt from cells inside of {'; '.join(map(str, limits))}"


def warned(inference: Inference, sentence: str, progress: Progress) -> Inference:
    """Add a warning, the first of all, and report it."""
    progress.say(f"Warning: {sentence}")
    return replace(inference, warnings=(sentence, *inference.warnings))
