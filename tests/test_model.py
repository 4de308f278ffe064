"""The model file: it describes itself, and what is not one is refused in words."""

import dataclasses
import json
import os
import shutil
import zipfile

import numpy as np
import pytest

from deepometry.dataset import open_dataset
from deepometry.errors import DeepometryError
from deepometry.model import find_model, load_model, read_description
from tests.parsed import blobs, write_record, write_stack


def test_a_model_says_what_it_was_trained_on(trained):
    said = read_description(trained.model)
    assert trained.model.name == "model_3-Class_categories.keras"
    assert said.labels == ("A", "B", "C")
    assert (said.target, said.channels, said.frame, said.depth) == ("Class", (3, 6), 16, 2)
    assert said.cells == {"A": 40, "B": 40, "C": 8}
    assert said.record["options"]["epochs"] == 4
    assert said.scores["val_accuracy"] == trained.description.scores["val_accuracy"]


def test_a_mailed_model_predicts_without_its_training_folder(trained, tmp_path):
    alone = shutil.copy(trained.model, tmp_path / "mailed.keras")
    model, said, _ = load_model(alone)
    chances = model.predict_on_batch(blobs(8, 0).astype(np.float32))
    assert chances.shape == (8, len(said.labels))


def test_a_folder_means_its_newest_model(trained, tmp_path):
    for age, name in (
        (200, "model_2-Day_categories.keras"),
        (100, "model_3-Class_categories.keras"),
    ):
        path = shutil.copy(trained.model, tmp_path / name)
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert find_model(tmp_path).name == "model_3-Class_categories.keras"


def damaged(trained, path, kind):
    if kind == "text":
        path.write_text("not a model")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut":
        path.write_bytes(trained.model.read_bytes()[:-1000])
    elif kind == "hdf5":
        path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
    elif kind == "description":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("deepometry.json", json.dumps({"labels": ["A"]}))
    elif kind == "weights":
        with zipfile.ZipFile(path, "w") as archive, zipfile.ZipFile(trained.model) as whole:
            archive.writestr("deepometry.json", whole.read("deepometry.json"))
            archive.writestr("config.json", whole.read("config.json"))
    return path


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "hdf5", "zip", "description", "weights"])
def test_what_is_not_a_model_is_refused_in_one_sentence(trained, tmp_path, kind):
    path = damaged(trained, tmp_path / "model.keras", kind)
    with pytest.raises(DeepometryError, match=r"model\.keras: expected a model file") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_no_model_at_all(tmp_path):
    with pytest.raises(DeepometryError, match="does not exist"):
        find_model(tmp_path / "none")
    with pytest.raises(DeepometryError, match="found none"):
        find_model(tmp_path)


def dataset(tmp_path, channels, frame=16, known=True):
    if known:
        write_record(tmp_path, channels)
    write_stack(tmp_path / "x", blobs(2, 0, frame=frame, channels=len(channels)))
    return open_dataset(tmp_path)


def test_channels_are_found_by_number_in_any_order(trained, tmp_path):
    said = trained.description
    assert said.columns(dataset(tmp_path, (1, 6, 3)), trained.model) == [2, 1]


def test_channels_without_numbers_are_taken_as_they_stand(trained, tmp_path):
    cells = dataset(tmp_path, (1, 2), known=False)
    assert trained.description.columns(cells, trained.model) == [0, 1]


def test_other_channels_or_another_frame_are_refused_naming_both(trained, tmp_path):
    said = trained.description
    with pytest.raises(DeepometryError, match=r"channels 3,6.*channels 3,4"):
        said.columns(dataset(tmp_path / "a", (3, 4)), trained.model)
    with pytest.raises(DeepometryError, match=r"frame of 16 .* with 20"):
        said.columns(dataset(tmp_path / "b", (3, 6), frame=20), trained.model)
    with pytest.raises(DeepometryError, match=r"channels 3,6.*1 channel"):
        said.columns(dataset(tmp_path / "c", (1,), known=False), trained.model)


def test_a_model_of_unordered_channels_refuses_cells_without_numbers(trained, tmp_path):
    said = dataclasses.replace(trained.description, channels=(6, 3))
    with pytest.raises(DeepometryError, match=r"channels 6,3.*2 channels without numbers"):
        said.columns(dataset(tmp_path, (1, 2), known=False), trained.model)


def test_a_model_of_a_newer_version_may_say_more(trained, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive, zipfile.ZipFile(trained.model) as whole:
        told = json.loads(whole.read("deepometry.json")) | {"invented": 1.5}
        archive.writestr("deepometry.json", json.dumps(told))
    assert read_description(path) == trained.description
