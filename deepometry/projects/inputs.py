"""What a run reads: which run wrote it, and a fingerprint that changes when it does."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import settings
from deepometry.core.result_files import MODEL_PATTERN
from deepometry.core.run_records import earlier_files
from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.projects.project import Project, whole_path

_LOOKED_AT = 2000  # files of an input; the record of a step tells of all
_END = 1 << 17  # bytes at each end of a file
_Print = Callable[[Path, str], bytes]
_HEIGHT = 2  # folders between what is read and the record of the step that wrote it


def inputs_of(step: Step, options: Mapping[str, Any]) -> dict[str, Path]:
    """Return the paths that a run reads, by option.

    Parameters
    ----------
    step : Step
    options : mapping
        Its values by name, as paths or text.
    """
    read = [name for name in kinds_of(step) if options.get(name)]
    return {name: whole_path(options[name]) for name in read}


def kinds_of(step: Step) -> dict[str, str]:
    """Return what the options of a step read, such as "parsed"; only of those that read a path."""
    kinds = {name: setting.kind for name, (setting, _) in settings(step.options).items()}
    kinds |= {"model": "model"} if "model" in kinds else {}  # blank where it may be found
    return {name: kind for name, kind in kinds.items() if kind not in ("", "folder")}


def writer_of(path: Path) -> tuple[Path, Step] | None:
    """Return the folder of the run that wrote a path, and its step; None where that is unknown."""
    for folder in (path, *path.parents[:_HEIGHT]):
        for step in STEPS.values():
            if step.record and (folder / step.record).is_file():
                return folder, step
    return None


def plain_inputs(project: Project, step: Step, options: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what a run reads, as its record holds it: path and fingerprint."""
    return {
        name: {"path": project.relative(path), "fingerprint": fingerprint(path)}
        for name, path in inputs_of(step, options).items()
    }


def fingerprint(path: Path) -> str:
    """Return two numbers that change with what lies at a path; empty if there is nothing.

    Of results, the record and the files that it lists are taken, of others the first 2,000 files.
    The first number is of their sizes and times, the second of their sizes and bytes, for where
    only the times differ, as in a copy: of large files of the first and last bytes.
    """
    numbers = _hashed(path, _stamp), _hashed(path, _sample)
    return "-".join(numbers) if all(numbers) else ""


def has_changed(path: Path, before: str) -> bool:
    """Return whether what lies at a path is not what had a fingerprint."""
    times, _, content = before.partition("-")
    if _hashed(path, _stamp) == times:
        return False
    return not content or _hashed(path, _sample) != content


def _hashed(path: Path, print_of: _Print) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    try:
        for part in _parts(path, print_of):
            hashed.update(part)
    except (OSError, DeepometryError):  # it is not there, or its record is damaged
        return ""
    return hashed.hexdigest()


def _parts(path: Path, print_of: _Print) -> Iterator[bytes]:
    writer = writer_of(path)
    if path.is_file():
        yield print_of(path, path.name)
    elif writer:
        folder, step = writer
        yield (folder / step.record).read_bytes()
        names = earlier_files(folder / step.record, step.name)
        names += [path.name for path in sorted(folder.glob(MODEL_PATTERN))]
        yield from (print_of(folder / name, name) for name in names[:_LOOKED_AT])
    else:
        yield from (print_of(each, each.name) for each in islice(_files(path), _LOOKED_AT))


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, in an order that stays."""
    with os.scandir(folder) as entries:  # a million of them must not lie in memory at once
        first = nsmallest(_LOOKED_AT, entries, key=lambda each: each.name)
    for entry in first:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif not entry.name.startswith("."):
            yield Path(entry.path)


def _stamp(path: Path, name: str) -> bytes:
    try:
        state = path.stat()
    except OSError:
        return f"{name} is missing\n".encode("utf-8", "surrogateescape")
    # whole seconds in twos, as drives keep them that files are copied over
    return f"{name} {state.st_size} {int(state.st_mtime) // 2}\n".encode("utf-8", "surrogateescape")


def _sample(path: Path, name: str) -> bytes:
    """Return the name, the size and the bytes of a file; of a large one those at its ends."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            start = file.read(_END)
            file.seek(max(len(start), size - _END))
            read = start + file.read(_END)
    except OSError:
        return f"{name} is missing\n".encode("utf-8", "surrogateescape")
    return f"{name} {size}\n".encode("utf-8", "surrogateescape") + read
