"""Indices of long tables, kept between visits: a file each, for the table as it then was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile
from zlib import error as ZlibError

from deepometry.core.errors import DeepometryError
from deepometry.core.files import hash_bytes, writing
from deepometry.web.results.table_index import CellNames, RowTable

if TYPE_CHECKING:
    import numpy as np

_VERSION = 1
_MOST_KEPT = 60  # files
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, ZlibError)


class TableStore:
    """Keeps indices of tables in a folder, and with which parsed cells they were found to agree.

    What cannot be read or written there is made again: nothing is lost but time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, path: Path, kind: str, make: Callable[[], RowTable]) -> RowTable:
        """Return the index of a table; make it if there is none, or the table has changed since.

        `kind` says how it is read: columns, separators.
        """
        state, place = _state(path), self._place(path, kind)
        table = self._load(place, path, state)
        if table is None:
            table = make()
            if _state(path) == state:  # nothing wrote to it meanwhile
                self._save(path, kind, _arrays(table, state))
        return table

    def agreed(self, path: Path, cells: str) -> np.ndarray | None:
        """Return what was noted of a table and these parsed cells; None if either changed since."""
        import numpy as np

        try:
            with self._place(path, "cells").open("rb") as file, np.load(file) as arrays:
                about = json.loads(arrays["about"].tobytes())
                return arrays["places"] if about == [_state(path), cells] else None
        except _DAMAGE:
            return None

    def note_agreement(self, path: Path, cells: str, places: np.ndarray) -> None:
        """Note that a table is of these parsed cells, and at which places its rows are there."""
        self._save(path, "cells", {"about": _json([_state(path), cells]), "places": places})

    def _place(self, path: Path, kind: str) -> Path:
        key = hash_bytes(f"{path.absolute()}\n{kind}".encode("utf-8", "surrogatepass"))
        return self._folder / f"{key:016x}.npz"

    def _load(self, place: Path, path: Path, state: list[int]) -> RowTable | None:
        import numpy as np

        try:
            with place.open("rb") as file, np.load(file) as arrays:
                about = json.loads(arrays["about"].tobytes())
                return _restored(path, about, arrays) if about["state"] == state else None
        except _DAMAGE:
            return None

    def _save(self, path: Path, kind: str, arrays: dict[str, Any]) -> None:
        import numpy as np

        if not self._folder.parent.is_dir():
            return
        try:
            with writing(self._place(path, kind)) as part, part.open("wb") as file:
                np.savez(file, **arrays)
            self._forget_oldest()
        except (OSError, DeepometryError):  # a full disk: it is read anew the next time
            return

    def _forget_oldest(self) -> None:
        """Delete the indices that were made longest ago, but for the last ones."""
        made = sorted(self._folder.glob("*.npz"), key=lambda each: each.stat().st_mtime)
        for place in made[:-_MOST_KEPT]:
            place.unlink(missing_ok=True)


def _state(path: Path) -> list[int]:
    """Return what changes when a table does; that of one which is gone is like no other."""
    try:
        state = path.stat()
    except OSError:
        return [_VERSION, -1, -1]
    return [_VERSION, state.st_mtime_ns, state.st_size]


def _json(content: Any) -> np.ndarray:
    import numpy as np

    return np.frombuffer(json.dumps(content).encode(), np.uint8)


def _arrays(table: RowTable, state: list[int]) -> dict[str, Any]:
    about = {
        "state": state,
        "columns": table.columns,
        "files": table.names.files,
        "values": table.values,
        "tabs": table.tabs,
    }
    arrays: dict[str, Any] = {
        "about": _json(about),
        "offsets": table.offsets,
        "file_codes": table.names.codes,
        "objects": table.names.objects,
    }
    if table.largest is not None:
        arrays["largest"] = table.largest
    return arrays | {f"codes_{n}": codes for n, codes in enumerate(table.codes.values())}


def _restored(path: Path, about: dict[str, Any], arrays: Any) -> RowTable:
    return RowTable(
        path,
        about["columns"],
        arrays["offsets"],
        CellNames(about["files"], arrays["file_codes"], arrays["objects"]),
        about["values"],
        {name: arrays[f"codes_{n}"] for n, name in enumerate(about["values"])},
        arrays["largest"] if "largest" in arrays.files else None,
        bool(about["tabs"]),
    )
