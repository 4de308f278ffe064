"""The boards in use: parsed cells are read once, beside the requests where that takes long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import current_app, request

from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.errors import DeepometryError
from deepometry.core.files import existing_folder
from deepometry.web.browse.background import MOMENT, Task, Tasks
from deepometry.web.browse.places import read_path
from deepometry.web.labelling.board import Board, Places, open_places
from deepometry.web.results.cache import Cache

_KEPT = 600.0  # seconds for which cells that were read are not read again


def prepare(app: Any) -> None:
    """Make room for what is open."""
    app.extensions["labelling"] = Tasks(4)
    app.extensions["boards"] = Cache(8)


def asked_home() -> Path:
    """Return the folder of parsed cells that the address names; see `parsed_home`."""
    return home_of(request.values.get("cells", ""))


def home_of(text: str) -> Path:
    """Return the folder that Parse wrote, of itself or of a folder in it.

    Raises
    ------
    DeepometryError
        It is no path, or there is no such folder.
    """
    return parsed_home(existing_folder(read_path(text, whole=True), "Input location")).resolve()


def asked_board() -> Board:
    """Return the board that the address names; waits until its cells are read."""
    task = places_of(asked_home())
    task.wait(_KEPT)
    return board_of(_found(task), request.values.get("name", ""))


def places_of(home: Path) -> Task:
    """Return the work that reads which cells there are, or has read it."""
    tasks: Tasks = current_app.extensions["labelling"]

    def read(task: Task) -> Places:
        return open_places(home, task.progress)

    task = tasks.ask(home, read, f"labelling {home}", float("inf"))
    stale = task.over and (task.error or task.found.cells.changed)
    if stale:
        task = tasks.ask(home, read, f"labelling {home}", 0.0)
    task.wait(MOMENT)
    return task


def board_of(places: Places, name: str) -> Board:
    """Return the board of labels of a name beside these cells."""
    cache: Cache = current_app.extensions["boards"]
    board: Board = cache.get((places.root, name), lambda: Board(places, name))
    if board.places is not places:  # the cells were parsed anew
        cache.drop((places.root, name))
        board = cache.get((places.root, name), lambda: Board(places, name))
    return board


def _found(task: Task) -> Places:
    if task.error:
        raise DeepometryError(task.error)
    places: Places = task.found
    return places
