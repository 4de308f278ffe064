"""Blueprint `browse`: the folder picker, the look into a folder of images, and Retrieve.

Everything here only reads the local disk, but for "New folder" and the list of recent places.
No file is served: names and numbers only, and a picture of the first cells.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.options import ParseOptions, settings
from deepometry.web import browse_look, browse_places
from deepometry.web.browse_check import KINDS, check_path
from deepometry.web.browse_listing import FILES, Wanted, list_folder
from deepometry.web.browse_places import read_path
from deepometry.web.browse_retrieve import retrieve
from deepometry.web.browse_tasks import Task, Tasks

blueprint = Blueprint("browse", __name__)

MOMENT = 0.25
"""Seconds that a request waits for the disk before it answers that it is still looking."""

MOST_LOOKS = 6
"""Folders looked into that are kept."""

GONE = -1
"""In place of when a folder was changed: it is not there."""

# Seconds for which an answer holds
_KEEP_LISTING, _KEEP_CHANGED, _KEEP_LOOK, _KEEP_TARGETS = 1.5, 1.0, 600.0, 60.0
_HEADS = {
    "raw": "Choose the folder of images",
    "parsed": "Choose the folder of parsed cells",
    "model": "Choose a model, or its folder",
    "features": "Choose the folder of features",
    "predictions": "Choose the folder of predictions",
    "start": "Choose an earlier model, or its folder",
    "folder": "Choose a folder to write to",
}
_frame = settings(ParseOptions)["frame"][0].read


@blueprint.record_once
def _keep_tasks(state: Any) -> None:
    state.app.extensions["browse"] = Tasks()
    # apart, so that going through folders does not push out what took long to find
    state.app.extensions["looks"] = Tasks(MOST_LOOKS)


@blueprint.before_request
def _own_pages_only() -> None:
    """Refuse what other sites ask for: on Windows even naming a share sends a password's hash."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        abort(403, "This address answers Deepometry's own page only.")
    if not current_app.testing:
        browse_look.warm_up()


def _tasks() -> Tasks:
    return current_app.extensions["browse"]


def _looks() -> Tasks:
    return current_app.extensions["looks"]


def _home() -> Path:
    return Path(current_app.extensions["home"])


def _page(template: str, **values: Any) -> Response:
    """Render a partial; names that are no valid text are spelled out, not a reason to fail."""
    text = render_template(template, **values)
    answer = Response(text.encode("utf-8", "backslashreplace"), mimetype="text/html")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _kind() -> str:
    kind = request.values.get("kind", "folder")
    return kind if kind in KINDS else "folder"


def _watcher(what: str) -> str:
    """Name who asks: each open page has one question of a sort at a time."""
    return f"{what} {request.args.get('page', '')[:64]}"


# --- the picker ------------------------------------------------------------------------------


@blueprint.get("/browse")
def picker() -> Response:
    """The whole dialog, at a path, or at the last place used."""
    recent = browse_places.recent(_home())
    homes = browse_places.home_places()
    begin = [place.path for place in (*recent, *homes)]
    text = request.args.get("path", "").strip() or next(iter(begin), "/")
    kind = _kind()
    return _page(
        "browse.html",
        head=_HEADS[kind],
        recent=recent,
        homes=homes,
        disks=browse_places.disks(),
        **_listed(text, typed=False),
    )


@blueprint.get("/browse/list")
def listing() -> Response:
    """The folders at a path, which may still be being typed."""
    text = request.args.get("path", "").strip()
    return _page("browse_list.html", **_listed(text, typed="typed" in request.args))


def _listed(text: str, typed: bool) -> dict[str, Any]:
    """Find what the list shows; after a moment, with as much as is known by then."""
    kind = _kind()
    try:
        path = read_path(text)
    except DeepometryError as error:
        return {"error": str(error), "listing": None, "pending": False, "kind": kind, "asked": text}
    inside = text.rstrip("\"' ").endswith(("/", "\\"))
    wanted = Wanted(path, kind, typed, inside)
    work = partial(list_folder, wanted)
    task = _tasks().ask(("list", wanted), work, _watcher("list"), _KEEP_LISTING)
    task.wait(MOMENT)
    # `found` comes before `over`, so read in the other order
    over, found = task.over, task.found
    return {
        "error": task.error,
        "listing": found,
        "pending": not over,
        "kind": kind,
        "asked": text,
        "files": bool(FILES[kind]),
        "crumbs": browse_places.crumbs(found.here) if found else [],
    }


@blueprint.post("/browse/chosen")
def chosen() -> Response:
    """Remember the folder that was chosen."""
    try:
        browse_places.remember(_home(), read_path(request.form.get("path", "")))
    except DeepometryError as error:
        return jsonify(error=str(error))
    return jsonify(error="")


@blueprint.post("/browse/new")
def new_folder() -> Response:
    """Make a folder; answers with its path, or with what is wrong."""
    try:
        made = _make_folder(request.form.get("path", ""), request.form.get("name", "").strip())
    except DeepometryError as error:
        return jsonify(error=str(error))
    return jsonify(path=str(made))


def _make_folder(parent: str, name: str) -> Path:
    from deepometry.stacks import safe_name

    if not name:
        raise DeepometryError("New folder: expected a name, found nothing; type one.")
    if (safe := safe_name(name)) != name:
        raise DeepometryError(
            f"New folder: expected a name that every system accepts, found {name!r}; "
            f"call it {safe!r}."
        )
    path = read_path(parent) / name
    try:
        path.mkdir()
    except OSError as error:
        raise explain_os_error(error, path) from error
    return path


