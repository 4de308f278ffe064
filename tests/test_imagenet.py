"""Weights of keras.applications in keras-resnet's network: the same activations."""

import h5py
import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.network import imagenet_weights as imagenet
from deepometry.network.backend import keras
from deepometry.network.build import build_network
from deepometry.network.imagenet_weights import FILE, for_channels, read_weights
from deepometry.network.model_file import load_model
from deepometry.training.train import train
from deepometry.training.transfer import begin
from tests.conftest import short_training

pytestmark = pytest.mark.slow

PAIRS = {
    "conv1_relu": "conv1_relu",
    "pool1_pool": "pool1",
    "conv2_block1_out": "res2a_relu",
    "conv3_block4_out": "res3d_relu",
    "conv4_block1_out": "res4a_relu",
    "conv5_block1_out": "res5a_relu",
    "avg_pool": "pool5",
}
"""Layers of keras.applications, and of keras-resnet."""


@pytest.fixture(scope="module")
def original():
    """ResNet50 of keras.applications with weights and statistics of its own."""
    model = keras().applications.ResNet50(
        weights=None, include_top=False, pooling="avg", input_shape=(33, 33, 3)
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        arrays = layer.get_weights()
        if len(arrays) == 4:
            low, high = [0.8, -0.2, -0.2, 0.6], [1.2, 0.2, 0.2, 1.5]
            arrays = [rng.uniform(*ends, arrays[0].shape) for ends in zip(low, high, strict=True)]
        elif arrays:
            arrays = [arrays[0], rng.normal(0, 0.3, arrays[1].shape)]
        layer.set_weights(arrays)
    return model


@pytest.fixture(scope="module")
def files(original, tmp_path_factory):
    """Its weights in the layouts of Keras 2 and Keras 3."""
    folder = tmp_path_factory.mktemp("weights")
    new, old = folder / "new.weights.h5", folder / "old.h5"
    original.save_weights(new)
    with h5py.File(old, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in original.layers]
        for layer in original.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, layer.get_weights(), strict=True):
                group.create_dataset(name, data=array)
    return {"new": new, "old": old}


def activations(model, names, images):
    outputs = [model.get_layer(name).output for name in names]
    return [
        keras().ops.convert_to_numpy(x) for x in keras().Model(model.inputs[0], outputs)(images)
    ]


def mapped(path, frame):
    model = build_network("resnet50", frame, 3, "none", [0.0] * 3, [1.0] * 3, 0)
    weights = read_weights(str(path))
    body = model.layers[-1]
    layers = {layer.name for layer in body.layers if layer.weights}
    assert set(weights) == layers - {"fc1000"}
    for name, arrays in weights.items():
        body.get_layer(name).set_weights(arrays)
    return body


@pytest.mark.parametrize("kind", ["new", "old"])
def test_every_stage_gives_the_same(original, files, kind):
    """On a frame of 4 n + 1 pixels both networks pad alike, so that nothing at all differs."""
    images = np.random.default_rng(1).normal(0, 60, (4, 33, 33, 3)).astype(np.float32)
    expected = activations(original, list(PAIRS), images)
    found = activations(mapped(files[kind], 33), list(PAIRS.values()), images)
    for name, one, other in zip(PAIRS, expected, found, strict=True):
        assert one.shape == other.shape
        assert np.abs(one).max() > 0.1, name
        assert np.allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(one).max()), name


def test_on_other_frames_the_filters_look_one_pixel_further(original, files):
    rng = np.random.default_rng(1)
    wide = rng.normal(0, 60, (2, 33, 33, 3)).astype(np.float32)
    body = mapped(files["new"], 32)
    found, _ = activations(body, ["conv1_relu", "pool1"], wide[:, :32, :32])
    other = keras().applications.ResNet50(
        weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3)
    )
    other.set_weights(original.get_weights())
    expected, _ = activations(other, ["conv1_relu", "pool1_pool"], wide[:, 1:, 1:])
    assert found.shape == expected.shape
    inside = np.s_[:, 2:-2, 2:-2]
    assert np.allclose(found[inside], expected[inside], rtol=1e-3, atol=1e-3)


def test_a_grey_photograph_gives_the_same_whatever_the_number_of_channels():
    kernel = np.random.default_rng(0).normal(size=(7, 7, 3, 5)).astype(np.float32)
    for depth in (1, 2, 3, 12):
        found = for_channels(kernel, depth)
        assert found.shape == (7, 7, depth, 5)
        assert np.allclose(found.sum(2), 57.6 * kernel.sum(2), rtol=1e-4)


def test_a_training_starts_from_a_file(cells, files, tmp_path):
    messages = []
    options = {"network": "auto", "weights": files["old"], "freeze": "all-but-head", "epochs": 1}
    result = train(
        short_training(cells / "Train", tmp_path / "out", **options),
        Progress(on_say=messages.append),
    )
    model, description, _ = load_model(result.model)
    assert (description.network, description.scaling) == ("resnet50", "channel")
    expected = read_weights(str(files["old"]))["res4a_branch2b"][0]
    assert np.array_equal(model.layers[-1].get_layer("res4a_branch2b").get_weights()[0], expected)
    assert any("Starting from old.h5: 2 channels" in text for text in messages)


def test_only_resnet50(files):
    with pytest.raises(DeepometryError, match=r"Network: expected resnet50.*found small10"):
        begin(short_training("i", "o", weights=files["old"]))


def test_files_that_hold_something_else(tmp_path, files):
    with pytest.raises(DeepometryError, match=r"Weights: expected imagenet or a file.*none\.h5"):
        read_weights(str(tmp_path / "none.h5"))
    (tmp_path / "text.h5").write_text("none")
    with pytest.raises(DeepometryError, match=r"text\.h5: expected the weights of keras"):
        read_weights(str(tmp_path / "text.h5"))
    small = keras().Sequential([keras().layers.Input((4,)), keras().layers.Dense(3)])
    small.save_weights(tmp_path / "small.weights.h5")
    with pytest.raises(DeepometryError, match=r"small\.weights\.h5: expected the weights of"):
        read_weights(str(tmp_path / "small.weights.h5"))
    with h5py.File(tmp_path / "part.h5", "w") as file, h5py.File(files["old"]) as whole:
        file.attrs["layer_names"] = [b"conv1_conv"]
        whole.copy("conv1_conv", file)
    with pytest.raises(DeepometryError, match=r"part\.h5: expected .* no layer conv1_bn"):
        read_weights(str(tmp_path / "part.h5"))


def test_without_internet_it_says_where_to_put_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(imagenet, "URL", "http://127.0.0.1:9/none.h5")
    with pytest.raises(DeepometryError, match="cannot be downloaded") as caught:
        read_weights("imagenet")
    assert str(tmp_path / "models") in str(caught.value)
    assert "--weights" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_downloaded_before_is_used(files, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / FILE).write_bytes(files["old"].read_bytes())
    assert "res5c_branch2c" in read_weights("imagenet")


def test_the_option_reads_both():
    options = {"input": "i", "output": "o", "target": "Class"}
    assert TrainOptions(**options, weights="ImageNet").weights == "imagenet"
    assert TrainOptions(**options, weights='"a.h5"').weights == "a.h5"
