"""Numbers, times and states in words, for the templates."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from pathlib import PurePath

from flask import Flask
from markupsafe import Markup, escape

from deepometry.options import flag_of, settings
from deepometry.web.companions import COMPANIONS
from deepometry.web.steps import STEPS
from deepometry.web.verbs import VERBS

TITLES = {verb: step.title for verb, step in STEPS.items()} | {"demo-data": "Example cells"}
TITLES |= {"export": "Export", "subset": "Set of cells"}
TITLES |= {verb: each.title for verb, each in COMPANIONS.items()}
STATES = {
    "queued": "Waiting",
    "running": "Running",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "lost": "Interrupted",
}
UNFINISHED = ("queued", "running")
_LONGEST_PATH = 40  # characters


def speak(app: Flask) -> None:
    """Give the templates of `app` the filters and tables of this module."""
    app.add_template_filter(breakable)
    app.add_template_filter(duration)
    app.add_template_filter(ending)
    app.add_template_filter(labelled)
    app.add_template_filter(moment)
    app.add_template_filter(thousands)
    app.jinja_env.globals.update(TITLES=TITLES, STATES=STATES, UNFINISHED=UNFINISHED)


def labelled(text: str, verb: str = "") -> str:
    """Name options in a message as the form of a step does: "--frame" is “Frame size” there.

    Labels of the step itself come first, then those of the other steps; what no form has stays.
    """
    known = {**_labels(), **_labels_of(verb)} if verb in VERBS else _labels()
    return re.sub(
        r"(?<![\w/\\-])--([a-z]+(?:-[a-z]+)*)",
        lambda found: f"“{known[found[1]]}”" if found[1] in known else found[0],
        text,
    )


@cache
def _labels() -> dict[str, str]:
    return {flag: label for verb in reversed(VERBS) for flag, label in _labels_of(verb).items()}


@cache
def _labels_of(verb: str) -> dict[str, str]:
    return {flag_of(n): setting.label for n, (setting, _) in settings(VERBS[verb].options).items()}


def duration(seconds: float | None) -> str:
    """Say how long something takes, as exactly as one wants to know: "3 min 20 s"."""
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
    """Say when something was, in the local time: "14:03" today, else "2025-03-01 14:03"."""
    if timestamp is None:
        return ""
    then = datetime.fromtimestamp(timestamp)
    today = then.date() == datetime.now().date()
    return f"{then:%H:%M}" if today else f"{then:%Y-%m-%d %H:%M}"


def breakable(name: str) -> Markup:
    """Let a long name go on in the next line after each part of it."""
    return Markup(escape(name).replace("_", Markup("_<wbr>")))


def thousands(number: float) -> str:
    """Write a whole number with separators: 12,345."""
    return f"{int(number):,}"


def ending(path: PurePath, longest: int = _LONGEST_PATH) -> str:
    """Write a path so that it fits into a line; of a long one the end, where paths differ."""
    if len(str(path)) <= longest:
        return str(path)
    kept, *above = reversed(path.parts)
    for name in above:
        if len(kept) + len(name) > longest:
            break
        kept = str(PurePath(name, kept))
    return str(PurePath("…", kept))
