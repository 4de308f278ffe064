"""TensorBoard's projector: through the page's own address, and for nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import psutil
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.web import create_app
from deepometry.web.results.output import Gone
from deepometry.web.results.tensorboard import Projectors

ROOT = Path(__file__).resolve().parents[1]
CHILD = [sys.executable, "-m", "deepometry.web.results.tensorboard_child"]
CONFIG = """embeddings {
  tensor_name: "features"
  tensor_path: "features.tsv"
  metadata_path: "metadata.tsv"
}
"""


def write_features(folder: Path, cells: int = 60) -> Path:
    """Write features as `extract` does, for the projector."""
    folder.mkdir()
    np.savetxt(folder / "features.tsv", np.random.default_rng(1).random((cells, 8)), delimiter="\t")
    rows = ["class\tobject", *(f"A\t{number}" for number in range(cells))]
    (folder / "metadata.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "projector_config.pbtxt").write_text(CONFIG, "utf-8")
    return folder


def settled(projectors: Projectors, folder: Path):
    """Wait until it runs or has failed."""
    for _ in range(1200):
        view = projectors.view(folder)
        if view.state != "starting":
            return view
        time.sleep(0.1)
    raise AssertionError("still starting")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return create_app({"HOME": tmp_path_factory.mktemp("home"), "TESTING": True})


@pytest.fixture(scope="module")
def projectors(app):
    found = app.extensions["projectors"]
    yield found
    found.stop_all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_features(tmp_path_factory.mktemp("results") / "extracted features")


@pytest.fixture(scope="module")
def url(projectors, folder):
    """The address of a projector that runs."""
    projectors.start(folder)
    view = settled(projectors, folder)
    assert view.state == "running", view
    assert projectors.start(folder) == view  # not a second one
    return view.url.removesuffix("#projector")


def get(app, path: str, **more):
    browser = app.test_client()
    browser.set_cookie("deepometry-token-page", "secret")
    return browser.get(path, buffered=True, **more)


def running(projectors, folder):
    return projectors._running[folder]


def test_the_projector_works_through_the_page(app, url):
    page = get(app, url)
    assert page.status_code == 200 and "TensorBoard" in page.text
    for part in ("index.js", "projector_binary.html"):
        assert get(app, f"{url}data/plugin/projector/{part}").status_code == 200
    found = json.loads(get(app, f"{url}data/plugin/projector/info?run=.").text)
    assert found["embeddings"][0]["tensorShape"] == [60, 8]
    place = f"{url}data/plugin/projector/metadata?run=.&name=features"
    assert get(app, place).text.startswith("class\tobject\nA\t0")
    assert get(app, f"{url}nothing").status_code == 404
    assert app.test_client().post(url).status_code in (400, 405)


def test_it_shows_itself_in_a_frame_and_loads_nothing_from_elsewhere(app, url):
    for path in (url, f"{url}data/plugin_entry.html?name=projector"):
        headers = get(app, path).headers
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in policy and "://" not in policy
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_all_checks_of_the_page_come_first(projectors, url, tmp_path):
    guarded = create_app({"HOME": tmp_path, "TESTING": True, "TOKEN": "secret"})
    guarded.extensions["projectors"] = projectors
    assert guarded.test_client().get(url).status_code == 403
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert get(guarded, url).status_code == 200
    assert get(guarded, url, headers=foreign).status_code == 403
    assert get(guarded, url, headers={"Host": "evil.example"}).status_code == 403


def test_who_finds_its_port_gets_nothing(projectors, folder, url):
    port = running(projectors, folder).port
    for headers in ({}, {"X-Deepometry-Asks": "x"}, {"X-Deepometry-Asks": ""}):
        asked = urllib.request.Request(f"http://127.0.0.1:{port}{url}", headers=headers)
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            urllib.request.urlopen(asked, timeout=20)
        assert refused.value.read() == b""
        refused.value.close()


def test_no_secret_stands_in_the_list_of_processes(projectors, folder, url):
    one = running(projectors, folder)
    process = psutil.Process(one.process.pid)
    seen = " ".join([*process.cmdline(), *process.environ().values()])
    assert len(one.known) == 4 and not any(value in seen for value in one.known.values())
    listening = [each for each in process.net_connections() if each.status == "LISTEN"]
    assert [each.laddr.port for each in listening] == [one.port]  # no data server beside it


def test_another_program_on_its_port_is_not_believed(projectors, folder, url):
    class Fake(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<script>")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Fake) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        own = running(projectors, folder)
        with (folder.parent / "log").open("w+b") as log:
            log.write(f"port {server.server_port}\n".encode())
            projectors._running[folder] = replace(own, log=log)
            with pytest.raises(DeepometryError, match="TensorBoard has ended"):
                projectors.ask(url.split("/")[2], "GET", url, {})
        projectors._running[folder] = own
        server.shutdown()


def test_it_runs_until_it_is_stopped(app, projectors, tmp_path):
    folder = write_features(tmp_path / "other", 3)
    projectors.start(folder)
    url = settled(projectors, folder).url.removesuffix("#projector")
    assert get(app, url).status_code == 200
    projectors.stop(folder)
    assert projectors.view(folder).state == "off"
    answer = get(app, url)
    assert answer.status_code == 410 and "start it again" in answer.text
    with pytest.raises(Gone):
        projectors.ask("none", "GET", "/tensorboard/none/", {})


def test_what_it_says_at_its_end_is_shown(tmp_path, monkeypatch):
    (tmp_path / "tensorboard.py").write_text("raise SystemExit('expected a folder')", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=";" if sys.platform == "win32" else ":")
    monkeypatch.chdir(ROOT)
    found = Projectors()
    found.start(tmp_path)
    view = settled(found, tmp_path)
    assert (view.state, view.error) == ("failed", "expected a folder")
    found.stop_all()


@pytest.mark.parametrize("said", [b"", b"{}"])
def test_it_ends_with_the_server(said):
    with subprocess.Popen(CHILD, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdin.write(said)
        child.stdin.close()
        assert child.wait(60) in (0, 1)
