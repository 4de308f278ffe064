"""Retrieve: what can be learnt from parsed cells, and whether a model knows the same labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.errors import DeepometryError
from deepometry.web.browse_tasks import Task
from deepometry.words import counted, joined, shortened

if TYPE_CHECKING:
    from deepometry.dataset import Dataset
    from deepometry.model import Description
    from deepometry.names import Target

_FAVOURITE = "class"


@dataclass(frozen=True)
class Bar:
    """A label with its cells, and its share of the largest one in percent."""

    label: str
    cells: int
    share: float


@dataclass(frozen=True)
class Choice:
    """A target as the page shows it."""

    name: str
    told: str
    bars: tuple[Bar, ...]
    unlabelled: int


@dataclass(frozen=True)
class ModelNote:
    """What a model was trained on, and how the chosen cells fit.

    Attributes
    ----------
    told : str
        The model in words; blank if it cannot be read.
    target : str
        What it tells apart.
    labels : tuple of str
        Its labels, in the order of its outputs.
    state : str
        "good", "warn" or "bad".
    fit : str
        How the cells fit, in a sentence.
    """

    told: str
    target: str
    labels: tuple[str, ...]
    state: str
    fit: str


@dataclass(frozen=True)
class Retrieved:
    """What Retrieve found.

    Attributes
    ----------
    head : str
        The cells in words.
    choices : tuple of Choice
        What can be learnt.
    suggested : str
        The target to begin with; blank where none stands out.
    model : ModelNote or None
        None if no model was asked about.
    """

    head: str
    choices: tuple[Choice, ...]
    suggested: str
    model: ModelNote | None


def retrieve(path: Path, model: Path | None, task: Task) -> Retrieved:
    """Find out what can be learnt from, or predicted of, the parsed cells in a folder.

    Parameters
    ----------
    path : Path
        Folder of parsed cells.
    model : Path or None
        Model file, or the folder of one, to hold beside it.
    task : Task
        Told about the search; may be cancelled.

    Raises
    ------
    DeepometryError
        There are no parsed cells.
    Cancelled
        When asked to stop.
    """
    task.progress.report(0, 0, "Looking for parsed cells")
    from deepometry.dataset import open_dataset

    dataset = open_dataset(path, task.progress)
    found = dataset.targets()
    note = _model_note(model, dataset, found) if model is not None else None
    choices = tuple(map(_choice, found))
    return Retrieved(_head(dataset), choices, _suggested(found, note), note)


def _head(dataset: Dataset) -> str:
    numbers = dataset.channels
    channels = f"channel{'s' * (len(numbers) != 1)} {joined(numbers)}" if numbers else ""
    parts = [counted(len(dataset), "cell"), channels, f"frame {dataset.frame}"]
    sides = sorted(side for side in dataset.sides if side)
    return ", ".join(filter(None, [*parts, " and ".join(sides)]))


def _choice(target: Target) -> Choice:
    most = max(target.labels.values(), default=1)
    bars = tuple(Bar(label, n, 100 * n / most) for label, n in target.labels.items())
    told = f"{target.name} ({counted(len(bars), 'label')}, {counted(target.cells, 'cell')})"
    return Choice(target.name, told, bars, target.unlabelled)


def _suggested(found: Sequence[Target], note: ModelNote | None) -> str:
    names = [target.name for target in found]
    wanted = (note.target.casefold() if note else "", _FAVOURITE)
    for name in (name for want in wanted if want for name in names if name.casefold() == want):
        return name
    return names[0] if len(names) == 1 else ""


def _model_note(location: Path, dataset: Dataset, found: Sequence[Target]) -> ModelNote:
    from deepometry.model import find_model, read_description

    try:
        path = find_model(location)
        model = read_description(path)
    except DeepometryError as error:
        return ModelNote("", "", (), "bad", str(error))
    told = f"{path.name}: {model.target}, {counted(len(model.labels), 'label')}"
    try:
        model.columns(dataset, path)
    except DeepometryError as error:
        return ModelNote(told, model.target, model.labels, "bad", str(error))
    state, fit = _fit(model, dataset, found)
    return ModelNote(told, model.target, model.labels, state, fit)


def _fit(model: Description, dataset: Dataset, found: Sequence[Target]) -> tuple[str, str]:
    """Compare the labels of the model with those of the folders."""
    same = next((t for t in found if t.name.casefold() == model.target.casefold()), None)
    present = set(same.labels) if same else {n for n in dataset.labels(model.target) if n}
    if not present:
        text = f"The folders of these cells name no {model.target}: tick “Unannotated data?”."
        return "warn", text
    if strange := sorted(present - set(model.labels)):
        return "warn", (
            f"The cells have {counted(len(strange), 'label')} of {model.target} that the model "
            f"does not know: {shortened(strange)}."
        )
    absent = [label for label in model.labels if label not in present]
    if absent:
        return "good", f"The model knows every {model.target} here; none of: {shortened(absent)}."
    return "good", f"The cells have the same {counted(len(model.labels), 'label')}."
