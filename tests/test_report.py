"""Scores, tables and plots."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepometry.evaluation.confusion import (
    classification_report,
    confusion,
    normalized,
    scores,
    write_matrix,
)
from deepometry.evaluation.confusion_plots import plot_counts, plot_history, plot_matrix

MATRIX = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
LABELS = ("G1", "S", "M")


def test_every_class_has_its_row_and_column_even_when_absent():
    matrix = confusion(np.array([0, 0, 2]), np.array([0, 2, 2]), 4)
    assert matrix.tolist() == [[1, 0, 1, 0], [0] * 4, [0, 0, 1, 0], [0] * 4]


def test_more_than_256_classes_do_not_wrap():
    classes = np.arange(300)
    assert (confusion(classes, classes, 300) == np.eye(300)).all()


def test_scores_leave_absent_classes_out():
    assert scores(MATRIX) == pytest.approx({"accuracy": 0.85, "balanced_accuracy": 0.85})
    assert scores(np.array([[90, 0], [10, 0]])) == pytest.approx(
        {"accuracy": 0.9, "balanced_accuracy": 0.5}
    )


def test_normalized_rows_sum_to_one_or_are_empty():
    assert normalized(MATRIX).sum(1).tolist() == [1, 1, 0]


def test_classification_report():
    table = classification_report(MATRIX, LABELS).set_index("label")
    assert table.loc["G1", "precision"] == pytest.approx(8 / 9)
    assert table.loc["G1", "recall"] == pytest.approx(0.8)
    assert table.loc["G1", "f1-score"] == pytest.approx(16 / 19)
    assert table.loc["M", "support"] == 0
    assert table.loc["accuracy", "f1-score"] == pytest.approx(0.85)
    assert table.loc["macro avg", "recall"] == pytest.approx(0.85)
    assert table.loc["weighted avg", "support"] == 20


def test_matrix_table_names_the_true_label_first(tmp_path):
    write_matrix(tmp_path / "m.csv", MATRIX, LABELS)
    table = pd.read_csv(tmp_path / "m.csv")
    assert list(table.columns) == ["true label", *LABELS]
    assert table.iloc[0].tolist() == ["G1", 8, 2, 0]


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 7, 40, 400])
def test_plots_are_pictures(tmp_path, classes):
    labels = [f"Class <{n}> $\\frac$ {n}" for n in range(classes)]
    history = [
        {"epoch": n, "loss": 1 / n, "val_loss": 1.0, "accuracy": 0.5, "val_accuracy": 0.4}
        for n in range(1, 4)
    ]
    plot_matrix(tmp_path / "a.png", np.eye(classes, dtype=int) * 5, labels, "a")
    plot_counts(tmp_path / "b.png", dict.fromkeys(labels, 3), r"$\frac$")
    plot_history(tmp_path / "c.png", history, 2)
    for name in "abc":
        with Image.open(tmp_path / f"{name}.png") as image:
            assert min(image.size) > 300
            assert max(image.size) < 5000
