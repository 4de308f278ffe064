"""Cells, features and maps of runs that the command line made in a project."""

from __future__ import annotations

import html
import json
import re
import shutil
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from deepometry.core.options.embed import EmbedOptions
from deepometry.core.progress import Progress
from deepometry.core.steps import STEPS
from deepometry.maps.feature_source import find_source
from deepometry.maps.similar_index import build_index
from deepometry.projects.project import create_project, open_project
from deepometry.projects.recent import remember_project
from deepometry.projects.run import write_run
from deepometry.projects.runs import list_runs
from deepometry.web import create_app
from tests.exported import make_truth, write_features, write_parsed
from tests.results_runs import read_run

TRUTH = make_truth(cells=60, labels=("A", "B"))


def complete(folder: Path, step: str, **facts) -> None:
    """Complete the record of a step, as the command line writes it."""
    path = folder / f"{step}.json"
    facts |= {"written": "2026-01-02T10:00:00+00:00", "step": step, "format_version": 1}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | facts), "utf-8")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Parsed cells and their features, without any job; paths as they were typed in the folder."""
    root = tmp_path / "Experiment"
    write_parsed(root / "parsed", TRUTH)
    write_features(root / "features", TRUTH)
    options = {"input": "parsed", "layer": "pool5", "output": "features"}
    files = ["metadata.tsv", "features_extracted_by_pool5.txt"]
    complete(root / "parsed", "parse", files=[], options={"output": "parsed"})
    complete(root / "features", "extract", files=files, cells=60, options=options)
    monkeypatch.chdir(root)
    STEPS["embed"].run(EmbedOptions(input=Path("features"), output=Path("map"), method="pca"))
    return create_project(root)


def browser_of(project, home: Path):
    """Return a browser of somebody who has the project open."""
    app = create_app({"HOME": home, "TESTING": True, "WTF_CSRF_ENABLED": False})
    remember_project(home, project)
    return app.test_client()


def ids(project) -> dict[str, str]:
    return {run.step: run.id for run in list_runs(project)}


def test_features_of_the_command_line_find_similar_cells(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the server runs is not where the commands ran
    browser, runs = browser_of(project, tmp_path / "home"), ids(project)
    page = browser.get(f"/cells/{runs['parse']}?similar=4&part=grid").text
    assert "Compare the cells" in page
    build_index(find_source(project.folder / "features"), Progress())
    page = browser.get(f"/cells/{runs['parse']}?similar=4&part=grid").text
    assert page.count("data-row") == 48 and "most similar to object 12" in page


def test_maps_of_the_command_line_are_shown_with_their_features(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    browser, runs = browser_of(project, tmp_path / "home"), ids(project)
    page = browser.get(f"/runs/{runs['extract']}/map").text
    assert f"/explore/{runs['embed']}" in page and "Draw a PCA map" not in page
    assert "60 cells" in read_run(browser, runs["embed"])


def test_a_project_that_was_moved_finds_them_too(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build_index(find_source(project.folder / "features"), Progress())
    moved = tmp_path / "moved"
    shutil.move(project.folder, moved)
    assert not project.folder.exists()
    project = open_project(moved)
    browser, runs = browser_of(project, tmp_path / "home"), ids(project)
    page = browser.get(f"/cells/{runs['parse']}?similar=4&part=grid").text
    assert page.count("data-row") == 48
    assert f"/explore/{runs['embed']}" in browser.get(f"/runs/{runs['extract']}/map").text


def record_jobs(project, home: Path) -> dict[str, str]:
    """Make the runs of a project those of jobs of the page, as if they had been started there."""
    jobs = browser_of(project, home).application.extensions["jobs"]
    for run in list_runs(project):
        step = STEPS[run.step].options
        given = {field.name for field in fields(step)} & {*run.options}
        paths = {n: project.absolute(each["path"]) for n, each in run.inputs.items()}
        needed = {"input": project.folder, "model": project.folder} if run.step != "embed" else {}
        values = needed | {name: run.options[name] for name in given} | paths
        if run.step == "parse":
            values.pop("model")
        options = step(**{**values, "output": run.folder})
        job = jobs.record(options, Kept(run.folder), run.started, time.time())
        write_run(replace(run, id=job.id))
    return ids(project)


@dataclass(frozen=True)
class Kept:
    """What a job says of its results."""

    output: Path


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_runs_of_the_page_are_those_of_the_project_that_is_open(project, tmp_path, move):
    home = tmp_path / "home"
    runs, browser = record_jobs(project, home), browser_of(project, home)
    before = browser.get(f"/runs/{runs['embed']}/line").text
    assert str(project.folder / "parsed") in browser.get(f"/runs/{runs['parse']}/files").text
    moved = tmp_path / "red moved"
    move(project.folder, moved)
    browser.post("/projects/open", data={"open": str(moved)})
    assert "60 cells" in before and "60 cells" in browser.get(f"/runs/{runs['embed']}/line").text
    page = browser.get(f"/runs/{runs['parse']}/files").text
    assert str(moved / "parsed") in page and str(project.folder / "parsed") not in page
    assert browser.get(f"/explore/{runs['embed']}").status_code == 200
    page = browser.get(f"/cells/{runs['parse']}?part=grid").text
    assert page.count("data-row") == 48
    assert f"/explore/{runs['embed']}" in browser.get(f"/runs/{runs['extract']}/map").text
    chosen = {"name": "mine", "rows": [1, 2]}
    answer = browser.post(f"/cells/{runs['embed']}/selections", json=chosen)
    assert answer.status_code == 200, answer.text
    assert not [*project.folder.rglob("*mine*")] and [*moved.rglob("*mine*")]


def test_who_deletes_a_copied_run_keeps_the_original_and_its_job(project, tmp_path):
    home = tmp_path / "home"
    runs, browser = record_jobs(project, home), browser_of(project, home)
    copy = open_project(shutil.copytree(project.folder, tmp_path / "copy"))
    remember_project(home, copy)
    browser.post(f"/runs/{runs['embed']}/delete")
    assert not (copy.folder / "map").exists() and (project.folder / "map").exists()
    jobs = browser.application.extensions["jobs"]
    assert jobs.get(runs["embed"]).output == project.folder / "map"
    remember_project(home, project)
    browser.post(f"/runs/{runs['embed']}/delete")
    assert runs["embed"] not in [job.id for job in jobs.list()]


def test_the_index_is_made_by_a_job_that_can_be_cancelled(project, tmp_path):
    browser, runs = browser_of(project, tmp_path / "home"), ids(project)
    line = browser.post(f"/cells/{runs['parse']}/4/similar").text
    (cancel,) = re.findall(r'hx-post="([^"]+/cancel[^"]*)"', line)
    assert "Waiting" in line and ">Cancel</button>" in line
    stopped = browser.post(html.unescape(cancel)).text
    assert "Cancel" not in re.sub("Cancelled", "", stopped)
    (job,) = browser.application.extensions["jobs"].list()
    assert (job.verb, job.state) == ("similar", "cancelled")
    page = browser.get(f"/cells/{runs['parse']}?similar=4&part=grid").text
    assert "Compare the cells" in page
