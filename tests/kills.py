"""Kills at every operation that changes names in a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deepometry.core import exchange
from deepometry.core.disk import STAGE_PREFIX
from deepometry.core.exchange import JOURNAL, settle

CHANGES = ("link", "mkdir", "rename", "replace", "rmdir", "unlink")
Tree = dict[str, bytes]


class Killed(BaseException):
    """The process ended here."""


@contextmanager
def killed_at(number: int) -> Iterator[list[str]]:
    """Let so many changes of names happen, and refuse all others, also those that tidy up."""
    done: list[str] = []

    def mortal(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **more: Any) -> Any:
            if len(done) == number:
                raise Killed
            done.append(name)
            return call(*arguments, **more)

        return change

    with pytest.MonkeyPatch.context() as patch:
        for name in CHANGES:
            patch.setattr(os, name, mortal(name, getattr(os, name)))
        yield done


def visible(folder: Path) -> Tree:
    """Return the content of all files in sight below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    content = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {name: text for name, text in content.items() if STAGE_PREFIX not in name}


def states_of(step: Callable[[], object], folder: Path, kept: Path) -> list[Path]:
    """Run a step; return copies of its folder as a kill before each change of a name leaves it."""
    states: list[Path] = []

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **more: Any) -> Any:
            if folder.is_dir() and not watching:
                watching.append(True)  # the copy itself makes folders
                states.append(Path(shutil.copytree(folder, kept / str(len(states)))))
                watching.clear()
            return call(*arguments, **more)

        return change

    watching: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in CHANGES:
            patch.setattr(os, name, watched(getattr(os, name)))
        step()
    return states


def stopped_at_its_journal(step: Callable[[], object], folder: Path) -> tuple[Tree, Tree]:
    """Run a step until its last exchange in a folder is written down, and leave it so, as a kill.

    Returns
    -------
    tuple of dict
        What was in sight there before, and what should be once the exchange is finished.
    """
    copy = folder.with_name(f"{folder.name} as killed")
    states: list[Tree] = []
    finish = exchange.finish

    def watched(place: Path, asked: exchange.Exchange) -> None:
        ours = place == folder
        if ours:
            states[:] = [visible(folder)]
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder, copy)
        finish(place, asked)
        if ours:
            states.append(visible(folder))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "finish", watched)
        step()
    before, after = states
    shutil.rmtree(folder)
    copy.rename(folder)
    assert (folder / JOURNAL).is_file()
    return before, after


def kill_everywhere(
    step: Callable[[], object], folder: Path, read: Callable[[], object]
) -> tuple[int, Tree]:
    """Kill the exchange of a step at every change of names; then read, which must mend it.

    Parameters
    ----------
    step : callable
        Writes to the folder.
    folder : Path
        An output folder, which may hold earlier results.
    read : callable
        Reads the folder as a later command would.

    Returns
    -------
    tuple
        The number of kills, and what is in sight in the end.
    """
    before, after = stopped_at_its_journal(step, folder)
    killed = folder.with_name(f"{folder.name} killed")
    folder.rename(killed)
    kills = 0
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(killed, folder)
        with killed_at(kills) as done:
            try:
                settle(folder)
            except Killed:
                ended = False
            else:
                ended = True
        if not ended:
            read()
        assert visible(folder) == after, f"a mixture after {done}"
        assert not (folder / JOURNAL).exists()
        if ended:
            break
        kills += 1
    shutil.rmtree(folder)
    shutil.copytree(killed, folder)
    (folder / JOURNAL).unlink()  # killed just before it was written
    read_whole = visible(folder)
    assert read_whole == before
    shutil.rmtree(folder)
    shutil.copytree(killed, folder)
    settle(folder)
    return kills, after
