"""Finished files that are put in place of others: whole, whenever the program is killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deepometry.core import exchange
from deepometry.core.disk import LOCK, held
from deepometry.core.errors import DeepometryError
from deepometry.core.exchange import JOURNAL, carry_out, settle
from deepometry.core.files import existing_folder, move_within, staged, sweep_after
from deepometry.core.run_records import own_record, read_json
from tests.kills import CHANGES, Tree, kill_everywhere, stopped_at_its_journal, visible

OLD = {"A/1.npy": "old", "A/2.npy": "old", "B/1.npy": "old", "parse.json": '{"step": "parse"}'}
NEW = {"A/1.npy": "new", "C/d/1.npy": "new", "C/d/2.npy": "new", "parse.json": '{"step": "new"}'}
FOREIGN = {"B/notes.txt": "mine", "mine.txt": "mine"}


def fill(folder: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def as_bytes(*content: dict[str, str]) -> Tree:
    return {name: text.encode() for each in content for name, text in each.items()}


def replace(folder: Path) -> None:
    """Write new results over old ones, some of which are stale."""
    with staged(folder, OLD) as stage:
        fill(stage, NEW)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    fill(tmp_path / "out", OLD | FOREIGN)
    return tmp_path / "out"


KILLED = f"""
import filelock, os, shutil, sys, tempfile
from pathlib import Path
from deepometry.core.files import staged

number, count = int(sys.argv[2]), 0

def mortal(call):
    def change(*arguments, **more):
        global count
        if count == number:
            os._exit(9)
        count += 1
        return call(*arguments, **more)
    return change

for name in {CHANGES}:
    setattr(os, name, mortal(getattr(os, name)))
