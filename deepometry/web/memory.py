"""What was entered last in each form, kept between visits."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from deepometry.errors import DeepometryError
from deepometry.files import read_json, write_json

FILE = "values.json"
Values = dict[str, str | bool]
_lock = threading.Lock()
_log = logging.getLogger(__name__)


def remembered(home: Path) -> dict[str, Values]:
    """Give the last values of every form, by its verb; empty on a first visit.

    A file that cannot be read is no reason to refuse the page: it is said in the log, and the
    next run writes it anew.
    """
    path = home / FILE
    if not path.exists():
        return {}
    try:
        content = read_json(path)
    except DeepometryError as error:
        _log.warning("%s", error)
        return {}
    return {verb: _values(found) for verb, found in content.items() if isinstance(found, dict)}


def _values(found: dict[str, Any]) -> Values:
    return {name: value for name, value in found.items() if isinstance(value, str | bool)}


def remember(home: Path, verb: str, values: Values) -> None:
    """Keep the values of one form; the others stay as they are.

    Raises
    ------
    DeepometryError
        The file cannot be written.
    """
    with _lock:
        write_json(home / FILE, {**remembered(home), verb: values})
