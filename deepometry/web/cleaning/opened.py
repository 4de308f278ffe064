"""The cells whose features are in use: opened, and measured if need be, beside the requests."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

from flask import current_app, request

from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.errors import DeepometryError
from deepometry.core.files import existing_folder
from deepometry.core.result_files import IMPORTED_FEATURES, LABELS_FOLDER, PARSE_RECORD
from deepometry.web.browse.background import MOMENT, Task, Tasks
from deepometry.web.browse.places import read_path
from deepometry.web.cleaning.measured import Measured, open_measured
from deepometry.web.results.cell_pictures import file_state

_PATIENCE = 600.0  # seconds that a request waits for cells that must be opened anew


def prepare(app: Any) -> None:
    """Make room for what is open."""
    app.extensions["cleaning"] = Tasks(3)


def asked_home() -> Path:
    """Return the folder that Parse wrote, of the cells that the address names.

    Raises
    ------
    DeepometryError
        It is no path, or there is no such folder.
    """
    path = read_path(request.values.get("path", ""), whole=True)
    return parsed_home(existing_folder(path, "Input location")).resolve()


def opening(home: Path) -> Task:
    """Return the work that opens the features of parsed cells, or has done so."""
    tasks: Tasks = current_app.extensions["cleaning"]
    files = (home / PARSE_RECORD, home / LABELS_FOLDER / IMPORTED_FEATURES)
    key = (home, *map(file_state, files))

    def work(task: Task) -> Measured:
        return open_measured(home, task.progress)

    watcher = f"cleaning {request.values.get('page', '')[:64]}"
    ask = partial(tasks.ask, key, work, watcher)
    task = ask(math.inf)
    if task.over and (task.error or task.found.cells.changed):
        task = ask(0.0)
    task.wait(MOMENT)
    return task


def asked_features() -> Measured:
    """Return the features of the cells that the address names; waits until they are known."""
    task = opening(asked_home())
    task.wait(_PATIENCE)
    if not task.over or task.error:
        raise DeepometryError(task.error or "The cells are still being opened; try again.")
    measured: Measured = task.found
    return measured
