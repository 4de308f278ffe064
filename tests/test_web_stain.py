"""Labels of a stain on the page: forms without an output, and the histogram."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.core.options.label import LabelOptions
from deepometry.projects.project import create_project
from deepometry.projects.recent import remember_project
from deepometry.web import create_app
from deepometry.web.jobs.queue import Jobs
from tests.parsed import write_record, write_stack
from tests.test_stain import stained
from tests.test_web_browse import make_client
from tests.test_web_jobs import until
from tests.test_web_look import settled

HTMX = {"HX-Request": "true"}
LEVELS = np.array([0, 100] * 10)


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


def write_cells(home: Path) -> Path:
    write_record(home, names={"6": "PI"})
    write_stack(home / "Day 1", stained(LEVELS), source="a.cif")
    return home


@pytest.mark.parametrize("in_project", [False, True])
def test_the_forms_of_labels_take_no_output(app, tmp_path, in_project):
    home = tmp_path / "P" / "parsed" / "parsed_1"
    if in_project:
        project = create_project(tmp_path / "P", "P", None)
        remember_project(tmp_path / "home", project)
    write_cells(home)
    (tmp_path / "t.csv").write_text("object,gate\n0,A\n1,B\n", "utf-8")
    client = app.test_client()
    page = client.get("/").text
    for verb in ("label", "stain"):
        form = re.search(rf'<form id="form-{verb}".*?</form>', page, re.DOTALL)[0]
        assert 'name="input"' in form and 'name="output"' not in form and "run_name" not in form
    values = {"input": str(home), "labels": str(tmp_path / "t.csv")}
    assert client.post("/run/label", data=values, headers=HTMX).status_code == 200
    values = {"input": str(home), "channel": "6", "classes": "none"}
    assert client.post("/run/stain", data=values, headers=HTMX).status_code == 200
    page = client.get("/").text
    assert page.count('data-verb="label"') == page.count('data-verb="stain"') == 1


def test_what_was_entered_wrongly_is_said_at_its_field(app, tmp_path):
    values = {"input": str(tmp_path / "nothing"), "classes": "none", "channel": "4"}
    client = app.test_client()
    said = html.unescape(client.post("/run/stain", data=values, headers=HTMX).text)
    assert "does not exist; check the path" in said
    assert not app.extensions["jobs"].list()


@pytest.mark.slow
def test_a_job_of_labels_says_what_became_of_them(tmp_path):
    home, jobs = write_cells(tmp_path / "parsed"), Jobs(tmp_path / "jobs")
    (tmp_path / "t.csv").write_text("object,gate\n0,A\n1,B\n99,B\n", "utf-8")
    jobs.start()
    try:
        id = jobs.submit(LabelOptions(input=home, labels=tmp_path / "t.csv")).id
        until(lambda: jobs.get(id).state not in ("queued", "running"))
        job = jobs.get(id)
    finally:
        jobs.stop()
    assert (job.state, job.error) == ("done", "")
    first, second = (
        "gate: 2 of 20 cells have a label (A 1, B 1).",
        "1 of 3 rows have no parsed cell",
    )
    assert job.result["message"] == f"{first} {second}, such as “99”."


def test_the_histogram_of_a_stain(tmp_path):
    home, client = write_cells(tmp_path / "parsed"), make_client(tmp_path / "state")
    text = settled(client, "/stain", path=home, channel=6)
    assert "Ch6 PI of 20 cells" in text
    heights = [float(each) for each in re.findall(r'<rect[^>]* height="([\d.]+)"', text)]
    assert len(heights) == 100 and max(heights) == 38.0
    assert sum(height > 0 for height in heights) >= 2
    low, high = (float(re.search(rf'data-{n}="([-\d.e]+)"', text)[1]) for n in ("low", "high"))
    assert low < 100 < high


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"path": "", "channel": "6"}, "Fill in Input location and Channel first"),
        ({"path": "x", "channel": "six"}, "expected a whole number"),
        ({"channel": "4"}, "expected channel 4 in the parsed cells, found 3, 6"),
    ],
)
def test_a_histogram_that_cannot_be_drawn(tmp_path, query, said):
    home, client = write_cells(tmp_path / "parsed"), make_client(tmp_path / "state")
    assert said in settled(client, "/stain", **({"path": home} | query))
    assert len(open_dataset(home)) == 20
