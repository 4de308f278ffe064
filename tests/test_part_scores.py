"""Scores of the parts of a combined model, counted some cells at a time."""

from __future__ import annotations

import numpy as np
import pytest

from deepometry.evaluation.part_scores import BOTH, ClassTally, NumberTally, by_part


def sure(codes, classes=3):
    """Return probabilities that name these classes."""
    return (0.7 * np.eye(classes)[codes] + 0.1).astype(np.float32)


PARTS = {"network": [0, 1, 2, 0, 1, 2], "classical": [0, 1, 1, 2, 2, 1], BOTH: [0, 1, 2, 2, 0, 2]}
TRUE = np.array([0, 1, 2, 2, 0, -1])


def tally(*blocks):
    counted = ClassTally(3)
    for block in blocks:
        counted.add({name: sure(np.array(c)[block]) for name, c in PARTS.items()}, TRUE[block])
    return counted


def test_each_part_is_scored_on_the_cells_with_a_label():
    found = tally(slice(0, 6)).result()
    assert found.scores["network"]["accuracy"] == pytest.approx(3 / 5)
    assert found.scores["classical"]["accuracy"] == pytest.approx(3 / 5)
    assert found.scores[BOTH]["accuracy"] == 1
    assert found.scores[BOTH]["log_loss"] == pytest.approx(-np.log(0.8))
    assert found.scores["network"]["log_loss"] == pytest.approx(
        -np.log([0.8] * 3 + [0.1] * 2).mean()
    )


def test_where_parts_differ_it_is_said_which_was_followed_and_how_often_that_was_right():
    found = tally(slice(0, 6)).result()
    assert found.differ == 4
    assert found.followed == {"network": 2, "classical": 1, "neither": 1}
    assert found.right == {"network": 1, "classical": 1, "neither": 1}
    assert found.sentence == (
        "The parts name different classes for 4 cells; the label is that of the network for 2 "
        "(right for 50 %), that of the classical features for 1 (right for 100 %), another one "
        "for 1 (right for 100 %)."
    )


def test_blocks_and_counts_add_up():
    whole, parts = tally(slice(0, 6)), tally(slice(0, 2), slice(2, 6))
    assert whole.result().followed == parts.result().followed
    assert whole.result().scores[BOTH] == pytest.approx(parts.result().scores[BOTH])
    added = tally(slice(0, 3))
    added.add_counts(tally(slice(3, 6)).plain())
    assert added.result().right == whole.result().right
    assert added.result().scores["network"] == pytest.approx(whole.result().scores["network"])


def test_without_labels_it_is_only_said_which_part_was_followed():
    counted = ClassTally(3)
    counted.add({name: sure(np.array(c)) for name, c in PARTS.items()}, np.full(6, -1))
    found = counted.result()
    assert (found.scores, found.right, found.differ) == ({}, {}, 4)
    assert "right" not in found.sentence
    assert found.sentences == [found.sentence]


def test_parts_that_never_differ_need_no_sentence():
    counted = ClassTally(3)
    counted.add(dict.fromkeys(PARTS, sure(np.array([0, 1, 2]))), np.array([0, 1, 2]))
    assert counted.result().sentence == ""
    assert len(counted.result().sentences) == 1


def test_numbers_are_scored_by_their_errors():
    true = np.array([1.0, 2.0, 3.0, np.nan])
    parts = {"network": true + 0.5, "classical": true - 1, BOTH: np.array([1.0, 2.0, 3.0, 9.0])}
    counted = NumberTally()
    counted.add({name: each[:2] for name, each in parts.items()}, true[:2])
    counted.add({name: each[2:] for name, each in parts.items()}, true[2:])
    scores = counted.result().scores
    assert scores["network"] == pytest.approx({"mae": 0.5, "r2": 1 - 0.75 / 2})
    assert scores[BOTH] == {"mae": 0, "r2": 1}
    text = by_part(scores, "validation")
    assert text == (
        "Validation mean absolute error: network alone 0.5, classical features alone 1, both "
        "together 0."
    )
    assert NumberTally().result().scores == {}
