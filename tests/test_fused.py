"""The fused kernel: Keras' numbers, in less time, and Keras' own layers in the file."""

import re
from pathlib import Path

import numpy as np
import pytest

from deepometry.network import fused_ops
from deepometry.network.backend import keras
from deepometry.network.build import build_network, with_layer
from deepometry.network.fused_ops import fold, fuse, fuse_optimizer

pytestmark = pytest.mark.slow


def network(axis=-1):
    layers = keras().layers
    images = layers.Input((6, 6, 3))
    norm = layers.BatchNormalization(axis=axis, momentum=0.5, epsilon=1e-3, name="norm")(images)
    inner = keras().Model(images, norm, name="inner")
    return keras().Model(images, inner(images))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(5, 3, (40, 6, 6, 3)).astype(np.float32)


def test_the_same_numbers_in_training_and_after(images):
    plain, fused = network(), fuse(network())
    for training in (True, False, True):
        one, other = (np.asarray(m(images, training=training)) for m in (plain, fused))
        assert np.allclose(one, other, atol=2e-3)
    for one, other in zip(plain.get_weights(), fused.get_weights(), strict=True):
        assert np.allclose(one, other, rtol=1e-3)  # of n - 1 in place of n


def test_a_frozen_layer_does_not_learn(images):
    fused = fuse(network())
    fused.get_layer("inner").trainable = False
    before = fused.get_weights()
    assert np.allclose(fused(images, training=True), fused(images, training=False))
    for one, other in zip(before, fused.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_layers_stay_those_of_keras_and_others_are_left_alone(images):
    layer = fuse(network()).get_layer("inner").get_layer("norm")
    assert type(layer) is keras().layers.BatchNormalization
    assert "call" in vars(layer)
    other = fuse(network(axis=1)).get_layer("inner").get_layer("norm")
    assert "call" not in vars(other)


def test_adam_takes_the_same_steps():
    optimizers = keras().optimizers
    found = []
    for change in (lambda same: same, fuse_optimizer):
        model = keras().Sequential([keras().layers.Input((4,)), keras().layers.Dense(3)])
        model.set_weights([np.ones((4, 3)), np.zeros(3)])
        model.compile(change(optimizers.AdamW(0.1, weight_decay=0.02)), "mse")
        rng = np.random.default_rng(0)
        for _ in range(5):
            model.train_on_batch(rng.normal(size=(8, 4)), rng.normal(size=(8, 3)))
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        assert np.allclose(one, other, atol=1e-5)


def learnt(network="resnet18", precision="float32"):
    """Build a network whose normalisations have something to say."""
    model = build_network(network, 20, 3, "channel", [5.0, 5.0], [3.0, 3.0], 0, precision)
    rng = np.random.default_rng(1)
    for layer in model.layers[-1].layers:
        if type(layer) is keras().layers.BatchNormalization:
            layer.gamma.assign(rng.uniform(0.2, 0.8, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
    for _ in range(4):
        model(rng.normal(5, 3, (32, 20, 20, 2)).astype(np.float32), training=True)
    return model


def plain(model):
    """Give a network of the same weights that Keras alone computes."""
    other = keras().models.clone_model(
        model,
        call_function=None,
        clone_function=lambda layer: layer.from_config(layer.get_config()),
    )
    other.set_weights(model.get_weights())
    return other


@pytest.fixture
def cells():
    return np.random.default_rng(2).normal(5, 3, (9, 20, 20, 2)).astype(np.float32)


@pytest.mark.parametrize("network", ["small18", "resnet18", "resnet50"])
def test_borders_and_normalisations_become_part_of_the_convolutions(network, cells):
    model = learnt(network)
    wanted = with_layer(plain(model), "pool5").predict_on_batch(cells)
    fused = with_layer(model, "pool5").predict_on_batch(cells)
    folded = fold(with_layer(model, "pool5")).predict_on_batch(cells)
    for right, one, other in zip(wanted, fused, folded, strict=True):
        assert right.std(0).max() > 1e-3
        assert np.allclose(one, right, atol=1e-4)
        assert np.allclose(other, right, atol=1e-4)
    layers = model.layers[-1].layers
    borders = [layer for layer in layers if type(layer) is keras().layers.ZeroPadding2D]
    assert any("call" in vars(layer) for layer in borders) == (network != "small18")
    norms = [layer for layer in layers if type(layer) is keras().layers.BatchNormalization]
    assert norms and all(layer.call.__name__ == "_pass_on" for layer in norms)


def test_a_convolution_whose_own_output_is_wanted_is_not_folded(cells):
    model = learnt("small18")
    layer = "res3a_branch2a"
    wanted = with_layer(model, layer).predict_on_batch(cells)
    for found, own in zip(
        fold(with_layer(model, layer)).predict_on_batch(cells), wanted, strict=True
    ):
        assert np.allclose(found, own, atol=2e-5)


def test_folded_in_bfloat16(cells):
    model = learnt("small18", "bfloat16")
    wanted = plain(learnt("small18")).predict_on_batch(cells)
    assert np.allclose(fold(model).predict_on_batch(cells), wanted, atol=0.05)


def test_weights_and_file_of_a_folded_model_stay_what_they_were(cells, tmp_path):
    model = learnt("resnet18")
    before, config = model.get_weights(), model.to_json()
    wanted = fold(model).predict_on_batch(cells)
    model.save(tmp_path / "model.keras")
    again = keras().models.load_model(tmp_path / "model.keras")
    assert np.allclose(again.predict_on_batch(cells), wanted, atol=2e-5)
    assert model.to_json() == config
    for one, other in zip(before, again.get_weights(), strict=True):
        assert np.array_equal(one, other)


def private_names():
    """Private names of Keras that `fused_ops` uses, each with an object that has to have it."""
    model = keras().Sequential([keras().layers.Input((4,)), keras().layers.Dense(3)])
    optimizer = keras().optimizers.Adam()
    optimizer.build(model.trainable_variables)
    return {
        "_inbound_nodes": model.layers[0],
        "_keras_history": model.layers[0].output,
        "_get_variable_index": optimizer,
        "_momentums": optimizer,
        "_velocities": optimizer,
    }


def test_keras_has_the_private_names_that_are_used():
    """Where this fails, mend `fused_ops` before raising the cap of keras in pyproject.toml."""
    owners = private_names()
    missing = [name for name, owner in owners.items() if not hasattr(owner, name)]
    assert not missing, f"Keras {keras().__version__} lacks {', '.join(missing)}"
    source = Path(fused_ops.__file__).read_text("utf-8")
    assert set(re.findall(r"[\w\])]\.(_[a-z]\w*)", source)) == set(owners)


def test_what_lies_behind_the_private_names():
    owners = private_names()
    layer, optimizer = owners["_inbound_nodes"], owners["_momentums"]
    (node,) = layer._inbound_nodes
    assert node.input_tensors[0].shape == (None, 4)
    assert layer.output._keras_history.operation is layer
    place = optimizer._get_variable_index(layer.kernel)
    for moments in (optimizer._momentums, optimizer._velocities):
        assert moments[place].value.shape == layer.kernel.shape
        assert hasattr(moments[place].value, "handle")
