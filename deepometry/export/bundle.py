"""Exports of many files: a .zip, or a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from deepometry.errors import OptionsError
from deepometry.files import staged, writing

_CHUNK = 1 << 20


class Bundle(Protocol):
    """Takes files, one after another."""

    def add(self, name: str, content: bytes) -> None:
        """Write a file, named with forward slashes."""

    def take(self, name: str, path: Path) -> None:
        """Move a file in."""


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, content: bytes) -> None:
        self._archive.writestr(name, content)

    def take(self, name: str, path: Path) -> None:
        info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
        info.compress_type = zipfile.ZIP_DEFLATED
        with path.open("rb") as source, self._archive.open(info, "w", force_zip64=True) as target:
            while piece := source.read(_CHUNK):
                target.write(piece)
        path.unlink()


class _Folder:
    def __init__(self, place: Path) -> None:
        self._place = place

    def add(self, name: str, content: bytes) -> None:
        target = self._place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def take(self, name: str, path: Path) -> None:
        target = self._place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def is_zip(output: Path) -> bool:
    """Tell whether an export of many files goes into an archive."""
    return output.suffix.lower() == ".zip"


def check_bundle(output: Path, format: str) -> None:
    """Refuse an output that is neither a .zip nor a new or empty folder.

    Raises
    ------
    OptionsError
        It has another ending, or is a folder with files of others.
    """
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
def bundled(output: Path) -> Iterator[tuple[Bundle, Path]]:
    """Give what takes files, and a folder for files that are not whole yet.

    Parameters
    ----------
    output : Path
        A .zip file, or a folder; whole or not at all.
    """
    if not is_zip(output):
        with staged(output) as stage:
            yield _Folder(stage), stage
        return
    with (
        writing(output) as part,
        staged(part.with_name(f"{part.name}-parts")) as stage,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        yield _Zip(archive), stage
