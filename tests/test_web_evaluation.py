"""The page's part of an evaluation: scores, plots, the report, and heat maps at a press."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.step_options import command_line, plain, restored
from deepometry.core.steps import STEPS, step_of
from deepometry.inference.gradcam import gradcam
from deepometry.inference.predict import predict
from deepometry.web import create_app
from deepometry.web.forms.steps import options_of
from tests.parsed import blobs, write_record, write_stack
from tests.results_runs import Jobs, make_app, read_run


@pytest.fixture(scope="module")
def jobs(trained, tmp_path_factory):
    root, jobs = tmp_path_factory.mktemp("runs"), Jobs()
    write_record(root / "cells")
    for day in (1, 2):
        for kind, name in enumerate("AB"):
            write_stack(root / "cells" / f"Day {day}" / f"Class {name}", blobs(6, kind, seed=day))
    write_stack(root / "cells" / "Day 2" / "Class A", blobs(3, 1, seed=9), "w.cif", "wrong")
    where = {"input": root / "cells", "model": trained.model}
    options = PredictOptions(**where, output=root / "out", unsure_below=0.93, group_by="Day")
    jobs.result = jobs.run("predicted", "predict", predict, options)
    chosen = GradcamOptions(**where, output=root / "heat", cells="w.cif:0", label="A")
    jobs.run("heat", "gradcam", gradcam, chosen)
    return jobs


@pytest.fixture(scope="module")
def client(jobs):
    return make_app(jobs).test_client()


def test_results_show_scores_with_intervals_plots_and_samples(client, jobs):
    page = read_run(client, "predicted")
    score = jobs.result.evaluation.score("accuracy")
    assert f"{score.low:.3f} to {score.high:.3f}" in page
    assert "bootstrap over the 2 values of Day" in page
    assert "/results/plot/mistakes.png" in page
    answer = client.get("/jobs/predicted/results/plot/mistakes.png")
    assert answer.data.startswith(b"\x89PNG")
    charts = re.findall(r'data-chart="([^"]+)"', page)
    assert len(charts) == 7
    for chart in charts:
        told = client.get(f"{chart}.json").json
        rows = client.get(f"{chart}.csv").text.splitlines()
        assert len(rows) == 1 + sum(len(each["y"]) for each in told["series"]) > 1
        assert b"</svg>" in client.get(f"{chart}.svg").data
    assert client.get("/jobs/predicted/results/plot/predicted.csv").status_code == 404


def test_the_audit_shows_what_the_model_goes_by(client, jobs):
    audit = jobs.result.audit
    assert audit.rows
    page = read_run(client, "predicted")
    table = page.partition("Scores of the model on changed images")[2].partition("</table>")[0]
    assert table.count("<tr>") == 1 + len(audit.rows)
    assert f"{audit['background'].balanced_accuracy.value:.3f}" in table
    assert audit.doubtful == (audit.verdict in jobs.result.warnings)


def test_cells_behind_a_number_are_those_of_the_class_also_where_they_are_unsure(client, jobs):
    matrix = client.get("/jobs/predicted/results/confusion.json").json["matrix"]
    pages = [
        client.get(f"/cells/predicted?true={t}&predicted={p}").text
        for t in range(2)
        for p in range(3)
    ]
    assert [page.count("<figure>") for page in pages] == [n for row in matrix[:2] for n in row]
    assert sum(page.count("(unsure)") for page in pages) == jobs.result.unsure > 0


def test_the_report_is_shown_where_it_can_do_nothing(client, jobs):
    page = read_run(client, "predicted")
    assert 'href="/jobs/predicted/results/report"' in page and 'target="_blank"' in page
    answer = client.get("/jobs/predicted/results/report")
    assert answer.data == (jobs.get("predicted").output / "report.html").read_bytes()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script" not in policy


def test_the_policy_of_the_report_is_not_overruled_by_that_of_the_page(jobs, tmp_path):
    app = create_app({"HOME": tmp_path, "TESTING": True})
    app.extensions["jobs"] = jobs
    answer = app.test_client().get("/jobs/predicted/results/report")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_the_list_of_jobs_keeps_of_a_prediction_stays_small(jobs):
    assert len(json.dumps(plain(jobs.result))) < 3000


def test_heat_maps_are_shown(client):
    page = read_run(client, "heat")
    assert "Heat maps: image regions that support the class" in page
    assert client.get("/jobs/heat/results/plot/gradcam.png").data.startswith(b"\x89PNG")


@pytest.fixture
def app(jobs, tmp_path):
    """The whole page; jobs wait, since nothing starts them."""
    app = create_app({"HOME": tmp_path, "TESTING": True, "WTF_CSRF_ENABLED": False})
    own = app.extensions["jobs"]
    get = own.get
    own.get = lambda id: jobs.get(id) if id in jobs.known else get(id)
    return app


def test_heat_maps_of_chosen_cells_are_a_job(app, jobs):
    page = read_run(app.test_client(), "predicted")
    (offered,) = re.findall(r'name="cells"[^>]* value="([^"]+)"', page)
    assert offered.split("; ")[0].startswith("w.cif:")
    asked = {"cells": offered, "label": "B", "layer": "res5"}
    told = app.test_client().post("/jobs/predicted/results/heat", data=asked).text
    assert 'id="jobs-gradcam"' in told and "hx-swap-oob" in told
    (job,) = app.extensions["jobs"].list()
    ours = jobs.get("predicted")
    expected = GradcamOptions(
        input=ours.options["input"], output=ours.output, model=ours.options["model"], **asked
    )
    assert restored(step_of(expected), job.options) == expected
    assert job.command == command_line(expected)


def test_mistakes_in_the_choice_are_told(app):
    data = {"cells": "12", "layer": "res9"}
    told = app.test_client().post("/jobs/predicted/results/heat", data=data).text
    assert "expected one of res5, res4, res3" in told
    assert app.extensions["jobs"].list() == []


def test_the_form_has_a_button_for_heat_maps_and_the_new_fields(app):
    page = app.test_client().get("/").text
    assert 'id="go-gradcam"' in page and 'id="results-gradcam"' in page
    assert 'name="unsure_below"' in page and 'name="group_by"' in page
    options = PredictOptions(input="a", output="b", model="c")
    found = options_of(STEPS["gradcam"], options)
    assert (found.cells, found.layer, found.label) == ("12", "res4", None)


def test_results_of_an_earlier_version_are_shown_without_what_it_did_not_write(jobs, tmp_path):
    ours = jobs.get("predicted")
    old = ("confusion_matrix.csv", "predicted.csv")
    for name in old:
        (tmp_path / name).write_bytes((ours.output / name).read_bytes())
    record = json.loads((ours.output / "predict.json").read_text("utf-8"))
    for name in ("unsure", "temperature", "target"):
        del record[name]
    record["files"] = list(old)
    (tmp_path / "predict.json").write_text(json.dumps(record), "utf-8")
    jobs.known["old"] = replace(ours, id="old", output=tmp_path)
    page = read_run(make_app(jobs).test_client(), "old")
    assert "Confusion matrix" in page
    assert "Open the report" not in page and "/results/plot/" not in page
    assert "data-chart" not in page
