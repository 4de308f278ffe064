"""What the process of a job reports: events, progress and the time left."""

from __future__ import annotations

import os

import pytest

from deepometry.web.jobs.process import Process
from deepometry.web.jobs.queue import Jobs
from deepometry.web.jobs.recorder import Recorder
from deepometry.web.jobs.store import JobStore
from tests.test_web_jobs import attempt

pytestmark = pytest.mark.usefixtures("try_step")


@pytest.fixture
def store(tmp_path):
    return JobStore(tmp_path / "jobs")


@pytest.fixture
def recorder(store, tmp_path):
    """Of a job that is at work here."""
    job = Jobs(store.root).submit(attempt(tmp_path))
    assert store.claim(job.id, Process.of(os.getpid()), [])
    return Recorder(store, job.id)


def test_a_million_reports_are_a_few_events_and_no_sentence_is_lost(store, recorder):
    for number in range(1_000_000 // 10):
        recorder.report(number, 10**6, "Working")
        if number % 1000 == 0:
            recorder.say(f"{number}")
    recorder.measure({"epoch": 1})
    (id,) = store.ids()
    events = store.events(id)
    assert [e.data["text"] for e in events if e.kind == "log"] == [
        str(n) for n in range(0, 100_000, 1000)
    ]
    (progress,) = [e.data for e in events if e.kind == "progress"]
    assert progress["done"] == 99_999
    numbers = [event.number for event in events]
    assert numbers == sorted(set(numbers))


def test_only_the_last_progress_is_kept(store, recorder):
    (id,) = store.ids()
    for number in range(100):
        recorder.report(number, 100, "W" * 200)
        recorder.flush()
        assert [e.data["done"] for e in store.events(id) if e.kind == "progress"] == [number]
    assert store.path.stat().st_size < 100_000


def test_events_after_a_number(store, recorder):
    (id,) = store.ids()
    for number in range(5):
        recorder.say(f"{number}")
    last = store.events(id)[-1].number
    assert store.events(id, last) == []
    Recorder(store, id).say("next")
    (event,) = store.events(id, last)
    assert (event.kind, event.data) == ("log", {"text": "next"})


def test_what_a_full_disk_refused_is_written_later(store, recorder, capsys):
    (id,) = store.ids()
    recorder.say("1")
    store.rows("PRAGMA max_page_count = 1")  # as many as there are now
    long = "2" * 1999
    for _ in range(5):
        recorder.say(long)
    recorder.report(1, 2, "Working")
    assert "the disk is full" in capsys.readouterr().err
    store.rows("PRAGMA max_page_count = 100000")
    recorder.say("3")
    logged = [e.data["text"] for e in store.events(id) if e.kind == "log"]
    assert logged == ["1", *[long] * 5, "3"]
