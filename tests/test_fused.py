"""The fused kernel: Keras' numbers, in less time, and Keras' own layers in the file."""

import numpy as np
import pytest

from deepometry.backend import keras
from deepometry.fused import fuse, fuse_optimizer


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
