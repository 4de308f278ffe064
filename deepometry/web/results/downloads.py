"""The files of a job for taking away: listed with sizes, all in one archive, shown in place."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.web.results.output import Gone, Output, Unknown

FILES_A_PAGE = 50
_CHUNK = 1 << 20
_GONE = "No longer there when this archive was downloaded"
_LINKS = "Left out, since they are links to places outside the folder"
_SHRINK = (".csv", ".tsv", ".txt", ".json")  # pixels and weights hardly shrink


def list_files(output: Output, first: int = 0) -> list[dict[str, Any]]:
    """List at most `FILES_A_PAGE` files of a job, from `first`: name, and size or why none."""
    names = output.files[first : first + FILES_A_PAGE]
    return [{"name": name, **_size(output, name)} for name in names]


def _size(output: Output, name: str) -> dict[str, Any]:
    try:
        return {"size": output.path(name).stat().st_size}
    except Unknown:
        return {"size": None, "why": "a link to another place"}
    except (Gone, OSError):
        return {"size": None, "why": "moved or deleted"}


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
        """Return all that was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def zipped(output: Output) -> Iterator[bytes]:
    """Yield all files of a job as one .zip, piece by piece; no more than a piece is in memory.

    Files that are gone, lead elsewhere or cannot be read are named in a `MISSING.txt` at its end.

    Raises
    ------
    Gone, Unknown
        Not one of them can be had; raised before the first piece.
    """
    there: dict[str, Path] = {}
    missing: dict[str, list[str]] = {}
    for name in output.files:
        try:
            there[name] = output.path(name)
        except Gone:
            missing.setdefault(_GONE, []).append(name)
        except Unknown:
            missing.setdefault(_LINKS, []).append(name)
    if output.files and not there:
        output.path(output.files[0])
    return _pieces(there, missing)


def _pieces(there: dict[str, Path], missing: dict[str, list[str]]) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, path in there.items():
            try:
                info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
                source = path.open("rb")
            except OSError as error:
                missing.setdefault(f"Cannot be read ({error.strerror})", []).append(name)
                continue
            with source:
                for _ in _added(archive, source, info):
                    yield pipe.take()
        if missing:
            listed = ["\n".join([f"{why}:", *names, ""]) for why, names in missing.items()]
            archive.writestr("MISSING.txt", "\n".join(listed))
    yield pipe.take()


def _added(archive: zipfile.ZipFile, source: IO[bytes], info: zipfile.ZipInfo) -> Iterator[None]:
    """Add a file; stop after every piece so that it can be sent."""
    small = info.filename.lower().endswith(_SHRINK)
    info.compress_type = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
    with archive.open(info, "w", force_zip64=True) as target:
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
        raise Gone(f"{folder} no longer exists: it was moved or deleted after this run.")
    try:
        _open(folder)
    except FileNotFoundError as error:
        raise DeepometryError(
            f"Deepometry found no file manager on this computer; please open {folder} yourself."
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