@blueprint.get("/browse/check")
def check() -> Response:
    """One line on the path in a field: is it there, and is it what the field wants?"""
    text, kind = request.args.get("path", ""), _kind()
    if not text.strip():
        return jsonify(state="", text="", pending=False)
    try:
        path = read_path(text, whole=True)
    except DeepometryError as error:
        return jsonify(state="bad", text=str(error), pending=False)
    work = partial(check_path, path, kind)
    watcher = _watcher(f"check {request.args.get('field', '')[:64]}")
    task = _tasks().ask(("check", path, kind), work, watcher, _KEEP_LISTING)
    if not task.wait(MOMENT):
        return jsonify(state="plain", text="Looking …", pending=True)
    if task.error:
        return jsonify(state="bad", text=task.error, pending=False)
    return jsonify(state=task.found.state, text=task.found.text, pending=False)


# --- the look --------------------------------------------------------------------------------


@blueprint.get("/look")
def look() -> Response:
    """What is in a folder of images: asks again until it is known."""
    text = request.args.get("path") or request.args.get("input", "")
    about: dict[str, Any] = {"path": text, "page": request.args.get("page", "")[:64]}
    try:
        path = read_path(text) if text.strip() else None
    except DeepometryError as error:
        return _page("look.html", state="failed", error=str(error))
    there = path and _there(path)
    if path is None or there == GONE:  # the line under the field says so
        return _page("look.html", state="none")
    task = _look_task(path, there) if there else None
    if task is None or (task.found is None and not task.over):
        return _page("look.html", state="looking", told=task.told if task else (0, 0, ""), **about)
    if task.found is None:
        return _page("look.html", state="failed", error=task.error)
    shown = browse_look.shown(task.found.result)
    return _page("look.html", state="found", **about, **shown, **_gallery(task))


def _gallery(task: Task) -> dict[str, Any]:
    # `found` comes before `over`, so read in the other order
    over = task.over
    return {"ready": over, "look": task.found, "gallery_error": task.error}


def _there(path: Path) -> int | None:
    """Tell when a place was last changed; None while the disk does not answer."""
    work = partial(_changed, path)
    task = _tasks().ask(("changed", path), work, _watcher("changed"), _KEEP_CHANGED)
    task.wait(MOMENT)
    return task.found


def _changed(path: Path, _: Task) -> int:
    try:
        return path.stat().st_mtime_ns or 1
    except OSError:
        return GONE


def _look_task(path: Path, changed: int) -> Task:
    keep = 0.0 if "fresh" in request.args else _KEEP_LOOK
    work = partial(browse_look.look_into, path)
    task = _looks().ask(("look", path, changed), work, _watcher("look"), keep)
    task.wait(MOMENT)
    return task


@blueprint.get("/look/gallery")
def gallery() -> Response:
    """The place of the gallery: asks again until there is one."""
    text = request.args.get("path", "")
    about: dict[str, Any] = {"path": text, "page": request.args.get("page", "")[:64]}
    try:
        path = read_path(text)
    except DeepometryError as error:
        return _page("look_gallery.html", gallery_error=str(error))
    changed = _there(path)
    if changed == GONE:
        return _page("look_gallery.html", gallery_error=f"{path} is no longer there.")
    if changed is None:
        return _page("look_gallery.html", ready=False, **about)
    return _page("look_gallery.html", **about, **_gallery(_look_task(path, changed)))


@blueprint.get("/look/gallery.png")
def gallery_picture() -> tuple[Response, int] | Response:
    """The first cells in every channel with a frame drawn on them, once a look has found them."""
    try:
        path = read_path(request.args.get("path", ""))
        frame = _frame(request.args.get("frame", ""))
        task = _looks().find(("look", path, _there(path)))
        if task is None or not task.over or task.error:
            raise DeepometryError(f"{path}: expected a look into it first; load the page anew.")
        content = task.found.picture(frame)
    except ValueError as error:
        return Response(str(error), mimetype="text/plain"), 422
    return Response(content, mimetype="image/png", headers={"Cache-Control": "no-store"})


# --- Retrieve --------------------------------------------------------------------------------


@blueprint.get("/retrieve")
def targets() -> Response:
    """What can be learnt from parsed cells; for prediction, what the model was trained on."""
    form = "predict" if request.args.get("form") == "predict" else "train"
    text = request.args.get("path") or request.args.get("input", "")
    model = request.args.get("model", "").strip() if form == "predict" else ""
    asked = {"form": form, "path": text, "model": model, "page": request.args.get("page", "")[:64]}
    try:
        path, beside = read_path(text), read_path(model) if model else None
    except DeepometryError as error:
        blank = "Input location: fill it in first, then press Retrieve."
        return _page("targets.html", error=str(error) if text.strip() else blank, **asked)
    keep = _KEEP_TARGETS if "poll" in request.args else 0.0
    work = partial(retrieve, path, beside)
    key = ("retrieve", path, beside)
    task = _tasks().ask(key, work, _watcher(f"retrieve {form}"), keep)
    task.wait(MOMENT)
    return _page(
        "targets.html",
        error=task.error,
        found=task.found if task.over else None,
        told=task.told,
        **asked,
    )
