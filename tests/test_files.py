"""Writing that leaves nothing half-written."""

import errno
import os
import threading
from pathlib import Path

import pytest

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import existing_folder, staged, sweep_after, writing
from deepometry.core.progress import hold_unbroken


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_writing_replaces_only_when_whole(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), writing(target) as part:
        part.write_text("half")
        raise RuntimeError
    assert content(tmp_path) == {"table.csv": "old"}
    with writing(target) as part:
        part.write_text("new")
    assert content(tmp_path) == {"table.csv": "new"}


def test_full_disk_is_told_in_words(tmp_path):
    full = pytest.raises(DeepometryError, match=r"table.csv: the disk is full")
    with full, writing(tmp_path / "table.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert content(tmp_path) == {}


def test_a_file_in_place_of_a_folder_is_told_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeepometryError, match="file"), staged(tmp_path / "file" / "out"):
        pass
    with pytest.raises(DeepometryError, match="file"), staged(tmp_path / "file"):
        pass


def test_staged_content_appears_at_the_end(tmp_path):
    output = tmp_path / "a" / "b"
    with staged(output) as stage:
        (stage / "Class A").mkdir()
        (stage / "Class A" / "cells.npy").write_text("1")
        assert not (output / "Class A").exists()
    assert content(tmp_path) == {"a/b/Class A/cells.npy": "1"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_everything_as_it_was(tmp_path, error):
    output = tmp_path / "a" / "b"
    with pytest.raises(error), staged(output) as stage:
        (stage / "x").write_text("1")
        raise error
    assert list(tmp_path.iterdir()) == []
    output.mkdir(parents=True)
    (output / "x").write_text("old")
    with pytest.raises(error), staged(output, ["x"]) as stage:
        (stage / "x").write_text("new")
        raise error
    assert content(tmp_path) == {"a/b/x": "old"}


def test_stale_files_go_and_foreign_ones_stay(tmp_path):
    for name in ("Old/cells.npy", "Kept/cells.npy", "Kept/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("old")
    with staged(tmp_path, ["Old/cells.npy", "Kept/cells.npy"]) as stage:
        (stage / "Kept").mkdir()
        (stage / "Kept/cells.npy").write_text("new")
    assert content(tmp_path) == {"Kept/cells.npy": "new", "Kept/notes.txt": "old"}
    assert not (tmp_path / "Old").exists()


def test_a_folder_renamed_in_case_only_is_not_deleted_as_stale(tmp_path):
    with staged(tmp_path, ["class a/x"]) as stage:
        (stage / "Class A").mkdir()
        (stage / "Class A" / "x").write_text("new")
    assert content(tmp_path) == {"Class A/x": "new"}


def test_missing_folder_and_file_for_folder(tmp_path):
    with pytest.raises(DeepometryError, match="does not exist"):
        existing_folder(tmp_path / "none", "Input location")
    (tmp_path / "file").write_text("")
    with pytest.raises(DeepometryError, match="is a file"):
        existing_folder(tmp_path / "file", "Input location")


def test_unknown_system_errors_keep_their_words():
    assert "strange" in str(explain_os_error(OSError(9999, "strange"), "x"))


def test_what_a_process_left_is_swept_up_and_nothing_else(tmp_path):
    output = tmp_path / "new" / "deep"
    with pytest.raises(RuntimeError), staged(output) as stage:
        (stage / "half").write_text("half")
        (output / f".deepometry-{os.getpid()}-part.csv").write_text("half")
        (output / ".deepometry-1-x").mkdir()
        assert sweep_after(os.getpid(), output, [tmp_path / "new", output])
        assert [path.name for path in output.iterdir()] == [".deepometry-1-x"]
        assert sweep_after(1, output, [tmp_path / "new", output])
        assert [*tmp_path.iterdir()] == []
        raise RuntimeError
    assert sweep_after(1, tmp_path / "none")


def test_an_output_is_moved_whole_before_a_program_may_end(tmp_path, monkeypatch):
    held = []

    def hold(*_):
        thread = threading.Thread(target=lambda: held.append(hold_unbroken(0.05)))
        thread.start()
        thread.join()

    monkeypatch.setattr(Path, "replace", hold)
    with staged(tmp_path) as stage:
        (stage / "a.txt").write_text("a")
    assert held == [False]
