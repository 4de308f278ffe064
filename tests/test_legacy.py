"""Weights of the original program: ResNet50 of keras-resnet in the layout of Keras 2."""

import h5py
import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress
from deepometry.network.build import HEAD, build_network
from deepometry.network.hdf5_weights import is_hdf5, read_hdf5
from deepometry.network.model_file import load_model
from deepometry.training.train import train
from deepometry.training.transfer import begin
from tests.conftest import short_training
from tests.parsed import CHANNELS

pytestmark = pytest.mark.slow

_ENDS = {1: ["kernel:0"], 2: ["kernel:0", "bias:0"]}
_NORMALIZATION = ["gamma:0", "beta:0", "moving_mean:0", "moving_variance:0"]


@pytest.fixture(scope="module")
def weights():
    """Weights of every layer of ResNet50, as the original program might have learnt them."""
    channels = len(CHANNELS)
    model = build_network("resnet50", 16, 4, "none", [0.0] * channels, [1.0] * channels, 0)
    rng = np.random.default_rng(0)
    layers = {layer.name: layer.get_weights() for layer in model.layers[-1].layers}
    return {name: [_other(array, rng) for array in arrays] for name, arrays in layers.items()}


def _other(array, rng):
    """Filters as they were drawn, for they stay in bounds; statistics a little off 0 and 1."""
    change = rng.uniform(0, 0.05, array.shape) if array.ndim == 1 else 0
    return (array + change).astype(np.float32)


def write_keras_2(path, weights, whole=False, in_parts=False):
    """Write what Keras 2 writes: by `save_weights`, or by `save` with the whole model."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        if whole:
            file.attrs["model_config"] = b"{}"
        root.attrs["keras_version"], root.attrs["backend"] = b"2.1.6", b"tensorflow"
        names = [name.encode() for name in weights]
        if in_parts:
            root.attrs["layer_names0"], root.attrs["layer_names1"] = names[:50], names[50:]
        else:
            root.attrs["layer_names"] = names
        for name, arrays in weights.items():
            group = root.create_group(name)
            ends = _NORMALIZATION if len(arrays) == 4 else _ENDS.get(len(arrays), [])
            group.attrs["weight_names"] = [f"{name}/{end}".encode() for end in ends]
            for end, array in zip(ends, arrays, strict=True):
                group.create_dataset(f"{name}/{end}", data=array)
    return path


def restart(cells, output, path, **more):
    options = {"network": "auto", "start_from": path, "freeze": "all-but-head", "epochs": 1}
    return short_training(cells / "Train", output, **(options | more))


@pytest.mark.parametrize(("whole", "in_parts"), [(False, False), (True, False), (False, True)])
def test_every_layer_is_read_from_both_kinds_of_files(weights, tmp_path, whole, in_parts):
    path = write_keras_2(tmp_path / "checkpoint.hdf5", weights, whole, in_parts)
    assert is_hdf5(path)
    found = read_hdf5(path)
    assert list(found) == [name for name, arrays in weights.items() if arrays]
    for name, arrays in found.items():
        for one, other in zip(arrays, weights[name], strict=True):
            assert np.array_equal(one, other)


def test_a_training_starts_from_them(cells, weights, tmp_path):
    path = write_keras_2(tmp_path / "checkpoint.hdf5", weights, whole=True)
    messages = []
    result = train(restart(cells, tmp_path / "out", path), Progress(on_say=messages.append))
    model, description, _ = load_model(result.model)
    assert (description.network, description.scaling, description.labels) == (
        "resnet50",
        "8bit",
        ("A", "B", "C"),
    )
    body = model.layers[-1]
    for name, arrays in weights.items():
        if name == HEAD or not arrays:
            continue
        trained_arrays = body.get_layer(name).get_weights()
        for one, other in zip(
            trained_arrays[: 2 if name == "bn_conv1" else 4], arrays, strict=False
        ):
            assert np.array_equal(one, other), name
    assert any("checkpoint.hdf5: all its filters; new last layer" in text for text in messages)


def test_the_first_layer_that_does_not_agree_is_named(cells, weights, tmp_path):
    bad = dict(weights)
    bad["res3b_branch2a"] = [np.zeros((1, 1, 7, 128), np.float32)]
    del bad["res5a_branch1"]
    path = write_keras_2(tmp_path / "bad.h5", bad)
    message = r"bad\.h5: layer res3b_branch2a: expected 1 x 1 x 512 x 128 .* found 1 x 1 x 7 x 128"
    with pytest.raises(DeepometryError, match=message):
        train(restart(cells, tmp_path / "out", path))
    path = write_keras_2(tmp_path / "bad.h5", {n: a for n, a in weights.items() if n != "conv1"})
    with pytest.raises(DeepometryError, match=r"layer conv1: expected .* found none of that name"):
        train(restart(cells, tmp_path / "out", path))


def test_other_channels_are_told_with_what_to_do(cells, weights, tmp_path):
    path = write_keras_2(tmp_path / "two.h5", weights)
    with pytest.raises(DeepometryError, match=r"conv1: .*it learnt from 2 channels: .*--channels"):
        train(restart(cells, tmp_path / "out", path, channels=3))


def test_another_network_is_told(cells, weights, tmp_path):
    path = write_keras_2(tmp_path / "fifty.h5", weights)
    with pytest.raises(DeepometryError, match=r"fifty\.h5: layer res2a_branch2a.*--network"):
        train(restart(cells, tmp_path / "out", path, network="resnet18"))


def test_files_of_other_kinds(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["images"] = np.zeros(3)
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for name in ("data.h5", "cut.h5"):
        with pytest.raises(DeepometryError, match=f"{name}: expected weights of a network"):
            read_hdf5(tmp_path / name)
    (tmp_path / "text.h5").write_text("none")
    assert not is_hdf5(tmp_path / "text.h5")
    with pytest.raises(DeepometryError, match=r"text\.h5: expected a model file"):
        begin(short_training("i", "o", network="auto", start_from=tmp_path / "text.h5"))
