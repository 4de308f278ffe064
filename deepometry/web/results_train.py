"""What a training gave: the learning curve, the best epoch, and the model with its classes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.options import TrainOptions, settings
from deepometry.web.results_baseline import scores_beside
from deepometry.web.results_cells import Channel
from deepometry.web.results_output import Output

HISTORY = "training.csv"
CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")
_MOST_POINTS = 2000
_PLACES = ("input", "output")


@dataclass(frozen=True)
class Training:
    """What the page tells of a training.

    Attributes
    ----------
    model : str
        Name of the model file.
    target : str
    classes : dict of str to int
        Cells of each class, in the order of the model.
    channels : list of str
        As the model names them.
    frame : int
    scores : dict of str to float
        Of the epoch kept.
    best_epoch, epochs, wanted : int
        The epoch kept, how many there were, how many were asked for.
    stopped : bool
        Whether the user stopped it.
    options : list of (str, str)
        Label and value of each option.
    baseline : dict of str to float
        Scores of the classical features on the same validation cells, where they were measured.
    caveats : list of str
        What makes the scores say less than they seem to.
    """

    model: str
    target: str
    classes: dict[str, int]
    channels: list[str]
    frame: int
    scores: dict[str, float]
    best_epoch: int
    epochs: int
    wanted: int
    stopped: bool
    options: list[tuple[str, str]]
    baseline: dict[str, float]
    caveats: list[str]


def training_of(output: Output, stopped: bool) -> Training:
    """Gather what the page tells of a training.

    Raises
    ------
    DeepometryError
        The model or the table of its epochs is not there any more, or damaged.
    """
    from deepometry.model import read_description

    model = str(output.record.get("model", ""))
    said = read_description(output.path(model) if model in output.files else output.root / model)
    names = said.channel_names
    return Training(
        model=model,
        target=said.target,
        classes={label: int(said.cells.get(label, 0)) for label in said.labels},
        channels=[str(Channel(0, n, names.get(str(n), ""))) for n in said.channels or ()],
        frame=said.frame,
        scores={name: float(score) for name, score in said.scores.items()},
        best_epoch=int(output.record.get("best_epoch", 0)),
        epochs=len(read_history(output)["epoch"]),
        wanted=int(output.option("epochs") or 0),
        stopped=stopped,
        options=_told(output),
        baseline=scores_beside(output, said.fingerprint),
        caveats=[str(each) for each in output.record.get("caveats") or []],
    )


def _told(output: Output) -> list[tuple[str, str]]:
    options: dict[str, Any] = dict(output.record.get("options", {}))
    known = {name: setting.label for name, (setting, _) in settings(TrainOptions).items()}
    listed = [name for name in known if name in options and name not in _PLACES]
    return [(known[name], _in_words(options[name])) for name in listed]


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "all" if value is None else str(value)


def read_history(output: Output) -> dict[str, list[float]]:
    """Read loss and accuracy of every epoch.

    Returns
    -------
    dict of str to list of float
        `epoch` and `CURVES`.

    Raises
    ------
    DeepometryError
        The table is not there any more, or is another one.
    """
    path = output.path(HISTORY) if HISTORY in output.files else output.root / HISTORY
    try:
        return _history(path)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise DeepometryError(f"{path} is not the table that Train wrote any more.") from error


def _history(path: Path) -> dict[str, list[float]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in ("epoch", *CURVES)}


def curve(output: Output) -> dict[str, Any]:
    """Give the learning curve for drawing; of very many epochs, evenly spaced ones.

    Beside it stand the epoch that was kept, the last one, and whether the validation loss of the
    one kept is the lowest: a whole cycle keeps its last epoch, whatever its loss.
    """
    history, best = read_history(output), int(output.record.get("best_epoch", 0))
    epochs = history["epoch"]
    step = max(1, -(-len(epochs) // _MOST_POINTS))
    kept = [n for n in range(len(epochs)) if n % step == 0 or epochs[n] in (best, epochs[-1])]
    losses = history["val_loss"]
    lowest = bool(epochs) and epochs[losses.index(min(losses))] == best
    told = {"best": best, "last": int(epochs[-1]) if epochs else 0, "lowest": lowest}
    return told | {name: [row[n] for n in kept] for name, row in history.items()}
