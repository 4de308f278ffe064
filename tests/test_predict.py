"""Prediction: every row says which cell, every class of the model is there."""

import shutil

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.predict import PredictOptions
from deepometry.evaluation.temperature_scaling import scaled
from deepometry.inference.predict import predict
from deepometry.network.model_file import load_model
from deepometry.network.test_time_augmentation import predict_views
from tests.parsed import blobs, write_classes, write_stack


@pytest.fixture(scope="module")
def evaluated(cells, trained, tmp_path_factory):
    output = tmp_path_factory.mktemp("evaluated")
    return predict(PredictOptions(input=cells / "Hold-out", output=output, model=trained.model))


def test_a_class_missing_from_the_cells_does_not_shift_the_matrix(evaluated):
    matrix = pd.read_csv(evaluated.output / "confusion_matrix.csv", index_col="true label")
    assert list(matrix.index) == list(matrix.columns) == ["A", "B", "C"]
    assert matrix.sum(axis=1).tolist() == [10, 10, 0]
    shares = pd.read_csv(evaluated.output / "confusion_matrix_normalized.csv", index_col=0)
    assert shares.sum(axis=1).round(4).tolist() == [1, 1, 0]
    assert np.trace(matrix) / 20 == pytest.approx(evaluated.scores["accuracy"])


ALWAYS = {
    "predicted.csv",
    "count_plot.png",
    "predict.json",
    "sample_summary.csv",
    "sample_summary.png",
    "sample_summary.svg",
    "report.html",
}


def test_the_result_files_have_the_protocols_names(evaluated):
    names = {path.name for path in evaluated.output.iterdir()}
    assert names - {"mistakes.png"} == ALWAYS | {
        "confusion_matrix.csv",
        "confusion_matrix_normalized.csv",
        "confusion_matrix_plot.png",
        "classification_report.csv",
        "scores.csv",
        "scores.png",
        "scores.svg",
        "curves.csv",
        "curves.png",
        "curves.svg",
        "reliability.csv",
        "reliability.png",
        "reliability.svg",
        "unsure_tradeoff.csv",
        "unsure_tradeoff.png",
        "unsure_tradeoff.svg",
        "mistakes.csv",
        "audit.csv",
        "evaluation.json",
    }


def test_every_row_says_which_cell_and_is_right_about_it(evaluated, cells, trained):
    table = pd.read_csv(evaluated.output / "predicted.csv")
    assert list(table.columns[:4]) == ["source", "object", "true_label", "label"]
    assert table["object"].tolist() == [*range(10), *range(10)]
    assert table["true_label"].tolist() == ["A"] * 10 + ["B"] * 10
    model, said, _ = load_model(trained.model)
    raw = predict_views(model, blobs(10, 1, seed=1)[4:5], said.views)[0]
    alone = scaled(raw, said.temperature)[0]
    row = table.iloc[14]
    assert row["source"] == "Class B.cif"
    found = [row[f"probability_{label}"] for label in said.labels]
    assert np.allclose(found, alone, atol=1e-4)
    assert row["label"] == said.labels[int(alone.argmax())]


@pytest.mark.slow
def test_one_view_is_one_look(cells, trained, tmp_path):
    options = {"input": cells / "Hold-out", "output": tmp_path, "model": trained.model, "views": 1}
    predict(PredictOptions(**options))
    row = pd.read_csv(tmp_path / "predicted.csv").iloc[14]
    raw = load_model(trained.model)[0].predict_on_batch(blobs(10, 1, seed=1)[4:5].astype("f4"))
    assert trained.description.temperature != 1  # of eight views: it does not apply to one
    assert np.allclose([row[f"probability_{label}"] for label in "ABC"], raw[0], atol=1e-4)


@pytest.mark.slow
def test_batches_do_not_change_the_predictions(evaluated, cells, trained, tmp_path):
    predict(
        PredictOptions(input=cells / "Hold-out", output=tmp_path, model=trained.model, batch_size=3)
    )
    one, other = (pd.read_csv(p / "predicted.csv") for p in (tmp_path, evaluated.output))
    assert (one["label"] == other["label"]).all()
    assert np.allclose(one.filter(like="probability"), other.filter(like="probability"), atol=1e-4)


