"""Each system's folders for state and caches, and the variables that choose others."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock, Timeout
from platformdirs import macos, unix, windows

from deepometry.core.errors import DeepometryError
from deepometry.core.user_folders import (
    cache_folder,
    locked,
    make_private,
    nobody_else_writes,
    state_folder,
)
from deepometry.web import create_app
from deepometry.web.browse.places import remember as remember_places
from deepometry.web.forms.last_values import remember, remembered

VARIABLES = ("DEEPOMETRY_HOME", "NUMBA_CACHE_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))


def test_the_folders_that_the_user_chose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEPOMETRY_HOME", str(tmp_path / "mine"))
    assert state_folder() == tmp_path / "mine"
    monkeypatch.setenv("DEEPOMETRY_HOME", "~/mine")
    assert state_folder() == Path("~/mine").expanduser()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    assert cache_folder().parent == tmp_path / "compiled"


@pytest.mark.parametrize(
    ("system", "state", "cache"),
    [
        (unix.Unix, ".local/state", ".cache"),
        (macos.MacOS, "Library/Application Support", "Library/Caches"),
        (windows.Windows, "Local", "Local"),
    ],
)
def test_each_system_has_its_own_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: type, state: str, cache: str
) -> None:
    monkeypatch.setattr(platformdirs, "PlatformDirs", system)
    monkeypatch.setattr(windows, "get_win_folder", windows.get_win_folder_from_env_vars)
    assert state_folder().parent == tmp_path / state
    assert state_folder().name.lower() == "deepometry"
    assert cache_folder().is_relative_to(tmp_path / cache)
    assert "deepometry" in str(cache_folder().relative_to(tmp_path / cache)).lower()


@pytest.mark.skipif(platformdirs.PlatformDirs is windows.Windows, reason="Windows has no such ones")
def test_the_variables_of_the_desktop_standard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(platformdirs, "PlatformDirs", unix.Unix)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert state_folder().parent == tmp_path / "states"
    assert cache_folder().parent == tmp_path / "caches"


def test_a_file_is_changed_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Each of three adds a hundred forms to those that it reads; none is lost."""
    home = tmp_path / "new"
    code = (
        "import sys; from pathlib import Path; from deepometry.web.forms.last_values import *\n"
        "for n in range(100): remember(Path(sys.argv[1]), f'{sys.argv[2]} {n}', {'n': True})"
    )
    words = [sys.executable, "-c", code, str(home)]
    started = [subprocess.Popen([*words, str(n)]) for n in range(3)]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0]
    assert len(remembered(home)) == 300


def test_a_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from deepometry.core.user_folders import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "file")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        with pytest.raises(Timeout):
            FileLock(tmp_path / "file.lock", timeout=0).acquire()
        process.kill()
    with locked(tmp_path / "file"):
        pass


# --- kept private ----------------------------------------------------------------------------

with_rights = pytest.mark.skipif(
    sys.platform == "win32", reason="the user's profile is private there"
)
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)
STRANGER = 54321


@with_rights
@pytest.mark.parametrize("mode", [None, 0o755, 0o777, 0o770, 0o700])
@pytest.mark.parametrize("holds", ["", "jobs"])
def test_the_state_is_for_this_user_only(tmp_path: Path, mode: int | None, holds: str) -> None:
    place = tmp_path / "deep" / "state"
    if mode is not None:
        (place / holds).mkdir(parents=True)
        place.chmod(mode)
    make_private(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


@with_rights
def test_a_state_that_others_could_read_until_now_is_closed(tmp_path: Path) -> None:
    remember(tmp_path / "state", "parse", {"frame": "48"})
    remember_places(tmp_path / "state", tmp_path)
    create_app({"HOME": tmp_path / "state"}).extensions["jobs"].list()
    (tmp_path / "state").chmod(0o755)
    make_private(tmp_path / "state")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@with_rights
def test_a_folder_that_others_work_in_is_refused_not_closed(tmp_path: Path) -> None:
    place = tmp_path / "lab"
    place.mkdir()
    place.chmod(0o775)
    (place / "jobs").mkdir()
    (place / "images.cif").touch()
    with pytest.raises(DeepometryError, match="it holds other files, and other users have rights"):
        make_private(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o775
    place.chmod(0o700)
    make_private(place)  # closed already


@with_rights
def test_a_folder_that_everybody_can_replace_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "state").mkdir(parents=True)
    shared.chmod(0o777)
    with pytest.raises(DeepometryError, match=f"others can replace what lies in {shared}"):
        make_private(shared / "state")
    (tmp_path / "link").symlink_to(shared / "state")
    with pytest.raises(DeepometryError, match=f"others can replace what lies in {shared}"):
        make_private(tmp_path / "link")
    shared.chmod(0o1777)  # as /tmp
    make_private(shared / "state")
    make_private(tmp_path / "link")


@as_root
def test_a_folder_or_link_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", STRANGER, STRANGER)
    with pytest.raises(DeepometryError, match="it belongs to another user"):
        make_private(tmp_path / "theirs")
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    make_private(tmp_path / "link")
    os.chown(tmp_path / "link", STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(DeepometryError, match="link is a link of another user's"):
        make_private(tmp_path / "link")
    with pytest.raises(DeepometryError, match="link is a link of another user's"):
        make_private(tmp_path / "link" / "state")


@as_root
def test_a_shared_folder_of_somebody_else_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "tmp" / "state").mkdir(parents=True)
    (tmp_path / "tmp").chmod(0o1777)
    make_private(tmp_path / "tmp" / "state")
    os.chown(tmp_path / "tmp", STRANGER, STRANGER)  # who may move what lies there
    with pytest.raises(DeepometryError, match="others can replace what lies in"):
        make_private(tmp_path / "tmp" / "state")


@with_rights
@pytest.mark.parametrize(("mode", "kept"), [(0o755, True), (0o775, True), (0o777, False)])
def test_compiled_code_is_taken_from_where_nobody_else_writes(
    tmp_path: Path, mode: int, kept: bool
) -> None:
    place = tmp_path / "cache"
    place.mkdir()
    (place / "compiled.nbi").touch()
    place.chmod(mode)
    assert nobody_else_writes(place) == kept
    assert stat.S_IMODE(place.stat().st_mode) == (0o700 if kept else mode)
    assert not nobody_else_writes(tmp_path / "none")


@as_root
def test_compiled_code_of_somebody_else_is_not_run(tmp_path: Path) -> None:
    code = "from deepometry.core.numba_cache import _place; print(_place())"
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def place() -> str:
        words = [sys.executable, "-c", code]
        run = subprocess.run(words, capture_output=True, text=True, check=True, env=variables)
        return run.stdout.strip()

    first = place()
    assert Path(first).is_dir() and place() == first
    os.chown(first, STRANGER, STRANGER)
    assert place() == "None"


@with_rights
def test_a_drive_without_rights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb").chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with pytest.raises(DeepometryError, match="cannot be made private"):
        make_private(tmp_path / "usb")
