"""The combined model: a network and classical features in one file, which predict together."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.model_description import read_description
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.progress import Cancelled, Progress, Within
from deepometry.core.run_records import read_json
from deepometry.inference.extract import extract
from deepometry.inference.predict import predict
from deepometry.inference.run import open_inference
from deepometry.training.combined import read_combination
from deepometry.training.train import train
from tests.conftest import days_training, short_training
from tests.parsed import write_classes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def combined(cells, tmp_path_factory):
    """The result of a short training of both parts."""
    return train(short_training(cells / "Train", tmp_path_factory.mktemp("both"), parts="both"))


@pytest.fixture(scope="module")
def predictions(cells, combined, tmp_path_factory):
    """What all parts, and each alone, predict of the held-out cells."""
    return {
        parts: predict_with(cells, combined, tmp_path_factory.mktemp(parts), parts)
        for parts in ("both", "network", "classical")
    }


def predict_with(cells, trained, output, parts="auto"):
    options = {"input": cells / "Hold-out", "output": output / "out", "model": trained.model}
    return predict(PredictOptions(**options, parts=parts))


def table(result):
    return pd.read_csv(result.output / "predicted.csv")


def probabilities(result):
    found = table(result)
    return found[[name for name in found if name.startswith("probability_")]].to_numpy()


def test_the_standard_recipe_trains_both_and_the_protocol_a_network(cells, tmp_path):
    from deepometry.training.recipes import recipe_for

    for recipe, parts in (("standard", "both"), ("protocol", "network")):
        options = short_training(cells, tmp_path, recipe=recipe, parts="auto")
        assert recipe_for(options, 100).parts == parts


def test_one_file_holds_both_parts(combined):
    description = read_description(combined.model)
    combination = read_combination(combined.model, description)
    assert description.about_network == "small10 with classical features"
    assert combination.stack.weights.shape == (2, 3)
    assert set(description.combination["scores"]) == {"network", "classical", "both"}
    assert [path.suffix for path in combined.model.parent.glob("model_*")] == [".keras"]


def test_both_parts_predict_by_their_weights(predictions, combined):
    description = read_description(combined.model)
    combination = read_combination(combined.model, description)
    parts = []
    for name, temperature in zip(("network", "classical"), combination.temperatures, strict=True):
        raw = np.maximum(probabilities(predictions[name]), 1e-9) ** temperature
        parts.append(raw / raw.sum(1, keepdims=True))
    raw = combination.stack.together(parts).astype(np.float64)
    scaled = raw ** (1 / description.temperature)
    expected = scaled / scaled.sum(1, keepdims=True)
    assert np.allclose(probabilities(predictions["both"]), expected, atol=2e-3)


def test_the_table_names_the_class_of_each_part(predictions):
    both = table(predictions["both"])
    for part in ("network", "classical"):
        alone = table(predictions[part])
        assert both[f"{part}_label"].tolist() == alone["label"].tolist()
        assert not any(name.endswith("_label") and name != "true_label" for name in alone)


def test_the_parts_are_scored(predictions, cells):
    both = predictions["both"]
    found, scores = table(both), both.parts.scores
    for part in ("network", "classical"):
        right = (found[f"{part}_label"] == found["true_label"]).mean()
        assert scores[part]["accuracy"] == pytest.approx(right)
    assert scores["both"]["accuracy"] == pytest.approx(both.scores["accuracy"])
    record = read_json(both.output / "predict.json")
    assert record["parts"]["scores"]["both"] == pytest.approx(dict(scores["both"]))
    report = (both.output / "report.html").read_text("utf-8")
    assert "Network and classical features" in report and "Classical features alone" in report
    assert predictions["network"].parts is None


def test_extracted_cells_are_named_as_they_are_predicted(predictions, combined, cells, tmp_path):
    how = {"input": cells / "Hold-out", "output": tmp_path / "features", "model": combined.model}
    metadata = pd.read_csv(extract(ExtractOptions(**how)).metadata, sep="\t")
    assert metadata["predicted Class"].tolist() == table(predictions["both"])["label"].tolist()


@pytest.mark.parametrize("parts", ["both", "classical"])
def test_a_network_alone_has_no_other_parts(parts, trained, cells, tmp_path):
    with pytest.raises(OptionsError, match="Parts of the model: expected network"):
        predict_with(cells, trained, tmp_path, parts)


def test_a_damaged_part_is_told(combined, cells, tmp_path):
    path = tmp_path / combined.model.name
    with zipfile.ZipFile(combined.model) as whole, zipfile.ZipFile(path, "w") as less:
        for info in whole.infolist():
            if info.filename != "threshold.npy":
                less.writestr(info, whole.read(info))
    with pytest.raises(DeepometryError, match=r"threshold.npy is missing.*train again"):
        open_inference(cells / "Hold-out", path, Progress())


@pytest.mark.parametrize(
    "changed",
    [
        {"weights": [[1, 1, 1]]},
        {"weights": [[1, 1], [1, 1]]},
        {"weights": [[1, 1, 1], [1, 1, "x"]]},
        {"bias": [0.0]},
        {"temperatures": [1.0]},
        {"temperatures": [1.0, 0.0]},
        {"temperatures": None},
    ],
)
def test_weights_that_cannot_be_are_refused(changed, combined, tmp_path):
    path = tmp_path / combined.model.name
    with zipfile.ZipFile(combined.model) as whole, zipfile.ZipFile(path, "w") as other:
        for info in whole.infolist():
            content = whole.read(info)
            if info.filename == "deepometry.json":
                said = json.loads(content)
                said["combination"] |= changed
                content = json.dumps(said)
            other.writestr(info, content)
    with pytest.raises(DeepometryError, match="combination"):
        read_description(path)


def test_a_finished_training_gets_its_other_part_later(trained, cells, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained.model.parent, folder)
    options = short_training(cells / "Train", folder, parts="both", resume=True)
    result = train(options)
    assert read_combination(result.model, read_description(result.model)) is not None
    again = train(replace(options, parts="network"))
    assert read_description(again.model).combination == {}


def test_folds_score_each_part_on_all_cells(tmp_path):
    cells = write_classes(tmp_path / "few", {"Class A": 14, "Class B": 12})
    how = {"epochs": 1, "folds": 2, "views": 1, "parts": "both"}
    result = train(short_training(cells, tmp_path / "model", **how))
    crossed = result.cross_validation
    assert set(crossed.parts.scores) == {"network", "classical", "both"}
    assert crossed.parts.scores["both"]["accuracy"] == pytest.approx(crossed.scores["accuracy"])
    assert sum(crossed.parts.followed.values()) == crossed.parts.differ
    report = (tmp_path / "model/report.html").read_text("utf-8")
    assert "Network and classical features" in report
    assert (
        read_json(tmp_path / "model/cross_validation.json")["parts"]["told"]
        == crossed.parts.sentences
    )


def test_numbers_are_predicted_by_both(days, tmp_path):
    result = train(days_training(days, tmp_path / "model", parts="both", epochs=2))
    combination = read_combination(result.model, result.description)
    assert combination.stack.weights.shape == (2, 1) and (combination.stack.weights >= 0).all()
    found = predict(
        PredictOptions(input=days / "Hold-out", output=tmp_path / "out", model=result.model)
    )
    numbers = table(found)
    task = result.description.task
    parts = [
        (numbers[f"{part}_predicted_value"].to_numpy()[:, None] - task.mean) / task.deviation
        for part in ("network", "classical")
    ]
    together = task.numbers_of(combination.stack.together(parts))
    assert np.allclose(numbers["predicted_value"], together, atol=1e-3 * task.deviation)
    assert found.parts.scores["both"]["mae"] == pytest.approx(found.scores["mae"], rel=1e-5)
    assert "Network and classical features" in (tmp_path / "out/report.html").read_text("utf-8")


def test_work_within_a_training_is_told_once_and_not_counted():
    told = []
    whole = Progress(lambda *report: told.append(report))
    inner = Within(whole)
    for done in range(3):
        inner.report(done, 3, "Measuring the cells")
    inner.report(0, 0, "Learning from the features")
    assert told == [(0, 0, "Measuring the cells"), (0, 0, "Learning from the features")]
    whole.cancel()
    with pytest.raises(Cancelled):
        inner.report(2, 3, "Learning from the features")
