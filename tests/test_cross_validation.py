"""Cross-validation by training: complete, repeatable, stopped and resumed without a loss."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.model_description import read_description
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Cancelled, Part, Progress
from deepometry.core.result_files import LAST_EPOCH
from deepometry.core.run_records import own_record, read_json
from deepometry.evaluation.confusion import confusion, scores
from deepometry.evaluation.temperature_scaling import scaled
from deepometry.exports.open_results import Images, images_folder, open_table
from deepometry.network.model_file import load_model
from deepometry.network.test_time_augmentation import predict_views
from deepometry.training.checkpoint import load_checkpoint
from deepometry.training.cross_validation_report import report_of
from deepometry.training.fold_predictions import read_predictions
from deepometry.training.gather import gather_cells
from deepometry.training.train import train
from tests.conftest import short_training
from tests.kills import kill_everywhere
from tests.parsed import blobs, write_classes, write_record, write_stack
from tests.test_train import StopAt

pytestmark = pytest.mark.slow
COUNTS = {"Class A": 14, "Class B": 12, "Class C": 6}


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Parsed cells of three classes."""
    return write_classes(tmp_path_factory.mktemp("few"), COUNTS)


def options(cells, output, **more):
    return short_training(cells, output, **({"epochs": 2, "folds": 2, "views": 1} | more))


@pytest.fixture(scope="module")
def crossed(few, tmp_path_factory):
    """A cross-validation that was never stopped, and all that it reported."""
    output, seen = tmp_path_factory.mktemp("crossed"), []
    told = Progress(lambda *report: seen.append(report), on_measure=seen.append)
    return train(options(few, output), told), seen


def table_of(result, name="predicted.csv") -> pd.DataFrame:
    return pd.read_csv(result.model.parent / name)


def test_every_cell_is_named_once_in_the_order_of_the_cells(crossed, few):
    result, _ = crossed
    table = table_of(result)
    expected = [(source, name) for _, source, name in open_dataset(few).identities()]
    found = zip(table["source"], table["object"].astype(str), strict=True)
    assert list(found) == expected
    assert set(table["fold"]) == {1, 2}
    assert table["true_label"].value_counts().to_dict() == {"A": 14, "B": 12, "C": 6}
    chances = table[["probability_A", "probability_B", "probability_C"]].to_numpy()
    assert np.allclose(chances.sum(1), 1, atol=1e-3)
    assert ["ABC"[n] for n in chances.argmax(1)] == table["label"].tolist()


def test_tables_of_all_folds_are_those_of_the_predictions(crossed):
    result, _ = crossed
    table, folder = table_of(result), result.model.parent
    codes = [np.array(["ABC".index(x) for x in table[name]]) for name in ("true_label", "label")]
    matrix = confusion(*codes, 3)
    assert (result.cross_validation.confusion == matrix).all()
    assert (table_of(result, "confusion_matrix.csv").iloc[:, 1:].to_numpy() == matrix).all()
    folds = table_of(result, "folds.csv").set_index("fold")
    assert folds.index.tolist() == ["1", "2", "pooled"]
    for fold, row in folds.iterrows():
        here = slice(None) if fold == "pooled" else table["fold"].to_numpy() == int(fold)
        own = confusion(codes[0][here], codes[1][here], 3)
        assert row["cells"] == own.sum()
        assert row["accuracy"] == pytest.approx(scores(own)["accuracy"], rel=1e-5)
        assert row["balanced_accuracy"] == pytest.approx(scores(own)["balanced_accuracy"], rel=1e-5)
        assert row["loss"] > 0 and row["seconds"] > 0 and row["cpu_seconds"] > 0
    assert (folder / "classification_report.csv").is_file()
    assert (folder / "confusion_matrix_plot.png").stat().st_size > 5000
    record = read_json(folder / "cross_validation.json")
    assert all((folder / name).is_file() for name in [*record["files"], *record["fold_files"]])
    assert (
        record["counts"]
        == table["label"].value_counts().reindex(list("ABC"), fill_value=0).to_dict()
    )


