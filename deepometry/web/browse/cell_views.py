"""Blueprint `browse`: Retrieve, the histogram of a stain, and scalings of parsed cells."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, request

from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import whole
from deepometry.core.options.scalings import ScalingsOptions
from deepometry.web.browse.answers import answer, ask, blueprint
from deepometry.web.browse.places import read_path
from deepometry.web.browse.retrieve import retrieve
from deepometry.web.browse.scaling_preview import scaling_preview
from deepometry.web.browse.stain_histogram import stain_histogram

_KEEP = 60.0  # seconds for which an answer holds
_channel = whole(1, 9999)


@blueprint.get("/retrieve")
def targets() -> Response:
    """What can be learnt from parsed cells; for prediction, what the model was trained on."""
    form = "predict" if request.args.get("form") == "predict" else "train"
    text = request.args.get("path") or request.args.get("input", "")
    model = request.args.get("model", "").strip() if form == "predict" else ""
    asked = {"form": form, "path": text, "model": model}
    try:
        path, beside = read_path(text), read_path(model) if model else None
    except DeepometryError as error:
        blank = "Input location: fill it in first, then press Retrieve."
        return answer("browse/retrieve.html", error=str(error) if text.strip() else blank, **asked)
    keep = _KEEP if "poll" in request.args else 0.0
    work = partial(retrieve, path, beside)
    task = ask(("retrieve", path, beside), work, keep, f"retrieve {form}")
    return answer(
        "browse/retrieve.html",
        error=task.error,
        found=task.found if task.over else None,
        reported=task.reported,
        **asked,
    )


@blueprint.post("/retrieve/remove")
def remove() -> Response:
    """Take labels away from parsed cells, and show what can be learnt then."""
    form, text = request.form.get("form", ""), request.form.get("path", "")
    shown: dict[str, Any] = {"form": form, "path": text, "model": "", "found": None}
    try:
        path = read_path(text, whole=True)
        from deepometry.cells.labels.remove import remove_labels

        remove_labels(path, request.form.get("name", ""))
    except DeepometryError as error:
        return answer("browse/retrieve.html", error=str(error), **shown)
    task = ask(("retrieve", path, None), partial(retrieve, path, None), 0.0, f"retrieve {form}")
    shown["found"] = task.found if task.over else None
    return answer("browse/retrieve.html", error=task.error, reported=task.reported, **shown)


@blueprint.get("/stain")
def histogram() -> Response:
    """The intensities of a channel, on which thresholds are set."""
    asked = {name: request.args.get(name, "").strip() for name in ("path", "channel")}
    try:
        if not asked["path"] or not asked["channel"]:
            raise DeepometryError("Fill in Input location and Channel first, then press Histogram.")
        path, channel = read_path(asked["path"]), _channel(asked["channel"])
    except ValueError as error:
        return answer("browse/stain.html", error=str(error), **asked)
    work = partial(stain_histogram, path, channel)
    task = ask(("stain", path, channel), work, _KEEP if "poll" in request.args else 0.0)
    found = task.found if task.over else None
    return answer(
        "browse/stain.html", error=task.error, found=found, reported=task.reported, **asked
    )


@blueprint.get("/scalings")
def scalings() -> Response:
    """What each intensity scaling makes of some cells."""
    names = ("input", "target", "channels")
    asked = {name: request.args.get(name, "").strip() for name in names}
    shown: dict[str, Any] = {"asked": asked, "found": None, "reported": None}
    try:
        if not asked["input"]:
            raise DeepometryError("Input location: fill it in first, then press Preview.")
        values: dict[str, Any] = asked | {"input": read_path(asked["input"])}
        options = ScalingsOptions(**values)
    except DeepometryError as error:
        return answer("browse/scalings.html", error=str(error), **shown)
    key = ("scalings", options.input, options.target, options.channels)
    task = ask(key, partial(scaling_preview, options), _KEEP if "poll" in request.args else 0.0)
    shown |= {"found": task.found if task.over else None, "reported": task.reported}
    return answer("browse/scalings.html", error=task.error, **shown)
