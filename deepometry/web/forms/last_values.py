"""What was entered last in each form, kept between visits."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.run_records import read_json, write_json
from deepometry.core.user_folders import locked

FILE = "values.json"
Values = dict[str, str | bool]
_log = logging.getLogger(__name__)


def remembered(home: Path) -> dict[str, Values]:
    """Return the last values of every form, by its verb; empty on a first visit.

    A file that cannot be read is no reason to refuse the page: the log has a warning, and the next
    run writes the file again.
    """
    path = home / FILE
    if not path.exists():
        return {}
    try:
        content = read_json(path)
    except DeepometryError as error:
        _log.warning("%s", error)
        return {}
    return {verb: _values(saved) for verb, saved in content.items() if isinstance(saved, dict)}


def _values(saved: dict[str, Any]) -> Values:
    return {name: value for name, value in saved.items() if isinstance(value, str | bool)}


def remember(home: Path, verb: str, values: Values) -> None:
    """Keep the values of one form; the others stay as they are.

    Raises
    ------
    DeepometryError
        The file cannot be written.
    """
    with locked(home / FILE):
        write_json(home / FILE, {**remembered(home), verb: values})
