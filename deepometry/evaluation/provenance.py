"""How results came about: options, commands, versions, the model and what to beware of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.baseline_model import is_baseline
from deepometry.dataset import Dataset
from deepometry.errors import DeepometryError
from deepometry.files import own_record, provenance
from deepometry.inference import Inference
from deepometry.model import Description
from deepometry.names import PARSE_RECORD
from deepometry.options import PredictOptions, settings
from deepometry.words import joined

_MODEL_RECORDS = {"train": "train.json", "baseline": "baseline.json"}


Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Made:
    """How results came about.

    Attributes
    ----------
    told : dict of str to list of (str, str)
        Names and values below a title: options of the step, and facts of the model or the cells.
    commands : list of str
        That do the same, as far as they are known.
    versions : dict of str to str
    written : str
        When, in UTC.
    caveats : list of str
        What makes the scores, or the model's validation, say less than they seem to.
    comparison : mapping
        Network and classical features on the same validation cells; empty where there is none.
    """

    told: dict[str, Pairs]
    commands: list[str]
    versions: dict[str, str]
    written: str
    caveats: list[str]
    comparison: Mapping[str, Any]


def made(options: PredictOptions, inference: Inference, dataset: Dataset) -> Made:
    """Gather how predictions came about.

    Parameters
    ----------
    options : PredictOptions
    inference : Inference
        The model.
    dataset : Dataset
        The cells.
    """
    record = provenance("predict", options)
    description, path = inference.description, inference.path
    step = str(description.record.get("step", "train"))
    beside = own_record(path.parent / _MODEL_RECORDS.get(step, "train.json"), step)
    known = beside.get("model") == path.name
    asked = told_options(type(options), record["options"])
    return made_by(
        record,
        {"Prediction": asked, "Model": _model(inference)},
        commands_of(options, dataset, description.record),
        beside.get("caveats") or [] if known else [],
        _comparison(inference),
    )


def made_by(
    record: Mapping[str, Any],
    told: dict[str, Pairs],
    commands: list[str],
    caveats: Sequence[str],
    comparison: Mapping[str, Any] | None = None,
) -> Made:
    """Gather how results came about.

    Parameters
    ----------
    record : dict
        As `provenance` gives it.
    told, commands, caveats, comparison
        See `Made`.
    """
    return Made(
        told=told,
        commands=commands,
        versions={"deepometry": record["deepometry"], **record["versions"]},
        written=record["written"].replace("T", " ").replace("+00:00", " UTC"),
        caveats=[str(each) for each in caveats],
        comparison=comparison or {},
    )


def told_options(kind: type, values: Mapping[str, Any]) -> Pairs:
    """Give options as their users know them.

    Parameters
    ----------
    kind : type
        Class of the options.
    values : dict
        By name, as records have them; others than options are left out.
    """
    known = settings(kind)
    return [(known[name][0].label, _text(v)) for name, v in values.items() if name in known]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return joined(value)
    return "not given" if value is None else str(value)


def _model(inference: Inference) -> Pairs:
    description = inference.description
    channels = joined(description.channels) if description.channels else str(description.depth)
    scores = description.scores
    facts = {
        "File": inference.path.name,
        "Network": description.network,
        "Classes": ", ".join(description.labels),
        "Channels": channels,
        "Frame": f"{description.frame} pixels",
        "Intensity scaling": description.scaling,
        "Cells of training and validation": f"{sum(description.cells.values()):,}",
        "Views averaged": str(inference.views),
        "Temperature": f"{description.temperature:.3f}",
        "Fingerprint of the cells": description.fingerprint,
    }
    for name, label in _VALIDATED.items():
        if name in scores:
            facts[label] = f"{scores[name]:.3f}"
    return list(facts.items())


_VALIDATED = {
    "val_accuracy": "Validation accuracy",
    "val_balanced_accuracy": "Validation balanced accuracy",
    "val_calibration_error": "Validation calibration error",
    "val_calibration_error_before": "The same without temperature",
}


def training_options(description: Description) -> Pairs:
    """Give the options that a model was trained with, as far as it tells them."""
    # not at the top: the steps of the page know the class of the options of every step
    from deepometry.web.verbs import VERBS

    record = description.record
    step, values = str(record.get("step", "train")), record.get("options") or {}
    return told_options(VERBS[step].options, values) if step in VERBS else []


def commands_of(options: object, dataset: Dataset, *records: Mapping[str, Any]) -> list[str]:
    """Give the command lines of a step and those before it, as far as records tell them.

    Parameters
    ----------
    options : dataclass instance
        Of the step.
    dataset : Dataset
        The cells: the parse that they came from is the first.
    *records : dict
        Of steps between the two.
    """
    from deepometry.web.verbs import command_line

    earlier = [_parse_record(dataset), *records]
    lines = [_command(record) for record in earlier]
    return [line for line in lines if line] + [command_line(options)]


def _command(record: Mapping[str, Any]) -> str:
    from deepometry.web.verbs import VERBS, command_line, restored

    verb, values = VERBS.get(str(record.get("step"))), record.get("options") or {}
    if verb is None:
        return ""
    known = settings(verb.options)
    try:
        return command_line(restored(verb, {n: v for n, v in values.items() if n in known}))
    except (DeepometryError, TypeError):
        return ""  # of a version with other options


def _parse_record(dataset: Dataset) -> dict[str, Any]:
    """Find the record of the parse that the cells came from."""
    folder = dataset.parts[0].stored.path.parent
    for place in [folder, *folder.parents]:
        if found := own_record(place / PARSE_RECORD, "parse"):
            return found
    return {}


def _comparison(inference: Inference) -> Mapping[str, Any]:
    """Find what a baseline of the same cells beside the model tells."""
    path: Path = inference.path
    record = own_record(path.parent / _MODEL_RECORDS["baseline"], "baseline")
    same = record.get("fingerprint") == inference.description.fingerprint
    if not same or is_baseline(path):
        return {}
    return record.get("comparison") or {}
