"""Class shares of a sample: intervals within one population, and between samples that differ."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from deepometry.cells.description_checks import wrong_in
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.evaluation.share_intervals import (
    BetweenSamples,
    between_samples,
    corrected_shares,
)
from deepometry.inference.predict import predict
from deepometry.training.baseline import baseline
from tests.parsed import blobs, write_record, write_stack

RATES = np.array([[0.8, 0.15, 0.05], [0.1, 0.85, 0.05], [0.05, 0.25, 0.7]])


def samples(precision: float, number: int, seed: int = 0) -> np.ndarray:
    """Draw the confusion of samples, each of which is confused in a way of its own."""
    rng = np.random.default_rng(seed)
    matrices = np.zeros((number, 3, 3), np.int64)
    for sample in matrices:
        cells = rng.multinomial(150, rng.dirichlet(np.ones(3)))
        for code in range(3):
            sample[code] = rng.multinomial(cells[code], rng.dirichlet(precision * RATES[code]))
    return matrices


def held(draws: int, total: int) -> float:
    rng, hits = np.random.default_rng(2), []
    for _ in range(draws):
        true = rng.dirichlet(np.ones(3))
        known = np.stack([rng.multinomial(100, row) for row in RATES])
        counts = rng.multinomial(total, true @ RATES)
        _, low, high = corrected_shares(counts, known, rng, 200)
        hits.append((low <= true) & (true <= high))
    return float(np.mean(hits))


@pytest.mark.parametrize("total", [40, 1000])
def test_intervals_hold_the_true_share_as_often_as_they_say(total):
    assert 0.92 <= held(150, total) <= 0.99


def test_a_class_that_was_not_seen_may_still_be_there():
    _, _, high = corrected_shares(
        np.array([30, 0, 0]), np.eye(3, dtype=int) * 100, np.random.default_rng()
    )
    assert (high[1:] > 0.02).all()


def test_samples_that_differ_have_wider_intervals_which_hold():
    alike = between_samples(samples(3000, 20), "Day", np.random.default_rng(0))
    differ = between_samples(samples(8, 20), "Day", np.random.default_rng(0))
    assert alike.precision > 10 * differ.precision
    assert (differ.effective < differ.confusion.sum(1) / 3).all()
    assert differ.held / differ.intervals > 0.88 and differ.intervals > 50
    counts, wide = np.array([50, 30, 20]), []
    for each in (None, alike, differ):
        rng = np.random.default_rng(1)
        _, low, high = corrected_shares(counts, differ.confusion, rng, between=each)
        wide.append((high - low).mean())
    assert wide[0] < wide[2] and wide[1] < wide[2]
    assert "that the model never saw" in str(differ)


def test_few_samples_tell_nothing_of_their_variation():
    assert between_samples(samples(8, 4), "Day", np.random.default_rng(0)) is None


def test_it_is_written_and_read_again():
    known = between_samples(samples(8, 6), "Day", np.random.default_rng(0))
    again = BetweenSamples.read(json.loads(json.dumps(known.plain())))
    assert str(again) == str(known) and (again.confusion == known.confusion).all()
    assert BetweenSamples.read({}) is None


def test_a_model_carries_it_to_the_samples_that_it_predicts(tmp_path):
    root = tmp_path / "cells"
    write_record(root)
    for day in range(1, 6):
        for kind, label in enumerate("AB"):
            write_stack(
                root / f"Day {day}" / f"Class {label}", blobs(12, kind, day), f"{day}{label}"
            )
    options = {"input": root, "output": tmp_path / "m", "target": "Class"}
    model = baseline(BaselineOptions(**options, across="Day"))
    known = BetweenSamples.read(model.description.between_samples)
    assert known.samples == 5 and known.confusion.sum() == 120
    assert str(known) in str(model)
    content = json.loads(json.dumps(asdict(model.description)))
    assert wrong_in(content) == ""
    for name, value in (("precision", 0), ("confusion", [[1]]), ("effective", [1, -1]), ("by", 3)):
        damaged = {**content["between_samples"], name: value}
        assert "between_samples" in wrong_in(content | {"between_samples": damaged})
    assert "between_samples" in wrong_in(content | {"between_samples": {"by": "Day"}})
    predicted = PredictOptions(input=root, output=tmp_path / "p", model=tmp_path / "m")
    predict(predicted)
    page = (tmp_path / "p" / "report.html").read_text("utf-8")
    assert str(known) in page and "how much it varies from sample to sample" in page
