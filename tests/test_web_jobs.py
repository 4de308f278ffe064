"""Jobs: processes of their own, one at a time, that outlive the server and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from deepometry.cells.model_description import read_description
from deepometry.core.errors import DeepometryError
from deepometry.core.options.example import ExampleOptions
from deepometry.core.options.parse import InfoOptions, ParseOptions
from deepometry.core.progress import Progress
from deepometry.training.train import train
from deepometry.web import create_app
from deepometry.web.jobs import process, queue, scheduler
from deepometry.web.jobs.process import Process
from deepometry.web.jobs.queue import FINAL, Jobs
from deepometry.web.jobs.store import JobStore
from tests.builders import random_cells, write_channel_tiffs
from tests.conftest import short_training
from tests.web_runner import TryOptions, TryResult

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("try_step")]

WAIT = 120  # seconds, for machines that are busy


def until(condition, seconds=WAIT):
    """Wait for a condition to become true; return its value."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return result


def ended(jobs: Jobs, id: str):
    """Wait for the end of a job; return it."""
    return until(lambda: (job := jobs.get(id)).state in FINAL and job)


def running(jobs: Jobs, id: str, text: str = ""):
    """Wait until a job reports that it does something; return it."""
    return until(lambda: (job := jobs.get(id)).state == "running" and text in job.text and job)


def kinds(jobs: Jobs, id: str) -> list[str]:
    return [event.kind for event in jobs.events(id)]


def pid_of(job) -> int:
    return job.process.pid


@pytest.fixture
def home(tmp_path):
    """A folder with a name that needs care."""
    return tmp_path / "Zustand äöü 'x' %d"


@pytest.fixture
def make(home, try_step):
    """Make servers' views on one home; at the end stop them, and the jobs that still run."""
    made = []

    def new(**more) -> Jobs:
        more = {"runner": "tests.web_runner"} | more
        made.append(Jobs(home / "jobs", **more))
        return made[-1]

    yield new
    for jobs in made:
        jobs.stop()
    for job in made[0].list() if made else []:
        if job.process:
            job.process.end()
    process.reap()


@pytest.fixture
def jobs(make):
    jobs = make()
    jobs.start()
    return jobs


def attempt(tmp_path, act="count", **more) -> TryOptions:
    return TryOptions(output=tmp_path / "out" / "deep", act=act, **more)


def test_a_run_made_elsewhere_is_on_the_list_as_one_that_is_done(jobs, tmp_path):
    options = attempt(tmp_path)
    job = jobs.record(options, TryResult(tmp_path, np.eye(2), {}, ("a",), 1.0), 100.0, 160.5)
    assert (job.state, job.created, job.started, job.finished) == ("done", 100.0, 100.0, 160.5)
    assert job.result["matrix"] == [[1, 0], [0, 1]]
    assert jobs.list() == [job] and kinds(jobs, job.id) == ["end"]
    later = ended(jobs, jobs.submit(options).id)  # it stands in nobody's way
    assert later.state == "done" and jobs.get(job.id) == job


# --- a job from beginning to end -------------------------------------------------------------


def test_a_job_tells_what_it_does_and_what_came_out(jobs, tmp_path):
    job = jobs.submit(attempt(tmp_path))
    assert (job.state, job.verb, job.done, job.started) == ("queued", "try", 0, None)
    job = ended(jobs, job.id)
    assert (job.state, job.error, job.done, job.total) == ("done", "", 2, 3)
    assert job.created <= job.started <= job.finished
    assert job.output == tmp_path / "out" / "deep"
    assert job.result == {
        "output": str(job.output),
        "matrix": [[0, 1], [2, 3]],
        "scores": {"accuracy": 0.5, "lost": None},
        "names": ["a", "ü"],
        "nothing": None,
    }
    assert [path.name for path in job.output.iterdir()] == ["whole.txt"]
    assert kinds(jobs, job.id) == ["state", "state", "log", "state", "end"] or "progress" in kinds(
        jobs, job.id
    )
    assert jobs.events(job.id)[-1].data == {"state": "done", "error": ""}
    assert "Counted." in jobs.log(job.id)