def test_unannotated_cells_get_labels_only(trained, tmp_path):
    write_stack(tmp_path / "in" / "Patient 7", blobs(5, 1, seed=4))
    options = PredictOptions(
        input=tmp_path / "in", output=tmp_path / "out", model=trained.model, unannotated=True
    )
    result = predict(options)
    assert result.confusion is None
    names = {path.name for path in result.output.iterdir()}
    assert names == ALWAYS
    table = pd.read_csv(result.output / "predicted.csv")
    probabilities = [f"probability_{label}" for label in "ABC"]
    assert list(table.columns) == ["source", "object", "label", *probabilities]
    assert sum(result.counts.values()) == len(table) == 5
    assert np.allclose(table.filter(like="probability").sum(axis=1), 1, atol=1e-4)


@pytest.mark.slow
def test_results_of_another_kind_do_not_linger(cells, trained, tmp_path):
    for unannotated in (False, True):
        predict(
            PredictOptions(
                input=cells / "Hold-out",
                output=tmp_path,
                model=trained.model,
                unannotated=unannotated,
                overwrite=True,
            )
        )
    assert not (tmp_path / "confusion_matrix.csv").exists()


@pytest.mark.parametrize(
    "held", ["cross_validation.json", "fold.json", "fold_1/fold.json", "fold_1/last_epoch.npz"]
)
def test_a_cross_validation_is_not_written_over(cells, trained, tmp_path, held):
    (tmp_path / "fold_1").mkdir()
    for name in (held, "predicted.csv"):
        (tmp_path / name).write_text("{}", "utf-8")
    options = PredictOptions(input=cells / "Hold-out", output=tmp_path, model=trained.model)
    with pytest.raises(DeepometryError, match="no results of a cross-validation"):
        predict(options)
    assert (tmp_path / "predicted.csv").read_text("utf-8") == "{}"


@pytest.mark.slow
def test_only_held_out_cells_are_evaluated(cells, trained, tmp_path):
    result = predict(PredictOptions(input=cells, output=tmp_path, model=trained.model))
    assert result.cells == 20
    every = PredictOptions(
        input=cells, output=tmp_path / "all", model=trained.model, unannotated=True
    )
    assert predict(every).cells == 108


def test_training_cells_are_left_out_whatever_lies_beside_them(cells, trained, tmp_path):
    shutil.copytree(cells, tmp_path / "in")
    write_stack(tmp_path / "in" / "Extra" / "Class A", blobs(3, 0))
    result = predict(
        PredictOptions(input=tmp_path / "in", output=tmp_path / "out", model=trained.model)
    )
    assert result.cells == 23
    said = "Train is left out, with 88 cells."
    assert said in result.warnings[0]
    assert said in (result.output / "report.html").read_text("utf-8")


def test_one_class_alone_can_be_evaluated(cells, trained, tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 4})
    result = predict(PredictOptions(input=root, output=tmp_path / "out", model=trained.model))
    assert result.confusion.sum(1).tolist() == [4, 0, 0]
    assert result.warnings == ()


def test_labels_that_the_model_does_not_know_are_refused(trained, tmp_path):
    unknown = write_classes(tmp_path / "unknown", {"Class A": 2, "Class D": 2})
    none = write_classes(tmp_path / "none", {"Patient 1": 2})
    for root, found in ((unknown, "found 'D'"), (none, "no such folder name")):
        with pytest.raises(DeepometryError, match=found):
            predict(PredictOptions(input=root, output=tmp_path / "out", model=trained.model))
    assert not (tmp_path / "out").exists()


def test_a_table_that_does_not_fit_its_stack_stops_everything(trained, tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 4})
    table = root / "Class A" / "cells.csv"
    table.write_text(table.read_text() + "x.cif,9,1,1,\n")
    with pytest.raises(DeepometryError, match="one row for each of the 4 cells"):
        predict(PredictOptions(input=root, output=tmp_path / "out", model=trained.model))
    assert not (tmp_path / "out").exists()
