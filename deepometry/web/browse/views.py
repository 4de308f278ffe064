"""Blueprint `browse`: the folder picker, and the look into a folder of images.

Everything here only reads the local disk, but for "New folder" and the list of recent places.
No file is served: names and numbers only, and a picture of the first cells.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from flask import Response, abort, current_app, jsonify, request

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.options.fields import LARGEST_FRAME, SMALLEST_FRAME, whole
from deepometry.core.options.parse import InfoOptions
from deepometry.web.browse import look as browse_look
from deepometry.web.browse import places as browse_places
from deepometry.web.browse.answers import answer, ask, blueprint
from deepometry.web.browse.background import Task, Tasks
from deepometry.web.browse.check_path import KINDS, Finding, check_path
from deepometry.web.browse.file_names import find_names, preview
from deepometry.web.browse.list_folder import FILES, Wanted, list_folder
from deepometry.web.browse.places import read_path
from deepometry.web.jobs.question import plain_question

MOST_LOOKS = 6
"""Folders looked into that are kept."""

GONE = -1
"""In place of when a folder was changed: it is not there."""

# Seconds for which an answer holds
_KEEP_LISTING, KEEP_CHANGED, _KEEP_LOOK = 1.5, 1.0, 600.0
_KEEP_NAMES = 30.0
_HEADS = {
    "raw": "Choose the folder of images",
    "parsed": "Choose the folder of parsed cells",
    "labels": "Choose a table of labels, or an analysis of IDEAS",
    "gate": "Choose the file of a gate, or cells that have one",
    "model": "Choose a model, or its folder",
    "features": "Choose the folder of features",
    "predictions": "Choose the folder of predictions",
    "start": "Choose an earlier model, or its folder",
    "folder": "Choose a folder to write to",
}
_frame = whole(SMALLEST_FRAME, LARGEST_FRAME)


@blueprint.record_once
def _keep_tasks(state: Any) -> None:
    state.app.extensions["browse"] = Tasks()
    # apart, so that going through folders does not push out what took long to find
    state.app.extensions["looks"] = Tasks(MOST_LOOKS)


@blueprint.before_request
def _own_pages_only() -> None:
    """Refuse what other sites ask for: on Windows even naming a share sends a password's hash."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        abort(403, "This address answers only Deepometry's own page.")
    if not current_app.testing:
        browse_look.warm_up()


def _home() -> Path:
    return Path(current_app.extensions["home"])


def _kind() -> str:
    kind = request.values.get("kind", "folder")
    return kind if kind in KINDS else "folder"


# --- the picker ------------------------------------------------------------------------------


