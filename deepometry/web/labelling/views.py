"""The page on which cells are labelled by hand, and the one on which labels are begun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from deepometry.cells.hand_labels import open_hand_labels
from deepometry.cells.labels.hand_files import find_hand_labels, list_hand_labels
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import TRAIN
from deepometry.core.user_folders import user_name
from deepometry.web.labelling.opened import asked_home, home_of, prepare
from deepometry.web.labelling.orders import ORDERS
from deepometry.web.labelling.shown import FILTERS
from deepometry.web.results.shared import answer_error, is_here

blueprint = Blueprint("labelling", __name__, url_prefix="/labelling")
blueprint.register_error_handler(DeepometryError, answer_error)
blueprint.record_once(lambda state: prepare(state.app))

_FIRST = "Hand labels"


@blueprint.get("")
def show() -> str | AnyResponse:
    """Show the page of a set of labels, or offer those that there are."""
    home, name = asked_home(), request.args.get("name", "")
    if not name:
        return _offer(home)
    labels = find_hand_labels(home, name)
    return render_template(
        "labelling/labelling.html",
        home=home,
        name=labels.name,
        orders=ORDERS,
        filters=FILTERS,
        who=user_name() if is_here() else "",
    )


def _offer(home: Path, error: str = "") -> str:
    there = list_hand_labels(home)
    taken = {each.name.casefold() for each in there}
    number, free = 1, _FIRST
    while free.casefold() in taken:
        number += 1
        free = f"{_FIRST} {number}"
    entered = request.form
    values: dict[str, Any] = {"home": home, "there": there, "error": error}
    values["entered"] = {"name": entered.get("name", free), "classes": entered.get("classes", "")}
    return render_template("labelling/begin.html", **values)


@blueprint.post("")
def begin() -> str | AnyResponse:
    """Begin a set of labels with its first classes, and open its page."""
    home = home_of(request.form.get("cells", ""))
    try:
        labels = open_hand_labels(home, request.form.get("name", ""), make=True)
        known = {name.casefold() for name in labels.classes}
        for name in map(str.strip, request.form.get("classes", "").split(",")):
            if name and name.casefold() not in known:
                known.add(labels.add_class(name).name.casefold())
    except DeepometryError as error:
        return _offer(home, str(error))
    return redirect(url_for("labelling.show", cells=home, name=labels.name))


@blueprint.post("/train")
def train() -> AnyResponse:
    """Open the forms with these cells and this target entered in Train."""
    home = home_of(request.form.get("cells", ""))
    labels = find_hand_labels(home, request.form.get("name", ""))
    part = home / TRAIN
    cells = part if part.is_dir() else home
    session["entered"] = {"train": {"input": str(cells), "target": labels.name}}
    return redirect(url_for("pages.index", _anchor="step-train"))
