"""Scores that guessing would give are told, others are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import random_table

from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.evaluation.confusion import scores
from deepometry.evaluation.significance import SURE, _shuffled, p_value_of
from deepometry.training.gather import gather_cells
from tests.parsed import write_classes


def test_naming_the_largest_class_is_guessing():
    assert p_value_of(np.array([[90, 0], [10, 0]])) == 1.0
    assert p_value_of(np.array([[25, 25], [25, 25]])) == 1.0
    assert p_value_of(np.zeros((3, 3), int)) == 1.0


def test_a_rare_class_that_is_found_is_no_guessing_although_the_accuracy_is_low():
    """Balanced training names rare classes at the cost of the large one."""
    matrix = np.array([[60, 40], [1, 9]])
    assert scores(matrix)["accuracy"] < 100 / 110
    assert p_value_of(matrix) < 0.02


def test_few_cells_prove_little():
    assert p_value_of(np.array([[3, 2], [2, 3]])) > SURE
    assert p_value_of(np.array([[300, 200], [200, 300]])) < 1e-6


def test_moments_of_shuffled_predictions_are_those_of_random_tables():
    from deepometry.evaluation.significance import _shuffled_moments

    matrix = np.array([[20, 5, 3], [9, 12, 1], [4, 4, 2]])
    tables = random_table(matrix.sum(1), matrix.sum(0)).rvs(20_000, random_state=1)
    found = np.array([scores(table)["balanced_accuracy"] for table in tables])
    mean, deviation = _shuffled_moments(matrix)
    assert mean == pytest.approx(1 / 3)
    assert found.mean() == pytest.approx(mean, abs=0.002)
    assert found.std() == pytest.approx(deviation, rel=0.03)


def test_one_test_in_twenty_at_most_is_wrong_about_guessers():
    rng = np.random.default_rng(0)
    tables = random_table(np.array([40, 25, 10]), np.array([35, 25, 15])).rvs(600, random_state=rng)
    assert np.mean([p_value_of(table) < SURE for table in tables]) < SURE


def test_a_rare_cell_hit_by_luck_is_no_proof():
    assert p_value_of(np.array([[90, 9], [0, 1]])) == pytest.approx(0.2, abs=0.04)  # exact: 2 x 0.1
    tables = random_table(np.array([99, 1]), np.array([90, 10])).rvs(
        400, random_state=np.random.default_rng(0)
    )
    assert np.mean([p_value_of(table) < SURE for table in tables]) == 0
    three = np.array([[20, 5, 3], [9, 12, 1], [4, 4, 2]])
    found = [
        scores(t)["balanced_accuracy"]
        for t in random_table(three.sum(1), three.sum(0)).rvs(20_000, random_state=2)
    ]
    exact = np.mean(np.array(found) >= scores(three)["balanced_accuracy"] - 1e-9)
    assert _shuffled(three, scores(three)["balanced_accuracy"]) == pytest.approx(exact, abs=0.01)


def test_the_sentence_names_both_kinds_of_learning(tmp_path):
    root = write_classes(tmp_path, {"Day 1": 20, "Day 2": 10})
    cells = gather_cells(TrainOptions(input=root, output="x", target="Day"), Progress())
    found = {"val_accuracy": 0.5, "val_balanced_accuracy": 0.45, "val_p_value": 0.6}
    (told,) = cells.guessing(found)
    assert told.startswith(
        "Validation accuracy 0.500 (balanced 0.450) on 3 cells is not significantly"
    )
    assert "largest class 0.667, balanced 0.500" in told
    assert "weakly supervised" in told and "channels" in told
    assert cells.guessing(found | {"val_p_value": 0.01}) == []
    crossed = {"cv_accuracy": 0.9, "cv_balanced_accuracy": 0.9, "cv_p_value": 1e-9}
    assert cells.guessing(found | crossed) == []  # which rests on more cells
    (told,) = cells.guessing(crossed | {"cv_p_value": 0.5})
    assert told.startswith("Cross-validated accuracy 0.900") and "on 30 cells" in told
