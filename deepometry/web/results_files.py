"""The files of a job for taking away: listed with sizes, all in one archive, shown in place."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.web.results_output import Gone, Output, Unknown

FILES_A_PAGE = 50
_CHUNK = 1 << 20
_SHRINK = (".csv", ".tsv", ".txt", ".json")  # pixels and weights hardly shrink


@dataclass(frozen=True)
class Listed:
    """A file of a job: its name, and its size in bytes, None where it is gone."""

    name: str
    size: int | None


def list_files(output: Output, first: int = 0) -> list[Listed]:
    """List files of a job from the one numbered `first`, at most `FILES_A_PAGE`."""
    return [Listed(n, _size(output, n)) for n in output.files[first : first + FILES_A_PAGE]]


def _size(output: Output, name: str) -> int | None:
    try:
        return output.path(name).stat().st_size
    except (Gone, Unknown, OSError):
        return None


def in_words(size: int | None) -> str:
    """Write a size as people read it: `1.4 MB`."""
    if size is None:
        return "gone"
    value, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:,.0f} {units[0]}" if units[0] == "bytes" else f"{value:,.1f} {units[0]}"


class _Pipe(io.RawIOBase):
    """Takes what is written, until somebody takes it away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        """Give all that was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def zipped(output: Output) -> Iterator[bytes]:
    """Give all files of a job as one .zip, piece by piece; no more than a piece is in memory.

    Files that are not there any more are named in a `MISSING.txt` of the archive.

    Raises
    ------
    Gone
        None of them is there any more: told before the first piece.
    """
    there = {name: path for name in output.files if (path := _path_of(output, name))}
    gone = [name for name in output.files if name not in there]
    if gone and not there:
        output.path(gone[0])
    return _pieces(there, gone)


def _path_of(output: Output, name: str) -> Path | None:
    try:
        return output.path(name)
    except Gone:
        return None


def _pieces(there: dict[str, Path], gone: list[str]) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        if gone:
            listed = "\n".join(gone)
            archive.writestr(
                "MISSING.txt", f"Not there any more when this was downloaded:\n{listed}\n"
            )
        for name, path in there.items():
            for _ in _added(archive, path, name):
                yield pipe.take()
    yield pipe.take()


def _added(archive: zipfile.ZipFile, path: Path, name: str) -> Iterator[None]:
    """Add a file; stop after every piece so that it can be sent."""
    info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
    small = name.lower().endswith(_SHRINK)
    info.compress_type = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        while piece := source.read(_CHUNK):
            target.write(piece)
            yield


def show_folder(folder: Path) -> None:
    """Open a folder in the file manager of this computer.

    Raises
    ------
    DeepometryError
        There is none, or it cannot be started.
    """
    if not folder.is_dir():
        raise Gone(f"{folder} does not exist any more: it was moved or deleted after this run.")
    try:
        _open(folder)
    except FileNotFoundError as error:
        raise DeepometryError(
            f"This computer has no file manager that Deepometry knows; open {folder} yourself."
        ) from error
    except OSError as error:
        raise explain_os_error(error, folder) from error


def _open(folder: Path) -> None:
    if sys.platform == "win32":
        os.startfile(folder)
        return
    if sys.platform != "darwin" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise FileNotFoundError("no desktop")
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    quiet = subprocess.DEVNULL
    subprocess.Popen(
        [opener, str(folder)], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
