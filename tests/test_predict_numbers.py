"""Prediction of numbers and of ordered classes: tables, scores, plots, report, heat maps."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.evaluation.evaluate_numbers import evaluate_numbers, true_ranges
from deepometry.evaluation.number_metrics import judge_numbers
from deepometry.inference.classify import classify
from deepometry.inference.extract import extract
from deepometry.inference.gradcam import gradcam
from deepometry.inference.predict import predict
from deepometry.training.train import train
from tests.builders import write_cif
from tests.conftest import short_training
from tests.labelled import write_labels
from tests.numbers import discs, write_days

NUMBERS = ["predicted_value", "lower", "upper"]


pytestmark = pytest.mark.slow


@pytest.fixture
def model(days_trained):
    return days_trained.model


@pytest.fixture
def predicted(days_predicted):
    return days_predicted


def test_every_cell_has_a_number_and_its_interval(predicted):
    table = pd.read_csv(predicted.output / "predicted.csv")
    assert list(table.columns) == ["source", "object", "true_value", *NUMBERS, "novelty"]
    assert len(table) == 32
    assert table["true_value"].tolist() == np.repeat([1, 15, 29, 43], 8).tolist()
    width = (table["upper"] - table["lower"]).to_numpy()
    assert width == pytest.approx(np.full(32, width[0]), rel=1e-3)
    middle = (table["upper"] + table["lower"]) / 2
    assert middle.to_numpy() == pytest.approx(table["predicted_value"].to_numpy(), abs=1e-2)


def test_the_scores_are_those_of_the_table(predicted):
    table = pd.read_csv(predicted.output / "predicted.csv")
    scores = pd.read_csv(predicted.output / "scores.csv").set_index("name")
    expected = judge_numbers(
        table["true_value"].to_numpy(), table["predicted_value"].to_numpy(), 1.0
    ).scores
    for name in ("mae", "rmse", "r2", "pearson", "spearman"):
        assert scores.loc[name, "value"] == pytest.approx(expected[name], rel=1e-3)
        assert scores.loc[name, "low"] <= scores.loc[name, "value"] <= scores.loc[name, "high"]
    inside = table["true_value"].between(table["lower"], table["upper"]).mean()
    assert scores.loc["coverage", "value"] == pytest.approx(inside)
    assert "mean absolute error" in str(predicted)
    record = read_json(predicted.output / "predict.json")
    assert record["task"] == {"kind": "number", "unit": ""}
    assert record["scores"]["r2"] == pytest.approx(expected["r2"], rel=1e-3)


def test_plots_tables_and_report_are_written(predicted):
    names = {path.name for path in predicted.output.iterdir()}
    plots = {f"predicted_against_true.{kind}" for kind in ("png", "svg")}
    assert plots | {"by_true_value.csv", "sample_summary.svg", "count_plot.png"} <= names
    assert not {"confusion_matrix.csv", "curves.csv", "reliability.csv"} & names
    report = (predicted.output / "report.html").read_text("utf-8")
    assert "Predicted against true" in report
    assert "Confusion matrix" not in report
    ranges = pd.read_csv(predicted.output / "by_true_value.csv")
    assert ranges["true_from"].tolist() == [1, 15, 29, 43]
    assert ranges["cells"].sum() == 32


def test_the_largest_errors_are_listed_first(predicted):
    errors = pd.read_csv(predicted.output / "mistakes.csv")["error"].abs()
    table = pd.read_csv(predicted.output / "predicted.csv")
    worst = (table["predicted_value"] - table["true_value"]).abs().max()
    assert errors.is_monotonic_decreasing
    assert errors[0] == pytest.approx(worst, rel=1e-3)


def test_unannotated_cells_have_no_scores(days, model, tmp_path):
    options = PredictOptions(
        input=days / "Hold-out", output=tmp_path, model=model, unannotated=True
    )
    result = predict(options)
    assert result.evaluation is None
    assert "median" in str(result)
    assert not (tmp_path / "scores.csv").exists()
    samples = pd.read_csv(tmp_path / "sample_summary.csv")
    assert samples["level"].tolist() == ["All cells", *["Day"] * 4]


def test_other_views_have_no_interval(days, model, tmp_path):
    predict(PredictOptions(input=days / "Hold-out", output=tmp_path, model=model, views=1))
    table = pd.read_csv(tmp_path / "predicted.csv")
    assert table["lower"].isna().all() and table["predicted_value"].notna().all()
    assert "coverage" not in pd.read_csv(tmp_path / "scores.csv")["name"].tolist()


def test_a_folder_that_is_no_number_is_refused(days, model, tmp_path):
    (tmp_path / "parsed").mkdir()
    write_days(tmp_path / "parsed", 3, split=False)
    (tmp_path / "parsed" / "Day 1").rename(tmp_path / "parsed" / "Day one")
    options = PredictOptions(input=tmp_path / "parsed", output=tmp_path / "out", model=model)
    with pytest.raises(DeepometryError, match="expected a Day that is a number, found 'one'"):
        predict(options)


def test_another_unit_than_that_of_the_model_is_refused(tmp_path):
    learnt, other = tmp_path / "learnt", tmp_path / "other"
    for root, unit in ((learnt, "uM"), (other, "nM")):
        root.mkdir()
        write_days(root, 20, days=(1, 43), split=False)
        for day in (1, 43):
            (root / f"Day {day}").rename(root / f"Dose {day} {unit}")
    how = {"target": "Dose", "learn_as": "number", "epochs": 1, "views": 1}
    model = train(short_training(learnt, tmp_path / "model", **how)).model
    options = PredictOptions(input=other, output=tmp_path / "out", model=model)
    with pytest.raises(DeepometryError, match="expected a number in uM, as the model learnt"):
        predict(options)


def test_a_number_that_was_not_learnt_is_scored_all_the_same(model, tmp_path):
    write_days(tmp_path / "parsed", 8, days=(20, 35), split=False)
    result = predict(
        PredictOptions(input=tmp_path / "parsed", output=tmp_path / "out", model=model)
    )
    assert result.scores["mae"] < 20


def test_cells_without_a_number_are_predicted_but_not_scored(model, tmp_path):
    write_days(tmp_path, 6, split=False)
    for day in (1, 15, 29, 43):
        (tmp_path / f"Day {day}").rename(tmp_path / f"Plate {day}")
    rows = [(f"Day {day}.cif", str(n), str(day)) for day in (1, 29) for n in range(6)]
    write_labels(tmp_path, "Day", rows, kind="number")
    result = predict(PredictOptions(input=tmp_path, output=tmp_path / "out", model=model))
    assert result.cells == 24
    assert result.evaluation.score("mae").cells == 12
    assert any("12 of 24 cells have no label" in warning for warning in result.warnings)


def test_unsure_does_not_apply_to_numbers(days, model, tmp_path):
    options = PredictOptions(
        input=days / "Hold-out", output=tmp_path, model=model, unsure_below=0.5
    )
    with pytest.raises(DeepometryError, match="Unsure below: expected a model of classes"):
        predict(options)


def test_groups_are_resampled_whole(days, model, tmp_path):
    root = tmp_path / "parsed"
    for sample in "AB":
        write_days(root / f"Sample {sample}", 6, split=False, seed=ord(sample))
    (root / "parse.json").write_bytes((root / "Sample A" / "parse.json").read_bytes())
    out = tmp_path / "out"
    result = predict(PredictOptions(input=root, output=out, model=model, group_by="Sample"))
    assert result.evaluation.groups == 2
    assert "2 are few" in result.evaluation.how


def test_ordered_classes_have_a_class_and_an_expected_number(days, days_ordered, tmp_path):
    result = predict(
        PredictOptions(input=days / "Hold-out", output=tmp_path, model=days_ordered.model)
    )
    table = pd.read_csv(tmp_path / "predicted.csv")
    probabilities = table.filter(like="probability_").to_numpy()
    assert table["label"].isin([1, 15, 29, 43]).all()
    assert table["expected_value"].to_numpy() == pytest.approx(
        probabilities @ [1, 15, 29, 43], abs=1e-2
    )
    names = [score.name for score in result.evaluation.whole]
    assert {"mae_steps", "quadratic_kappa"} <= set(names)
    assert result.evaluation.score("mae_steps").low >= 0
    assert "Quadratic-weighted kappa" in (tmp_path / "report.html").read_text("utf-8")


def test_features_stand_beside_the_predicted_number(days, model, tmp_path):
    extract(ExtractOptions(input=days / "Hold-out", output=tmp_path, model=model))
    metadata = pd.read_csv(tmp_path / "metadata.tsv", sep="\t")
    predict(PredictOptions(input=days / "Hold-out", output=tmp_path / "p", model=model))
    table = pd.read_csv(tmp_path / "p" / "predicted.csv")
    assert metadata["predicted_value"].to_numpy() == pytest.approx(
        table["predicted_value"].to_numpy(), abs=0.05
    )


def test_heat_maps_show_what_makes_a_number_larger(days, model, tmp_path):
    options = {"input": days / "Hold-out", "output": tmp_path / "heat", "model": model}
    gradcam(GradcamOptions(cells="3", **options))
    table = pd.read_csv(tmp_path / "heat" / "gradcam.csv")
    assert set(table["drawn_for"]) == {"a larger number"}
    assert np.isfinite(table["predicted"].astype(float)).all()
    with pytest.raises(OptionsError, match="the model predicts a number"):
        gradcam(GradcamOptions(cells="3", label="43", overwrite=True, **options))


def test_new_files_get_numbers(model, tmp_path):
    (tmp_path / "new").mkdir()
    write_cif(tmp_path / "new" / "cells.cif", [*discs(6, 29)], channels=(3, 6))
    options = ClassifyOptions(
        input=tmp_path / "new", output=tmp_path / "out", model=model, despite_scale=True
    )
    result = classify(options, Progress())
    assert result.cells == 6
    table = pd.read_csv(tmp_path / "out" / "predicted.csv")
    assert list(table.columns) == ["source", "object", *NUMBERS, "novelty"]


def test_many_true_numbers_are_shown_in_ten_ranges():
    rng = np.random.default_rng(0)
    true = rng.normal(size=5000)
    ranges = true_ranges(true, true + 1, None)
    assert len(ranges) == 10
    assert sum(each.cells for each in ranges) == 5000
    assert {each.cells for each in ranges} == {500}
    assert all(a.true_to <= b.true_from for a, b in pairwise(ranges))
    assert all(each.bias == pytest.approx(1) for each in ranges)


def test_an_evaluation_is_the_same_twice_and_tells_of_training():
    rng = np.random.default_rng(0)
    true = rng.normal(size=200)
    predictions = np.stack([true + 0.1, true - 1, true + 1], 1)
    first, second = (evaluate_numbers(true, predictions) for _ in range(2))
    assert first.table().equals(second.table())
    trained = evaluate_numbers(true, predictions, of_training=True)
    assert trained.table()["low"].isna().all()
    assert trained.plain()["scores"][0]["low"] is None