def test_a_real_step_with_names_of_all_kinds(jobs, tmp_path):
    images = tmp_path / "Bilder ñ 'x'"
    for number, pixels in enumerate(random_cells([(20, 18)] * 3)):
        write_channel_tiffs(images / "Class A", f"c{number}", pixels, (1, 2))
    out = tmp_path / "<script> é"
    job = ended(jobs, jobs.submit(ParseOptions(input=images, output=out, frame=24)).id)
    assert job.state == "done", job.error
    assert (job.result["cells"], job.result["output"]) == (3, str(out))
    assert (out / "Class A" / "Class A.npy").is_file()
    assert "Parsed 3 cells" in jobs.log(job.id)


def test_a_real_step_that_fails_says_so_in_its_own_words(jobs, tmp_path):
    wrong = ParseOptions(input=tmp_path / "none", output=tmp_path / "out")
    job = ended(jobs, jobs.submit(wrong).id)
    assert job.state == "failed"
    assert job.error == f"Input location {tmp_path / 'none'} does not exist: check the path."
    assert "Traceback" not in jobs.log(job.id)
    assert not (tmp_path / "out").exists()


def test_example_cells_are_a_job(jobs, tmp_path):
    job = ended(jobs, jobs.submit(ExampleOptions(output=tmp_path / "ex", cells=70)).id)
    assert (job.state, job.verb) == ("done", "example")
    assert job.result == {"output": str(tmp_path / "ex"), "cells": 70}
    assert next((tmp_path / "ex").rglob("*.cif"))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("mistake", "The input is not what it should be: mend it."),
        ("fields", "Times: expected fewer."),
        ("memory", "There is not enough memory: close other programs."),
        ("full", "the disk is full"),
        ("bug", "should not (ZeroDivisionError: by <zero>); the log says where"),
    ],
)
def test_what_goes_wrong_is_told_in_one_sentence(jobs, tmp_path, act, words):
    job = ended(jobs, jobs.submit(attempt(tmp_path, act)).id)
    assert job.state == "failed"
    assert words in job.error
    assert job.fields == ({"times": "Times: expected fewer."} if act == "fields" else {})
    assert ("Traceback" in jobs.log(job.id)) == (act in ("bug", "memory", "full"))
    assert jobs.events(job.id)[-1].data == {"state": "failed", "error": job.error}
    assert not (tmp_path / "out").exists()


def test_a_question_waits_for_an_answer_and_starts_the_run_again(jobs, tmp_path):
    first = ended(jobs, jobs.submit(attempt(tmp_path, "ask")).id)
    assert (first.state, first.outcome) == ("failed", "asking")
    assert first.question == {
        "option": "times",
        "choices": [
            {
                "value": "1",
                "label": "Once",
                "detail": "1 of 3",
                "picture": "data:image/png;base64,iVBORw==",
            },
            {"value": "2", "label": "Twice", "detail": "", "picture": ""},
        ],
    }
    app = create_app({"HOME": tmp_path / "page", "TESTING": True, "WTF_CSRF_ENABLED": False})
    app.extensions["jobs"], browser = jobs, app.test_client()
    card = browser.get(f"/jobs/{first.id}").text
    assert "Needs your answer" in card and "expected fewer; set “Times”." in card
    assert card.count('name="answer" value="') == 2 and 'src="data:image/png;base64,' in card
    listed = browser.get("/jobs").text  # where it can be answered when a later run took its place
    assert listed.count('name="answer" value="') == 2 and "expected fewer; set “Times”." in listed
    assert browser.post(f"/jobs/{first.id}/answer", data={"answer": "7"}).status_code == 400
    answer = browser.post(
        f"/jobs/{first.id}/answer", data={"answer": "2"}, headers={"HX-Request": "true"}
    )
    (second,) = jobs.list()
    assert f'id="job-{second.id}"' in answer.text
    assert second.options == first.options | {"times": 2}
    assert ended(jobs, second.id).outcome == "done"


