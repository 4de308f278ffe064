"""Server-sent events: everything arrives once, in order, and picks up where it was."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from flask import Flask

from deepometry.web.http_server import Server
from deepometry.web.jobs import event_stream
from deepometry.web.jobs.queue import FINAL
from tests.test_web_jobs import attempt, ended, home, make, running, until  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("try_step")]

QUIET = "20250101-000000-000000-abcd"


@pytest.fixture
def jobs(make):  # noqa: F811
    jobs = make()
    jobs.start()
    return jobs


@pytest.fixture
def app(jobs):
    made = Flask("page")
    made.extensions["jobs"] = jobs
    made.register_blueprint(event_stream.blueprint)
    return made


def read_events(text: str) -> list[dict]:
    """Read a stream: id, event and data of each event."""
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in lines:
            events.append({**lines, "data": json.loads(lines["data"])})
    return events


def kinds(events: list[dict]) -> list[str]:
    return [event["event"] for event in events if event["event"] != "progress"]


def test_a_job_is_told_from_beginning_to_end(app, jobs, tmp_path):
    job = jobs.submit(attempt(tmp_path, "measure", times=3, pause=20))
    answer = app.test_client().get(f"/jobs/{job.id}/events")
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    events = read_events(answer.get_data(as_text=True))  # ends by itself
    assert kinds(events) == [
        *("state", "state"),
        *("metrics", "log") * 3,
        *("state", "end"),
    ]
    assert [e["data"]["epoch"] for e in events if e["event"] == "metrics"] == [1, 2, 3]
    assert events[-1]["data"] == {"state": "done", "error": ""}
    numbers = [int(event["id"]) for event in events]
    assert numbers == sorted(set(numbers))
    assert jobs.get(job.id).state == "done"
    assert [e["data"]["done"] for e in events if e["event"] == "progress"][-1] == 3


def test_it_goes_on_where_it_was(app, jobs, tmp_path):
    job = ended(jobs, jobs.submit(attempt(tmp_path, "measure")).id)
    client, place = app.test_client(), f"/jobs/{job.id}/events"
    until(lambda: jobs.events(job.id)[-1].kind == "end")
    whole = read_events(client.get(place).get_data(as_text=True))
    cut = whole[3]["id"]
    for rest in (
        client.get(place, headers={"Last-Event-ID": cut}),
        client.get(f"{place}?after={cut}"),
    ):
        assert read_events(rest.get_data(as_text=True)) == whole[4:]
    assert client.get(f"{place}?after={whole[-1]['id']}").status_code == 204
    assert read_events(client.get(f"{place}?after=nonsense").get_data(as_text=True)) == whole


def test_a_job_that_is_not_there(app):
    assert app.test_client().get(f"/jobs/{QUIET}/events").status_code == 404


def test_a_stream_ends_when_the_server_stops(app, jobs, tmp_path):
    job = running(jobs, jobs.submit(attempt(tmp_path, "sleep")).id, "Sleeping")
    threading.Timer(0.5, jobs.stop).start()
    events = read_events(app.test_client().get(f"/jobs/{job.id}/events").get_data(as_text=True))
    assert kinds(events) == ["state", "state"]


def test_a_heartbeat_where_nothing_is_told(app, jobs, tmp_path, monkeypatch):
    monkeypatch.setattr(event_stream, "HEARTBEAT", 0.1)
    monkeypatch.setattr(event_stream, "LOOK", 0.1)
    threading.Timer(1.0, jobs.stop).start()
    text = app.test_client().get("/events").get_data(as_text=True)
    assert text.count(": still here\n\n") >= 2
    assert read_events(text) == []


def test_all_jobs_in_one_stream(app, jobs, tmp_path):
    before = ended(jobs, jobs.submit(attempt(tmp_path / "0")).id)
    time.sleep(0.1)
    ids = [jobs.submit(attempt(tmp_path / str(n), "measure", times=2)).id for n in (1, 2)]
    threading.Timer(0.1, lambda: (ended(jobs, ids[1]), time.sleep(1), jobs.stop())).start()
    events = read_events(
        app.test_client().get(f"/events?after={time.time() + 60}").get_data(as_text=True)
    )
    assert {e["data"]["job"] for e in events} == set(ids)
    assert {e["event"] for e in events} <= {"state", "progress", "end"}
    for id in ids:
        mine = [e for e in events if e["data"]["job"] == id and e["event"] != "progress"]
        assert [e["data"]["state"] for e in mine] == ["queued", "running", "done", "done"]
    again = read_events(
        app.test_client().get(f"/events?after={before.created}").get_data(as_text=True)
    )
    assert again == []  # the server has stopped


def test_what_ended_while_the_browser_was_away_is_told(app, jobs, tmp_path):
    job = ended(jobs, jobs.submit(attempt(tmp_path)).id)
    threading.Timer(0.5, jobs.stop).start()
    headers = {"Last-Event-ID": f"{job.created:.3f}"}
    events = read_events(app.test_client().get("/events", headers=headers).get_data(as_text=True))
    assert [e["data"]["state"] for e in events if e["event"] == "end"] == ["done"]


# --- a real server ---------------------------------------------------------------------------


@contextmanager
def served(app, threads: int):
    """Serve on a free port."""
    server = Server(app, [socket.create_server(("127.0.0.1", 0))], threads)
    server.start()
    try:
        yield server
    finally:
        app.extensions["jobs"].stop()
        assert server.close()


def open_stream(server, place: str):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", place)
    return connection, connection.getresponse()


def test_twenty_pages_hear_it_at_once_and_look_only_when_there_is_news(
    app, jobs, tmp_path, monkeypatch
):
    job = jobs.submit(attempt(tmp_path, times=40, pause=10))
    running(jobs, job.id, "Step")
    looks, wait = [], jobs.wait
    monkeypatch.setattr(jobs, "wait", lambda *seen: looks.append(seen) or wait(*seen))
    with served(app, threads=24) as server:
        begin, before = time.monotonic(), jobs.version
        streams = [open_stream(server, f"/jobs/{job.id}/events") for _ in range(20)]
        texts = [answer.read().decode() for _, answer in streams]
        silent = (time.monotonic() - begin) / event_stream.LOOK
        for connection, _ in streams:
            connection.close()
    assert all(read_events(text)[-1]["event"] == "end" for text in texts)
    assert min(sum(e["event"] == "progress" for e in read_events(text)) for text in texts) >= 4
    # a look is for news, or after a second without any: nothing asks again and again
    assert 20 <= len(looks) <= 20 * (jobs.version - before + silent + 1)


def test_a_page_that_went_away_frees_its_thread(app, jobs, tmp_path):
    job = running(jobs, jobs.submit(attempt(tmp_path, "sleep")).id, "Sleeping")
    with served(app, threads=1) as server:
        for _ in range(3):  # the only thread serves one after the other
            connection, answer = open_stream(server, f"/jobs/{job.id}/events")
            assert answer.status == 200
            assert b"retry" in answer.readline()
            answer.close()
            connection.close()
    assert jobs.get(job.id).state not in FINAL


def test_more_pages_than_there_are_threads_for_are_refused(app, jobs, tmp_path, monkeypatch):
    monkeypatch.setattr(event_stream, "PLACES", threading.BoundedSemaphore(1))
    job = running(jobs, jobs.submit(attempt(tmp_path, "sleep")).id, "Sleeping")
    client, place = app.test_client(), f"/jobs/{job.id}/events"
    first = client.get(place)  # its stream is open until it is closed
    assert first.status_code == 200
    assert client.get(place).status_code == 503
    first.close()
    again = client.get(place)
    assert again.status_code == 200
    again.close()