def test_the_predictions_of_all_folds_are_evaluated_as_those_of_predict(crossed):
    result, _ = crossed
    found, folder = result.cross_validation.evaluation, result.model.parent
    accuracy = found.score("accuracy")
    assert accuracy.value == pytest.approx(result.cross_validation.scores["accuracy"])
    assert accuracy.low < accuracy.value < accuracy.high and accuracy.cells == 32
    assert (found.temperature, found.before, found.threshold) == (None, None, None)
    assert f"95 % interval {accuracy.low:.3f} to {accuracy.high:.3f}; " in str(result)
    told = table_of(result, "scores.csv").set_index("name")
    assert told.loc["accuracy", "low"] == pytest.approx(accuracy.low, abs=1e-5)
    table = table_of(result)
    sure = table.filter(like="probability_").max(axis=1)
    right = (table["true_label"] == table["label"]).to_numpy()
    bins = table_of(result, "reliability.csv")
    assert bins["cells"].sum() == 32
    assert (bins["accuracy"] * bins["cells"]).sum() == pytest.approx(right.sum())
    assert (bins["mean_probability"] * bins["cells"]).sum() == pytest.approx(sure.sum(), rel=1e-4)
    wrong = table_of(result, "mistakes.csv")
    assert wrong["probability"].tolist() == pytest.approx(
        sure[~right].sort_values(ascending=False)[:24].tolist(), rel=1e-4
    )
    record = read_json(folder / "cross_validation.json")
    assert record["evaluation"] == read_json(folder / "evaluation.json") == found.plain()
    assert read_json(folder / "train.json")["cross_validation"]["evaluation"] == found.plain()
    plots = {f"{n}.png" for n in ("scores", "curves", "reliability", "unsure_tradeoff", "mistakes")}
    assert plots | {"report.html", "evaluation.json", "curves.csv"} <= set(record["files"])


def test_the_report_tells_folds_scores_and_command_and_asks_nobody(crossed, few):
    result, _ = crossed
    page = (result.model.parent / "report.html").read_text("utf-8")
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", page)
    assert not re.findall(r"url\((?!#)", page)
    assert "<script" not in page and "default-src 'none'" in page
    assert "Cross-validation of Class" in page and "32 cells, 3 classes, 2 folds." in page
    assert "bootstrap over cells, each taken as independent" in page
    for row in result.cross_validation.folds:
        assert (
            f'<th scope="row">{row["fold"]:.0f}</th><td class="n">{row["cells"]:.0f}</td>' in page
        )
        assert f'<td class="n">{row["loss"]:.3f}</td>' in page
    assert f"deepometry train {few} {result.model.parent} --target Class" in page
    assert "--folds 2" in page and "--resume" not in page
    assert "A 14, B 12, C 6" in page and "keras" in page
    assert len(result.warnings) and all(warning in page for warning in result.warnings)
    assert "every fold used the temperature fitted on its own validation cells" in page
    assert page.count('<img src="data:') == 2 * len(table_of(result, "mistakes.csv"))
    assert "the model has no temperature" not in page and "Samples" not in page


def test_groups_are_resampled_whole(crossed, few, tmp_path):
    """The same predictions, as if the cells had come from three samples."""
    result, _ = crossed
    shutil.copy(result.model.parent / "predicted.csv", tmp_path)
    told = options(few, tmp_path, group_by=None, resume=True)
    cells = gather_cells(replace(told, resume=False), Progress())
    groups = np.arange(len(cells.codes)) % 3 + 1  # none is numbered 0
    cells = replace(cells, groups=groups, group_by="Sample", group_names=tuple("0123"))
    trained = read_json(result.model.parent / "fold_1" / "fold.json")["options"]
    crossed_now = result.cross_validation
    again = report_of(told, cells, trained, Progress()).write(tmp_path, crossed_now.folds)
    found, check = again.evaluation, again.label_check
    assert (found.group_by, found.groups) == ("Sample", 3)
    assert found.score("accuracy").value == crossed_now.scores["accuracy"]
    assert check == crossed_now.label_check
    told = str(replace(crossed_now, group_by="Sample", evaluation=found, label_check=None))
    assert told.endswith("3 are few, so the intervals are rough.") and "few" not in str(crossed_now)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "bootstrap over the 3 values of Sample, each drawn with all its cells." in page
    assert "without any other cell of its Sample" in page and "3 values of Sample" in page
    assert "--resume" not in page


def test_predictions_of_other_folds_are_refused(crossed, tmp_path):
    path = crossed[0].model.parent / "predicted.csv"
    assert read_predictions(path, "ABC", 32).probabilities.shape == (32, 3)
    lines = path.read_text("utf-8").splitlines()
    ends = ["x,0,Z,A,1,0,0,1", "x,0,A,A,one,0,0,1", "x,0,A,A,1,0,1", "x"]
    wrong = [[], lines[:1], lines[:-1], [*lines, lines[-1]], *([*lines[:-1], end] for end in ends)]
    for rows in wrong:
        (tmp_path / "predicted.csv").write_text("\n".join(rows), "utf-8")
        with pytest.raises(DeepometryError, match="expected the predictions that a cross-"):
            read_predictions(tmp_path / "predicted.csv", "ABC", 32)