def test_options_of_no_job_are_refused(make, tmp_path):
    with pytest.raises(DeepometryError, match=r"expected one of ParseOptions.*found Info"):
        make().submit(InfoOptions(input=tmp_path))


def test_jobs_that_are_not_there(jobs):
    for id in ("../jobs", "", "20250101-000000-000000-abcd"):
        with pytest.raises(KeyError):
            jobs.get(id)
        with pytest.raises(KeyError):
            jobs.cancel(id)
    assert jobs.list() == []


# --- the queue -------------------------------------------------------------------------------


def test_one_at_a_time_in_the_order_of_submission(jobs, tmp_path):
    ids = [jobs.submit(attempt(tmp_path / str(n), times=2, pause=10)).id for n in range(3)]
    assert [job.id for job in jobs.list()] == ids[::-1]
    finished = [ended(jobs, id) for id in ids]
    for before, after in pairwise(finished):
        assert before.finished <= after.started


def test_two_servers_on_one_home_start_every_job_once(make, tmp_path):
    one, other = make(), make()
    ids = [one.submit(attempt(tmp_path / str(n), times=2, pause=5)).id for n in range(2)]
    ids += [other.submit(attempt(tmp_path / str(n), times=2, pause=5)).id for n in range(2, 4)]
    one.start()
    other.start()
    finished = [ended(one, id) for id in ids]
    for before, after in pairwise(finished):
        assert before.finished <= after.started
    for id in ids:
        states = [e.data["state"] for e in other.events(id) if e.kind == "state"]
        assert states == ["queued", "running", "done"]


def test_a_job_is_never_done_twice_even_if_started_twice(jobs, home, tmp_path):
    job = ended(jobs, jobs.submit(attempt(tmp_path)).id)
    again = subprocess.run(
        [sys.executable, "-m", "tests.web_runner", str(home / "jobs"), job.id],
        timeout=WAIT,
        check=True,
    )
    assert again.returncode == 0
    assert [e.data["state"] for e in jobs.events(job.id) if e.kind == "state"][1:] == [
        "running",
        "done",
    ]


def test_nothing_starts_before_the_start(make, tmp_path):
    quiet = make()
    job = quiet.submit(attempt(tmp_path))
    time.sleep(0.5)
    assert quiet.get(job.id).state == "queued"


# --- servers come and go ---------------------------------------------------------------------


def test_a_job_goes_on_without_its_server_and_is_found_again(make, tmp_path):
    first = make()
    first.start()
    job = first.submit(attempt(tmp_path, times=30, pause=10))
    waiting = first.submit(attempt(tmp_path / "next"))
    running(first, job.id, "Step")
    first.stop()
    second = make()
    assert second.get(job.id).state == "running"
    assert second.get(waiting.id).state == "queued"
    second.start()
    assert ended(second, job.id).state == "done"
    assert ended(second, waiting.id).state == "done"


def test_a_job_outlives_the_death_of_its_server(make, home, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from deepometry.web.jobs.queue import Jobs;"
        "from deepometry.core.steps import STEPS; from tests.web_runner import TRY, TryOptions;"
        "STEPS[TRY.name] = TRY;"
        "jobs = Jobs(Path(sys.argv[1]), runner='tests.web_runner'); jobs.start();"
        "jobs.submit(TryOptions(output=sys.argv[2], times=20, pause=10)); time.sleep(600)"
    )
    words = [sys.executable, "-c", code, str(home / "jobs"), str(tmp_path / "out")]
    server = subprocess.Popen(words)
    jobs = make()
    try:
        job = until(lambda: next(iter(jobs.list()), None))
        running(jobs, job.id, "Step")
    finally:
        server.kill()
        server.wait()
    assert jobs.get(job.id).state == "running"
    assert ended(jobs, job.id).state == "done"


