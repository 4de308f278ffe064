"""The page that compares runs: choosing them, what it says, its charts, cells and files."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.compare import CompareOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import TrainOptions
from deepometry.projects.compare import compare
from deepometry.projects.project import create_project
from deepometry.projects.recent import remember_project
from deepometry.projects.run import rename_run, write_run
from deepometry.projects.runs import find_run, list_runs
from deepometry.web import create_app
from tests.compared import two_classifiers, write_prediction, write_training
from tests.parsed import write_classes

HTMX = {"HX-Request": "true"}


@dataclass(frozen=True)
class Kept:
    """What a job says of its results."""

    output: Path


@pytest.fixture
def app(tmp_path):
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


@pytest.fixture
def three(app, tmp_path):
    """Three predictions of real parsed cells, as jobs of the page; the second is the best."""
    cells = tmp_path / "cells"
    write_classes(cells, {"Class A": 20, "Class B": 20, "Class C": 20})
    dataset = open_dataset(cells)
    identities = [(source, name) for _, source, name in dataset.identities()]
    true = dataset.codes("Class", ("A", "B", "C"))
    rng, ids = np.random.default_rng(0), []
    for name, share in (("first", 0.5), ("second", 0.95), ("third", 0.6)):
        wrong = (true + rng.integers(1, 3, len(true))) % 3
        chosen = np.where(rng.random(len(true)) < share, true, wrong)
        folder = write_prediction(tmp_path / name, true, chosen, identities=identities)
        options = PredictOptions(input=cells, output=folder, model=tmp_path / "m.keras")
        now = time.time()
        jobs = app.extensions["jobs"]
        ids.append(jobs.record(options, Kept(folder), now - 1, now + 1).id)
    return ids


def test_runs_are_chosen_by_ticking_them(app, three):
    page = app.test_client().get(f"/compare?runs={three[0]}").text
    assert page.count('type="checkbox"') == 3 and page.count(" checked>") == 1
    assert 'action="/compare"' in page and "Compare second" in page
    answer = app.test_client().get(f"/compare?runs={three[0]}&runs={three[1]}")
    assert answer.status_code == 302
    assert answer.location.endswith(f"/compare?runs={three[0]},{three[1]}")


def test_nothing_to_choose_from_is_said(app):
    assert (
        "There are no predictions, classifications or trainings yet"
        in app.test_client().get("/compare").text
    )


def test_the_page_asks_for_what_takes_a_while_and_has_it_the_next_time(app, three):
    browser, runs = app.test_client(), ",".join(three[:2])
    page = browser.get(f"/compare?runs={runs}").text
    assert 'hx-trigger="load"' in page and "Paired tests" not in page
    content = browser.get(f"/compare/content?runs={runs}", headers=HTMX).text
    assert "second is better" in content and "McNemar" in content
    for part in ("Scores", "Paired tests", "Confusion matrices", "Options that differ", "Files"):
        assert f"<h2>{part}</h2>" in content
    assert "less first, in percent points" in content
    again = browser.get(f"/compare?runs={runs}").text
    assert "second is better" in again and "Comparing the cells" not in again


@pytest.fixture
def large(app, tmp_path):
    """Two predictions whose records say that they have very many cells; their ids."""
    true, first, second = two_classifiers()
    ids = []
    for name, codes in (("one", first), ("two", second)):
        write_prediction(tmp_path / name, true, codes, recorded={"cells": 60_000})
        options = PredictOptions(input=tmp_path, output=tmp_path / name, model=tmp_path / "m.keras")
        ids.append(app.extensions["jobs"].record(options, Kept(tmp_path / name), 1.0, 2.0).id)
    return ",".join(ids)


def test_runs_of_many_cells_are_compared_by_a_job(app, large):
    browser, place = app.test_client(), f"/compare/content?runs={large}"
    jobs = app.extensions["jobs"]
    page = browser.get(f"/compare?runs={large}").text
    assert f'hx-post="{place.replace(",", "%2C")}"' in page or f'hx-post="{place}"' in page
    assert "is better" not in browser.get(place, headers=HTMX).text
    assert len(jobs.list()) == 2  # to look starts nothing
    first = browser.post(place, headers=HTMX).text
    assert "<progress" in first and "Waiting for its turn" in first
    assert browser.post(place, headers=HTMX).text == first and len(jobs.list()) == 3
    jobs.start()
    try:
        end = time.monotonic() + 120
        while "<progress" in (text := browser.get(place, headers=HTMX).text):
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        jobs.stop()
    assert "two is better" in text
    assert "two is better" in browser.get(f"/compare?runs={large}").text
    assert "<figure>" in browser.get(f"/compare/{large}/cells", headers=HTMX).text


def test_a_comparison_that_was_stopped_can_be_made_again(app, large):
    browser, place = app.test_client(), f"/compare/content?runs={large}"
    jobs = app.extensions["jobs"]
    browser.post(place, headers=HTMX)
    answer = browser.post(f"/compare/stop?runs={large}", headers=HTMX).text
    assert "Stopped by you" in answer and "Compare again" in answer
    assert "Compare again" in browser.get(f"/compare?runs={large}").text
    assert "<progress" in browser.post(place, headers=HTMX).text and len(jobs.list()) == 4


def test_parts_of_a_large_comparison_that_is_gone_are_not_made_in_passing(app, large):
    answer = app.test_client().get(f"/compare/{large}/charts/scores.json")
    assert answer.status_code == 410 and "reload the page" in answer.json["error"]


def test_classifications_are_compared_by_how_far_they_agree(app, tmp_path):
    _, first, second = two_classifiers(60)
    ids = []
    for name, codes in (("one", first), ("two", second)):
        folder = write_prediction(tmp_path / name, None, codes, step="classify")
        options = ClassifyOptions(input=tmp_path, output=folder, model=tmp_path / "m.keras")
        ids.append(app.extensions["jobs"].record(options, Kept(folder), 1.0, 2.0).id)
    browser, runs = app.test_client(), ",".join(ids)
    assert "Compare one" in browser.get("/compare").text
    content = browser.get(f"/compare/content?runs={runs}", headers=HTMX).text
    assert "<h2>Agreement</h2>" in content and "<h2>Scores</h2>" not in content
    assert f"{(first == second).sum()} of 60" in content
    assert '<details class="r-more" open>' in content
    cells = browser.get(f"/compare/{runs}/cells", headers=HTMX).text
    assert 'class="r-no"' not in cells and "one: <b>" in cells


def test_several_runs_are_tested_in_pairs(app, three):
    content = app.test_client().get(f"/compare/content?runs={','.join(three)}", headers=HTMX).text
    tests = content.split('id="tests"')[1].split("</section>")[0]
    assert tests.count('<tr><th scope="row">first</th><th scope="row">') == 2
    assert "adjusted for 3 pairs (Holm)" in content


@pytest.mark.parametrize("name", ["scores", "differences"])
def test_charts_are_numbers_a_table_and_a_drawing(app, three, name):
    browser, place = app.test_client(), f"/compare/{three[0]},{three[1]}/charts/{name}"
    chart = browser.get(f"{place}.json").get_json()
    assert chart["series"] and chart["categories"]
    assert browser.get(f"{place}.csv").text.startswith("series,")
    assert browser.get(f"{place}.svg").data.startswith(b"<?xml")
    assert browser.get(f"/compare/{three[0]},{three[1]}/charts/none.json").status_code == 404


def test_learning_curves_are_laid_over_each_other(app, tmp_path):
    ids = []
    for name, epochs in (("short", 4), ("long", 7)):
        folder = write_training(tmp_path / name, epochs)
        options = TrainOptions(input=tmp_path, output=folder, target="Class")
        ids.append(app.extensions["jobs"].record(options, Kept(folder), 1.0, 2.0).id)
    browser, runs = app.test_client(), ",".join(ids)
    content = browser.get(f"/compare/content?runs={runs}", headers=HTMX).text
    assert "Learning curves: loss" in content and "has no table of its validation cells" in content
    assert "Paired tests" not in content and "Cells predicted differently" not in content
    chart = browser.get(f"/compare/{runs}/charts/curve_loss.json").get_json()
    assert [len(each["y"]) for each in chart["series"]] == [4, 4, 7, 7]
    assert [each["dashed"] for each in chart["series"]] == [False, True, False, True]


def test_cells_that_differ_are_shown_with_pictures_and_by_who_is_right(app, three):
    browser, place = app.test_client(), f"/compare/{three[0]},{three[1]}/cells"
    shown = {}
    for which in ("all", "only0", "only1", "none"):
        page = browser.get(f"{place}?show={which}", headers=HTMX).text
        shown[which] = page
    assert shown["all"].count("<figure>") == 24 and "Page 1 of 2" in shown["all"]
    assert "No pictures" not in shown["all"]
    assert f'src="/cells/{three[0]}/' in shown["all"]
    source = shown["all"].split('src="')[1].split('"')[0].replace("&amp;", "&")
    assert browser.get(source).data.startswith(b"\x89PNG")
    for row in shown["only1"].split("<figure>")[1:]:
        assert 'class="r-no">first' in row and 'class="r-yes">second' in row
    assert 'class="r-yes"' not in shown["none"]
    assert "show: expected one of" in browser.get(f"{place}?show=x", headers=HTMX).text


def test_files_are_saved_and_no_others(app, three, tmp_path):
    browser, place = app.test_client(), f"/compare/{three[0]},{three[1]}/file"
    said = json.loads(browser.get(f"{place}/comparison.json", buffered=True).data)
    assert [run["name"] for run in said["runs"]] == ["first", "second"]
    answer = browser.get(f"{place}/differing_cells.csv", buffered=True)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert browser.get(f"{place}/..%2f..%2fprojects.json").status_code == 404
    assert browser.get(f"{place}/none.csv").status_code == 404


def test_runs_that_are_gone_or_too_many_are_told(app, three):
    browser = app.test_client()
    answer = browser.get("/compare?runs=a,b", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and "Run a: expected a prediction" in answer.text
    many = ",".join(str(n) for n in range(9))
    assert "at most 8 runs" in browser.get(f"/compare?runs={many}").text


def test_runs_of_the_open_project_are_compared_without_a_job(app, tmp_path):
    true = np.arange(60) % 3
    project = create_project(tmp_path / "p")
    for name in ("x", "y"):
        write_prediction(project.folder / "predictions" / name, true, (true + (name == "y")) % 3)
    remember_project(Path(app.extensions["home"]), project)
    browser = app.test_client()
    page = browser.get("/compare").text
    ids = [part.split('"')[0] for part in page.split('name="runs" value="')[1:]]
    assert len(ids) == 2
    content = browser.get(f"/compare/content?runs={','.join(ids)}", headers=HTMX).text
    assert "is better" in content
    cells = browser.get(f"/compare/{','.join(ids)}/cells", headers=HTMX).text
    assert "No pictures:" in cells and cells.count("<figure>") == 24
    rename_run(find_run(project, ids[0]), "Night run")
    content = browser.get(f"/compare/content?runs={','.join(ids)}", headers=HTMX).text
    assert '<th scope="row">Night run</th>' in content


def test_jobs_of_a_project_that_was_moved_are_compared(app, three, tmp_path):
    project = create_project(tmp_path / "p")
    jobs = app.extensions["jobs"]
    for id in three[:2]:
        moved = project.folder / "predictions" / jobs.get(id).output.name
        shutil.move(jobs.get(id).output, moved)
        (run,) = [run for run in list_runs(project) if run.folder == moved]
        write_run(replace(run, id=id))
    remember_project(Path(app.extensions["home"]), project)
    browser = app.test_client()
    assert all(browser.get("/compare").text.count(f'value="{id}"') == 1 for id in three)
    content = browser.get(f"/compare/content?runs={','.join(three[:2])}", headers=HTMX).text
    assert "is better" in content


def test_a_changed_run_is_compared_anew(app, three, tmp_path):
    browser, runs = app.test_client(), ",".join(three[:2])
    browser.get(f"/compare/content?runs={runs}", headers=HTMX)
    record = tmp_path / "second" / "predict.json"
    record.write_text(record.read_text("utf-8").replace('"target": "Class"', '"target": "Day"', 1))
    answer = browser.get(f"/compare/content?runs={runs}", headers=HTMX).text
    assert "expected cells classified by one target" in answer


def test_a_comparison_that_was_written_is_a_run_with_results(app, three, tmp_path):
    runs = (tmp_path / "first", tmp_path / "second")
    options = CompareOptions(runs=runs, output=tmp_path / "out")
    started = time.time()
    result = compare(options)
    job = app.extensions["jobs"].record(options, result, started, time.time() + 1)
    browser = app.test_client()
    page = browser.get(f"/runs/{job.id}", follow_redirects=True).text
    assert "second is better" in page and "differing_cells.csv" in page
    chart = browser.get(f"/runs/{job.id}/charts/scores.json").get_json()
    assert [each["label"] for each in chart["series"]] == ["first", "second"]


def test_a_group_of_the_address_holds_for_all_parts_of_the_page(app, three):
    browser = app.test_client()
    answer = browser.get(f"/compare/content?runs={three[0]},{three[1]}&group_by=Day", headers=HTMX)
    assert "Day" in answer.text and "Group by" in answer.text  # there is no such level
    wrong = browser.get(f"/compare/{three[0]},{three[1]};Day/charts/scores.json")
    assert wrong.status_code == 409
