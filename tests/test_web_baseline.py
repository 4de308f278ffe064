"""The second button of Model training: it runs the baseline, whose results stand below."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from dataclasses import replace

import pytest

from deepometry.classical import boosting, permutation_importance
from deepometry.core.options.train import BaselineOptions
from deepometry.core.step_options import command_line, restored
from deepometry.core.steps import STEPS, step_of
from deepometry.training.baseline import baseline
from deepometry.web import create_app
from deepometry.web.forms.steps import options_of
from tests.conftest import short_training
from tests.parsed import write_classes
from tests.results_runs import Jobs, make_app, read_run

pytestmark = pytest.mark.slow

HTMX = {"HX-Request": "true"}


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The application; its jobs wait, since nothing starts them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


def test_the_form_of_training_has_a_second_button(app):
    page = app.test_client().get("/").text
    (button,) = re.findall(r'<button [^>]*id="go-baseline".*?</button>', page)
    assert 'formaction="/run/baseline"' in button
    assert "Compare with classical features" in button
    assert 'id="results-baseline"' in page


def test_it_starts_a_job_with_what_the_form_shows(app, tmp_path):
    root = write_classes(tmp_path / "cells", {"Class A": 2, "Class B": 2})
    values = {"input": str(root), "output": str(tmp_path / "m"), "target": "Class"}
    values |= {"channels": "6,3", "seed": "7", "validation": "0.3", "epochs": "9"}
    page = app.test_client().post("/run/baseline", data=values, headers=HTMX).text
    (job,) = app.extensions["jobs"].list()
    assert job.verb == "baseline"
    expected = BaselineOptions(
        input=root, output=tmp_path / "m", target="Class", channels=(6, 3), seed=7,
        validation=0.3,
    )  # fmt: skip
    assert restored(step_of(expected), job.options) == expected
    assert job.command == command_line(expected)
    assert "deepometry baseline" in job.command
    assert 'id="jobs-baseline"' in page and f'id="job-{job.id}"' in page
    past = app.test_client().get("/jobs").text
    (filled,) = re.findall(r'data-fill="([^"]+)"', past)
    assert json.loads(filled.replace("&#34;", '"'))["train"]["channels"] == "6,3"
    assert app.test_client().get("/").status_code == 200


def test_mistakes_are_shown_beside_the_fields(app):
    page = app.test_client().post("/run/baseline", data={"seed": "x"}, headers=HTMX).text
    assert 'id="form-train"' in page
    assert page.count('class="error"') == 4
    assert app.extensions["jobs"].list() == []
    assert app.test_client().post("/run/nothing", data={}).status_code == 404


def test_options_of_a_companion_are_those_of_its_form(tmp_path):
    training = short_training(tmp_path, tmp_path / "m", validation=0.4)
    found = options_of(STEPS["baseline"], training)
    assert (found.seed, found.validation, found.model) == (1, 0.4, None)


# --- results ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(cells, trained, tmp_path_factory):
    """A baseline beside a network, one by itself, and one in folds."""
    root, jobs = tmp_path_factory.mktemp("runs"), Jobs()
    for name in ("both", "alone", "folds"):
        (root / name).mkdir()
        options = BaselineOptions(
            input=cells / "Train",
            output=root / name,
            target="Class",
            seed=1,
            **({"folds": 2} if name == "folds" else {"validation": 0.2}),
        )
        if name == "both":
            for path in trained.model.parent.iterdir():
                shutil.copy(path, root / name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(boosting, "ROUNDS", 10)
            patch.setattr(permutation_importance, "MOST_FEATURES", 5)
            jobs.run(name, "baseline", baseline, options)
    training = short_training(cells / "Train", root / "both")
    jobs.run("trained", "train", lambda _: trained, training)
    jobs.known["trained"] = replace(jobs.known["trained"], started=None)
    return make_app(jobs).test_client()


def test_results_show_both_side_by_side_and_features_by_name(client):
    page = read_run(client, "both")
    assert "Comparison with the neural network" in page
    assert "model_3-Class_categories.keras" in page
    assert re.search(r"Ch3: |Ch6: ", page)
    assert re.search(r"highest in [ABC] \(\+", page)
    assert "morphology" in page
    assert "Too few validation cells" in page
    assert "comparison.csv" in page
    chart = client.get("/runs/both/charts/importance.json").json
    assert chart["categories"] and chart["sideways"]
    sent = client.get("/jobs/both/results/file/model_3-Class_categories.baseline", buffered=True)
    assert sent.data.startswith(b"PK")


@pytest.mark.parametrize(
    ("run", "table"),
    [("both", "validation_cells"), ("alone", "validation_cells"), ("folds", "predicted")],
)
def test_the_cells_of_a_baseline_are_a_gallery(client, run, table):
    assert 'class="c-mount"' in client.get(f"/runs/{run}/cells").text
    sent = client.get(f"/jobs/{run}/results/file/baseline_{table}.csv", buffered=True)
    rows = [*csv.DictReader(io.StringIO(sent.text))]
    page = client.get(f"/cells/{run}?order=file").text
    assert f"{len(rows)} cells" in page
    assert ">A</option>" in page and 'name="true"' in page
    told = client.get(f"/cells/{run}/1.json").json
    assert (told["source"], told["object"]) == (rows[1]["source"], rows[1]["object"])
    assert len(told["channels"]) > 0 and ["label", rows[1]["label"]] in told["facts"]
    sure = [max(float(row[f"probability_{label}"]) for label in "ABC") for row in rows]
    page = client.get(f"/cells/{run}?order=sure&part=grid").text
    first = int(page.split('data-row="')[1].split('"')[0])
    assert sure[first] == max(sure)


def test_results_without_a_network_say_how_to_get_both(client):
    page = read_run(client, "alone")
    assert "Train one with this output folder" in page


def test_a_training_shows_the_scores_of_the_baseline_and_its_warnings(client):
    page = read_run(client, "trained")
    assert "Classical features on the same validation cells" in page
    assert "Too few validation cells" in page
