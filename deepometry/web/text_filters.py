"""Filters of the templates: numbers, times, paths and states as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import PurePath
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

from deepometry.core.options.fields import flag_of, settings
from deepometry.core.steps import STEPS
from deepometry.core.text import filesize
from deepometry.web.glossary_terms import explained, terms
from deepometry.web.jobs.time_left import in_words

TITLES = {name: step.title for name, step in STEPS.items()}
STATES = {
    "queued": "Waiting",
    "running": "Running",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "lost": "Interrupted",
    "asking": "Needs your answer",
}
UNFINISHED = ("queued", "running")
_LONGEST_PATH = 40  # characters


def register(app: Flask) -> None:
    """Add all filters and tables of texts to the templates of `app`."""
    for each in _FILTERS:
        app.add_template_filter(each)
    app.jinja_env.globals.update(TITLES=TITLES, STATES=STATES, UNFINISHED=UNFINISHED)


def labelled(text: str, verb: str = "") -> str:
    """Replace options in a message by their labels in a form: "--frame" by “Frame size”.

    Labels of the step itself come first, then those of the other steps; what has no label stays.
    """
    labels = {**_labels(), **_labels_of(verb)} if verb in STEPS else _labels()
    return re.sub(
        r"(?<![\w/\\-])--([a-z]+(?:-[a-z]+)*)",
        lambda flag: f"“{labels[flag[1]]}”" if flag[1] in labels else flag[0],
        text,
    )


@cache
def _labels() -> dict[str, str]:
    jobs = [name for name, step in STEPS.items() if step.job]
    return {flag: label for verb in reversed(jobs) for flag, label in _labels_of(verb).items()}


@cache
def _labels_of(verb: str) -> dict[str, str]:
    return {flag_of(n): setting.label for n, (setting, _) in settings(STEPS[verb].options).items()}


def duration(seconds: float | None) -> str:
    """Write a duration with its two largest units: "3 min 20 s"."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 24 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def moment(timestamp: float | None) -> str:
    """Write a time, local: "14:03" today, else "2025-03-01 14:03"."""
    if timestamp is None:
        return ""
    then = datetime.fromtimestamp(timestamp)
    today = then.date() == datetime.now().date()
    return f"{then:%H:%M}" if today else f"{then:%Y-%m-%d %H:%M}"


def breakable(name: str) -> Markup:
    """Allow a line break after each part of a long name."""
    return Markup(escape(name).replace("_", Markup("_<wbr>")))


def thousands(number: float) -> str:
    """Write a whole number with separators: 12,345."""
    return f"{int(number):,}"


def ending(path: PurePath, longest: int = _LONGEST_PATH) -> str:
    """Write a path so that it fits into a line; of a long one the end, where paths differ."""
    if len(str(path)) <= longest:
        return str(path)
    end, *above = reversed(path.parts)
    for name in above:
        if len(end) + len(name) > longest:
            break
        end = str(PurePath(name, end))
    return str(PurePath("…", end))


_FILTERS: tuple[Callable[..., Any], ...] = (
    breakable,
    duration,
    ending,
    explained,
    filesize,
    in_words,
    labelled,
    moment,
    terms,
    thousands,
)
