"""Whether a description in a model file can be true, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deepometry.core.folder_names import NUMBER
from deepometry.core.options.fields import AUTO, LARGEST_FRAME, SMALLEST_FRAME
from deepometry.core.options.train import NETWORKS, SCALINGS
from deepometry.core.task_names import KINDS, ORDERED

BASELINE = "baseline"
"""What the description of a baseline gives as its network."""

_LONGEST = 1000  # characters of a name
_MOST_CHANNELS, _HIGHEST_NUMBER = 1000, 100_000
_COLDEST, _HOTTEST = 0.01, 100  # temperatures; training gives 0.1 to 10
_LARGEST = 1e300
_PARTS = 2  # of a combined model
_SHOWN = 60
_NETWORKS = {*NETWORKS, BASELINE} - {AUTO}
_SCALINGS = {*SCALINGS} - {AUTO}


def wrong_in(content: Any) -> str:
    """Return in words what is wrong in the description of a model; empty where nothing is.

    `content` is what its JSON holds. Entries that are not known are left to later versions.
    """
    if not isinstance(content, dict):
        return f"a description that is {_shown(content)}"
    for name, (right, expected) in _CHECKS.items():
        if name not in content and name in _OPTIONAL:
            continue
        if name not in content:
            return f"a description without {name}"
        if not right(content[name], content):
            return f"a description whose {name} is {_shown(content[name])} (expected {expected})"
    return ""


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float) else f"{value}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and _is_text(value)


def _is_text(value: Any) -> bool:
    """Return whether it is a text that can be written, without halves of characters."""
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST
        and "\0" not in value
        and value.encode("utf-8", "replace").decode("utf-8") == value
    )


def _is_of_a_number(content: Mapping[str, Any]) -> bool:
    task = content.get("task")
    return isinstance(task, dict) and task.get("kind") == NUMBER


def _labels(value: Any, content: Mapping[str, Any]) -> bool:
    if _is_of_a_number(content):
        return bool(value == [])
    named = isinstance(value, list) and len(value) > 1 and all(map(_is_name, value))
    return named and len(set(value)) == len(value)


def _channels(value: Any, content: Mapping[str, Any]) -> bool:
    if value is None:
        return True
    numbers = isinstance(value, list) and all(_is_whole(n, 1, _HIGHEST_NUMBER) for n in value)
    return numbers and len(set(value)) == len(value) == content.get("depth")


def _texts(value: Any, content: Mapping[str, Any]) -> bool:
    return isinstance(value, dict) and all(
        key.isascii() and key.isdecimal() and _is_text(text) for key, text in value.items()
    )


def _counts(value: Any, content: Mapping[str, Any]) -> bool:
    ranges = _is_of_a_number(content)
    known = isinstance(value, dict) and (ranges or set(value) <= set(content["labels"]))
    return known and all(_is_text(k) and _is_whole(n, 0, 1 << 53) for k, n in value.items())


def _task(value: Any, content: Mapping[str, Any]) -> bool:
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        return False
    numbers = [value.get(name, 0) for name in ("mean", "lowest", "highest")]
    half_width = value.get("half_width")
    numbers += [value.get("deviation", 1), 0 if half_width is None else half_width]
    values = value.get("values", [])
    if not isinstance(values, list) or not all(map(_is_finite, [*numbers, *values])):
        return False
    wanted = len(content["labels"]) if value["kind"] == ORDERED else 0
    return (
        len(values) == wanted
        and values == sorted(values)
        and numbers[3] > 0
        and numbers[4] >= 0
        and _is_text(value.get("unit", ""))
        and _is_whole(value.get("residuals", 0), 0, 1 << 53)
    )


def _is_finite(value: Any) -> bool:
    return _is_number(value) and abs(value) <= _LARGEST


def _confusion(value: Any, content: Mapping[str, Any]) -> bool:
    if value == []:
        return True
    classes = len(content["labels"])
    rows = value if isinstance(value, list) and len(value) == classes else [None]
    return all(
        isinstance(row, list) and len(row) == classes and all(_is_whole(n, 0, 1 << 53) for n in row)
        for row in rows
    )


def _between(value: Any, content: Mapping[str, Any]) -> bool:
    if value == {}:
        return True
    wanted = {"by", "samples", "confusion", "precision", "effective", "held", "intervals"}
    if not isinstance(value, dict) or set(value) != wanted or not _is_name(value["by"]):
        return False
    cells, counts = value["effective"], (value["samples"], value["held"], value["intervals"])
    return (
        value["confusion"] != []
        and _confusion(value["confusion"], content)
        and all(_is_whole(n, 0, 1 << 53) for n in counts)
        and _is_finite(value["precision"])
        and value["precision"] > 0
        and isinstance(cells, list)
        and len(cells) == len(content["labels"])
        and all(_is_finite(each) and each >= 0 for each in cells)
    )


def _combination(value: Any, content: Mapping[str, Any]) -> bool:
    if value == {}:
        return True
    if not isinstance(value, dict):
        return False
    outputs = 1 if _is_of_a_number(content) else len(content["labels"])
    rows, temperatures = value.get("weights"), value.get("temperatures")
    if not isinstance(rows, list) or not isinstance(temperatures, list):
        return False
    if not len(rows) == len(temperatures) == _PARTS or not all(
        _is_number(each) and _COLDEST <= each <= _HOTTEST for each in temperatures
    ):
        return False
    return all(
        isinstance(row, list) and len(row) == outputs and all(map(_is_finite, row))
        for row in [*rows, value.get("bias")]
    )


def _gates(value: Any, content: Mapping[str, Any]) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and _is_name(each.get("name"))
        and _is_text(each.get("origin"))
        and isinstance(each.get("limits"), list)
        and all(map(_is_limit, each["limits"]))
        for each in value
    )


def _is_limit(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    ends = [value[end] for end in ("low", "high") if end in value]
    return bool(ends) and _is_name(value.get("feature")) and all(map(_is_finite, ends))


def _scores(value: Any, content: Mapping[str, Any]) -> bool:
    return isinstance(value, dict) and all(
        _is_number(each) and (each != each or abs(each) <= _LARGEST) for each in value.values()
    )


def _record(value: Any, content: Mapping[str, Any]) -> bool:
    parts = isinstance(value, dict) and isinstance(value.get("options", {}), dict)
    return parts and isinstance(value.get("step", ""), str)


Check = Callable[[Any, Mapping[str, Any]], bool]
_CHECKS: dict[str, tuple[Check, str]] = {
    "labels": (_labels, "two names or more, each once"),
    "target": (lambda value, _: _is_name(value), "a name"),
    "depth": (lambda value, _: _is_whole(value, 1, _MOST_CHANNELS), "the number of channels"),
    "channels": (_channels, "as many different channel numbers as depth says, or none"),
    "channel_names": (_texts, "names by channel number"),
    "frame": (
        lambda value, _: _is_whole(value, SMALLEST_FRAME, LARGEST_FRAME),
        f"a whole number from {SMALLEST_FRAME} to {LARGEST_FRAME}",
    ),
    "network": (
        lambda value, _: isinstance(value, str) and value in _NETWORKS,
        f"one of {', '.join(sorted(_NETWORKS))}",
    ),
    "scaling": (
        lambda value, _: isinstance(value, str) and value in _SCALINGS,
        f"one of {', '.join(sorted(_SCALINGS))}",
    ),
    "fingerprint": (
        lambda value, _: _is_text(value),
        "a text",
    ),
    "label_source": (lambda value, _: _is_text(value), "a text"),
    "cells": (_counts, "the number of cells of each label"),
    "task": (_task, "classes, ordered classes with their numbers, or a number with its scale"),
    "views": (lambda value, _: _is_whole(value, 1, 8) and value in (1, 8), "1 or 8"),
    "temperature": (
        lambda value, _: _is_number(value) and _COLDEST <= value <= _HOTTEST,
        f"a number from {_COLDEST} to {_HOTTEST}",
    ),
    "confusion": (_confusion, "a row and a column of counts for each label"),
    "between_samples": (_between, "the confusion in samples that the model never saw"),
    "combination": (_combination, "weights of both parts for each output, and their bias"),
    "gates": (_gates, "gates with their limits"),
    "scores": (_scores, "numbers by name"),
    "record": (_record, "options by name"),
}
_OPTIONAL = {
    "label_source",
    "task",
    "views",
    "temperature",
    "confusion",
    "between_samples",
    "combination",
    "gates",
    "scores",
    "record",
}