def test_the_model_of_a_fold_never_saw_the_cells_that_it_names(crossed, few):
    """It says so itself: what it learnt from and what it left out are all cells, each once."""
    result, _ = crossed
    table, folder = table_of(result), result.model.parent
    model, said, _ = load_model(folder / "fold_1")
    left_out = np.flatnonzero(table["fold"] == 1)
    assert sum(said.cells.values()) + len(left_out) == 32
    (raw,) = predict_views(model, open_dataset(few).read(left_out), said.views)
    chances = scaled(raw, said.temperature)
    rows = table.iloc[left_out][["probability_A", "probability_B", "probability_C"]]
    assert np.allclose(chances, rows.to_numpy(), atol=1e-3)
    assert not (folder / "fold_1" / LAST_EPOCH).exists()  # of no use any more, and large


def test_the_final_model_is_of_all_cells_and_carries_the_scores(crossed, few, tmp_path):
    result, _ = crossed
    said = read_description(result.model)
    assert said.cells == {"A": 14, "B": 12, "C": 6}
    assert said.scores["cv_folds"] == 2
    assert said.scores["cv_accuracy"] == result.cross_validation.scores["accuracy"]
    alone = train(options(few, tmp_path, folds=None))
    assert [r["val_loss"] for r in alone.history] == [r["val_loss"] for r in result.history]
    assert alone.cross_validation is None
    assert "Cross-validation in 2 folds of 32 cells: accuracy" in str(result)


def test_progress_is_that_of_all_trainings(crossed):
    _, seen = crossed
    reports = [each for each in seen if isinstance(each, tuple)]
    counted = [each for each in reports if each[2].startswith(("Fold", "Final"))]
    assert len({total for _, total, _ in counted}) == 1
    done = [done for done, _, _ in counted]
    assert done == sorted(done) and done[-1] == counted[0][1]
    rows = [each for each in seen if isinstance(each, dict)]
    assert [row.get("fold") for row in rows] == [1, 1, 2, 2, None, None]


