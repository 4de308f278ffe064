"""The baseline: it learns, explains itself, stands beside the network, and labels new cells."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.model_description import find_model, read_description
from deepometry.classical import boosting, feature_table, permutation_importance
from deepometry.classical.feature_table import spread_evenly
from deepometry.classical.features import measure
from deepometry.classical.model_file import load_baseline
from deepometry.core.errors import DeepometryError
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.core.run_records import read_json
from deepometry.inference.extract import extract
from deepometry.inference.predict import predict
from deepometry.training.baseline import baseline
from deepometry.training.gather import gather_cells
from deepometry.training.train import train
from tests.conftest import short_training
from tests.parsed import write_classes, write_stack

FILES = {
    "baseline.json",
    "baseline_classification_report.csv",
    "baseline_confusion_matrix.csv",
    "baseline_confusion_matrix_normalized.csv",
    "baseline_confusion_matrix_plot.png",
    "baseline_features.csv",
    "baseline_importance.csv",
    "baseline_importance.png",
    "baseline_validation_cells.csv",
    "model_3-Class_categories.baseline",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few rounds: the classes are easy."""
    monkeypatch.setattr(boosting, "ROUNDS", 10)
    monkeypatch.setattr(boosting, "RUS_TREES", 10)
    monkeypatch.setattr(permutation_importance, "MOST_FEATURES", 5)


def options(cells, output, **more) -> BaselineOptions:
    """Options that fit the training of the fixture `trained`."""
    settings = {"input": cells, "output": output, "target": "class", "seed": 1}
    settings |= {"validation": 0.2, "overwrite": True} | more
    return BaselineOptions(**settings)


@pytest.fixture(scope="module")
def found(cells, trained, tmp_path_factory):
    """A baseline in the folder of a trained network, and what it said."""
    output, said = tmp_path_factory.mktemp("both"), []
    shutil.copy(trained.model, output)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosting, "ROUNDS", 10)
        patch.setattr(permutation_importance, "MOST_FEATURES", 5)
        progress = Progress(on_say=said.append)
        return baseline(options(cells / "Train", output), progress), said


def test_it_learns_and_writes_its_files(found):
    result, _ = found
    assert result.description.scores["val_balanced_accuracy"] > 0.9
    there = {path.name for path in result.output.iterdir()}
    assert there == FILES | {"comparison.csv", "model_3-Class_categories.keras"}
    record = read_json(result.output / "baseline.json")
    assert record["step"] == "baseline"
    assert set(record["files"]) == FILES - {"baseline.json"} | {"comparison.csv"}
    assert record["scores"]["accuracy"] == result.description.scores["val_accuracy"]
    assert len(record["important"]) == 20
    assert "too few" in record["warnings"][0].lower()
    assert np.array_equal(read_description(result.model).confusion, result.confusion)