def test_a_process_that_dies_is_seen_and_swept_up(jobs, tmp_path):
    job = jobs.submit(attempt(tmp_path, "die"))
    job = ended(jobs, job.id)
    assert job.state == "lost"
    assert "stopped unexpectedly" in job.error
    assert (job.done, job.total, job.text) == (1, 2, "Dying")
    end = until(lambda: [e for e in jobs.events(job.id) if e.kind == "end"])[0]
    assert end.data == {"state": "lost", "error": job.error}
    assert "Last words" in jobs.log(job.id)
    until(lambda: not (tmp_path / "out").exists())
    assert ended(jobs, jobs.submit(attempt(tmp_path)).id).state == "done"


def test_a_process_killed_while_no_server_ran(make, home, tmp_path):
    first = make()
    first.start()
    job = first.submit(attempt(tmp_path, "sleep"))
    job = running(first, job.id, "Sleeping")
    first.stop()
    psutil.Process(pid_of(job)).kill()
    second = make()
    until(lambda: second.get(job.id).state == "lost")  # seen even before it is written
    second.start()
    until(lambda: "end" in kinds(second, job.id))
    assert JobStore(home / "jobs").row(job.id)["state"] == "lost"
    assert not (tmp_path / "out").exists()


def test_a_number_that_another_process_has_now_is_not_the_job(make, home, tmp_path):
    jobs = make()
    job = jobs.submit(attempt(tmp_path))
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        stranger = replace(Process.of(other.pid), born="long ago")
        (tmp_path / "out" / "deep").mkdir(parents=True)
        (tmp_path / "out" / "deep" / f".deepometry-{other.pid}-x").mkdir()
        assert JobStore(home / "jobs").claim(job.id, stranger, [])
        assert jobs.get(job.id).state == "lost"
        stranger.end()
        jobs.start()
        until(lambda: "end" in kinds(jobs, job.id))
        assert other.poll() is None
        assert (tmp_path / "out" / "deep" / f".deepometry-{other.pid}-x").is_dir()
    finally:
        other.kill()
        other.wait()


def test_jobs_of_another_computer_on_the_same_home_are_left_alone(make, tmp_path, monkeypatch):
    jobs = make()
    monkeypatch.setattr(queue, "machine", lambda: "another")
    job = jobs.submit(attempt(tmp_path))
    mine = jobs
    monkeypatch.undo()
    mine.start()
    time.sleep(1.5)
    assert mine.get(job.id).state == "queued"


@pytest.mark.parametrize(
    "damaged",
    [
        {"state": "done", "pid": 999_999_999, "made": "{"},
        {"state": "done", "finished": "yesterday", "result": "x"},
        {"state": "running", "error": 5, "pid": "x"},
    ],
)
def test_a_damaged_job_holds_up_no_other(make, home, tmp_path, damaged):
    jobs = make()
    bad = jobs.submit(attempt(tmp_path / "bad"))
    with JobStore(home / "jobs").transaction() as connection:
        for name, value in damaged.items():
            connection.execute(f"UPDATE jobs SET {name} = ? WHERE id = ?", (value, bad.id))
    good = jobs.submit(attempt(tmp_path / "good"))
    jobs.start()
    assert ended(jobs, good.id).state == "done"
    assert good.id in [job.id for job in jobs.list()]


# --- cancelling ------------------------------------------------------------------------------


def last_step(jobs: Jobs, id: str) -> int:
    """Number of the last step that a job has reported."""
    texts = [event.data["text"] for event in jobs.events(id) if event.kind == "progress"]
    return max(int(text.removeprefix("Step ")) for text in texts if text.startswith("Step "))


