"""Training: it learns, repeats itself, stops cleanly, goes on, and keeps the best epoch."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Cancelled, Progress
from deepometry.core.result_files import LAST_EPOCH
from deepometry.core.run_records import read_json
from deepometry.evaluation.temperature_scaling import scaled
from deepometry.network.model_file import load_model
from deepometry.network.test_time_augmentation import predict_views
from deepometry.training import checkpoint, training_files
from deepometry.training.checkpoint import load_checkpoint
from deepometry.training.gather import gather_cells
from deepometry.training.run_record import check_finite
from deepometry.training.train import train
from tests.conftest import short_training
from tests.parsed import blobs, write_classes, write_stack


class StopAt(Progress):
    """Cancels when a text begins so."""

    def __init__(self, start: str) -> None:
        super().__init__(on_report=lambda done, total, text: self._look(text, start))

    def _look(self, text: str, start: str) -> None:
        if text.startswith(start):
            self.cancel()


def test_it_learns_and_writes_its_files(trained):
    assert max(row["val_accuracy"] for row in trained.history) > 0.7
    table = pd.read_csv(trained.model.parent / "training.csv")
    assert table["epoch"].tolist() == [1, 2, 3, 4]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"} <= set(table.columns)
    assert trained.best_epoch == table["val_loss"].idxmin() + 1
    assert (trained.model.parent / "train_val_loss.png").stat().st_size > 5000
    assert read_json(trained.model.parent / "train.json")["best_epoch"] == trained.best_epoch
    assert not trained.stopped


def test_the_file_holds_the_best_epoch_not_the_last(trained, cells):
    gathered = gather_cells(short_training(cells / "Train", "unused"), Progress())
    model, _, _ = load_model(trained.model)
    images = gathered.dataset.read(gathered.validation).astype(np.float32)
    chances = model.predict_on_batch(images)
    right = chances[np.arange(len(images)), gathered.codes[gathered.validation]]
    best = trained.history[trained.best_epoch - 1]
    assert -np.log(right).mean() == pytest.approx(best["val_loss"], abs=1e-3)


@pytest.mark.slow
def test_the_validation_cells_are_written_as_the_model_predicts_them(trained, cells):
    gathered = gather_cells(short_training(cells / "Train", "unused"), Progress())
    model, description, _ = load_model(trained.model)
    table = pd.read_csv(trained.model.parent / "validation_cells.csv", dtype={"object": str})
    names = [*gathered.dataset.identities_of(gathered.validation)]
    assert [*zip(table["source"], table["object"], strict=True)] == names
    true = [gathered.labels[code] for code in gathered.codes[gathered.validation]]
    assert table["true_label"].tolist() == true
    (raw,) = predict_views(model, gathered.dataset.read(gathered.validation), description.views)
    probabilities = table[[f"probability_{label}" for label in gathered.labels]].to_numpy()
    assert probabilities == pytest.approx(scaled(raw, description.temperature), abs=1e-4)
    right = (table["label"] == table["true_label"]).mean()
    assert right == pytest.approx(description.scores["val_accuracy"])
    told = read_json(trained.model.parent / "train.json")["validation"]
    assert told["cells"] == len(names) == sum(told["counts"].values())
    assert told["confusion"] == [list(row) for row in description.confusion]


@pytest.mark.slow
def test_stopped_and_resumed_is_the_same_as_never_stopped(trained, cells, tmp_path):
    options = short_training(cells / "Train", tmp_path)
    first = train(options, StopAt("Epoch 3 of 4"))
    assert first.stopped
    assert len(first.history) == 2
    assert first.model.is_file()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    told = []
    resumed = train(
        short_training(cells / "Train", tmp_path, resume=True), Progress(on_measure=told.append)
    )
    assert told == resumed.history
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3, 4]
    assert [row["val_loss"] for row in resumed.history] == [
        row["val_loss"] for row in trained.history
    ]


@pytest.mark.slow
def test_a_finished_training_is_resumed_without_its_model_and_with_more_epochs(
    trained, cells, tmp_path
):
    """The model may be lost when the program ends between state and model."""
    first = train(short_training(cells / "Train", tmp_path, epochs=1))
    first.model.unlink()
    again = train(short_training(cells / "Train", tmp_path, epochs=1, resume=True))
    assert load_model(again.model)[1].scores["epoch"] == 1
    longer = train(short_training(cells / "Train", tmp_path, epochs=2, resume=True))
    assert longer.history[1]["val_loss"] == trained.history[1]["val_loss"]


@pytest.mark.slow
def test_stopped_before_the_first_epoch_leaves_no_model(cells, tmp_path):
    with pytest.raises(Cancelled):
        train(short_training(cells / "Train", tmp_path / "out"), StopAt("Epoch 1 of 4"))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_earlier_model_stays_in_place_until_there_is_a_new_one(cells, tmp_path):
    (tmp_path / "model_3-Class_categories.keras").write_text("earlier")
    with pytest.raises(Cancelled):
        train(short_training(cells / "Train", tmp_path), StopAt("Epoch 1 of 4"))
    assert (tmp_path / "model_3-Class_categories.keras").read_text() == "earlier"


@pytest.mark.slow
def test_ctrl_c_waits_until_an_epoch_is_saved(cells, tmp_path, monkeypatch):
    save = checkpoint.save_checkpoint

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        save(*arguments)

    monkeypatch.setattr(training_files, "save_checkpoint", interrupted)
    result = train(short_training(cells / "Train", tmp_path))
    assert result.stopped
    assert load_model(result.model)[1].scores["epoch"] == 1
    assert len(load_checkpoint(tmp_path).history) == 1


def test_a_loss_that_is_no_number_stops_the_training():
    with pytest.raises(DeepometryError, match=r"Epoch 3: .*lower --learning-rate"):
        check_finite({"epoch": 3.0, "loss": 1.0, "val_loss": float("nan")})


def test_a_model_is_not_put_among_cells(cells, tmp_path):
    with pytest.raises(DeepometryError, match="expected a folder for the model, found parsed"):
        train(short_training(cells / "Train", cells / "Train" / "Class A"))


@pytest.mark.slow
def test_keyboard_interrupt_keeps_the_best_model_so_far(cells, tmp_path):
    def interrupt(done, total, text):
        if text.startswith("Epoch 2"):
            raise KeyboardInterrupt

    result = train(short_training(cells / "Train", tmp_path), interrupt)
    assert result.stopped
    assert load_model(result.model)[1].scores["epoch"] == 1


def test_resuming_refuses_other_cells_and_other_options(trained, cells, tmp_path):
    assert (
        gather_cells(short_training(cells / "Train", "x", target="class"), Progress()).target
        == "Class"
    )
    with pytest.raises(DeepometryError, match=r"expected last_epoch\.npz"):
        train(short_training(cells / "Train", tmp_path, resume=True))
    folder = trained.model.parent
    with pytest.raises(DeepometryError, match=r"learning_rate: expected 0\.001.*found 0\.1"):
        train(short_training(cells / "Train", folder, learning_rate=0.1, resume=True))
    other = write_classes(tmp_path / "cells", {"Class A": 5, "Class B": 5, "Class C": 5})
    with pytest.raises(DeepometryError, match="cells: expected"):
        train(short_training(other, folder, resume=True))


@pytest.mark.parametrize("content", [b"", b"PK damaged", b"PK\x03\x04" + bytes(500)])
def test_a_damaged_state_is_told(tmp_path, content):
    (tmp_path / LAST_EPOCH).write_bytes(content)
    with pytest.raises(DeepometryError, match="is damaged"):
        load_checkpoint(tmp_path)


@pytest.mark.slow
def test_an_earlier_training_is_moved_aside_whole(cells, tmp_path):
    old = {"model_2-Day_categories.keras": "m", "training.csv": "t", "notes.txt": "n"}
    for name, text in old.items():
        (tmp_path / name).write_text(text)
    train(short_training(cells / "Train", tmp_path, epochs=1))
    assert (tmp_path / "earlier_1" / "model_2-Day_categories.keras").read_text() == "m"
    assert (tmp_path / "earlier_1" / "training.csv").read_text() == "t"
    assert (tmp_path / "notes.txt").read_text() == "n"


def test_held_out_cells_are_never_trained_on(cells, tmp_path):
    gathered = gather_cells(short_training(cells, tmp_path), Progress())
    assert len(gathered.dataset) == 88
    assert {part.side for part in gathered.dataset.parts} == {"Train"}


def test_rare_cells_drawn_often_never_reach_validation(cells, tmp_path):
    gathered = gather_cells(
        short_training(cells / "Train", tmp_path, balance="sampling"), Progress()
    )
    prints = gathered.dataset.fingerprints()
    assert not set(prints[gathered.training]) & set(prints[gathered.validation])


def test_a_state_of_a_newer_format_is_refused(tmp_path):
    state = json.dumps({"format_version": 99, "facts": {}, "history": []})
    np.savez(tmp_path / LAST_EPOCH, state=np.array(state))
    with pytest.raises(DeepometryError, match="found 99; update Deepometry"):
        load_checkpoint(tmp_path)


def test_cells_without_a_label_are_left_out_and_told(tmp_path):
    root = write_classes(tmp_path, {"Class A": 6, "Class B": 6, "Rest": 3})
    said = []
    gathered = gather_cells(short_training(root, "x"), Progress(on_say=said.append))
    assert len(gathered.training) + len(gathered.validation) == 12
    assert any("3 cells without a label of Class" in text for text in said)


def test_targets_that_cannot_be_learnt(cells, tmp_path):
    with pytest.raises(DeepometryError, match=r"Day: expected a folder prefix.*Class \(3 labels"):
        train(short_training(cells / "Train", tmp_path, target="Day"))
    one = write_classes(tmp_path / "one", {"Class A": 5})
    with pytest.raises(DeepometryError, match="two labels or more, found one, A"):
        train(short_training(one, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written(cells, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeepometryError, match="file"):
        train(short_training(cells / "Train", tmp_path / "file", epochs=1))


@pytest.mark.slow
def test_channel_statistics_belong_to_the_model(tmp_path, cells):
    """Two trainings in one process do not share statistics, and each model keeps its own."""
    bright = tmp_path / "bright"
    for name, kind in (("Class A", 0), ("Class B", 1)):
        write_stack(bright / name, blobs(20, kind) * 10)
    dim = write_classes(tmp_path / "dim", {"Class A": 20, "Class B": 20})
    found = {}
    for name, root in (("bright", bright), ("dim", dim)):
        result = train(short_training(root, tmp_path / name / "model", epochs=1))
        scale = load_model(result.model)[0].get_layer("scale")
        found[name] = scale.layers[-1].mean.numpy().ravel()
    assert np.allclose(found["bright"], 10 * found["dim"], rtol=0.05)
    training = gather_cells(short_training(dim, "x"), Progress()).training
    pixels = open_dataset(dim).read(training).astype(float)
    assert np.allclose(found["dim"], pixels.mean((0, 1, 2)), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_killed_in_the_middle_of_an_epoch_it_goes_on_from_the_last(cells, tmp_path):
    """kill -9 leaves whole files; the history has no gap."""
    script = (
        "import os, signal, sys\n"
        "from deepometry.training.train import train\n"
        "from tests.conftest import short_training\n"
        "def told(done, total, text):\n"
        "    if text.startswith('Epoch 2 of') and done % 9 == 4:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "train(short_training(sys.argv[1], sys.argv[2]), told)\n"
    )
    line = [sys.executable, "-c", script, str(cells / "Train"), str(tmp_path)]
    ended = subprocess.run(line, capture_output=True, check=False, cwd=Path(__file__).parent.parent)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert [row["epoch"] for row in load_checkpoint(tmp_path).history] == [1]
    assert load_model(tmp_path)[1].scores["epoch"] == 1
    again = train(short_training(cells / "Train", tmp_path, epochs=2, resume=True))
    assert pd.read_csv(tmp_path / "training.csv")["epoch"].tolist() == [1, 2]
    assert load_model(again.model)[1].scores["epoch"] == again.best_epoch
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_the_rate_of_the_cycle_is_that_of_the_step_resumed_or_not(cells, tmp_path):
    said = []
    cycle = {"schedule": "cycle", "epochs": 2}
    first = train(short_training(cells / "Train", tmp_path, **cycle), StopAt("Epoch 2 of 2"))
    assert len(first.history) == 1
    result = train(
        short_training(cells / "Train", tmp_path, resume=True, **cycle),
        Progress(on_say=said.append),
    )
    rates = [row["learning_rate"] for row in result.history]
    assert rates[0] > rates[1] > 0
    assert (
        result.best_epoch == result.description.scores["epoch"] == 2
    )  # of a whole cycle, the last
    (told,) = [text for text in said if text.startswith("Expected: 1 epoch of 9 steps")]
    assert "MiB of memory" in told


def test_the_model_is_judged_as_it_will_predict(trained, cells):
    """Over all views, and the file says so."""
    model, said, _ = load_model(trained.model)
    gathered = gather_cells(short_training(cells / "Train", "unused"), Progress())
    images = gathered.dataset.read(gathered.validation)
    (chances,) = predict_views(model, images, said.views)
    right = chances[np.arange(len(images)), gathered.codes[gathered.validation]]
    assert (said.views, said.scores["val_views"]) == (8, 8)
    assert -np.log(right).mean() == pytest.approx(said.scores["val_loss"], abs=1e-4)
