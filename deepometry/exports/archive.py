"""Exports of many files: a .zip, or a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from deepometry.core.errors import OptionsError

_CHUNK = 1 << 20


class Archive(Protocol):
    """Receives files, one after another; `stage` holds those that are not complete yet."""

    stage: Path

    def add(self, name: str, content: bytes) -> None:
        """Write a file, named with forward slashes."""

    def move(self, name: str, path: Path) -> None:
        """Move a file into the archive."""


class _Zip:
    def __init__(self, archive: zipfile.ZipFile, stage: Path) -> None:
        self._archive, self.stage = archive, stage

    def add(self, name: str, content: bytes) -> None:
        self._archive.writestr(name, content)

    def move(self, name: str, path: Path) -> None:
        info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
        info.compress_type = zipfile.ZIP_DEFLATED
        with path.open("rb") as source, self._archive.open(info, "w", force_zip64=True) as target:
            while piece := source.read(_CHUNK):
                target.write(piece)
        path.unlink()


class _Folder:
    def __init__(self, stage: Path) -> None:
        self.stage = stage

    def add(self, name: str, content: bytes) -> None:
        self._place(name).write_bytes(content)

    def move(self, name: str, path: Path) -> None:
        path.replace(self._place(name))

    def _place(self, name: str) -> Path:
        place = self.stage / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


def is_zip(output: Path) -> bool:
    """Return whether an export of many files goes into a .zip file."""
    return output.suffix.lower() == ".zip"


def check_archive(output: Path, format: str) -> None:
    """Raise `OptionsError` unless the output is a .zip file, or a new or empty folder."""
    wrong = ""
    if output.is_dir() and is_zip(output):
        wrong = f"expected a .zip file, found the folder {output}; choose another name."
    elif not is_zip(output) and output.is_file():
        wrong = f"{format} makes many files: expected a .zip file or a folder, found a file."
    elif not is_zip(output) and output.is_dir() and any(output.iterdir()):
        wrong = f"expected a new or empty folder or a .zip file, found files in {output}."
    if wrong:
        raise OptionsError({"output": f"Output file: {wrong}"})


@contextmanager
def open_archive(output: Path) -> Iterator[Archive]:
    """Open a .zip file or a folder for writing."""
    if not is_zip(output):
        output.mkdir()
        yield _Folder(output)
        return
    with (
        TemporaryDirectory(dir=output.parent) as parts,
        zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        yield _Zip(archive, Path(parts))