def test_cancel_stops_a_step_soon_and_leaves_nothing(jobs, tmp_path):
    job = jobs.submit(attempt(tmp_path, times=6000, pause=10))
    running(jobs, job.id, "Step")
    jobs.cancel(job.id)
    assert jobs.get(job.id).cancelling
    before = last_step(jobs, job.id)
    job = ended(jobs, job.id)
    assert last_step(jobs, job.id) - before < 50  # in its own time, of 0.1 s or more each
    assert (job.state, job.error, job.cancelling) == ("cancelled", "Stopped by you.", False)
    assert not (tmp_path / "out").exists()
    jobs.cancel(job.id)
    assert jobs.get(job.id).state == "cancelled"


def test_a_step_that_does_not_listen_is_ended_and_leaves_nothing(make, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    jobs = make(patience=0.5)
    jobs.start()
    job = jobs.submit(attempt(tmp_path, "sleep"))
    running(jobs, job.id, "Sleeping")
    assert len([*(tmp_path / "out" / "deep").iterdir()]) == 1
    jobs.cancel(job.id)
    assert ended(jobs, job.id).state == "cancelled"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    assert "did not stop by itself" in " ".join(
        e.data["text"] for e in jobs.events(job.id) if e.kind == "log"
    )


def test_a_process_that_hangs_is_ended_by_the_server(make, tmp_path, monkeypatch):
    if os.name == "nt":
        pytest.skip("Windows has no signal that halts a process")
    import signal

    monkeypatch.setattr(scheduler, "OVERDUE", 0.5)
    jobs = make(patience=0.5)
    jobs.start()
    job = running(jobs, jobs.submit(attempt(tmp_path, "sleep")).id, "Sleeping")
    os.kill(pid_of(job), signal.SIGSTOP)
    jobs.cancel(job.id)
    assert ended(jobs, job.id).state == "cancelled"
    until(lambda: not (tmp_path / "out").exists())


def test_a_job_that_waits_never_starts_once_cancelled(jobs, tmp_path):
    first = jobs.submit(attempt(tmp_path, times=10, pause=10))
    second = jobs.submit(attempt(tmp_path / "next"))
    jobs.cancel(second.id)
    assert jobs.get(second.id).state == "cancelled"
    assert ended(jobs, first.id).state == "done"
    until(lambda: "end" in kinds(jobs, second.id))
    assert jobs.get(second.id).started is None
    assert not (tmp_path / "next").exists()


def test_cancelled_while_no_server_runs(make, tmp_path):
    jobs = make()
    job = jobs.submit(attempt(tmp_path))
    jobs.cancel(job.id)
    assert jobs.get(job.id).state == "cancelled"
    assert kinds(jobs, job.id)[-1] == "end"
    later = make()  # the next server has nothing to wait for
    later.start()
    assert ended(later, later.submit(attempt(tmp_path)).id).state == "done"


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without a word")
def test_the_system_asks_to_stop(jobs, tmp_path):
    job = running(jobs, jobs.submit(attempt(tmp_path, times=6000, pause=10)).id, "Step")
    psutil.Process(pid_of(job)).terminate()
    job = ended(jobs, job.id)
    assert (job.state, job.error) == ("cancelled", "Stopped by the system (SIGTERM).")
    assert not (tmp_path / "out").exists()


def test_a_real_parse_is_cancelled_without_a_trace(jobs, tmp_path):
    (pixels,), images = random_cells([(20, 18)]), tmp_path / "in" / "Class A"
    for path in write_channel_tiffs(images, "c0", pixels, (1, 2)):
        for number in range(1, 8000):
            (images / path.name.replace("c0", f"c{number}")).write_bytes(path.read_bytes())
    options = ParseOptions(input=tmp_path / "in", output=tmp_path / "out", frame=24)
    job = jobs.submit(options)
    until(lambda: jobs.get(job.id).text.startswith(("Looking", "Parsing")))
    jobs.cancel(job.id)
    assert ended(jobs, job.id).state == "cancelled"
    assert not (tmp_path / "out").exists()


# --- training --------------------------------------------------------------------------------


def test_a_training_tells_every_epoch_and_keeps_its_model_when_cancelled(jobs, cells, tmp_path):
    options = short_training(cells / "Train", tmp_path / "model", epochs=2000, patience=0)
    job = jobs.submit(options)
    until(lambda: len(jobs.metrics(job.id)) >= 2 or jobs.get(job.id).state in FINAL)
    assert jobs.get(job.id).state == "running", jobs.get(job.id).error
    least, most = jobs.get(job.id).seconds_left
    assert 0 <= least < most
    jobs.cancel(job.id)
    job = ended(jobs, job.id)
    rows = jobs.metrics(job.id)
    assert [row["epoch"] for row in rows] == [*range(1, len(rows) + 1)]
    assert set(rows[0]) == {
        *("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "val_balanced_accuracy"),
        *("val_p_value", "learning_rate", "seconds", "cpu_seconds"),
    }
    assert job.state == "cancelled"
    assert job.result["stopped"]
    assert Path(job.result["model"]).is_file()
    assert job.result["history"] == rows
    assert not [path for path in (tmp_path / "model").iterdir() if path.name.startswith(".")]


def test_a_training_ended_hard_has_kept_its_best_epoch(make, cells, tmp_path):
    """As when TensorFlow is busy with one long call; and it tells the epochs before it, too."""
    out = tmp_path / "model"
    rows: list[dict] = []
    train(short_training(cells / "Train", out, epochs=1), Progress(on_measure=rows.append))
    jobs = make(patience=0.0)
    jobs.start()
    job = jobs.submit(short_training(cells / "Train", out, epochs=2000, patience=0, resume=True))
    until(lambda: len(jobs.metrics(job.id)) >= 2 or jobs.get(job.id).state in FINAL)
    jobs.cancel(job.id)
    job = ended(jobs, job.id)
    assert (job.state, job.error) == ("cancelled", "Stopped by you.")
    assert jobs.metrics(job.id)[0] == rows[0]
    assert job.result["history"] == jobs.metrics(job.id)
    best = read_description(Path(job.result["model"])).scores["epoch"]
    assert job.result["best_epoch"] == job.result["description"]["scores"]["epoch"] == best
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


# --- the list --------------------------------------------------------------------------------


def test_forgetting_keeps_the_output(jobs, home, tmp_path):
    job = ended(jobs, jobs.submit(attempt(tmp_path)).id)
    jobs.forget(job.id)
    assert jobs.list() == []
    assert [path.name for path in (home / "jobs").glob(f"{job.id}*")] == []
    assert (job.output / "whole.txt").is_file()
    with pytest.raises(KeyError):
        jobs.forget(job.id)


def test_a_job_that_runs_is_not_forgotten(jobs, tmp_path):
    job = running(jobs, jobs.submit(attempt(tmp_path, "sleep")).id)
    with pytest.raises(DeepometryError, match="is running: cancel it"):
        jobs.forget(job.id)


def test_of_a_long_log_the_end_is_given(make, home, tmp_path):
    jobs = make()
    job = jobs.submit(attempt(tmp_path))
    assert jobs.log(job.id) == ""
    JobStore(home / "jobs").log(job.id).write_bytes(b"first\n" + b"x\n" * 400_000 + b"last \xff\n")
    text = jobs.log(job.id)
    assert text.startswith("[the first ")
    assert text.endswith("last �\n")
    assert len(text) < 600_000


# --- processes -------------------------------------------------------------------------------


def test_a_process_is_known_by_its_number_and_its_birth():
    me = Process.of(os.getpid())
    assert me.alive()
    assert process.born(os.getpid()) == process.born(os.getpid())
    assert not replace(me, born="1").alive()
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    until(lambda: process.born(child.pid) is None)  # ended, though nobody waited for it
    child.wait()
    assert Process(1, "", "another").alive()


def test_the_server_side_loads_nothing_slow():
    code = (
        "import sys, deepometry.web.jobs.queue, deepometry.web.jobs.event_stream;"
        "import deepometry.web.jobs.worker;"
        "print(sorted({'numpy', 'pandas', 'numba', 'keras', 'tensorflow'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
