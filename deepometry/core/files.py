"""Writing that leaves nothing half-written."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from deepometry.core.disk import (
    LOCK,
    STAGE_PREFIX,
    flush_files,
    held,
    remove_tree,
    replace_file,
    same_file,
)
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.exchange import JOURNAL, carry_out, has_journal, settle
from deepometry.core.progress import unbroken
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.text import counted

_NEW = "new"  # in a stage: the folder of what will be moved out of it
_LEFT_BEHIND = 7 * 24 * 3600  # seconds


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` when the block ends well.

    What stood there stays untouched if anything goes wrong.

    Raises
    ------
    DeepometryError
        The file cannot be written: no permission, no space.
    """
    part = path.with_name(f"{_own_prefix()}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if not _is_staged(path):  # which is flushed when it is moved
            flush_files([part])
        replace_file(part, path)
    except OSError as error:
        raise explain_os_error(error, path) from error
    finally:
        with suppress(OSError):  # which would hide what went wrong before
            part.unlink(missing_ok=True)


@contextmanager
def staged(
    output: Path, stale: Iterable[str] = (), say: Callable[[str], None] | None = None
) -> Iterator[Path]:
    """Yield a hidden folder inside `output`; move its content into `output` at the end.

    Parameters
    ----------
    output : Path
        Folder to write to, made with its parents where missing.
    stale : iterable of str
        Files below `output`, relative and with forward slashes, which the new content
        replaces: those not written again are deleted once everything new stands. Looked at
        when the block ends, so that it may still add to them.
    say : callable, optional
        Told where files were moved that were in the way, and are none of `stale`: somebody
        else's, which are kept in a folder `earlier_<number>`.

    Raises
    ------
    DeepometryError
        The folder cannot be made or written. Then, as after any other error inside the block,
        nothing of the new content stays and nothing old is lost.
    """
    made = _make_folder(output)
    settle(output)
    stage = output
    try:
        _sweep(output)
        with _open_stage(output) as stage:
            new = stage / _NEW
            yield new
            _check_there(stage, output)
            names = files_below(new)
            aside = _set_aside(output, names, stale)
            moves = [(f"{stage.name}/{_NEW}/{name}", name) for name in names]
            with unbroken():
                carry_out(output, stage, [*aside, *moves], stale)
            if aside and say:
                kept = output / Path(aside[0][1]).parts[0]
                say(f"{counted(len(aside), 'other file')} of the same names: moved to {kept}.")
    except Exception as error:
        if isinstance(error, OSError | DeepometryError):
            _check_there(stage, output)
        if isinstance(error, OSError):
            raise explain_os_error(error, _beyond_stage(error, stage / _NEW, output)) from error
        raise
    finally:
        if stage != output and not has_journal(output):
            remove_tree(stage)
        _remove_empty(made)


def _set_aside(output: Path, names: Sequence[str], stale: Iterable[str]) -> list[tuple[str, str]]:
    """List where files go that the new ones would replace without having been asked for."""
    own = {name.casefold() for name in stale}
    foreign = [name for name in names if name.casefold() not in own and (output / name).is_file()]
    place = free_earlier(output).name if foreign else ""
    return [(name, f"{place}/{name}") for name in foreign]


def free_earlier(output: Path) -> Path:
    """Return the first folder `earlier_<number>` that does not exist yet."""
    number = 1
    while (place := output / f"earlier_{number}").exists():
        number += 1
    return place


@contextmanager
def _open_stage(output: Path) -> Iterator[Path]:
    """Make a hidden folder whose lock is held until the block ends."""
    while True:
        stage = Path(tempfile.mkdtemp(prefix=_own_prefix(), dir=output))
        with held(stage):
            if (stage / LOCK).exists():  # else another process took it for left behind
                (stage / _NEW).mkdir()
                yield stage
                return


def move_within(output: Path, moves: Iterable[tuple[str, str]]) -> None:
    """Rename files below a folder, from where to where, all of them or none.

    Raises
    ------
    DeepometryError
        The folder cannot be written.
    """
    settle(output)
    try:
        with _open_stage(output) as stage, unbroken():
            carry_out(output, stage, moves)
    except OSError as error:
        raise explain_os_error(error, output) from error
    remove_tree(stage)


def _check_there(stage: Path, output: Path) -> None:
    """Raise `DeepometryError` if the stage is not there any more."""
    if stage != output and not (stage / LOCK).exists():
        raise DeepometryError(
            f"Output location {output} was deleted, renamed or moved, or hidden folders in it were "
            "deleted, while its results were made: run the step again."
        )


def _is_staged(path: Path) -> bool:
    return any(part.startswith(STAGE_PREFIX) for part in path.parts[:-1])


def _sweep(output: Path) -> None:
    """Delete what a power cut or a kill left behind, once nobody can be writing it any more."""
    for place in output.glob(f"{STAGE_PREFIX}*"):
        if place.name == JOURNAL:
            continue
        if (place / LOCK).is_file():
            with held(place) as free:
                dead = free
        else:
            dead = time.time() - place.lstat().st_mtime > _LEFT_BEHIND
        if dead:
            _delete(place)


def _delete(place: Path) -> None:
    """Delete a file or a folder as far as the system allows."""
    if place.is_dir():
        remove_tree(place)
    else:
        with suppress(OSError):
            place.unlink()


def _own_prefix() -> str:
    """Begin the name of what is not whole yet, with the number of this process."""
    return f"{STAGE_PREFIX}{os.getpid()}-"


def missing_folders(folder: Path) -> list[Path]:
    """List `folder` and its parents as far as they do not exist, outermost first."""
    return [place for place in [folder, *folder.parents] if not place.exists()][::-1]


def sweep_after(process: int, output: Path, made: Iterable[Path] = ()) -> bool:
    """Delete what a process that was ended in the middle left half-written.

    Parameters
    ----------
    process : int
        Its number. It must not be writing any more.
    output : Path
        The folder, or the file, that it wrote to.
    made : iterable of Path
        Folders that it made, outermost first: deleted where they are empty.

    Returns
    -------
    bool
        Whether nothing of it is left; on Windows a file that is still open stays.
    """
    with suppress(DeepometryError):  # the next command tries again
        settle(output)
    name = f"{STAGE_PREFIX}{process}-*"
    if not has_journal(output):
        for place in (*output.glob(name), *output.parent.glob(name)):
            _delete(place)
    left = next(output.glob(name), None) or next(output.parent.glob(name), None)
    _remove_empty([*made])
    return left is None


def _remove_empty(folders: Sequence[Path]) -> None:
    """Delete folders, listed outermost first, as far as they are empty."""
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def lies_in(place: Path, folder: Path) -> bool:
    """Return whether a path, existing or not, is a folder or lies in it, by whatever name."""
    place = place.resolve()
    return any(same_file(above, folder) for above in (place, *place.parents))


def check_outside(output: Path, folder: Path, where: str = "among the parsed cells") -> None:
    """Raise `DeepometryError` if an output lies in a folder that later steps read as a whole."""
    if lies_in(output, folder):
        raise DeepometryError(
            f"Output location {output} lies {where} {folder}; choose a folder outside."
        )


def check_not_among_cells(output: Path, cells: Path) -> None:
    """Raise `DeepometryError` if an output is a folder of the parsed cells that a step reads.

    Parameters
    ----------
    output : Path
    cells : Path
        The parsed cells, or a part of them such as `Train`.
    """
    inside = lies_in(output, cells)
    around = lies_in(cells, output) and (output / PARSE_RECORD).is_file()
    if around or same_file(output, cells) or (inside and next(output.rglob("*.npy"), None)):
        raise DeepometryError(
            f"Output location {output} lies among the parsed cells {cells}; choose another folder."
        )


def check_writable(output: Path) -> None:
    """Raise `DeepometryError`, before long work, if a folder cannot be made or written to."""
    with staged(output):
        pass


def _beyond_stage(error: OSError, new: Path, output: Path) -> Path | str:
    """Name the file as the user would have seen it, not its temporary place."""
    name = error.filename if isinstance(error.filename, str | Path) else None
    if name is not None and Path(name).is_relative_to(new):
        return output / Path(name).relative_to(new)
    return output if name is None or _is_staged(Path(name) / "x") else name


def _make_folder(folder: Path) -> list[Path]:
    """Make `folder` and its parents; return those that were not there before."""
    missing: list[Path] = []
    try:
        missing = missing_folders(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(missing)
        raise explain_os_error(error, folder) from error
    return missing


def files_below(folder: Path) -> list[str]:
    """List all files below a folder, relative to it, with forward slashes."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def existing_folder(path: Path, label: str) -> Path:
    """Check that `path` is a folder that can be read; raise `DeepometryError` otherwise.

    What a kill left half-moved in it, or in a folder above, is finished first.
    """
    settle(path, above=True)
    if not path.exists():
        raise DeepometryError(f"{label} {path} does not exist: check the path.")
    if not path.is_dir():
        raise DeepometryError(f"{label} {path} is a file; give the folder that holds it.")
    return path


def hash_bytes(content: bytes) -> int:
    """Hash bytes to 64 bits, unsigned, the same on every computer."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def file_digest(path: Path) -> str:
    """Hash the content of a file: BLAKE2b of 16 bytes, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).hexdigest()
