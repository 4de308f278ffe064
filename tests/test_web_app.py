"""The page: its forms, runs, cards and list, and the server around it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from deepometry.core.options.parse import ParseOptions
from deepometry.web import create_app
from deepometry.web.forms.last_values import remember, remembered
from deepometry.web.forms.steps import FORMS

ROOT = Path(__file__).resolve().parents[1]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The application; its jobs wait, since nothing starts them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


@pytest.fixture
def browser(app):
    return app.test_client()


def parse_values(place: Path, **more) -> dict[str, str]:
    (place / "images").mkdir(exist_ok=True)
    return {"input": str(place / "images"), "output": str(place / "parsed"), **more}


def test_the_page_has_the_four_forms_in_the_protocols_order(browser):
    page = browser.get("/").text
    titles = [re.sub("<[^>]+>", "", each) for each in re.findall(r'<h2 id="title.*?</h2>', page)]
    assert titles == [
        "1. Preprocessing",
        "2. Model training",
        "3a. Prediction",
        "3b. Feature extraction",
    ]
    forms = re.findall(r'<form id="form-([\w-]+)" class="form"', page)
    assert forms == list(FORMS)
    columns = [name for name in forms if not FORMS[name].form.below]  # the others stand below one
    assert columns == ["parse", "train", "predict", "extract"]
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_what_other_parts_rely_on_is_there(browser):
    page = browser.get("/").text
    for place in ("look", "targets-train", "targets-predict", "picker", "results-parse"):
        assert f'id="{place}"' in page
    assert 'class="pick" data-field="form-parse:input" data-kind="raw"' in page
    assert 'class="pick" data-field="form-extract:model" data-kind="model"' in page
    assert 'class="retrieve" data-form="form-train"' in page


def test_every_described_field_has_its_description(browser):
    page = browser.get("/").text
    for described in re.findall(r'aria-describedby="([^"]+)"', page):
        for one in described.split():
            assert f'id="{one}"' in page, one


def test_a_first_visit_is_welcomed(browser, tmp_path):
    page = browser.get("/").text
    assert '<details class="welcome" id="welcome" open>' in page
    assert str(tmp_path / "Deepometry example") in page


def test_a_form_with_mistakes_comes_back_with_them(app, browser):
    answer = browser.post("/run/parse", data={"frame": "4x", "output": ""}, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.count('class="error"') == 3
    assert 'value="4x"' in answer.text
    assert "3 fields need attention" in answer.text
    assert app.extensions["jobs"].list() == []


def test_without_scripts_the_whole_page_comes_back(browser, tmp_path):
    answer = browser.post("/run/parse", data={"frame": "4x"})
    assert "<!doctype html>" in answer.text
    assert 'value="4x"' in answer.text
    assert browser.post("/run/parse", data=parse_values(tmp_path)).status_code == 302


def test_a_run_is_a_job_with_the_options_of_the_form(app, browser, tmp_path):
    values = parse_values(tmp_path, frame="64", channels="9,1", split="70/30", montage="3")
    page = browser.post("/run/parse", data=values | {"csrf_token": "secret"}, headers=HTMX).text
    (job,) = app.extensions["jobs"].list()
    assert (job.verb, job.state) == ("parse", "queued")
    assert job.options["frame"] == 64
    assert job.options["split"] == pytest.approx(0.3)
    assert f'id="job-{job.id}"' in page
    assert 'id="jobs-parse"' in page
    assert "deepometry parse" in page
    values = remembered(tmp_path / "home")["parse"]
    assert values["frame"] == "64"
    assert "csrf_token" not in values


def test_the_page_finds_jobs_again(app, browser, tmp_path):
    job = app.extensions["jobs"].submit(ParseOptions(input=tmp_path, output=tmp_path / "out"))
    page = browser.get("/").text
    assert f'id="job-{job.id}"' in page
    assert f"/jobs/{job.id}/events" in page
    assert '<details class="welcome" id="welcome">' in page


def test_last_values_are_shown_and_escaped(browser, tmp_path):
    remember(tmp_path / "home", "parse", {"input": '"><script>alert(1)</script>', "frame": "56"})
    page = browser.get("/").text
    assert 'value="56"' in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_folder_names_of_jobs_are_escaped(app, browser, tmp_path):
    wild = tmp_path / "<script>alert(1)<script> & 'x'"
    job = app.extensions["jobs"].submit(ParseOptions(input=wild, output=wild / "out"))
    for path in ("/", "/jobs", f"/jobs/{job.id}"):
        assert "<script>alert" not in browser.get(path).text
    log = browser.get(f"/jobs/{job.id}/log", headers=HTMX)
    assert "<script>alert" not in log.text
    assert browser.get(f"/jobs/{job.id}/log").mimetype == "text/plain"


def test_older_jobs_are_listed_when_asked_for(app, browser, tmp_path):
    options = ParseOptions(input=tmp_path, output=tmp_path / "out")
    ids = [app.extensions["jobs"].submit(options).id for _ in range(30)]

    def listed(page: str) -> list[str]:
        return re.findall(r'<tr data-job="([^"]+)"', page)

    for page in (browser.get("/").text, browser.get("/jobs").text):
        assert listed(page) == ids[:4:-1]
        assert "The newest 25 of 30" in page
        assert 'hx-get="/jobs?shown=50"' in page
    everything = browser.get("/jobs?shown=50").text
    assert listed(everything) == ids[::-1]
    assert "Show older runs" not in everything
    assert '<input type="hidden" name="shown" value="50">' in everything
    assert listed(browser.get("/jobs?shown=-3").text) == ids[:4:-1]


def test_cancel_and_forget(app, browser, tmp_path):
    job = app.extensions["jobs"].submit(ParseOptions(input=tmp_path, output=tmp_path / "out"))
    assert job.id in browser.post(f"/jobs/{job.id}/forget").text  # not while it waits
    card = browser.post(f"/jobs/{job.id}/cancel").text
    assert "Cancelled" in card
    assert job.id not in browser.post(f"/jobs/{job.id}/forget").text
    assert browser.get(f"/jobs/{job.id}").status_code == 404


@pytest.mark.parametrize("path", ["/jobs/none", "/jobs/none/log", "/nothing"])
def test_what_is_not_there_is_told(browser, path):
    answer = browser.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "Back to the forms" in answer.text
    assert browser.get(path, headers=HTMX).mimetype == "text/plain"


def test_an_unknown_step_is_none(browser):
    assert browser.post("/run/demo").status_code == 404


def test_the_example_is_a_job(app, browser, tmp_path):
    place = tmp_path / "try"
    page = browser.post("/example", data={"folder": str(place)}, headers=HTMX).text
    (job,) = app.extensions["jobs"].list()
    assert job.verb == "example"
    assert job.output == place / "images"
    assert f'id="job-{job.id}"' in page
    assert '<details class="welcome" id="welcome" open>' in browser.get("/").text


def test_the_example_needs_a_new_folder(app, browser, tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "file", "try", ""):
        page = browser.post("/example", data={"folder": str(folder)}, headers=HTMX).text
        assert 'class="error"' in page, folder
    assert app.extensions["jobs"].list() == []


def test_mistakes_elsewhere_become_a_notice(app, browser, tmp_path, monkeypatch):
    def full(options: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(app.extensions["jobs"], "submit", full)
    answer = browser.post("/run/parse", data=parse_values(tmp_path), headers=HTMX)
    assert answer.headers["HX-Retarget"] == "#notice"
    assert "the disk is full" in answer.text


# --- the server ------------------------------------------------------------------------------


HEAVY = {"tensorflow", "keras", "numpy", "pandas", "numba", "scipy", "matplotlib", "PIL"}


def test_no_heavy_library_is_loaded_by_the_page(tmp_path):
    code = (
        "import sys; from deepometry.web import create_app\n"
        f"page = create_app({{'HOME': {str(tmp_path)!r}, 'TESTING': True}}).test_client()\n"
        "assert page.get('/').status_code == 200 == page.get('/jobs').status_code\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def imported(said: str) -> set[str]:
    """Packages that a program with `-X importtime` has imported."""
    lines = [line for line in said.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Served:
    """`python Deepometry_GUI.py` as a user starts it; it also prints every import."""

    def __init__(self, home: Path, port: int) -> None:
        python = [sys.executable, "-u", "-X", "importtime"]
        words = [*python, str(ROOT / "Deepometry_GUI.py"), "--no-browser"]
        self.process = subprocess.Popen(
            [*words, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "DEEPOMETRY_HOME": str(home)},
        )

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def address(self) -> tuple[str, str]:
        """Give the address, and what was said before it."""
        said = ""
        for line in self.process.stdout:
            said += line
            if address := re.search(r"http://\S+", line):
                return address[0], said
        raise AssertionError(said)


def test_the_server_answers_soon_takes_the_next_port_and_ends_at_once(tmp_path):
    """Soon: before any heavy library is imported, which would take seconds."""
    port = free_port()
    with Served(tmp_path / "one", port) as first:
        address, before = first.address()
        assert address.startswith(f"http://localhost:{port}/")
        assert ("?token=" in address) == (sys.platform != "linux")
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(address) as answer:
            assert answer.status == 200
        assert "flask" in imported(before)
        assert not imported(before) & HEAVY
        with Served(tmp_path / "two", port) as second:
            other, said = second.address()
            assert other != address
            assert f"Port {port} is taken" in said
        if sys.platform == "win32":
            return  # where a signal would end this process too
        stream = browser.open(f"http://localhost:{port}/events")
        first.process.send_signal(signal.SIGINT)
        left = first.process.communicate(timeout=120)[0]  # a moment, if not busy
        stream.close()
        assert "Deepometry's page has ended" in left
        assert not imported(left) & HEAVY
        assert first.process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a signal would end this process too")
def test_a_thread_that_does_not_end_does_not_crash_the_end(tmp_path):
    """Such threads, in compiled code while Python takes itself apart, ended it by a signal."""
    code = (
        "import sqlite3, threading\n"
        "from deepometry.web import http_server, serve\n"
        "def spin():\n"
        "    while True: sqlite3.connect(':memory:').execute('create table a (b)').close()\n"
        "class Stuck(http_server.Server):\n"
        "    def start(self):\n"
        "        super().start()\n"
        "        for _ in range(4): threading.Thread(target=spin, daemon=True).start()\n"
        "serve.Server = Stuck\n"
        "serve.serve(0, False, '127.0.0.1')"
    )
    home = {**os.environ, "DEEPOMETRY_HOME": str(tmp_path)}
    words = [sys.executable, "-W", "ignore", "-u", "-c", code]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=home) as process:
        assert "http://localhost" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # an impatient user
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    assert "Deepometry's page has ended" in said


def test_where_nobody_tells_whose_a_connection_is_the_address_has_a_token(tmp_path):
    """As on Windows and macOS: the page is for who knows the token, and the terminal says so."""
    code = (
        "from deepometry.web import http_server, serve\n"
        "serve.can_tell = lambda: False; http_server.find_owner = lambda *ends: None\n"
        "serve.serve(0, False, '127.0.0.1')"
    )
    words = [sys.executable, "-u", "-c", code]
    home = {**os.environ, "DEEPOMETRY_HOME": str(tmp_path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=home) as process:
        said = process.stdout.readline()
        address, token = re.search(r"(http://localhost:\d+/)\?token=(\S+)", said).groups()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                browser.open(address)
        assert "Ctrl-C" in process.stdout.readline()
        assert browser.open(f"{address}?token={token}").status == 200
        assert browser.open(address).status == 200  # by the cookie
        process.kill()
        rest = process.stdout.read()
    assert rest.count(f"{address}?token={token}") == 1 and "was refused" in rest


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_of_another_computer_is_refused(tmp_path, host):
    run = subprocess.run(
        [sys.executable, "-m", "deepometry", "gui", "--no-browser", "--host", host],
        capture_output=True,
        text=True,
        env={**os.environ, "DEEPOMETRY_HOME": str(tmp_path)},
    )
    assert run.returncode == 2
    assert f"--host {host}: expected an address of this computer" in run.stderr


def test_a_state_folder_that_cannot_be_used_is_told_in_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    run = subprocess.run(
        [sys.executable, "-m", "deepometry", "gui", "--no-browser", "--port", "0"],
        capture_output=True,
        text=True,
        env={**os.environ, "DEEPOMETRY_HOME": str(tmp_path / "file")},
    )
    assert run.returncode == 2
    assert "set DEEPOMETRY_HOME to a folder" in run.stderr and "Traceback" not in run.stderr


def test_what_nobody_thought_of_is_told_and_logged(app, browser, monkeypatch, caplog):
    def broken() -> None:
        raise ZeroDivisionError("by <zero>")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(app.extensions["jobs"], "list", broken)
    answer = browser.get("/jobs", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert "ZeroDivisionError: by &lt;zero&gt;" in answer.text
    assert "Traceback" in caplog.text


def test_a_link_to_what_is_gone_leads_to_a_page_that_says_so(app, browser, tmp_path):
    options = ParseOptions(input=tmp_path, output=tmp_path / "gone")
    job = app.extensions["jobs"].record(options, {"cells": 1}, 1.0, 2.0)
    place = f"/jobs/{job.id}/results/file/parse.json"
    page = browser.get(place, headers={"Accept": "text/html"})
    assert page.status_code == 410
    assert "<h1>Something went wrong</h1>" in page.text and "no longer exists" in page.text
    assert "no longer exists" in browser.get(place).json["error"]