def test_stopped_and_resumed_is_the_same_as_never_stopped(crossed, few, tmp_path):
    result, _ = crossed
    said: list[str] = []
    for stop, resume in (("Fold 2 of 2: Epoch 1", False), ("Final model: ", True)):
        told = StopAt(stop)
        told.say = said.append
        with pytest.raises(Cancelled, match="--resume"):
            train(options(few, tmp_path, resume=resume), told)
    assert [text for text in said if "is done already" in text] == ["Fold 1 of 2 is done already."]
    said.clear()
    again = train(options(few, tmp_path, resume=True), Progress(on_say=said.append))
    assert (again.cross_validation.confusion == result.cross_validation.confusion).all()
    assert [r["val_loss"] for r in again.history] == [r["val_loss"] for r in result.history]
    assert table_of(again).equals(table_of(result))
    assert sum("is done already" in text for text in said) == 2
    assert not list(tmp_path.glob("earlier*"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_killed_in_a_fold_it_goes_on_there(crossed, few, tmp_path):
    """The process goes on with a first fold, and is killed in the second."""
    shutil.copytree(crossed[0].model.parent / "fold_1", tmp_path / "fold_1")
    script = (
        "import os, signal, sys\n"
        "from deepometry.training.train import train\n"
        "from tests.test_cross_validation import options\n"
        "def told(done, total, text):\n"
        "    if text.startswith('Fold 2 of 2: Epoch 2'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "train(options(sys.argv[1], sys.argv[2], resume=True), told)\n"
    )
    line = [sys.executable, "-c", script, str(few), str(tmp_path)]
    ended = subprocess.run(line, capture_output=True, check=False, cwd=Path(__file__).parent.parent)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert [row["epoch"] for row in load_checkpoint(tmp_path / "fold_2").history] == [1]
    written = (tmp_path / "fold_1" / "fold.json").stat().st_mtime_ns
    again = train(options(few, tmp_path, resume=True))
    assert (tmp_path / "fold_1" / "fold.json").stat().st_mtime_ns == written
    assert len(table_of(again)) == 32
    assert pd.read_csv(tmp_path / "fold_2" / "training.csv")["epoch"].tolist() == [1, 2]


def test_stopped_before_the_first_epoch_leaves_what_was_there(few, tmp_path):
    (tmp_path / "model_3-Class_categories.keras").write_text("earlier")
    with pytest.raises(Cancelled, match="no model"):
        train(options(few, tmp_path), StopAt("Fold 1 of 2: Epoch 1"))
    assert [path.name for path in tmp_path.iterdir()] == ["model_3-Class_categories.keras"]


def test_resuming_refuses_other_options_and_nothing(crossed, few, tmp_path):
    folder = crossed[0].model.parent
    with pytest.raises(DeepometryError, match=r"folds: expected 2.*fold_1 began, found 3"):
        train(options(few, folder, folds=3, resume=True))
    with pytest.raises(DeepometryError, match="epochs: expected 2"):
        train(options(few, folder, epochs=3, resume=True))
    with pytest.raises(DeepometryError, match="expected fold_1 of an earlier cross-validation"):
        train(options(few, tmp_path, resume=True))


def test_a_later_training_moves_all_of_it_aside(crossed, few, tmp_path):
    shutil.copytree(crossed[0].model.parent, tmp_path / "m")
    train(options(few, tmp_path / "m", folds=None, epochs=1))
    there = {path.name for path in (tmp_path / "m").iterdir()}
    assert not there & {"fold_1", "folds.csv", "predicted.csv", "cross_validation.json"}
    assert not there & {"report.html", "scores.csv", "curves.png", "mistakes.csv"}
    kept = {path.name for path in (tmp_path / "m" / "earlier_1").iterdir()}
    assert {"fold_1", "fold_2", "folds.csv", "predicted.csv", "train.json"} <= kept
    assert "validation_cells.csv" in kept & there
    assert {"report.html", "evaluation.json", "scores.csv"} <= kept


def test_a_prediction_is_not_written_over(few, tmp_path):
    (tmp_path / "predict.json").write_text('{"step": "predict"}', "utf-8")
    for resume in (False, True):
        with pytest.raises(DeepometryError, match="expected no prediction"):
            train(options(few, tmp_path, resume=resume))
    assert [path.name for path in tmp_path.iterdir()] == ["predict.json"]


def test_images_of_the_cells_are_found_for_an_export(crossed, few):
    table = open_table(crossed[0].model.parent)
    assert images_folder(table) == few
    assert len(Images(table).rows) == 32


def test_too_few_cells_are_told_before_any_work(few, tmp_path):
    with pytest.raises(DeepometryError, match="different cells of C for 7 folds, found 6"):
        train(options(few, tmp_path / "new", folds=7))
    assert not (tmp_path / "new").exists()


def test_chance_level_is_told_in_log_record_and_result(tmp_path):
    write_record(tmp_path / "in")
    for n, day in enumerate(("Day 1", "Day 2")):  # the same kind of cells
        write_stack(tmp_path / "in" / day, blobs(20, 0, seed=n))
    said: list[str] = []
    result = train(
        options(tmp_path / "in", tmp_path / "out", target="Day", folds=None, epochs=1),
        Progress(on_say=said.append),
    )
    (told,) = [text for text in result.warnings if "not significantly better than guessing" in text]
    assert f"Warning: {told}" in said
    assert told in read_json(tmp_path / "out" / "train.json")["warnings"]


def test_a_part_hands_on_what_it_is_told():
    seen: list[object] = []
    whole = Progress(lambda *a: seen.append(a), seen.append, seen.append)
    part = Part(whole, 10, 30, "Two: ", {"fold": 2})
    part.report(3, 10, "Epoch 1")
    part.report(0, 0, "Building")
    part.say("Well.")
    part.measure({"loss": 1.0})
    assert seen == [
        (13, 30, "Two: Epoch 1"),
        (13, 30, "Two: Building"),
        "Two: Well.",
        {"loss": 1.0, "fold": 2},
    ]
    part.cancel()
    assert whole.cancelled and part.cancelled
    with pytest.raises(Cancelled):
        part.check()


def test_killed_while_its_results_are_moved_it_leaves_no_mixture(crossed, few, tmp_path):
    output = tmp_path / "out"
    shutil.copytree(crossed[0].model.parent, output)
    (output / "folds.csv").write_text("old")
    record = output / "cross_validation.json"
    kills, after = kill_everywhere(
        lambda: train(options(few, output, resume=True)),
        output,
        lambda: own_record(record, "cross-validation"),
    )
    assert kills > 10
    assert after["folds.csv"] != b"old"
