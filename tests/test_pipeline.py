"""The whole protocol from image files to features, by the commands of the README."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from deepometry import cli
from deepometry.cells.parse import parse
from deepometry.core.options.parse import ParseOptions
from deepometry.images.cif.reader import CifReader
from tests.builders import REAL_CIF, write_cif
from tests.parsed import blobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Cells of two classes and two days as .cif files, of several sizes."""
    root = tmp_path_factory.mktemp("pipeline") / "images"
    for day in (1, 2):
        for kind, name in enumerate(("Class 1", "Class 10")):
            cells = [
                image[: 20 - number % 3, : 18 + number % 4]
                for number, image in enumerate(blobs(30, kind, seed=day, frame=20))
            ]
            folder = root / f"Day {day}" / name
            folder.mkdir(parents=True)
            write_cif(folder / "sample.cif", cells, channels=(3, 6))
    return root


def command(*words: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["deepometry", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 0


@pytest.fixture(scope="module")
def work(images):
    """Run the five commands."""
    place = images.parent
    command("parse", images, place / "parsed", "--frame", 20, "--split", "80/20", "--montage", 4)
    command("targets", place / "parsed")
    learn = ("--target", "Class", "--network", "resnet18", "--epochs", 4, "--batch-size", 8)
    command("train", place / "parsed/Train", place / "model", *learn)
    model = ("--model", place / "model")
    command("predict", place / "parsed/Hold-out", place / "predictions", *model)
    command("extract", place / "parsed/Hold-out", place / "features", *model)
    return place


def test_every_cell_is_traced_from_file_to_prediction(work, images):
    predicted = pd.read_csv(work / "predictions/predicted.csv", dtype={"object": int})
    parsed = json.loads((work / "parsed/parse.json").read_text())
    assert parsed["sides"] == {"Train": 96, "Hold-out": 24}
    assert len(predicted) == 24
    assert not predicted.duplicated(["source", "object"]).any()
    for row in predicted.itertuples():
        assert (images / row.source).is_file()
        assert f"Class {row.true_label}/" in row.source
        assert 0 <= row.object < 30


def test_the_network_learns_from_whole_labels(work):
    matrix = pd.read_csv(work / "predictions/confusion_matrix.csv", index_col="true label")
    assert matrix.index.astype(str).tolist() == ["1", "10"]
    assert matrix.sum(axis=1).tolist() == [12, 12]
    assert np.trace(matrix.to_numpy()) >= 18


def test_features_and_metadata_are_about_the_same_cells(work):
    features = np.loadtxt(work / "features/features_extracted_by_pool5.txt")
    metadata = pd.read_csv(work / "features/metadata.tsv", sep="\t")
    predicted = pd.read_csv(work / "predictions/predicted.csv")
    assert features.shape == (24, 512)
    assert metadata[["source", "object"]].equals(predicted[["source", "object"]])
    assert metadata["predicted Class"].equals(predicted["label"])
    assert set(metadata["Day"]) == {1, 2}


def test_each_step_says_how_it_was_made(work):
    for place, step in (
        ("parsed", "parse"),
        ("model", "train"),
        ("predictions", "predict"),
        ("features", "extract"),
    ):
        record = json.loads((work / place / f"{step}.json").read_text())
        assert record["step"] == step
        assert record["versions"]["keras"]


@pytest.mark.skipif(not REAL_CIF.exists(), reason="no genuine file beside the checkout")
def test_a_genuine_file_parses_to_its_own_pixels(tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(REAL_CIF, tmp_path / "in")
    result = parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out", frame=56))
    assert (result.cells, result.problems, result.channels) == (111, 0, (1, 2, 3, 4, 5, 6))
    stack = np.load(tmp_path / "out/imagestream_example.npy")
    table = pd.read_csv(tmp_path / "out/imagestream_example.csv")
    with CifReader(REAL_CIF) as reader:
        for framed, row, cell in zip(stack, table.itertuples(), reader, strict=True):
            height, width, _ = cell.image.shape
            assert (row.object, row.height, row.width) == (cell.object_id, height, width)
            top, left = (56 - height) // 2, (56 - width) // 2
            assert (framed[top : top + height, left : left + width] == cell.image).all()
            padding = np.ones((56, 56), bool)
            padding[top : top + height, left : left + width] = False
            mean, spread = cell.background.T
            drawn = framed[padding].astype(float)
            assert np.allclose(drawn.mean(0), mean, atol=0.6)
            assert np.allclose(drawn.std(0), np.hypot(spread, 0.29), rtol=0.25)
