"""What happens to the jobs when a program is killed, or their file cannot be used."""

# ruff: noqa: F811 (fixtures of another file)

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.user_folders import make_private
from deepometry.web import create_app
from deepometry.web.jobs.process import Process
from deepometry.web.jobs.queue import Jobs
from deepometry.web.jobs.scheduler import Scheduler
from deepometry.web.jobs.store import FILE, JobStore
from tests.test_web_jobs import attempt, ended, home, kinds, make, until  # noqa: F401 (fixtures)

pytestmark = pytest.mark.usefixtures("try_step")

NOBODY = 65534


def assert_sound(jobs: Jobs, root: Path, tmp_path: Path) -> None:
    """Check the file, that nothing is half-written, and that the next job runs."""
    assert JobStore(root).rows("PRAGMA integrity_check")[0][0] == "ok"
    assert not [*tmp_path.glob("**/.deepometry-*")]
    assert ended(jobs, jobs.submit(attempt(tmp_path / "next")).id).state == "done"
    until(lambda: all(row["settled"] for row in JobStore(root).rows("SELECT * FROM jobs")))


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    ["BEGIN 1", "COMMIT 1", "BEGIN 2", "COMMIT 2", "BEGIN 3", "COMMIT 3"],
)
def test_a_jobs_process_killed_at_any_point_is_lost_and_holds_up_nothing(
    make,
    home,
    tmp_path,
    monkeypatch,
    where,
) -> None:
    monkeypatch.setenv("CRASH", where)
    first = make(runner="tests.web_crash")
    first.start()
    job = ended(first, first.submit(attempt(tmp_path)).id)
    assert job.state == "lost"
    until(lambda: kinds(first, job.id)[-1] == "end")
    first.stop()
    monkeypatch.delenv("CRASH")
    second = make()
    second.start()
    assert_sound(second, home / "jobs", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "where", ["BEGIN 2", "COMMIT 2", "BEGIN 3", "COMMIT 3", "BEGIN 4", "COMMIT 4"]
)
def test_a_server_killed_at_any_point_loses_no_job_and_runs_none_twice(
    make,
    home,
    tmp_path,
    where,
) -> None:
    words = [sys.executable, "-m", "tests.web_crash", "serve", str(home / "jobs"), str(tmp_path)]
    code = subprocess.run(words, env={**os.environ, "CRASH": where}, timeout=120).returncode
    assert code not in (0, 1)  # it was killed
    jobs = make()
    jobs.start()
    for job in jobs.list():
        assert ended(jobs, job.id).state == "done"
        states = [e.data["state"] for e in jobs.events(job.id) if e.kind == "state"]
        assert states == ["queued", "running", "done"]
    assert len(jobs.list()) == (where not in ("BEGIN 2", "COMMIT 2"))
    assert_sound(jobs, home / "jobs", tmp_path)


def test_of_processes_that_claim_at_once_only_one_runs(make, home, tmp_path) -> None:
    jobs = make()
    ids = [jobs.submit(attempt(tmp_path / str(n), "sleep")).id for n in range(2)]
    words = [sys.executable, "-m", "tests.web_runner", str(home / "jobs")]
    started = [subprocess.Popen([*words, id]) for id in ids * 2]
    try:
        until(lambda: sum(process.poll() is None for process in started) == 1)
        states = sorted(jobs.get(id).state for id in ids)
        assert states == ["queued", "running"]
        assert [process.returncode for process in started if process.returncode is not None] == [
            0
        ] * 3
        (running,) = [id for id in ids if jobs.get(id).state == "running"]
        (process,) = [process for process in started if process.poll() is None]
        assert jobs.get(running).process.pid == process.pid
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_newer_format_is_refused_in_one_sentence(tmp_path) -> None:
    store = JobStore(tmp_path / "jobs")
    store.rows("PRAGMA user_version = 99")
    with pytest.raises(DeepometryError, match=r"format 2 or older, found format 99; start the new"):
        Jobs(tmp_path / "jobs")
    run = subprocess.run(
        [sys.executable, "-m", "deepometry", "gui", "--no-browser", "--port", "0"],
        capture_output=True,
        text=True,
        env={**os.environ, "DEEPOMETRY_HOME": str(tmp_path)},
    )
    assert run.returncode == 2
    assert run.stderr.startswith("Error: ") and "found format 99" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert store.rows("PRAGMA user_version")[0][0] == 99


def test_a_list_of_jobs_of_the_first_format_is_carried_on(tmp_path) -> None:
    store = JobStore(tmp_path / "jobs")
    before = Jobs(tmp_path / "jobs").submit(attempt(tmp_path))
    store.rows("ALTER TABLE jobs DROP COLUMN question")
    store.rows("PRAGMA user_version = 1")
    (after,) = Jobs(tmp_path / "jobs").list()
    assert (after.id, after.question) == (before.id, None)


