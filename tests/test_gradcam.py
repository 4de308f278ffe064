"""Heat maps: the gradient is right, the map finds what matters, mistakes are told."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.inference.gradcam import gradcam
from deepometry.inference.gradcam_sheet import glowing
from deepometry.inference.saliency import HeatMaps, enlarged
from deepometry.network.backend import gradient, keras
from deepometry.network.build import build_network
from deepometry.network.model_file import load_model
from tests.parsed import blobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(trained):
    return load_model(trained.model)[0]


def test_the_gradient_is_that_of_the_function():
    at = np.array([[1.0, 2.0], [3.0, -1.0]], np.float32)
    value, slope = gradient(lambda x: keras().ops.sum(x**3), at)
    assert value == pytest.approx(1 + 8 + 27 - 1)
    assert np.allclose(slope, 3 * at**2)


def test_a_map_is_the_sum_of_filters_weighted_by_their_gradient(model):
    """Of the last stage the gradient is known: that of a mean, times the weights of the class."""
    image = blobs(1, 1)[0].astype(np.float32)
    body = model.layers[-1]
    see = keras().Model(body.inputs[0], body.get_layer("res5a_relu").output)
    active = keras().ops.convert_to_numpy(see(model.get_layer("scale")(image[None])))[0]
    weights = keras().ops.convert_to_numpy(body.layers[-1].kernel)[:, 1]
    expected = np.maximum((active * weights).sum(-1), 0)
    found = HeatMaps(model, "res5").of(image, 1)
    side = image.shape[0]
    assert np.allclose(found, enlarged(expected / max(expected.max(), 1e-12), side), atol=1e-3)


def test_views_turn_the_map_back(model):
    """Averaged over all views, the map of a turned cell is the turned map."""
    maps = HeatMaps(model, "res3")
    image = blobs(1, 2, seed=4)[0]
    one = maps.of(image, 2, views=8)
    assert one.max() > 0
    assert np.allclose(maps.of(np.rot90(image), 2, views=8), np.rot90(one), atol=1e-3)
    assert np.allclose(maps.of(image[::-1], 2, views=8), one[::-1], atol=1e-3)


@pytest.mark.parametrize("network", ["small18", "resnet50"])
@pytest.mark.parametrize("stage", ["res3", "res5"])
def test_networks_have_their_stages(network, stage):
    made = build_network(network, 32, 2, "none", [0.0], [1.0], 0)
    found = HeatMaps(made, stage).of(np.ones((32, 32, 1)), 1)
    assert found.shape == (32, 32)
    assert 0 <= found.min() <= found.max() <= 1


def test_a_stage_that_the_network_lacks_is_told(model):
    with pytest.raises(DeepometryError, match="found 'res9'"):
        HeatMaps(model, "res9")


def test_cold_parts_stay_as_they_are():
    plane = np.full((4, 4), 90, np.uint8)
    heat = np.zeros((4, 4))
    heat[0, 0] = 1
    drawn = glowing(plane, heat)
    assert (drawn[1:] == 90).all()
    assert drawn[0, 0, 0] > drawn[0, 0, 2]


# --- the whole -----------------------------------------------------------------------------------


def options(root, trained, output, **more):
    places = {"input": root / "Hold-out", "output": output, "model": trained.model}
    return GradcamOptions(**places, overwrite=True, **more)


def test_cells_are_chosen_by_number_or_by_name_and_drawn_for_any_class(cells, trained, tmp_path):
    result = gradcam(options(cells, trained, tmp_path, cells="3"))
    assert result.cells == 3
    assert pd.read_csv(result.table)["object"].tolist() == [0, 9, 9]
    chosen = "Class B.cif:4; Class A.cif:7"
    result = gradcam(options(cells, trained, tmp_path, cells=chosen, label="C", layer="res3"))
    table = pd.read_csv(result.table)
    assert table["source"].tolist() == ["Class B.cif", "Class A.cif"]
    assert table["object"].tolist() == [4, 7]
    assert set(table["drawn_for"]) == {"C"}
    assert (table["probability_of_it"] <= table["probability"]).all()
    with Image.open(result.sheet) as picture:
        assert picture.mode == "RGB" and min(picture.size) > 200
    assert {path.name for path in tmp_path.iterdir()} == {
        "gradcam.png", "gradcam.csv", "gradcam.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"cells": "x.cif:1"}, "Cells: expected cells as file:object.*found 'x.cif:1'"),
        ({"cells": "0"}, "from 1 to 200, found 0"),
        ({"cells": ";"}, "found 0"),
        ({"label": "D"}, r"class of the model \(A, B, C\), found 'D'"),
    ],
)
def test_cells_and_classes_that_are_none_are_refused(cells, trained, tmp_path, more, said):
    with pytest.raises(OptionsError, match=said):
        gradcam(options(cells, trained, tmp_path / "out", **more))
    assert not (tmp_path / "out").exists()


def test_a_baseline_has_no_places(cells, tmp_path):
    path = tmp_path / "model_3-Class_categories.baseline"
    path.write_bytes(b"")
    with pytest.raises(DeepometryError, match="found a baseline"):
        gradcam(GradcamOptions(input=cells, output=tmp_path / "out", model=path))
