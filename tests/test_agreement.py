"""Annotators who label the same cells: kappa, and the cells that they differ on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import deepometry
from deepometry.cells.labels.agreement import agreement_of
from deepometry.cli import cli
from tests.hand_labels import CELLS, counting, write_labels


@pytest.fixture
def labels(tmp_path):
    return write_labels(tmp_path)


def test_annotators_agree_differ_and_settle(labels):
    labels.give(CELLS[:6], "Mitosis", "Anna")
    labels.give(CELLS[:4], "Mitosis", "Ben")
    labels.give(CELLS[4:8], "Rest", "Ben")
    agreement = agreement_of(labels)
    (pair,) = agreement.pairs
    assert (pair.first, pair.second, pair.cells, pair.same) == ("Anna", "Ben", 6, 4)
    assert pair.kappa == pytest.approx(0.0)  # 4 of 6 the same, as many as by chance
    assert agreement.labelled == {"Anna": 6, "Ben": 8} and agreement.open == 2
    assert [*agreement.cells["object"]] == ["4", "5"]
    assert "4" not in counting(labels) and counting(labels)["6"] == "Rest"
    labels.give(CELLS[4:5], "Rest", "Ben", settles=True)
    assert counting(labels)["4"] == "Rest" and agreement_of(labels).open == 1
    assert [*agreement_of(labels).cells["settled"]] == ["", "Rest"]
    assert labels.origin == "labels given by hand by Anna, Ben"


def test_kappa_is_that_of_its_definition(labels):
    rng = np.random.default_rng(0)
    cells = [("b.cif", str(number)) for number in range(200)]
    truth = rng.integers(0, 2, 200)
    for who in ("Anna", "Ben"):
        seen = np.where(rng.random(200) < 0.8, truth, 1 - truth)
        for code, label in enumerate(labels.classes):
            labels.give([cells[n] for n in np.flatnonzero(seen == code)], label, who)
    (pair,) = agreement_of(labels).pairs
    table = labels.table()
    anna, ben = (table[who] == "Rest" for who in ("Anna", "Ben"))
    observed = (anna == ben).mean()
    chance = anna.mean() * ben.mean() + (1 - anna.mean()) * (1 - ben.mean())
    assert pair.kappa == pytest.approx((observed - chance) / (1 - chance))


def test_kappa_of_one_class_is_not_defined(labels):
    labels.give(CELLS, "Rest", "Anna")
    labels.give(CELLS, "Rest", "Ben")
    (pair,) = agreement_of(labels).pairs
    assert (pair.same, pair.kappa) == (8, None) and "not defined" in str(agreement_of(labels))


def test_the_command_and_python_tell_the_same(labels):
    parsed = labels.path.parents[1]
    assert "nobody yet" in str(deepometry.agreement(input=parsed, name="Phase"))
    labels.give(CELLS[:6], "Mitosis", "Anna")
    labels.give(CELLS[4:8], "Rest", "Ben")
    result = CliRunner().invoke(cli, ["agreement", str(parsed / "Train"), "phase", "--json"])
    told = json.loads(result.output)
    assert told == deepometry.agreement(input=parsed, name="Phase").plain()
    assert told["pairs"][0] == {
        "first": "Anna",
        "second": "Ben",
        "cells": 2,
        "same": 0,
        "kappa": 0.0,
    }
    assert [each["object"] for each in told["disagreements"]] == ["4", "5"]
    words = CliRunner().invoke(cli, ["agreement", str(parsed), "Phase"]).output
    assert "Anna and Ben: 2 cells labelled by both, 0 with the same class" in words
    assert "2 cells labelled differently, 2 open" in words
