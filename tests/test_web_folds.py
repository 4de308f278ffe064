"""Folds and the learning curve on the page: fields, second button, results."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import pytest

from deepometry.core.options.learning_curve import LearningCurveOptions
from deepometry.core.step_options import command_line, restored
from deepometry.core.steps import STEPS, step_of
from deepometry.training.learning_curve import learning_curve
from deepometry.training.train import train
from deepometry.web import create_app
from deepometry.web.forms.steps import options_of
from tests.conftest import short_training
from tests.parsed import blobs, write_classes, write_stack
from tests.results_runs import Jobs, make_app, read_run

pytestmark = pytest.mark.slow

HTMX = {"HX-Request": "true"}
MANY = {"epochs": 2, "views": 1}


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The application; its jobs wait, since nothing starts them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


def test_the_form_has_folds_groups_and_a_button_for_the_curve(app, tmp_path):
    page = app.test_client().get("/").text
    for name in ("folds", "group_by", "shares", "repeats"):
        assert f'id="train-{name}"' in page
    assert 'formaction="/run/learning-curve"' in page
    root = write_classes(tmp_path / "cells", {"Class A": 2, "Class B": 2})
    values = {"input": str(root), "output": str(tmp_path / "m"), "target": "Class"}
    values |= {"folds": "5", "group_by": "Sample", "shares": "1/4, 1", "repeats": "2"}
    client = app.test_client()
    client.post("/run/train", data=values, headers=HTMX)
    client.post("/run/learning-curve", data=values, headers=HTMX)
    client.post("/run/baseline", data=values, headers=HTMX)
    jobs = {job.verb: job for job in app.extensions["jobs"].list()}
    for verb in ("train", "baseline"):
        assert (jobs[verb].options["folds"], jobs[verb].options["group_by"]) == (5, "Sample")
        assert "--folds 5 --group-by Sample" in jobs[verb].command
    assert "--shares 0.25,1.0 --repeats 2" in jobs["learning-curve"].command
    made = restored(STEPS["learning-curve"], jobs["learning-curve"].options)
    assert (made.shares, made.repeats, made.left_out) == ((0.25, 1.0), 2, 0.2)
    assert command_line(made) == jobs["learning-curve"].command
    assert step_of(made).name == "learning-curve"
    assert client.get("/").status_code == 200


def test_mistakes_in_fields_of_the_curve_are_shown_beside_them(app, tmp_path):
    root = write_classes(tmp_path / "cells", {"Class A": 2, "Class B": 2})
    values = {"input": str(root), "output": str(tmp_path / "m"), "target": "Class"}
    values |= {"shares": "2", "folds": "1"}
    page = app.test_client().post("/run/learning-curve", data=values, headers=HTMX).text
    assert "Expected 2 to 12 different shares" in page
    assert "Expected a whole number from 2 to 20" in page
    assert app.extensions["jobs"].list() == []


def test_what_a_form_leaves_blank_has_its_default(tmp_path):
    training = short_training(tmp_path, tmp_path / "m")
    made = options_of(STEPS["learning-curve"], training, {"shares": "", "repeats": " "})
    assert (made.shares, made.repeats) == ((0.125, 0.25, 0.5, 1.0), 1)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """A cross-validated training of cells of which some have no label, and a curve."""
    root, jobs = tmp_path_factory.mktemp("runs"), Jobs()
    cells = write_classes(root / "in", {"Class A": 10, "Class B": 8})
    write_stack(cells / "All others", blobs(3, 2))
    jobs.run("crossed", "train", train, short_training(cells, root / "m", folds=2, **MANY))
    curve = {"input": cells, "output": root / "c", "target": "Class", "network": "small10"}
    asked = LearningCurveOptions(**curve, epochs=1, batch_size=8, shares="1/2,1", views=1)
    jobs.run("curve", "learning-curve", learning_curve, asked)
    return jobs


@pytest.fixture(scope="module")
def client(jobs):
    return make_app(jobs).test_client()


def test_a_cross_validation_shows_folds_and_the_matrix_with_its_cells(client, jobs):
    page = read_run(client, "crossed")
    assert "Cross-validated accuracy" in page
    assert page.count('<th scope="row">1</th>') == 1
    assert 'data-true="0"' in page and "/runs/crossed/cells?true=0&amp;predicted=0" in page
    folds = client.get("/runs/crossed/charts/folds.json").json
    assert folds["categories"] == ["Fold 1", "Fold 2", "Fold 3"][: len(folds["categories"])]
    told = client.get("/jobs/crossed/results/confusion.json").json
    assert sum(map(sum, told["matrix"])) == 18
    for true, row in enumerate(told["matrix"]):
        for predicted, count in enumerate(row):
            asked = f"/cells/crossed?true={true}&predicted={predicted}"
            found = client.get(asked).text
            assert found.count("<figure>") == count
            assert "No pictures" not in found
    picture = client.get("/cells/crossed/3/0.png")
    assert picture.mimetype == "image/png"
    for name in ("folds.csv", "predicted.csv", "fold_1/training.csv"):
        sent = client.get(f"/jobs/crossed/results/file/{name}", buffered=True)
        assert sent.data == (jobs.get("crossed").output / name).read_bytes()


def test_a_cross_validation_shows_its_evaluation_and_opens_its_report(client, jobs):
    page = read_run(client, "crossed")
    output = jobs.get("crossed").output
    told = json.loads((output / "evaluation.json").read_text("utf-8"))["scores"][0]
    between = f"{100 * told['low']:.1f} to {100 * told['high']:.1f}\N{NO-BREAK SPACE}%"
    assert f"<dd>{between}</dd>" in page
    assert f"{told['low']:.3f} to {told['high']:.3f}" in page
    told = re.sub("<[^>]+>", "", page)
    assert "bootstrap over cells" in told and "every fold had a temperature of its own" in told
    for name in ("roc", "precision-recall", "reliability", "unsure"):
        assert f'data-chart="/runs/crossed/charts/{name}"' in page
        assert client.get(f"/runs/crossed/charts/{name}.json").json["series"]
    for name in ("curves.png", "reliability.png", "unsure_tradeoff.png"):
        assert client.get(f"/jobs/crossed/results/plot/{name}").mimetype == "image/png"
    assert 'href="/jobs/crossed/results/report"' in page
    answer = client.get("/jobs/crossed/results/report")
    assert answer.data == (output / "report.html").read_bytes()
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_cross_validation_of_an_earlier_version_is_still_shown(client, jobs, tmp_path):
    ours = jobs.get("crossed")
    shutil.copytree(ours.output, tmp_path / "m")
    for name in ("train.json", "cross_validation.json"):
        record = json.loads((tmp_path / "m" / name).read_text("utf-8"))
        record.get("cross_validation", record).pop("evaluation")
        if name == "cross_validation.json":
            record["files"] = ["folds.csv", "predicted.csv", "confusion_matrix.csv", name]
        (tmp_path / "m" / name).write_text(json.dumps(record), "utf-8")
    jobs.known["old"] = replace(ours, id="old", output=tmp_path / "m")
    page = read_run(client, "old")
    assert "Cross-validated accuracy" in page and "folds.csv" in page
    assert "95 % interval" not in page and "results/report" not in page
    assert client.get("/jobs/old/results/report").status_code == 404


def test_a_training_without_folds_has_the_matrix_of_its_validation_cells_alone(
    client, trained, cells, jobs
):
    options = short_training(cells / "Train", trained.model.parent)
    jobs.run("plain", "train", lambda _: trained, options)
    jobs.known["plain"] = replace(jobs.known["plain"], started=None)
    page = read_run(client, "plain")
    assert "Cross-valid" not in page and "results/report" not in page
    assert client.get("/jobs/plain/results/report").status_code == 404
    matrix = client.get("/jobs/plain/results/confusion.json").json["matrix"]
    assert matrix == [list(row) for row in trained.description.confusion]


def test_a_training_without_a_table_of_validation_cells_has_no_matrix(
    client, trained, cells, jobs, tmp_path
):
    shutil.copytree(trained.model.parent, tmp_path / "m")
    record = json.loads((tmp_path / "m" / "train.json").read_text("utf-8"))
    del record["validation"]
    (tmp_path / "m" / "train.json").write_text(json.dumps(record), "utf-8")
    jobs.run("older", "train", lambda _: trained, short_training(cells / "Train", tmp_path / "m"))
    jobs.known["older"] = replace(jobs.known["older"], started=None)
    page = read_run(client, "older")
    assert "data-true" not in page and "validation_cells.csv" not in page
    assert client.get("/jobs/older/results/confusion.json").status_code == 404


def test_a_learning_curve_shows_picture_table_and_forecast(client):
    page = read_run(client, "curve")
    assert "accuracy with more cells cannot be predicted" in page  # of two numbers of cells
    assert len(re.findall(r'<tr><th scope="row">', page)) == 2
    assert 'data-chart="/runs/curve/charts/accuracy"' in page
    measured, *_ = client.get("/runs/curve/charts/accuracy.json").json["series"]
    assert len(measured["x"]) == len(measured["low"]) == 2
    assert b"</svg>" in client.get("/runs/curve/charts/accuracy.svg").data
    sent = client.get("/jobs/curve/results/file/learning_curve.csv", buffered=True)
    assert sent.data.startswith(b"share,repeat,cells,accuracy")
