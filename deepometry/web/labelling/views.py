"""The page on which cells are labelled by hand, and the one on which labels are begun."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import TRAIN
from deepometry.core.options.train import TrainOptions
from deepometry.core.safe_names import safe_name
from deepometry.core.steps import STEPS
from deepometry.core.user_folders import user_name
from deepometry.projects.new_run import propose
from deepometry.web.browse.places import read_path
from deepometry.web.labelling.opened import asked_home, home_of, prepare
from deepometry.web.labelling.orders import ORDERS
from deepometry.web.labelling.shown import FILTERS
from deepometry.web.projects import current
from deepometry.web.results.shared import answer_error, is_here

blueprint = Blueprint("labelling", __name__, url_prefix="/labelling")
blueprint.register_error_handler(DeepometryError, answer_error)
blueprint.record_once(lambda state: prepare(state.app))

_FIRST = "Hand labels"
_MOST_CLASSES = 30  # of a target, to be offered for labels by hand


@blueprint.get("")
def show() -> str | AnyResponse:
    """Show the page of a set of labels, or offer those that there are."""
    from deepometry.cells.labels.hand_files import find_hand_labels

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


def _offer(home: Path, error: str = "", note: str = "") -> str:
    from deepometry.cells.labels.hand_files import hand_labels_beside, list_hand_labels

    there = list_hand_labels(home)
    taken = {each.name.casefold() for each in there}
    number, free = 1, _FIRST
    while free.casefold() in taken:
        number += 1
        free = f"{_FIRST} {number}"
    entered = request.form
    values: dict[str, Any] = {"home": home, "there": there, "error": error, "note": note}
    values["others"] = [
        {"path": each.path, "name": each.name, "of": each.path.parents[1].name, "all": each.classes}
        for each in hand_labels_beside(home)
        if each.name.casefold() not in taken
    ]
    values["entered"] = {"name": entered.get("name", free), "classes": entered.get("classes", "")}
    return render_template("labelling/begin.html", **values)


@blueprint.get("/classes")
def known_classes() -> str:
    """Offer the classes of every target of the cells, to label by hand with the same."""
    from deepometry.cells.dataset import open_dataset

    found = [
        (target.name, ", ".join(target.labels))
        for target in open_dataset(asked_home()).targets()
        if len(target.labels) <= _MOST_CLASSES and not any("," in name for name in target.labels)
    ]
    return render_template("labelling/known_classes.html", found=found)


@blueprint.post("")
def begin() -> str | AnyResponse:
    """Begin a set of labels with its first classes, and open its page."""
    from deepometry.cells.hand_labels import open_hand_labels

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


@blueprint.post("/by-hand")
def by_hand() -> AnyResponse:
    """Go from the form of labels to the page on which its cells are labelled by hand."""
    place = url_for("labelling.show", cells=request.form.get("input", "").strip())
    if "HX-Request" in request.headers:  # whose answer would be put into the form
        return Response(status=204, headers={"HX-Redirect": place})
    return redirect(place)


@blueprint.post("/bring")
def bring() -> str:
    """Copy the labels that were given to these cells in another parse."""
    from deepometry.cells.label_import.label import label
    from deepometry.core.options.label import LabelOptions

    home, path = home_of(request.form.get("cells", "")), request.form.get("labels", "")
    try:
        result = label(LabelOptions(input=home, labels=read_path(path, whole=True)))
    except DeepometryError as error:
        return _offer(home, str(error))
    return _offer(home, note=result.message)


@blueprint.post("/train")
def train() -> AnyResponse:
    """Open the forms with these cells and this target entered in Train."""
    cells, target = _to_learn()
    session["entered"] = {"train": {"input": str(cells), "target": target}}
    return redirect(url_for("pages.index", _anchor="step-train"))


@blueprint.post("/train/now")
def train_now() -> AnyResponse:
    """Start to train a network with all defaults, and show its progress."""
    cells, target = _to_learn()
    jobs = current_app.extensions["jobs"]
    project, taken = current.opened(), current.taken(jobs.list())
    if project is None:
        output = _free_folder(cells, f"model {target}", taken)
    else:
        output = propose(project, STEPS["train"], taken=taken)
    jobs.submit(TrainOptions(input=cells, output=output, target=target))
    return redirect(url_for("pages.index", _anchor="step-train"))


def _to_learn() -> tuple[Path, str]:
    """Return the cells to learn from, and the target."""
    from deepometry.cells.labels.hand_files import find_hand_labels

    home = home_of(request.form.get("cells", ""))
    labels = find_hand_labels(home, request.form.get("name", ""))
    part = home / TRAIN
    return part if part.is_dir() else home, labels.name


def _free_folder(cells: Path, name: str, taken: Collection[Path]) -> Path:
    """Return a folder beside the parsed cells that does not exist yet."""
    place = parsed_home(cells).parent / safe_name(name)
    number, free = 1, place
    while free.exists() or free in taken:
        number += 1
        free = place.with_name(f"{place.name} {number}")
    return free
