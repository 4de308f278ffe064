"""Paths as people type them, and the places of this computer to begin from."""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.file_types import is_text
from deepometry.core.options.fields import settings
from deepometry.core.options.parse import InfoOptions
from deepometry.core.run_records import read_json, write_json
from deepometry.core.user_folders import locked
from deepometry.web.text_filters import ending

PLACES = "places.json"
MOST_RECENT = 12
_LONGEST_PATH = 4096
_MOST_DISKS = 26
_SHORT = 24  # characters

_as_option = settings(InfoOptions)["input"][0].read


@dataclass(frozen=True)
class Place:
    """Somewhere to go: what it is called, and where it is."""

    name: str
    path: str

    @property
    def above(self) -> str:
        """The folder that it lies in, shortly, to tell places of the same name apart."""
        return ending(Path(self.path).parent, _SHORT)


def read_path(text: str, whole: bool = False) -> Path:
    """Read a path as the options of every step do: quotes around it and a leading `~` are fine.

    Parameters
    ----------
    text : str
        As typed or pasted.
    whole : bool
        Refuse a path that begins nowhere.

    Raises
    ------
    DeepometryError
        It cannot be a path, or not one of the kind that is wanted.
    """
    if not text.strip():
        raise DeepometryError("Path: please enter the path of a folder or file.")
    if "\0" in text or len(text) > _LONGEST_PATH:
        raise DeepometryError(
            f"Path: expected at most {_LONGEST_PATH} characters of plain text, found others; "
            "choose the folder from the list."
        )
    try:
        path = _as_option(text)
        if whole and not path.is_absolute():
            raise ValueError(f"not a whole path: {path} would depend on where the server began.")
        return Path(os.path.abspath(path))  # noqa: PTH100 (a link keeps its own name)
    except OSError as error:
        raise explain_os_error(error, text) from error
    except ValueError as error:
        raise DeepometryError(f"Path: {error}") from error


def crumbs(path: Path) -> list[Place]:
    """Return the path to a folder, from the root of its disk."""
    steps = [*reversed(path.parents), path]
    return [Place(step.name or str(step), str(step)) for step in steps]


def home_places() -> list[Place]:
    """List the user's own folders."""
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home folder
        return []
    places = [Place("Home", str(home))]
    for name in ("Desktop", "Documents", "Downloads"):
        with suppress(OSError):
            if (home / name).is_dir():
                places.append(Place(name, str(home / name)))
    return places


def disks() -> list[Place]:
    """List the disks of this computer."""
    return [Place(name, name) for name in _drives()] if os.name == "nt" else list(_mounts())


def _drives() -> list[str]:
    """List the drive letters of Windows, without asking the drives themselves."""
    if sys.platform != "win32":
        return []
    import ctypes

    bits = ctypes.windll.kernel32.GetLogicalDrives()
    letters = enumerate(string.ascii_uppercase)
    return [f"{letter}:\\" for number, letter in letters if bits >> number & 1]


def _mounts() -> Iterator[Place]:
    """List what is plugged in or mounted on macOS and Linux, and the root."""
    yield Place("Computer", os.sep)
    user = Path.home().name
    parents = ("/Volumes",) if sys.platform == "darwin" else (f"/media/{user}", "/mnt")
    if sys.platform.startswith("linux"):
        parents = (*parents, f"/run/media/{user}")
    for parent in parents:
        with suppress(OSError), os.scandir(parent) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
            yield from (Place(n, f"{parent}/{n}") for n in names[:_MOST_DISKS] if is_text(n))


def recent(home: Path) -> list[Place]:
    """List the folders chosen lately, the last one first."""
    # whether they are still there is not asked: a network disk that is gone would not answer
    return [Place(Path(path).name or path, path) for path in _stored(home)]


def remember(home: Path, *paths: Path) -> None:
    """Put folders, or those of files, in front of the recent ones, the last of them first.

    Raises
    ------
    DeepometryError
        The list cannot be written.
    """
    with locked(home / PLACES):
        newest = [str(path.parent if path.is_file() else path) for path in reversed(paths)]
        places = dict.fromkeys([*newest, *_stored(home)])
        write_json(home / PLACES, {"places": [*places][:MOST_RECENT]})


def _stored(home: Path) -> list[str]:
    """Read the list; a damaged one counts as none, since it is but a convenience."""
    try:
        places = read_json(home / PLACES).get("places")
    except DeepometryError:
        return []
    paths = places if isinstance(places, list) else []
    return [path for path in paths if isinstance(path, str) and path][:MOST_RECENT]
