"""Networks for which a cell has no up: equal outputs for all mirror images and quarter turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepometry.core.progress import Progress
from deepometry.evaluation.judge import judge
from deepometry.network.backend import keras
from deepometry.network.build import build_network, compile_network, with_layer
from deepometry.network.dihedral import (
    convolution,
    first_position,
    normalization,
    symmetries,
    with_plain_layers,
)
from deepometry.network.fused_ops import fold, fuse
from deepometry.network.model_file import load_model
from deepometry.network.test_time_augmentation import predict_views, views_of
from deepometry.training.gather import gather_cells
from deepometry.training.train import train
from tests.conftest import short_training


def learnt(precision="float32", frame=16, steps=6):
    """Build a network and train it a little, so that no weight is what it began as."""
    model = build_network(
        "equivariant15", frame, 3, "channel", [100.0] * 2, [20.0] * 2, 0, precision
    )
    compile_network(model, 3e-3, 0.05)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        images = rng.normal(100, 20, (16, frame, frame, 2)).astype(np.float32)
        images[:8, :, : frame // 2] += 30
        model.train_on_batch(images, np.eye(3, dtype=np.float32)[np.repeat([0, 1], 8)])
    return model


@pytest.fixture(scope="module")
def model():
    return learnt()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(100, 40, (5, 16, 16, 2)).astype(np.float32)


def test_the_symmetries_are_a_group():
    places, members = symmetries()
    assert np.array_equal(places[0], np.arange(9))
    assert len({tuple(each) for each in places}) == 8
    for each in (members, members.T):
        assert (np.sort(each, 1) == np.arange(8)).all()
    assert np.array_equal(members[0], np.arange(8))
    assert (np.diag(members) == 0).all()


def test_all_views_have_the_same_probabilities(model, images):
    wanted = model.predict_on_batch(images)
    assert wanted.std(0).max() > 1e-3
    for view in views_of(images, 8):
        assert np.allclose(model.predict_on_batch(view), wanted, atol=1e-5)


def test_the_same_network_of_plain_layers(model, images):
    plain = with_plain_layers(model)
    kinds = {type(layer).__module__.split(".")[0] for layer in plain.layers[-1].layers}
    assert kinds == {"keras"}
    wanted = model.predict_on_batch(images)
    assert np.allclose(plain.predict_on_batch(images), wanted, atol=1e-5)
    assert np.allclose(fold(fuse(plain)).predict_on_batch(images), wanted, atol=1e-5)
    assert with_plain_layers(plain) is plain


def test_features_have_no_position_either(model, images):
    features, _ = with_layer(with_plain_layers(model), "pool5").predict_on_batch(images)
    turned, _ = with_layer(with_plain_layers(model), "pool5").predict_on_batch(
        np.ascontiguousarray(np.rot90(images, 1, (1, 2)))
    )
    assert features.shape == (5, 48)
    assert np.allclose(features, turned, atol=1e-5)


def test_the_fused_normalisation_is_the_same():
    rng = np.random.default_rng(2)
    batch = rng.normal(3, 2, (12, 6, 6, 16)).astype(np.float32)
    found = []
    for change in (fuse, lambda same: same):
        inner = keras().layers.Input((6, 6, 16))
        outputs = normalization()(momentum=0.5, name="norm")(inner)
        body = change(keras().Model(inner, outputs))
        for training in (True, False, True):
            outputs = np.asarray(body(batch, training=training))
        found.append([outputs, *body.get_weights()])
    for one, other in zip(*found, strict=True):
        assert np.allclose(one, other, rtol=2e-3, atol=2e-3)
    assert [each.shape for each in found[0][1:]] == [(2,)] * 4


def test_a_frozen_normalisation_does_not_learn(images):
    inner = keras().layers.Input((16, 16, 16))
    body = fuse(keras().Model(inner, normalization()(name="norm")(inner)))
    body.trainable = False
    before = body.get_weights()
    body(np.repeat(images, 8, -1), training=True)
    for one, other in zip(before, body.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_an_eighth_of_the_weights():
    layer = convolution()(4, 3, False, "conv")
    layer.build((None, 8, 8, 32))
    assert layer.count_params() == 3 * 3 * 32 * 4
    assert tuple(layer.in_all_positions().shape) == (3, 3, 32, 32)


def test_an_odd_frame_and_bfloat16():
    model = learnt("bfloat16", frame=19, steps=2)
    probabilities = model.predict_on_batch(np.full((2, 19, 19, 2), 100, np.float32))
    assert np.isfinite(probabilities).all()


@pytest.mark.slow
def test_it_trains_goes_on_predicts_and_starts_others(cells, tmp_path):
    how = {"network": "equivariant15", "schedule": "cycle", "epochs": 2}
    first = tmp_path / "first"
    train(short_training(cells / "Train", first, **how))
    result = train(short_training(cells / "Train", first, **(how | {"epochs": 3}), resume=True))
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    network, description, _ = load_model(result.model)
    assert description.views == 1
    gathered = gather_cells(short_training(cells / "Train", first, **how), Progress())
    pixels = gathered.dataset.read(gathered.validation)
    (one,), (eight,) = (predict_views(network, pixels, views) for views in (1, 8))
    assert np.allclose(one, eight, atol=1e-4)
    measured = judge(gathered.codes[gathered.validation], one)
    assert measured.scores["loss"] == pytest.approx(result.history[-1]["val_loss"], abs=1e-3)
    said: list[str] = []
    again = short_training(cells / "Train", tmp_path / "second", epochs=1, start_from=result.model)
    again = replace(again, network="auto")
    train(again, Progress(on_say=said.append))
    assert any("last layer kept" in sentence for sentence in said)


def test_an_earlier_network_is_taken_over_with_its_outputs(model, images):
    other = learnt(steps=0)
    plain = with_plain_layers(model)
    weights = {layer.name: layer.get_weights() for layer in plain.layers[-1].layers}
    for layer in other.layers[-1].layers:
        layer.set_weights(first_position(layer, weights[layer.name]))
    assert np.allclose(other.predict_on_batch(images), model.predict_on_batch(images), atol=1e-5)
