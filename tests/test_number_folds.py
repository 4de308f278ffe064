"""Numbers in a cross-validation and in the baseline, and both beside each other."""

import json

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.model_description import read_description
from deepometry.classical.boosting import learn_numbers
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.learning_curve import LearningCurveOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.core.task import half_width
from deepometry.evaluation.number_metrics import judge_numbers
from deepometry.evaluation.paired_numbers import paired_numbers
from deepometry.inference.predict import predict
from deepometry.training.baseline import baseline
from deepometry.training.learning_curve import learning_curve
from deepometry.training.train import train
from tests.conftest import days_baseline, days_training

pytestmark = pytest.mark.slow


def test_folds_of_equal_numbers_have_no_correlation(samples_crossed):
    result = samples_crossed
    assert np.isnan(result.cross_validation.folds[0]["r2"])
    assert "R2 not defined" in str(result)  # of the validation cells, a single sample
    record = (result.model.parent / "cross_validation.json").read_text("utf-8")
    assert "NaN" not in record
    assert json.loads(record)["each"][0]["r2"] is None


def test_trees_of_numbers_are_those_of_scikit_learn():
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 12)).astype(np.float32)
    numbers = features[:, 0] ** 2 + rng.normal(0, 0.1, 300)
    trees = learn_numbers(features, numbers, 3, Progress())
    model = HistGradientBoostingRegressor(
        learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=5, l2_regularization=1.0,
        max_features=0.1, max_bins=63, early_stopping=False, max_iter=100, random_state=3,
    ).fit(features, numbers)  # fmt: skip
    assert trees.votes(features)[:, 0] == pytest.approx(model.predict(features), abs=1e-6)
    assert trees.gains.argmax() == 0


def test_every_cell_is_predicted_by_a_model_that_did_not_see_it(days_crossed):
    output = days_crossed.model.parent
    table = pd.read_csv(output / "predicted.csv")
    assert table["fold"].value_counts().tolist() == [48, 48]
    scores = judge_numbers(table["true_value"], table["predicted_value"], 1.0).scores
    validated = days_crossed.cross_validation
    for name in ("mae", "r2", "pearson", "spearman"):
        assert validated.scores[name] == pytest.approx(scores[name], rel=1e-3)
    assert (validated.confusion, validated.labels, validated.cells) == (None, (), 96)
    assert "mean absolute error" in str(validated)
    folds = pd.read_csv(output / "folds.csv")
    assert folds["mae"].notna().all()
    names = {path.name for path in output.iterdir()}
    assert {"predicted_against_true.png", "report.html", "by_true_value.csv"} <= names
    assert "confusion_matrix.csv" not in names
    report = (output / "report.html").read_text("utf-8")
    assert "Every fold has the interval of its own validation cells." in report


def test_the_interval_of_the_final_model_is_that_of_all_folds(days_crossed):
    table = pd.read_csv(days_crossed.model.parent / "predicted.csv")
    errors = (table["predicted_value"] - table["true_value"]).to_numpy()
    task = read_description(days_crossed.model).task
    assert task.residuals == 96
    assert task.half_width == pytest.approx(half_width(errors), rel=1e-3)


def test_the_baseline_learns_numbers_in_the_same_folds(days_baselines, days_crossed):
    classical, output = days_baselines["crossed"], days_crossed.model.parent
    own, theirs = (pd.read_csv(output / f"{name}predicted.csv") for name in ("baseline_", ""))
    same = ["source", "object", "true_value", "fold"]
    assert own[same].equals(theirs[same])
    assert classical.scores["r2"] > 0.8
    compared = classical.comparison
    table = pd.read_csv(output / "comparison.csv").set_index("score")
    assert table.loc["R2", "network"] == pytest.approx(days_crossed.cross_validation.scores["r2"])
    errors = [(t["predicted_value"] - t["true_value"]).abs().mean() for t in (theirs, own)]
    assert compared.paired.difference == pytest.approx(errors[1] - errors[0], rel=1e-3)
    assert "is better" in compared.verdict
    assert "What the number depends on most" in str(classical)
    record = read_json(output / "baseline.json")
    assert record["task"]["kind"] == "number"
    assert record["comparison"]["baseline"]["r2"] == pytest.approx(classical.scores["r2"])


def test_a_baseline_predicts_numbers(days_baselines, days, tmp_path):
    classical = days_baselines["crossed"]
    options = {"input": days / "Hold-out", "output": tmp_path, "model": classical.model}
    result = predict(PredictOptions(**options))
    assert classical.model.name == "model_number-Day.baseline"
    assert result.scores["r2"] > 0.8
    assert pd.read_csv(tmp_path / "predicted.csv")["lower"].notna().all()


def test_a_baseline_without_folds_is_compared_with_the_network_beside_it(
    days_baselines, days_trained
):
    result = days_baselines["plain"]
    scores = result.comparison.network_scores
    assert scores["mae"] == pytest.approx(days_trained.description.scores["val_mae"], rel=1e-3)
    table = pd.read_csv(days_trained.model.parent / "baseline_validation_cells.csv")
    assert len(table) == result.comparison.cells


def test_a_network_of_classes_is_not_compared_with_a_number(days, tmp_path):
    classes = days_training(days, tmp_path / "classes", learn_as="classes", epochs=1)
    network = train(classes)
    with pytest.raises(DeepometryError, match=r"found another one \(.*learn_as"):
        baseline(days_baseline(days, tmp_path / "baseline", model=network.model))


def test_rusboost_is_for_classes(days, tmp_path):
    with pytest.raises(OptionsError, match="expected boosting for a number"):
        baseline(days_baseline(days, tmp_path, method="rusboost"))


def test_the_learning_curve_is_for_classes(days, tmp_path):
    how = {"target": "Day", "learn_as": "number"}
    options = LearningCurveOptions(input=days / "Train", output=tmp_path, **how)
    with pytest.raises(OptionsError, match="works with classes, found a number"):
        learning_curve(options)


def test_the_smaller_errors_are_found_better():
    rng = np.random.default_rng(0)
    true = rng.normal(size=500)
    good, bad = (true + rng.normal(0, each, 500) for each in (0.5, 0.7))
    found = paired_numbers(true, good, bad)
    assert found.low < found.difference < found.high
    assert found.low > 0
    assert found.p_value < 0.01
    assert "the network is better" in found.sentence("the network", "the baseline")
    same = paired_numbers(true, good, good)
    assert same.p_value == 1
    assert "may be chance" in same.sentence("a", "b")


def test_few_groups_cannot_show_a_difference():
    rng = np.random.default_rng(1)
    true, groups = rng.normal(size=300), np.repeat(np.arange(4), 75)
    good, bad = (true + rng.normal(0, each, 300) for each in (0.2, 1))
    found = paired_numbers(true, good, bad, groups)
    assert found.groups == 4
    assert found.p_value > 0.05
