"""Features: row for row with their metadata, and what TensorBoard's projector needs."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepometry.core.options.predict import ExtractOptions
from deepometry.inference.extract import extract
from deepometry.inference.projector_files import LARGEST_SPRITE, Sprite
from deepometry.network.build import with_layer
from deepometry.network.model_file import load_model
from deepometry.network.test_time_augmentation import predict_views
from tests.parsed import blobs, write_stack


@pytest.fixture(scope="module")
def extracted(cells, trained, tmp_path_factory):
    output = tmp_path_factory.mktemp("features")
    options = ExtractOptions(input=cells, output=output, model=trained.model, batch_size=7)
    return extract(options)


def test_rows_are_cells_in_the_order_of_the_metadata(extracted, trained):
    features = np.loadtxt(extracted.table, delimiter="\t")
    metadata = pd.read_csv(extracted.metadata, sep="\t")
    assert features.shape == (108, 256)
    assert len(metadata) == 108
    assert list(metadata.columns) == ["source", "object", "Class", "split", "predicted Class"]
    row = metadata.query("split == 'Train' and Class == 'B' and object == 5").index[0]
    model = with_layer(load_model(trained.model)[0], "pool5")
    alone, chances = predict_views(model, blobs(40, 1)[5:6], 8)
    assert np.allclose(features[row], alone[0], rtol=1e-3, atol=1e-4)
    assert metadata["predicted Class"][row] == "ABC"[int(chances.argmax())]


def test_the_projector_finds_its_files(extracted):
    folder = extracted.table.parent
    text = (folder / "projector_config.pbtxt").read_text()
    for name in (extracted.table.name, "metadata.tsv", "sprite.png"):
        assert f'"{name}"' in text
        assert (folder / name).is_file()
    with Image.open(folder / "sprite.png") as sprite:
        assert sprite.size == (11 * 16, 10 * 16)


def test_several_layers_share_a_folder(cells, trained, extracted, tmp_path):
    for layer in ("res4a_relu", "res5a_relu"):
        options = ExtractOptions(input=cells, output=tmp_path, model=trained.model, layer=layer)
        result = extract(options)
        assert result.table.name == f"features_extracted_by_{layer}.txt"
    assert np.loadtxt(tmp_path / "features_extracted_by_res4a_relu.txt").shape == (108, 128)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    assert text.count("tensor_path") == 2


def test_features_do_not_linger_when_other_cells_took_the_same_place(cells, trained, tmp_path):
    shutil.copytree(cells / "Hold-out", tmp_path / "in")
    for layer in ("res4a_relu", "pool5"):
        extract(
            ExtractOptions(
                input=tmp_path / "in",
                output=tmp_path / "out",
                model=trained.model,
                layer=layer,
                overwrite=True,
            )
        )
        table = tmp_path / "in/Class A/cells.csv"
        table.write_text(table.read_text().replace("Class A.cif", "other.cif"))
    assert not (tmp_path / "out/features_extracted_by_res4a_relu.txt").exists()


def test_names_with_quotes_stand_as_they_are(trained, tmp_path):
    write_stack(tmp_path / "in", blobs(2, 0), source='a, "b".cif')
    (tmp_path / "extract.json").write_text("damaged")
    result = extract(ExtractOptions(input=tmp_path / "in", output=tmp_path, model=trained.model))
    assert result.metadata.read_text().splitlines()[1].split("\t")[:2] == ['a, "b".cif', "0"]


def test_features_of_other_cells_do_not_linger_beside_new_metadata(cells, trained, tmp_path):
    for part, layer in (("Train", "res4a_relu"), ("Hold-out", "pool5")):
        extract(
            ExtractOptions(
                input=cells / part,
                output=tmp_path,
                model=trained.model,
                layer=layer,
                overwrite=True,
            )
        )
    assert not (tmp_path / "features_extracted_by_res4a_relu.txt").exists()
    assert (tmp_path / "metadata.tsv").read_text().count("\n") == 21


def test_thumbnails_shrink_when_there_are_many():
    assert Sprite(100, 48).side == 48
    many = Sprite(50_000, 48)
    assert many.side * 224 <= LARGEST_SPRITE
    images = np.arange(48 * 48, dtype=np.uint16).reshape(1, 48, 48, 1)
    many.add(images)
    corner = many._picture[: many.side, : many.side]
    assert corner[0, 0] < 10
    assert corner[-1, -1] > 245