folder = Path(sys.argv[1])
with staged(folder, {list(OLD)}) as stage:
    for name, text in {NEW}.items():
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).write_text(text)
"""


@pytest.mark.slow
def test_a_process_killed_at_any_change_of_a_name_leaves_the_old_or_the_new(tmp_path):
    number, ends = 0, []
    while True:
        folder = tmp_path / str(number)
        fill(folder, OLD | FOREIGN)
        command = [sys.executable, "-c", KILLED, str(folder), str(number)]
        root = Path(__file__).parents[1]
        ended = subprocess.run(command, cwd=root, check=False, timeout=120).returncode
        assert ended in (0, 9)
        settle(folder)
        content = visible(folder)
        assert content in (as_bytes(OLD, FOREIGN), as_bytes(NEW, FOREIGN)), f"mixed at {number}"
        ends.append(content == as_bytes(NEW, FOREIGN))
        if not ended:
            break
        number += 1
    assert ends == sorted(ends), "once the new is there, it stays"
    assert ends.count(False) > 3
    assert ends.count(True) > 8


@pytest.mark.parametrize(
    "door",
    [
        settle,
        lambda output: own_record(output / "parse.json", "parse"),
        lambda output: read_json(output / "parse.json"),
        lambda output: existing_folder(output / "C", "Input location"),
    ],
)
def test_what_reads_a_folder_finishes_what_was_interrupted_there(output, door):
    kills, after = kill_everywhere(lambda: replace(output), output, lambda: door(output))
    assert kills > 6
    assert after == as_bytes(NEW, FOREIGN)


def test_moves_within_a_folder_are_whole_as_well(output):
    moves = [(name, f"earlier_1/{name}") for name in OLD]
    _, after = kill_everywhere(
        lambda: move_within(output, moves), output, lambda: own_record(output / "x.json", "x")
    )
    assert after == as_bytes({f"earlier_1/{name}": text for name, text in OLD.items()}, FOREIGN)
    settle(output)
    assert not (output / "A").exists()


def test_a_file_in_the_way_is_told_before_anything_is_moved(output):
    (output / "C").write_text("mine")
    with pytest.raises(DeepometryError, match=r"C is a file where a folder is needed"):
        replace(output)
    assert visible(output) == as_bytes(OLD, FOREIGN, {"C": "mine"})
    (output / "C").unlink()
    (output / "C/d/1.npy").mkdir(parents=True)
    with pytest.raises(DeepometryError, match=r"1\.npy is a folder where a file is needed"):
        replace(output)
    assert visible(output) == as_bytes(OLD, FOREIGN)
    assert not list(output.glob(".deepometry-*"))


def test_what_a_live_process_is_moving_is_left_alone(output):
    stopped_at_its_journal(lambda: replace(output), output)
    stage = json.loads((output / JOURNAL).read_text())["stage"]
    before = visible(output)
    with held(output / stage):
        with pytest.raises(DeepometryError, match="just being moved there by another"):
            settle(output, patience=0.05)
        assert visible(output) == before
        waiting = threading.Thread(target=lambda: settle(output))
        waiting.start()
    waiting.join()
    assert visible(output) == as_bytes(NEW, FOREIGN)


def test_what_another_process_ends_just_before_its_lock_is_asked_for_is_no_fault(
    output, monkeypatch
):
    stopped_at_its_journal(lambda: replace(output), output)
    monkeypatch.setattr(exchange, "held", lambda stage, patience: _gone(output, stage))
    settle(output)
    assert visible(output) == as_bytes(NEW, FOREIGN)


@contextmanager
def _gone(output: Path, stage: Path) -> Iterator[bool]:
    """End an exchange as another process does, which then removes its lock."""
    with held(stage):
        exchange.finish(output, exchange._read(output))
    shutil.rmtree(stage)
    raise FileNotFoundError(2, "not there", str(stage / LOCK))
    yield True


def test_a_second_exchange_waits_for_the_first(output):
    stopped_at_its_journal(lambda: replace(output), output)
    with staged(output) as stage:
        (stage / "more.txt").write_text("more")
    assert visible(output) == as_bytes(NEW, FOREIGN, {"more.txt": "more"})


def test_new_files_that_are_lost_are_told(output):
    os.utime(output / "A/1.npy", (1, 1))
    stopped_at_its_journal(lambda: replace(output), output)
    journal = json.loads((output / JOURNAL).read_text())
    (output / journal["moves"][0][0]).unlink()
    with pytest.raises(DeepometryError, match=r"A/1\.npy, whose new content is not there any more"):
        own_record(output / "parse.json", "parse")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 200_000,
        '{"format_version": 99}',
        '{"format_version": 1, "stage": "x", "moves": [], "stale": []}',
        '{"format_version": 1, "stage": ".deepometry-1/x", "moves": [], "stale": []}',
        '{"format_version": 1, "stage": ".deepometry-1", "moves": [], "stale": ["../mine.txt"]}',
        '{"format_version": 1, "stage": ".deepometry-1", "moves": [["/a", "b", 1, 1]], "stale": 1}',
    ],
)
def test_a_damaged_journal_is_told(output, text):
    (output / JOURNAL).write_text(text)
    with pytest.raises(DeepometryError, match=r"is damaged, or of a later version: delete it"):
        settle(output)


def test_a_journal_that_leads_elsewhere_is_refused(output, tmp_path):
    stopped_at_its_journal(lambda: replace(output), output)
    (tmp_path / "else").mkdir()
    try:
        (output / "C").symlink_to(tmp_path / "else", target_is_directory=True)
    except OSError:
        pytest.skip("this system has no links for everybody")
    with pytest.raises(DeepometryError, match="leads to another place, through the link"):
        settle(output)
    assert not list((tmp_path / "else").iterdir())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind here")
def test_a_reader_without_permission_is_told(output):
    stopped_at_its_journal(lambda: replace(output), output)
    output.chmod(0o500)
    try:
        with pytest.raises(DeepometryError, match=r"was interrupted .* cannot be moved"):
            settle(output)
    finally:
        output.chmod(0o700)


def test_stages_of_dead_processes_are_swept_and_those_of_others_stay(tmp_path):
    dead, alive, old_version = (tmp_path / f".deepometry-{n}-x" for n in (1, 2, 3))
    for stage in (dead, alive, old_version):
        stage.mkdir()
    (dead / LOCK).touch()
    with held(alive), staged(tmp_path):
        assert not dead.exists()
        assert alive.is_dir()
        assert old_version.is_dir()


def test_sweeping_after_a_process_finishes_what_it_was_moving(output):
    stopped_at_its_journal(lambda: replace(output), output)
    assert sweep_after(os.getpid(), output)
    assert visible(output) == as_bytes(NEW, FOREIGN)
    assert not list(output.glob(".deepometry-*"))


@pytest.mark.parametrize("again", [False, True])
def test_an_output_deleted_meanwhile_is_told(tmp_path, again):
    import shutil

    output = tmp_path / "out"
    deleted = pytest.raises(DeepometryError, match=r"out was deleted, renamed or moved")
    with deleted, staged(output) as stage:
        shutil.rmtree(output)
        if again:
            stage.mkdir(parents=True)
        (stage / "x").write_text("1")


def test_an_exchange_lists_nothing_twice(output):
    with held(output / ".deepometry-1-x"):
        carry_out(output, output / ".deepometry-1-x", [("mine.txt", "B/notes.txt")], ["mine.txt"])
    assert visible(output) == as_bytes(OLD, {"B/notes.txt": "mine"})