def test_the_table_of_features_says_which_cell_and_which_side(found, cells):
    result, _ = found
    gathered = gather_cells(options(cells / "Train", "x"), Progress())
    with (result.output / "baseline_features.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:5] == ["source", "object", "Class", "side", "predicted"]
    assert set(header[5:]) == set(result.importance.names)
    assert [row[3] for row in rows].count("validation") == len(gathered.validation)
    places = np.concatenate([gathered.training, gathered.validation])
    expected = [list(each[1:]) for each in gathered.dataset.identities()]
    assert [row[:2] for row in rows] == [expected[place] for place in places]
    values = measure(gathered.dataset.read(places[:3]))
    assert np.allclose(np.array([row[5:] for row in rows[:3]], float), values, rtol=1e-4)
    said = {row[4] for row in rows if row[3] == "validation"}
    assert said <= {"A", "B", "C"} and said


def test_importance_names_what_differs(found):
    result, _ = found
    table = pd.read_csv(result.output / "baseline_importance.csv")
    assert table["importance"].is_monotonic_decreasing
    assert table["feature"].str.match(r"Ch(3|6)( with Ch6)?: ").all()
    assert table["share_of_gain"].sum() == pytest.approx(1, abs=1e-3)
    shifts = table[["shift_A", "shift_B", "shift_C"]].to_numpy()
    highest = table["highest_in"].map({"A": 0, "B": 1, "C": 2})
    assert (shifts.argmax(1) == highest).all()
    assert "highest in" in str(result)
    assert sum(result.importance.kinds().values()) == pytest.approx(1)


def test_the_network_stands_beside_it_on_the_same_cells(found, trained):
    result, _ = found
    compared = result.comparison
    assert compared.network.sum() == compared.baseline.sum() == len(trained_validation(trained))
    table = pd.read_csv(result.output / "comparison.csv", index_col="score")
    expected = trained.description.scores["val_accuracy"]
    assert table.loc["accuracy", "network"] == pytest.approx(expected, abs=1e-5)
    assert "recall of C" in table.index
    assert "The network on the same cells: accuracy" in str(result)
    assert result.comparison.verdict in str(result)
    told = read_json(result.output / "baseline.json")["comparison"]
    assert told["cells"] == compared.network.sum()


def trained_validation(trained):
    used = trained.description.record["options"]
    return gather_cells(options(used["input"], "x"), Progress()).validation


@pytest.mark.slow
def test_a_network_of_another_split_is_not_compared_with(cells, trained, tmp_path):
    shutil.copy(trained.model, tmp_path)
    said: list[str] = []
    result = baseline(options(cells / "Train", tmp_path, seed=2), Progress(on_say=said.append))
    assert result.comparison is None
    assert any(text.startswith("Not compared with a network") and "seed" in text for text in said)
    with pytest.raises(DeepometryError, match=r"found another one \(validation\)"):
        baseline(options(cells / "Train", tmp_path, model=trained.model, validation=0.3))


def test_prediction_takes_a_baseline_as_a_model(found, cells, tmp_path):
    result, _ = found
    predicted = predict(
        PredictOptions(input=cells / "Hold-out", output=tmp_path, model=result.model)
    )
    assert predicted.scores["accuracy"] > 0.9
    assert (tmp_path / "confusion_matrix.csv").is_file()
    with pytest.raises(DeepometryError, match="a classical baseline, which has no layers"):
        extract(ExtractOptions(input=cells / "Hold-out", output=tmp_path, model=result.model))


def test_features_left_out_change_no_prediction(found, cells):
    model, dataset = load_baseline(found[0].model), open_dataset(cells / "Hold-out")
    images = dataset.read(np.arange(len(dataset)), list(range(dataset.depth)))
    assert np.array_equal(
        model.predict_on_batch(images), model.trees.probabilities(measure(images))
    )


@pytest.mark.slow
def test_a_prediction_by_a_baseline_does_not_wait_for_tensorflow(found, cells, tmp_path):
    result, _ = found
    code = (
        "import sys; from pathlib import Path; from deepometry.inference.predict import predict; "
        "from deepometry.core.options.predict import PredictOptions; "
        "given, output, model = sys.argv[1:]; "
        "predict(PredictOptions(input=given, output=output, model=model)); "
        "print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    line = [sys.executable, "-c", code, str(cells / "Hold-out"), str(tmp_path), str(result.model)]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "set()"


def test_a_folder_means_its_network_or_else_its_baseline(found, tmp_path):
    result, _ = found
    assert find_model(result.output).suffix == ".keras"
    shutil.copy(result.model, tmp_path)
    assert find_model(tmp_path).suffix == ".baseline"
    assert read_description(find_model(tmp_path)).labels == ("A", "B", "C")


def test_rusboost_learns_too_and_only_some_channels(cells, tmp_path):
    result = baseline(options(cells / "Train", tmp_path, method="rusboost", channels="6"))
    assert result.description.scores["val_accuracy"] > 0.6
    assert all(name.startswith("Ch6: ") for name in result.importance.names)
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_one_seed_one_result(found, cells, tmp_path):
    again = baseline(options(cells / "Train", tmp_path))
    assert np.array_equal(again.confusion, found[0].confusion)
    assert again.importance.names == found[0].importance.names


def test_stopping_leaves_nothing_half_written(cells, tmp_path):
    def stop(done, total, text):
        if text.startswith("Learning"):
            raise Cancelled

    with pytest.raises(Cancelled):
        baseline(options(cells / "Train", tmp_path / "new"), stop)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_a_second_run_replaces_the_first(cells, tmp_path):
    write_stack(tmp_path / "in" / "Class A", open_dataset(cells / "Train").read(np.arange(9)))
    root = write_classes(tmp_path / "in", {"Class A": 9, "Class B": 9})
    baseline(options(root, tmp_path / "out"))
    assert (tmp_path / "out" / "model_2-Class_categories.baseline").is_file()
    baseline(options(cells / "Train", tmp_path / "out"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES


def test_a_damaged_file_is_told(found, tmp_path):
    path = tmp_path / "model_3-Class_categories.baseline"
    path.write_bytes(b"no archive")
    with pytest.raises(DeepometryError, match="expected a model file"):
        load_baseline(path)
    with zipfile.ZipFile(found[0].model) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"" if name == "roots.npy" else old.read(name))
    with pytest.raises(DeepometryError, match="found a damaged file"):
        load_baseline(path)
    with zipfile.ZipFile(found[0].model) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, text.replace(b": area", b": size") if "features" in name else text)
    with pytest.raises(DeepometryError, match="other features than this version measures"):
        load_baseline(path)


def test_of_very_many_cells_the_rare_ones_are_all_learnt_from():
    codes = np.repeat([0, 1, 2], [900, 90, 10])
    counts = np.bincount(codes[spread_evenly(codes, 200)])
    assert counts[2] == 10
    assert counts[1] == 90
    assert 90 <= counts[0] <= 100
    assert len(spread_evenly(codes, 1000)) == 1000
    assert np.bincount(codes[spread_evenly(codes, 60)]).tolist() == [25, 25, 10]


def test_a_table_larger_than_memory_should_hold(cells, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_table, "MOST_LEARNT", 40)
    said: list[str] = []
    result = baseline(options(cells / "Train", tmp_path), Progress(on_say=said.append))
    assert any("of the 70 training cells, evenly chosen" in text for text in said), said
    assert len(pd.read_csv(tmp_path / "baseline_features.csv")) == 88
    assert result.confusion.sum() == 18


def test_cells_are_not_overwritten(cells):
    with pytest.raises(DeepometryError, match="expected a folder for the model, found parsed"):
        baseline(options(cells / "Train", cells / "Train" / "Class A"))


@pytest.mark.slow
def test_folds_are_those_of_the_network_and_both_are_compared_on_all_cells(cells, tmp_path):
    network = short_training(cells / "Train", tmp_path, folds=2, epochs=1, views=1)
    trained = train(network)
    result = baseline(options(cells / "Train", tmp_path, folds=2))
    ours, theirs = (pd.read_csv(tmp_path / f"{p}predicted.csv") for p in ("baseline_", ""))
    for column in ("source", "object", "true_label", "fold"):
        assert ours[column].tolist() == theirs[column].tolist()
    assert len(ours) == 88 == result.confusion.sum() == result.comparison.network.sum()
    assert (result.comparison.network == trained.cross_validation.confusion).all()
    assert (result.comparison.baseline == result.cross_validation.confusion).all()
    right = (ours["label"] == ours["true_label"]).mean()
    assert right > 0.9
    known = np.array(read_description(result.model).confusion)
    own = pd.read_csv(tmp_path / "baseline_features.csv").query("side == 'validation'")
    assert known.sum() == len(own) < 88  # of the model that predicts, not of those of the folds
    assert np.trace(known) == (own["Class"] == own["predicted"]).sum()
    predicted = predict(
        PredictOptions(input=cells / "Hold-out", output=tmp_path / "out", model=trained.model)
    )
    page = (predicted.output / "report.html").read_text("utf-8")
    assert "On 88 cells, each held out of training once, " in page
    assert result.description.scores["cv_accuracy"] == pytest.approx(right)
    folds = pd.read_csv(tmp_path / "baseline_folds.csv")
    assert folds["fold"].tolist() == ["1", "2", "pooled"]
    assert read_json(tmp_path / "baseline.json")["cross_validation"]["folds"] == 2
    said: list[str] = []
    other = baseline(options(cells / "Train", tmp_path, folds=3), Progress(on_say=said.append))
    assert any("Not compared with the network's cross-validation" in text for text in said)
    assert other.comparison is None or other.comparison.network.sum() < 88
