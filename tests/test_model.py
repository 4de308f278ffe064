"""The model file: it describes itself, and what is not one is refused in words."""

import dataclasses
import json
import os
import shutil
import zipfile

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.model_description import find_model, read_description
from deepometry.core.errors import DeepometryError
from deepometry.network.model_file import load_model
from tests.parsed import blobs, write_record, write_stack


def test_a_model_says_what_it_was_trained_on(trained):
    description = read_description(trained.model)
    assert trained.model.name == "model_3-Class_categories.keras"
    assert description.labels == ("A", "B", "C")
    assert (description.target, description.channels, description.frame, description.depth) == (
        "Class",
        (3, 6),
        16,
        2,
    )
    assert description.cells == {"A": 40, "B": 40, "C": 8}
    assert description.record["options"]["epochs"] == 4
    assert description.scores["val_accuracy"] == trained.description.scores["val_accuracy"]


def test_a_mailed_model_predicts_without_its_training_folder(trained, tmp_path):
    alone = shutil.copy(trained.model, tmp_path / "mailed.keras")
    model, description, _ = load_model(alone)
    probabilities = model.predict_on_batch(blobs(8, 0).astype(np.float32))
    assert probabilities.shape == (8, len(description.labels))


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
    description = trained.description
    assert description.columns(dataset(tmp_path, (1, 6, 3)), trained.model) == [2, 1]


def named(trained, **names):
    numbers = [int(number[2:]) for number in names]
    own = dict(zip(map(str, numbers), names.values(), strict=True))
    return dataclasses.replace(trained.description, channels=tuple(numbers), channel_names=own)


def named_cells(folder, **names):
    numbers = [int(number[2:]) for number in names]
    write_record(folder, numbers, dict(zip(map(str, numbers), names.values(), strict=True)))
    write_stack(folder / "x", blobs(2, 0, frame=16, channels=len(numbers)))
    return open_dataset(folder)


def test_channels_of_other_numbers_are_found_by_their_names(trained, tmp_path):
    model = named(trained, ch1="BF", ch2="DAPI")
    cells = named_cells(tmp_path, ch1="AF488", ch2="bf", ch3="DAPI")
    assert model.columns(cells, trained.model) == [1, 2]
    model = named(trained, ch2="DAPI", ch1="BF")
    assert model.columns(cells, trained.model) == [2, 1]


def test_another_channel_under_the_number_of_the_model_is_refused(trained, tmp_path):
    model = named(trained, ch1="BF", ch2="DAPI")
    cells = named_cells(tmp_path, ch1="DAPI", ch2="PE")
    with pytest.raises(DeepometryError, match=r"Ch1 BF, Ch2 DAPI, but in .* channel 1 is DAPI"):
        model.columns(cells, trained.model)


def test_names_that_do_not_contradict_leave_the_numbers_alone(trained, tmp_path):
    model = named(trained, ch1="BF", ch9="BF")
    cells = named_cells(tmp_path / "a", ch1="Brightfield", ch9="BF", ch12="SSC")
    assert model.columns(cells, trained.model) == [0, 1]
    cells = named_cells(tmp_path / "b", ch1="Ch01", ch9="")
    assert model.columns(cells, trained.model) == [0, 1]


def test_channels_without_numbers_are_taken_as_they_stand(trained, tmp_path):
    cells = dataset(tmp_path, (1, 2), known=False)
    assert trained.description.columns(cells, trained.model) == [0, 1]


def test_other_channels_or_another_frame_are_refused_naming_both(trained, tmp_path):
    description = trained.description
    with pytest.raises(DeepometryError, match=r"channels 3,6.*channels 3,4"):
        description.columns(dataset(tmp_path / "a", (3, 4)), trained.model)
    with pytest.raises(DeepometryError, match=r"frame of 16 .* with 20"):
        description.columns(dataset(tmp_path / "b", (3, 6), frame=20), trained.model)
    with pytest.raises(DeepometryError, match=r"channels 3,6.*1 channel"):
        description.columns(dataset(tmp_path / "c", (1,), known=False), trained.model)


def test_a_model_of_unordered_channels_refuses_cells_without_numbers(trained, tmp_path):
    description = dataclasses.replace(trained.description, channels=(6, 3))
    with pytest.raises(DeepometryError, match=r"channels 6,3.*2 channels without numbers"):
        description.columns(dataset(tmp_path, (1, 2), known=False), trained.model)


def test_a_model_of_a_newer_version_may_say_more(trained, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive, zipfile.ZipFile(trained.model) as whole:
        content = json.loads(whole.read("deepometry.json")) | {"invented": 1.5}
        archive.writestr("deepometry.json", json.dumps(content))
    assert read_description(path) == trained.description


def test_a_model_of_a_newer_format_is_refused(trained, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(trained.model) as whole, zipfile.ZipFile(path, "w") as archive:
        content = json.loads(whole.read("deepometry.json"))
        assert content["format_version"] == 1
        archive.writestr("deepometry.json", json.dumps(content | {"format_version": 2}))
    with pytest.raises(DeepometryError, match="format version 1 or earlier, found 2; update"):
        read_description(path)
