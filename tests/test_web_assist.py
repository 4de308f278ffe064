"""Assistance on the labelling page: measuring, orders that follow the labels, the panel."""

from __future__ import annotations

import time

import numpy as np
import pytest

import deepometry
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.web import create_app
from deepometry.web.labelling.helper import EVERY
from tests.parsed import blobs, write_classes, write_stack
from tests.test_web_labelling import Page, names

SHAPES = ("Disc", "Ring", "Bar")


@pytest.fixture
def parsed(tmp_path):
    root = write_classes(tmp_path / "parsed", {})
    for kind, count in enumerate((60, 30, 10)):
        write_stack(root / f"Sample {kind}", blobs(count, kind))
    return root


@pytest.fixture
def page(parsed, tmp_path):
    labels = open_hand_labels(parsed, "Shape", make=True)
    for name in SHAPES:
        labels.add_class(name)
    app = create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})
    return Page(app.test_client(), parsed, name="Shape")


def panel(page, until="ready") -> dict:
    """Ask the panel until nothing goes on any more."""
    for _ in range(200):
        told = page.get("assist.json").json
        if told["state"] == until and not told.get("busy"):
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def label(page, cells):
    """Label cells as they are, one after another; return how many."""
    for each in cells:
        page.give([each], int(each["source"].removeprefix("Sample ")[0]) + 1)
    return len(cells)


def test_without_features_cells_come_at_random_and_the_panel_offers_to_measure(page):
    shown = page.cells(order="uncertain")
    assert names(shown["shown"]) == names(page.cells(order="random")["shown"])
    assert "measure them first" in shown["note"] and not shown["lasting"]
    assert page.get("assist.json").json == {"job": None, "state": "missing"}
    html = page.client.get("/labelling", query_string=page.address).text
    assert "Measure all cells" in html and '<option value="different">' in html
    assert "data-of-class" in html


def test_the_cells_are_measured_by_a_job_that_can_be_cancelled(page, parsed):
    jobs = page.client.application.extensions["jobs"]
    told = page.send("measure").json
    assert (told["state"], told["job"]["state"]) == ("measuring", "queued")
    page.send("measure")
    (job,) = jobs.list()
    assert (job.verb, job.options["input"]) == ("measure", str(parsed.resolve()))
    assert job.command.startswith("deepometry measure ")
    told = page.send("measure/cancel").json
    assert (told["state"], told["job"]["state"]) == ("missing", "cancelled")
    answer = page.send("measure", features=str(parsed / "nowhere"))
    assert answer.json["job"]["state"] == "queued"
    assert page.send("measure", features="a\0b").status_code == 409


def test_orders_follow_the_labels_and_the_panel_says_how_good_the_classifier_is(page, parsed):
    deepometry.measure(input=parsed)
    told = panel(page)
    assert told["labels"] == 0 and "classical features" in told["features"]
    first = page.cells(order="uncertain", count=20)
    assert "when two classes have labels" in first["note"] and first["total"] == 100
    assert {each["source"] for each in first["shown"]} == {f"Sample {n}.cif" for n in range(3)}
    given = label(page, first["shown"])
    while given < 60:
        shown = page.cells(order="uncertain", count=10)
        assert shown["note"] == "" and shown["total"] == 100 - given
        given += label(page, shown["shown"])
    told = panel(page)
    assert told["labels"] == 60 and told["cells"] >= 5 and told["error"] == ""
    assert "of the predictions" in told["advice"]
    likely = page.cells(order="likely", label=2, count=5)["shown"]
    rings = [each for each in likely if each["source"] == "Sample 1.cif"]
    assert len(rings) == 5
    stamp = page.cells(order="likely", label=2)["stamp"]
    assert page.cells(order="likely", label=3)["stamp"] != stamp


def test_labels_given_in_random_order_estimate_the_accuracy(page, parsed):
    deepometry.measure(input=parsed)
    panel(page)
    label(page, page.cells(order="random", count=60)["shown"])
    told = panel(page)
    share, low, high = told["accuracy"]
    assert told["cells"] == 60 and low <= share <= high and share > 80


def test_a_few_labels_more_keep_the_order_and_undo_is_followed(page, parsed):
    deepometry.measure(input=parsed)
    panel(page)
    label(page, page.cells(order="random", count=30)["shown"])
    stamp = page.cells(order="uncertain")["stamp"]
    label(page, page.cells(order="uncertain", count=EVERY - 1)["shown"])
    panel(page)
    assert page.cells(order="uncertain")["stamp"] == stamp
    label(page, page.cells(order="uncertain", count=1)["shown"])
    assert page.cells(order="uncertain")["stamp"] != stamp
    assert panel(page)["labels"] == 30 + EVERY
    for _ in range(EVERY + 3):
        page.send("undo")
    panel(page)
    assert panel(page)["labels"] < 30


def test_cells_that_were_parsed_anew_are_to_be_measured_anew(page, parsed):
    deepometry.measure(input=parsed)
    panel(page)
    write_stack(parsed / "Sample 2", blobs(15, 2))
    told = panel(page, "missing")
    assert "have changed since" in told["reason"]
    deepometry.measure(input=parsed)
    panel(page)
    assert page.cells(order="different")["total"] == 105


def test_the_random_order_is_the_one_by_which_accuracy_is_estimated(page, parsed):
    from deepometry.cells.dataset import open_dataset
    from deepometry.cells.random_order import random_order

    dataset = open_dataset(parsed)
    identities = [pair[1:] for pair in dataset.identities()]
    expected = [identities[n] for n in random_order(dataset.keys)[:10]]
    assert names(page.cells(order="random")["shown"]) == expected
    assert len(np.unique(dataset.keys)) == 100


def test_one_click_starts_the_training_beside_the_cells_or_in_the_project(page, parsed):
    jobs = page.client.application.extensions["jobs"]
    for name in ("model Shape", "model Shape 2"):
        answer = page.client.post("/labelling/train/now", data=page.address)
        assert answer.status_code == 302 and answer.location.endswith("/#step-train")
        job = max(jobs.list(), key=lambda each: each.created)
        assert (job.verb, job.options["target"]) == ("train", "Shape")
        assert job.options["input"] == str(parsed.resolve())
        assert job.output == parsed.resolve().parent / name


def test_labelled_cells_that_are_likely_mislabelled_come_first(page, parsed):
    deepometry.measure(input=parsed)
    panel(page)
    shown = page.cells(order="random", count=60)["shown"]
    label(page, shown)
    wrong = [each for each in shown if each["source"] == "Sample 0.cif"][:3]
    page.give(wrong, 2)
    panel(page)
    told = page.cells(order="doubtful", show="labelled", count=3)
    assert {*names(told["shown"])} == {*names(wrong)} and "most doubtful first" in told["note"]
    html = page.client.get("/labelling", query_string=page.address).text
    assert '<option value="doubtful" data-of-labelled>likely mislabelled' in html
