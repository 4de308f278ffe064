"""What stands in the columns of the page: jobs, results and offers that fit together."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from flask import render_template

from deepometry.cells.parse import ParseResult
from deepometry.cells.parse_result import inexact_split
from deepometry.core.options.parse import ParseOptions
from deepometry.core.result_files import LAST_EPOCH
from deepometry.web import create_app
from deepometry.web.forms import prefill as flow
from deepometry.web.forms.build import empty_form
from deepometry.web.results.cell_pictures import Channel
from deepometry.web.results.output import Output
from deepometry.web.results.parse import Folder, Sheets
from deepometry.web.results.predict import Prediction
from deepometry.web.results.predict_rows import ClassRow, MatrixCell
from deepometry.web.text_filters import breakable, ending
from tests.test_web_app import HTMX, parse_values
from tests.test_web_forms import job


@pytest.fixture
def app(tmp_path):
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


def test_the_last_good_results_stay_until_there_are_newer_ones(app, tmp_path):
    browser = app.test_client()
    jobs, values = app.extensions["jobs"], parse_values(tmp_path)
    options = ParseOptions(input=tmp_path, output=tmp_path / "out")
    said = {"cells": 1, "problems": 0, "channels": (1,), "sides": {}}
    result = ParseResult(output=tmp_path, stacks=(), montages=(), **said)
    done = jobs.record(options, result, 1.0, 2.0)
    asks = f'hx-get="/runs/{done.id}/line" hx-trigger="load" hx-target="#results-parse"'
    assert browser.get("/").text.count(asks) == 1  # by its card
    answer = browser.post("/run/parse", data=values, headers=HTMX).text
    assert 'id="results-parse"' not in answer
    page = browser.get("/").text
    assert f'id="job-{done.id}"' not in page
    assert page.count(asks) == 1


@pytest.mark.parametrize(("state", "offers"), [("failed", True), ("lost", True), ("done", False)])
def test_a_training_goes_on_only_where_it_left_an_epoch(tmp_path, state, offers):
    training = job("train", state, output=tmp_path)
    assert not flow.resumable(training)
    (tmp_path / LAST_EPOCH).touch()
    assert flow.resumable(training) is offers
    assert not flow.resumable(job("predict", state, output=tmp_path))


def test_a_waiting_job_says_what_it_waits_for():
    third, second, first = (
        replace(job(verb, state), id=id, created=1e9)
        for id, verb, state in (
            ("3", "parse", "queued"),
            ("2", "predict", "queued"),
            ("1", "train", "running"),
        )
    )
    assert flow.waits_for(first, [third, second, first]) == "About to start."
    assert "the job before it has ended: Model training, of 2001-09-" in flow.waits_for(
        second, [third, second, first]
    )
    assert "the 2 jobs before it have ended, Model training, of" in flow.waits_for(
        third, [third, second, first]
    )


def test_a_model_is_offered_with_its_target(app, tmp_path):
    offers = {"model": str(tmp_path), "target": "Day"}
    with app.test_request_context():
        form = empty_form("predict", {"model": "/old", "target": "Class"})
        page = render_template("forms/form.html", form=form, offers=offers)
        (told,) = re.findall('data-name="model" data-fill="([^"]+)"', page)
        assert json.loads(html.unescape(told)) == {"predict": offers}
        same = empty_form("predict", offers)
        assert 'class="offer"' not in render_template("forms/form.html", form=same, offers=offers)


def test_long_paths_are_told_by_their_end():
    assert ending(PurePosixPath("/data/p60")) == "/data/p60"
    long = PurePosixPath("/data/of many/years and people/experiment 12/predictions/p60")
    assert ending(long) == "…/experiment 12/predictions/p60"
    assert ending(long, 5) == "…/p60"


def test_names_that_say_no_more_than_the_number_are_left_out():
    names = [str(Channel(0, number, name)) for number, name in ((1, "Ch1"), (1, "Ch01"), (2, "BF"))]
    assert names == ["Ch1", "Ch1", "Ch2 BF"]


def test_long_names_may_go_on_in_the_next_line():
    assert breakable("Class <b>_c") == "Class &lt;b&gt;_<wbr>c"


def test_a_class_without_cells_has_no_percent(app, tmp_path):
    rows = [ClassRow(0, "A", 2, 2, 1), ClassRow(1, "None", 0, 0, 0)]
    matrix = [[MatrixCell(0, 0, 2, 1.0), MatrixCell(0, 1, 0, 0.0)]]
    matrix.append([MatrixCell(1, n, 0, 0.0) for n in range(2)])
    told = Prediction(2, ["A", "None"], rows, matrix, {})
    done = replace(job("predict", output=tmp_path), id="x", finished=1.0)
    output = Output("x", "predict", {}, tmp_path, {}, (), "")
    shown = []
    for asked in ("?values=percent", ""):
        with app.test_request_context(asked):
            page = render_template("results/matrix.html", prediction=told, job=done, output=output)
            shown.append(re.findall(r'class="r-zero">([^<]+)<', page))
    assert shown == [["0 %", "\u2013", "\u2013"], ["0", "0", "0"]]


@pytest.mark.parametrize(("split", "told"), [(0.2, True), (0.3, False)])
def test_a_split_that_could_not_be_met_is_told(app, tmp_path, split, told):
    sides = {"Train": 96, "Hold-out": 44}
    remarks = inexact_split(sides, split, None)
    record = {"cells": 140, "sides": sides, "frame": 48, "remarks": remarks}
    record |= {"warnings": ["3 of 3 cells <i>"], "notices": {"turned <b>": 1200}}
    output = Output("x", "parse", {"split": split}, tmp_path, record, (), "")
    done = replace(job("parse", output=tmp_path), id="x", finished=1.0)
    values = {"job": done, "output": output, "files": [], "here": False, "channels": []}
    values |= {"tree": Folder("", ""), "sheets": Sheets({}, 0, []), "problems": None}
    with app.test_request_context():
        page = render_template("results/parse.html", **values)
    assert "44 (31\xa0%)" in page
    assert ("80/20 of 140 cells can only be approximated" in page) is told
    assert "1,200 cells: turned &lt;b&gt;" in page
    warned, told_first = page.index("3 of 3 cells &lt;i&gt;"), page.index("r-facts")
    assert warned < told_first


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, "4 to 9 min left<"), ({"patience": 5}, "4 to 9 min left unless it stops early<")],
)
def test_a_card_tells_the_time_left_as_a_range(app, options, words):
    running = replace(
        job("learning-curve", "running"), seconds_left=(240.0, 540.0), options=options
    )
    with app.test_request_context():
        page = render_template("jobs/card.html", job=running)
    assert f'<span class="left">{words}' in page