@pytest.mark.parametrize("place", [0, 4096])  # the whole file; what follows its first page
def test_a_damaged_file_is_moved_aside_and_the_page_says_so(tmp_path, place) -> None:
    Jobs(tmp_path / "jobs").submit(attempt(tmp_path))
    file = tmp_path / "jobs" / FILE
    content = file.read_bytes()
    damaged = content[:place] + bytes(range(256)) * (len(content[place:]) // 256)
    file.write_bytes(damaged)
    page = create_app({"HOME": tmp_path, "TESTING": True}).test_client()
    if place:  # seen when the jobs are read
        assert "The list of jobs was damaged" in page.get("/").text
    assert "The list of jobs was damaged" in page.get("/").text
    (moved,) = (tmp_path / "jobs").glob("jobs-damaged-*.sqlite")
    assert moved.read_bytes() == damaged
    assert str(moved) in page.get("/").text
    assert Jobs(tmp_path / "jobs").list() == []
    assert Jobs(tmp_path / "jobs").notice == ""


def test_an_emptied_file_begins_again_and_the_page_says_so(tmp_path) -> None:
    page = create_app({"HOME": tmp_path, "TESTING": True}).test_client()
    Jobs(tmp_path / "jobs").submit(attempt(tmp_path))
    (tmp_path / "jobs" / FILE).write_bytes(b"")
    page.get("/")
    assert "The list of jobs was damaged: an empty list was begun" in page.get("/").text


@pytest.mark.skipif(os.name == "nt", reason="Windows does not delete files that are open")
@pytest.mark.parametrize("whole", [False, True])
def test_a_list_that_is_deleted_under_a_server_is_written_again(tmp_path, whole) -> None:
    page = create_app({"HOME": tmp_path, "TESTING": True}).test_client()
    job = Jobs(tmp_path / "jobs").submit(attempt(tmp_path))
    page.get("/")
    if whole:
        shutil.rmtree(tmp_path / "jobs")
    else:
        (tmp_path / "jobs" / FILE).unlink()
    page.get("/")
    text = page.get("/").text
    assert "was deleted meanwhile: it was written again" in text
    assert [each.id for each in Jobs(tmp_path / "jobs").list()] == [job.id]


@pytest.mark.slow
def test_no_second_job_begins_beside_one_that_is_not_listed(tmp_path) -> None:
    """As after the list was damaged: only the lock of the system knows of the job at work."""
    jobs = Jobs(tmp_path / "jobs", runner="tests.web_runner")
    job = jobs.submit(attempt(tmp_path))
    store = JobStore(tmp_path / "jobs")
    scheduler = Scheduler(store, "tests.web_runner")
    with JobStore(tmp_path / "jobs").working() as free:
        assert free
        scheduler.look()
        assert store.row(job.id)["pid"] is None
        words = [sys.executable, "-m", "tests.web_runner", str(tmp_path / "jobs"), job.id]
        subprocess.run(words, cwd=Path(__file__).parents[1], timeout=120, check=True)
        assert store.row(job.id)["state"] == "queued"
    scheduler.look()
    assert store.row(job.id)["pid"] is not None
    assert ended(jobs, job.id).state == "done"


def test_a_job_given_back_during_a_look_is_not_lost(tmp_path, monkeypatch) -> None:
    job = Jobs(tmp_path / "jobs").submit(attempt(tmp_path))
    store = JobStore(tmp_path / "jobs")
    store.set_launched(job.id, Process.of(os.getpid()))
    # after the row was read, its process finds another one at work, gives the job back and ends
    monkeypatch.setattr(Process, "alive", lambda self: bool(store.release(job.id)))
    with store.working():  # so that nothing is started
        Scheduler(store, "tests.web_runner").look()
    row = store.row(job.id)
    assert (row["state"], row["pid"], row["settled"]) == ("queued", None, 0)


def test_a_process_of_a_job_never_replaces_a_damaged_file(tmp_path) -> None:
    content = b"no database" * 1000
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(DeepometryError, match=r"jobs\.sqlite, the list of jobs, is damaged"):
        JobStore(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).read_bytes() == content


def test_a_file_that_another_program_locks_is_told_in_a_sentence(tmp_path) -> None:
    store = JobStore(tmp_path, wait=0.1)
    other = sqlite3.connect(store.path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DeepometryError, match=r"cannot be used \(database is locked\): close"):
        store.ids()
    other.close()
    assert store.ids() == []


@pytest.fixture
def read_only(tmp_path):  # which must be made before
    """A folder with a list of jobs that this process may read but not write."""
    if os.name == "nt":
        pytest.skip("Windows knows no such folders")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        Jobs(place / "jobs")
        for each in (place / "jobs" / FILE, place / "jobs", place):
            each.chmod(each.stat().st_mode & 0o555 | 0o444)
        place.chmod(0o555)
        user = os.geteuid()
        if user == 0:  # who may write everywhere
            os.seteuid(NOBODY)
        yield place
        os.seteuid(user)
        for each in (place, place / "jobs"):
            each.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(read_only, tmp_path) -> None:
    with pytest.raises(DeepometryError, match=r"cannot be used \(.*\); set DEEPOMETRY_HOME to a"):
        make_private(read_only)
    with pytest.raises(DeepometryError, match=r"cannot be used \(.*\); set DEEPOMETRY_HOME to a"):
        Jobs(read_only / "jobs").submit(attempt(tmp_path))
