"""The page's export, on the results of real runs."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pandas as pd
import pytest

from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.inference.extract import extract
from deepometry.inference.predict import predict
from deepometry.web import create_app
from deepometry.web.jobs.store import FINAL
from tests.results_runs import read_run

PATIENCE = 60  # seconds


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return create_app({"HOME": home, "TESTING": True, "WTF_CSRF_ENABLED": False})


@pytest.fixture(scope="module")
def runs(app, cells, trained, tmp_path_factory):
    """A prediction and an extraction on the list of jobs."""
    root, jobs, where = tmp_path_factory.mktemp("runs"), app.extensions["jobs"], {}
    for name, step, options in (
        ("predict", predict, PredictOptions),
        ("extract", extract, ExtractOptions),
    ):
        asked = options(input=cells / "Hold-out", output=root / name, model=trained.model)
        began = time.time()
        found = step(asked)
        where[name] = jobs.record(asked, found, began, time.time())
    return where


@pytest.fixture
def client(app):
    return app.test_client()


def finish(app):
    """Let the jobs that wait run to their end."""
    jobs = app.extensions["jobs"]
    jobs.start()
    end = time.monotonic() + PATIENCE
    while any(job.state not in FINAL for job in jobs.list()) and time.monotonic() < end:
        time.sleep(0.1)
    jobs.stop()


def test_the_results_offer_what_fits_them(client, runs):
    for name, fits in (("predict", True), ("extract", False)):
        page = read_run(client, runs[name].id)
        assert "FCS, for FlowJo" in page
        assert ("Class probabilities for FlowJo" in page) == fits
        assert f'hx-get="/cells/{runs[name].id}' in page
        assert ('name="features"' in page) != fits


def test_an_export_is_a_job_and_its_file_can_be_downloaded(app, client, runs):
    job = runs["predict"]
    asked = {"format": "csv", "label": "A"}
    page = client.post(f"/jobs/{job.id}/results/export", data=asked).text
    assert "Waiting" in page and "Stop" in page
    (started,) = [each for each in app.extensions["jobs"].list() if each.verb == "export"]
    assert started.command.startswith("deepometry export ")
    assert "--label A" in started.command
    finish(app)
    place = f"/jobs/{job.id}/results/export/{started.id}"
    page = client.get(place).text
    assert "predict A.csv" in page
    table = pd.read_csv(io.BytesIO(client.get(f"{place}/file", buffered=True).data))
    whole = pd.read_csv(Path(job.output) / "predicted.csv")
    assert table["object"].tolist() == whole[whole["label"] == "A"]["object"].tolist()
    assert "predict A.csv" in read_run(client, job.id)
    assert client.get("/jobs").status_code == 200
    assert client.get(f"/jobs/{runs['extract'].id}/results/export/{started.id}").status_code == 404
    (Path(job.output) / "export" / "predict A.csv").unlink()
    gone = client.get(f"{place}/file")
    assert gone.status_code == 410


def test_the_newest_export_is_told_to_whoever_does_not_show_it(app, client, runs):
    job, jobs = runs["predict"], app.extensions["jobs"]
    place = f"/jobs/{job.id}/results/export"
    pages = [client.post(place, data={"format": "csv", "label": "B"}).text for _ in range(2)]
    second, first = jobs.list()[:2]
    assert first.output != second.output  # though neither is written yet
    for each, page in zip((first, second), pages, strict=True):
        assert f'value="{each.id} queued"' in page
    assert f'value="{second.id} queued"' in client.get(f"{place}?shown=").text
    assert client.get(place).status_code == 204  # what was wrong with the last one stays
    assert client.get(place, query_string={"shown": f"{second.id} queued"}).status_code == 204
    for each in (first, second):
        jobs.cancel(each.id)
    told = client.get(place, query_string={"shown": f"{second.id} queued"})
    assert "Stopped" in told.text
    assert client.get(f"/jobs/{job.id}0/results/export").status_code == 404


@pytest.mark.slow
def test_features_are_chosen_and_mistakes_told(app, client, runs):
    place = f"/jobs/{runs['extract'].id}/results/export"
    for features, told in (("2", ".h5ad</a>"), ("nonsense", "expected names such as pool5_1")):
        client.post(place, data={"format": "h5ad", "features": features})
        started = app.extensions["jobs"].list()[0]
        finish(app)
        assert told in client.get(f"{place}/{started.id}").text
    for asked, told in (
        ({"format": "xls"}, "found &#39;xls&#39;"),
        ({"format": "mat", "features": "-1"}, "Features: expected"),
    ):
        assert told in client.post(place, data=asked, headers={"HX-Request": "true"}).text


@pytest.mark.slow
def test_predictions_are_joined_to_features(app, client, runs):
    place = f"/jobs/{runs['extract'].id}/results/export"
    client.post(place, data={"format": "parquet", "also": runs["predict"].id})
    started = app.extensions["jobs"].list()[0]
    finish(app)
    client.post(place, data={"format": "csv", "also": "/etc"})
    assert app.extensions["jobs"].list()[0].options["also"] is None
    finish(app)
    data = client.get(f"{place}/{started.id}/file", buffered=True).data
    table = pd.read_parquet(io.BytesIO(data))
    assert {"probability_A", "pool5_1"} <= set(table)
    assert table["probability_A"].notna().all()


def test_an_export_that_waits_is_stopped(app, client, runs):
    place = f"/jobs/{runs['extract'].id}/results/export"
    client.post(place, data={"format": "mat"})
    started = app.extensions["jobs"].list()[0]
    client.post(f"{place}/{started.id}/stop")
    finish(app)
    assert "Stopped" in client.get(f"{place}/{started.id}").text
    assert not list((Path(runs["extract"].output) / "export").glob("*.mat"))
