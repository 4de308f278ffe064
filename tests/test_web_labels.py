"""The form Labels of the page: what it says of files, its job, and its questions."""

from __future__ import annotations

import shutil
import time

import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.projects.project import create_project
from deepometry.web import create_app
from deepometry.web.jobs.store import FINAL
from tests.daf_files import tagged
from tests.test_label_ideas import parse_images, texts, write_pair
from tests.test_web_app import HTMX
from tests.test_web_browse import checked

PATIENCE = 60  # seconds


@pytest.fixture
def app(tmp_path):
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


@pytest.fixture
def client(app):
    return app.test_client()


def finish(app):
    """Let the jobs run to their end; return the last."""
    jobs = app.extensions["jobs"]
    jobs.start()
    end = time.monotonic() + PATIENCE
    while any(job.state not in FINAL for job in jobs.list()) and time.monotonic() < end:
        time.sleep(0.1)
    jobs.stop()
    return jobs.list()[0]


def test_an_analysis_is_described_where_it_is_entered(client, tmp_path):
    path = write_pair(tmp_path / "images" / "Day 1")
    state, text = checked(client, path, "labels")
    expected = "Analysis of a.cif, 8 objects: G1 3, M 2, All 8, small 3."
    assert (state, text) == ("good", expected)
    folder = ("good", "Analyses of IDEAS: 1 .daf file in sub-folders.")
    assert checked(client, tmp_path / "images", "labels") == folder
    path.write_bytes(b"nothing")
    state, text = checked(client, path, "labels")
    assert state == "bad" and "expected XML, found none" in text
    other = shutil.copy(path, tmp_path / "a.docx")
    assert checked(client, other, "labels")[0] == "warn"


@pytest.mark.slow
def test_labels_are_a_job_of_the_page(app, client, tmp_path):
    path = write_pair(tmp_path / "images", tagged("A", [0, 1]), tagged("B", [1, 2]))
    cells = parse_images(tmp_path / "images")
    values = {"input": str(cells), "labels": str(path)}
    assert "Waiting" in client.post("/run/label", data=values, headers=HTMX).text
    asked = finish(app)
    assert asked.question["option"] == "overlap"
    assert "Classes of their own" in client.get("/").text
    client.post("/run/label", data=values | {"overlap": "own"}, headers=HTMX)
    job = finish(app)
    assert job.state == "done"
    page = client.get("/").text
    assert "Population: 3 of 8 cells have a label (A 1, B 1, A + B 1)." in page
    assert texts(cells)[:3] == ["A", "A + B", "B"]


@pytest.mark.slow
def test_labels_of_a_project_are_on_its_list_of_jobs(app, client, tmp_path):
    path = write_pair(tmp_path / "images", tagged("A", [0, 1]), tagged("B", [2]))
    project = create_project(tmp_path / "project")
    cells = parse_images(tmp_path / "images")
    place = shutil.move(cells, project.folder / "parsed" / "parsed 1")
    client.post("/projects/open", data={"open": str(project.folder)})
    page = client.get("/").text
    assert 'id="parse-run_name"' in page and 'id="label-run_name"' not in page
    values = {"input": str(place), "labels": str(path)}
    assert "Waiting" in client.post("/run/label", data=values, headers=HTMX).text
    assert finish(app).state == "done"
    assert "3 of 8 cells have a label" in client.get("/").text
    assert [target.name for target in open_dataset(place).targets()] == ["Population"]