@blueprint.get("/browse")
def picker() -> Response:
    """The whole dialog, at a path, or at the last place used."""
    recent = browse_places.recent(_home())
    homes = browse_places.home_places()
    begin = [place.path for place in (*recent, *homes)]
    text = request.args.get("path", "").strip() or next(iter(begin), "/")
    kind = _kind()
    return answer(
        "browse/picker.html",
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
    return answer("browse/list.html", **_listed(text, typed="typed" in request.args))


def _listed(text: str, typed: bool) -> dict[str, Any]:
    """Find what the list shows; after a moment, with as much as is known by then."""
    kind = _kind()
    try:
        path = read_path(text)
    except DeepometryError as error:
        return {"error": str(error), "listing": None, "pending": False, "kind": kind, "asked": text}
    inside = text.rstrip("\"' ").endswith(("/", "\\"))
    wanted = Wanted(path, kind, typed, inside)
    task = ask(("list", wanted), partial(list_folder, wanted), _KEEP_LISTING)
    # `found` comes before `over`, so read in the other order
    over, shown = task.over, task.found
    return {
        "error": task.error,
        "listing": shown,
        "pending": not over,
        "kind": kind,
        "asked": text,
        "files": bool(FILES[kind]),
        "crumbs": browse_places.crumbs(shown.here) if shown else [],
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
    from deepometry.core.safe_names import safe_name

    if not name:
        raise DeepometryError("New folder: please enter a name.")
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
    watcher = f"check {request.args.get('field', '')[:64]}"
    task = ask(("check", path, kind), partial(check_path, path, kind), _KEEP_LISTING, watcher)
    if not task.over:
        return jsonify(state="plain", text="Checking …", pending=True)
    if task.error:
        return jsonify(state="bad", text=task.error, pending=False)
    return jsonify(state=task.found.state, text=task.found.text, pending=False)


@blueprint.get("/browse/names")
def names() -> Response:
    """One line on how a pattern, or none, reads the names of the image files in a folder."""
    text, pattern = request.args.get("path", ""), request.args.get("pattern", "").strip()
    try:
        path = read_path(text, whole=True) if text.strip() else None
    except DeepometryError:  # the line under the path says what is wrong with it
        path = None
    if path is None:
        return jsonify(state="", text="", pending=False)
    known = ask(("names", path), partial(find_names, path), _KEEP_NAMES)
    if not known.over or known.error:
        text = "" if known.error else "Reading the names of the files …"
        return jsonify(state="plain", text=text, pending=not known.over)
    work = partial(preview, known.found, pattern)
    task = ask(("pattern", path, pattern, known.number), work, _KEEP_NAMES)
    if not task.over:
        return jsonify(state="plain", text="Reading the names of the files …", pending=True)
    found = task.found or Finding("bad", task.error)
    return jsonify(state=found.state, text=found.text, pending=False)


# --- the look --------------------------------------------------------------------------------


@blueprint.get("/look")
def look() -> Response:
    """What is in a folder of images: asks again until it is known."""
    text = request.args.get("path") or request.args.get("input", "")
    try:
        path = read_path(text) if text.strip() else None
        options = browse_look.look_options(path, request.args) if path else None
    except DeepometryError as error:
        return answer("browse/look.html", state="failed", error=str(error))
    there = path and _there(path)
    if path is None or options is None or there == GONE:  # the line under the field says so
        return answer("browse/look.html", state="none")
    asked = {"path": text, "reading": _reading()}
    task = _look_task(options, there) if there else None
    if task is None or (task.found is None and not task.over):
        reported = task.reported if task else (0, 0, "", "")
        return answer("browse/look.html", state="looking", reported=reported, **asked)
    if task.found is None:
        question = plain_question(task.question) if task.question else None
        return answer("browse/look.html", state="failed", error=task.error, question=question)
    shown = browse_look.shown(task.found.result)
    return answer("browse/look.html", state="found", **asked, **shown, **_gallery(task))


def _reading() -> dict[str, str]:
    """Return what the form says of how files are read."""
    names = browse_look.read_by()
    return {name: request.args[name] for name in names if request.args.get(name)}


def _gallery(task: Task) -> dict[str, Any]:
    # `found` comes before `over`, so read in the other order
    over = task.over
    return {"ready": over, "look": task.found, "gallery_error": task.error}


def _there(path: Path) -> int | None:
    """Return when a place was last changed; None while the disk does not answer."""
    return ask(("changed", path), partial(_changed, path), KEEP_CHANGED).found


def _changed(path: Path, _: Task) -> int:
    try:
        return path.stat().st_mtime_ns or 1
    except OSError:
        return GONE


def _look_task(options: InfoOptions, changed: int) -> Task:
    keep = 0.0 if "fresh" in request.args else _KEEP_LOOK
    work = partial(browse_look.look_into, options)
    return ask(("look", options, changed), work, keep, tasks="looks")


@blueprint.get("/look/gallery")
def gallery() -> Response:
    """The place of the gallery: asks again until there is one."""
    text = request.args.get("path", "")
    try:
        path = read_path(text)
        options = browse_look.look_options(path, request.args)
    except DeepometryError as error:
        return answer("browse/look_gallery.html", gallery_error=str(error))
    changed = _there(path)
    if changed == GONE:
        return answer("browse/look_gallery.html", gallery_error=f"{path} is no longer there.")
    if changed is None:
        return answer("browse/look_gallery.html", ready=False, path=text, reading=_reading())
    shown = _gallery(_look_task(options, changed))
    return answer("browse/look_gallery.html", path=text, reading=_reading(), **shown)


@blueprint.get("/look/gallery.png")
def gallery_picture() -> tuple[Response, int] | Response:
    """The first cells in every channel with a frame drawn on them, once a look has found them."""
    try:
        path = read_path(request.args.get("path", ""))
        frame = _frame(request.args.get("frame", ""))
        options = browse_look.look_options(path, request.args)
        task = current_app.extensions["looks"].find(("look", options, _there(path)))
        if task is None or not task.over or task.error:
            raise DeepometryError(f"{path}: expected a look into it first; reload the page.")
        content = task.found.picture(frame)
    except ValueError as error:
        return Response(str(error), mimetype="text/plain"), 422
    return Response(content, mimetype="image/png", headers={"Cache-Control": "no-store"})
