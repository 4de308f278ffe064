"""Putting finished files in place of earlier ones: no kill and no power cut leaves a mixture.

Before the first rename, a journal in the folder lists all that will be renamed and deleted. Where a
program is killed in between, the journal remains, and whoever reads or writes the folder next
finishes what it lists: by `settle`, which every door to parsed cells and results calls.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from deepometry.core.disk import (
    STAGE_PREFIX,
    flush_files,
    flush_folders,
    held,
    is_below,
    prune,
    remove_below,
    remove_tree,
    rename_new,
    replace_file,
    same_file,
)
from deepometry.core.errors import DeepometryError, explain_os_error

JOURNAL = f"{STAGE_PREFIX}exchange.json"
PATIENCE = 10.0  # seconds for another process to finish what it is just moving
_LONG = 600.0  # the same for a step, whose work would be lost otherwise
_COARSE, _COARSEST = 10**6, 2 * 10**9  # nanoseconds, to which some disks round times down
_FORMAT = 1


@dataclass(frozen=True)
class Move:
    """A file that gets another name; size and time, which a rename keeps, tell it from others."""

    source: str
    target: str
    size: int
    time: int

    def is_done(self, folder: Path) -> bool:
        """Return whether the file is where it should go."""
        return self._is(folder / self.target)

    def can_be_done(self, folder: Path) -> bool:
        """Return whether the file is still where it was."""
        return self._is(folder / self.source)

    def _is(self, path: Path) -> bool:
        size, time = _stamp(path)
        lost = self.time - time
        coarse = 0 <= lost < _COARSEST and time % _COARSE == 0  # read from the disk again
        return size == self.size and (lost == 0 or coarse)


@dataclass(frozen=True)
class Exchange:
    """What is to be done in a folder; it may be begun again at any point.

    Attributes
    ----------
    stage : str
        Name of the hidden folder that holds the new files and the lock.
    moves : tuple of Move
        All paths are below the folder, with forward slashes.
    stale : tuple of str
        Files to delete afterwards.
    """

    stage: str
    moves: tuple[Move, ...]
    stale: tuple[str, ...] = ()


def carry_out(
    folder: Path, stage: Path, moves: Iterable[tuple[str, str]], stale: Iterable[str] = ()
) -> None:
    """Rename files below a folder, then delete others: all of it, or nothing.

    Parameters
    ----------
    folder : Path
    stage : Path
        A hidden folder in it, whose lock the caller holds.
    moves : iterable of (str, str)
        From where to where, below the folder.
    stale : iterable of str
        What to delete afterwards, where it is not among the new.

    Raises
    ------
    DeepometryError
        Something is in the way: then nothing has been changed.
    OSError
        The system refuses something. What was begun is finished by the next `settle`.
    """
    stamped = tuple(Move(old, new, *_stamp(folder / old)) for old, new in moves)
    new = {move.target for move in stamped}
    exchange = Exchange(stage.name, stamped, tuple(sorted(set(stale) - new)))
    _check_way(folder, exchange)
    flush_files([folder / move.source for move in stamped])
    _publish(folder, exchange)
    finish(folder, exchange)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return -1, -1
    return state.st_size, state.st_mtime_ns


def _check_way(folder: Path, exchange: Exchange) -> None:
    """Raise an error, before anything is moved, for what would stop it halfway."""
    for place in dict.fromkeys((folder / move.target).parent for move in exchange.moves):
        above = next(each for each in (place, *place.parents) if os.path.lexists(each))
        if not above.is_dir():
            raise _in_the_way(folder, f"{above} is a file where a folder is needed")
        if not os.access(above, os.W_OK):
            raise _in_the_way(folder, f"{above} is read-only")
    for move in exchange.moves:
        path = folder / move.target
        if path.is_dir():
            raise _in_the_way(folder, f"{path} is a folder where a file is needed")
        if os.name == "nt" and path.exists():
            replace_file(path, path)  # which fails while another program has it open


def _in_the_way(folder: Path, reason: str) -> DeepometryError:
    return DeepometryError(
        f"Output location {folder}: {reason}; remove it, or choose another folder."
    )


def _publish(folder: Path, exchange: Exchange) -> None:
    """Write the journal; where another process has one, wait until it is done."""
    moves = [astuple(move) for move in exchange.moves]
    content = {"format_version": _FORMAT, "stage": exchange.stage, "moves": moves}
    part = folder / exchange.stage / f"journal-{uuid.uuid4().hex[:8]}"
    part.write_text(json.dumps(content | {"stale": exchange.stale}), "utf-8")
    flush_files([part])
    while True:
        settle(folder, patience=_LONG)
        with suppress(FileExistsError):
            rename_new(part, folder / JOURNAL)
            flush_folders([folder])
            return


def finish(folder: Path, exchange: Exchange) -> None:
    """Do what is not done yet of a journalled exchange; all of it may be done twice."""
    folders = dict.fromkeys((folder / move.target).parent for move in exchange.moves)
    for place in folders:
        place.mkdir(parents=True, exist_ok=True)
    for move in exchange.moves:
        if move.can_be_done(folder):  # else it is done, and another file may have its old name
            replace_file(folder / move.source, folder / move.target)
    for move in exchange.moves:
        if not move.source.startswith(STAGE_PREFIX):
            prune(folder, folder / move.source)
    spelled = {move.target.casefold(): move.target for move in exchange.moves}
    for name in exchange.stale:
        twin = folder / spelled.get(name.casefold(), name)
        # where the disk ignores case, a folder renamed in case only is the new one
        if twin == folder / name or not same_file(twin, folder / name):
            remove_below(folder, name)
    flush_folders([folder, *folders])
    (folder / JOURNAL).unlink(missing_ok=True)


# --- what a kill left ------------------------------------------------------------------------


def settle(folder: Path, above: bool = False, patience: float = PATIENCE) -> None:
    """Finish an exchange that was interrupted in a folder, or wait for one that is at work.

    Parameters
    ----------
    folder : Path
        It need not exist.
    above : bool
        Whether to look in the folders above, too.
    patience : float
        Seconds to wait for another process.

    Raises
    ------
    DeepometryError
        Another process is still moving files there, the journal is damaged, or the files may
        not be moved.
    """
    if not above and not has_journal(folder):
        return  # the usual case, which is asked for often
    place = Path(os.path.realpath(folder))
    for each in (place, *(place.parents if above else ())):
        if has_journal(each):
            _settle(each, patience)


def has_journal(folder: Path) -> bool:
    """Return whether an exchange has begun in a folder, and not ended."""
    try:
        return (folder / JOURNAL).is_file()
    except OSError:
        return False  # nobody may look: whatever is read there says so


def _settle(folder: Path, patience: float) -> None:
    exchange = _read(folder)
    if exchange is None:
        return
    try:
        with held(folder / exchange.stage, patience) as free:
            if not free:
                raise DeepometryError(
                    f"{folder}: finished files are just being moved there by another Deepometry; "
                    "try again in a moment."
                )
            if _read(folder) == exchange:
                _check(folder, exchange)
                finish(folder, exchange)
    except OSError as error:
        if _read(folder) != exchange:
            return  # whoever was at work there has just ended it, and removed its lock
        raise DeepometryError(
            f"{folder}: the last step there was interrupted while its finished files were moved "
            f"in, and the rest cannot be moved: {explain_os_error(error)}"
        ) from error
    remove_tree(folder / exchange.stage)


def _check(folder: Path, exchange: Exchange) -> None:
    """Refuse a journal, which may be anybody's, that cannot be followed to its end."""
    names = [name for move in exchange.moves for name in (move.source, move.target)]
    for parent in {(folder / name).parent for name in (*names, *exchange.stale)}:
        if not Path(os.path.realpath(parent)).is_relative_to(folder):
            raise _unusable(folder, f"leads to another place, through the link {parent}")
    for move in exchange.moves:
        if not move.can_be_done(folder) and not move.is_done(folder):
            raise _unusable(folder, f"lists {move.target}, whose new content is not there any more")


def _unusable(folder: Path, fault: str) -> DeepometryError:
    return DeepometryError(
        f"{folder / JOURNAL}, the list of files that were being moved when the last step was "
        f"interrupted, {fault}: delete it, and run the step that wrote this folder again."
    )


def _read(folder: Path) -> Exchange | None:
    """Read the journal of a folder; None if there is none any more."""
    path = folder / JOURNAL
    try:
        return _exchange_of(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise _unusable(folder, "is damaged, or of a later version") from error


def _exchange_of(content: Any) -> Exchange:
    """Check the content of a journal; raises the errors of what is not as it should be."""
    moves = tuple(
        Move(_below(source), _below(target), int(size), int(time))
        for source, target, size, time in content["moves"]
    )
    stage, stale = _below(content["stage"]), tuple(map(_below, content["stale"]))
    inside = stage.startswith(STAGE_PREFIX) and len(PureWindowsPath(stage).parts) == 1
    if content["format_version"] != _FORMAT or not inside:
        raise ValueError(stage)
    return Exchange(stage, moves, stale)


def _below(name: Any) -> str:
    if not isinstance(name, str) or not is_below(name):
        raise ValueError(name)
    return name
