"""The networks: any frame, channels and classes; plain Keras layers; scaling inside."""

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.network.backend import keras
from deepometry.network.build import build_network, with_layer

pytestmark = pytest.mark.slow


def build(frame=16, classes=3, channels=2, network="resnet18", scaling="channel", seed=0):
    means, deviations = [100.0] * channels, [10.0] * channels
    return build_network(network, frame, classes, scaling, means, deviations, seed)


def images(frame=16, channels=2, count=3):
    rng = np.random.default_rng(0)
    return rng.normal(100, 20, (count, frame, frame, channels)).astype(np.float32)


@pytest.mark.parametrize(
    ("frame", "channels", "classes"), [(16, 1, 2), (17, 12, 3), (48, 2, 7), (33, 3, 300)]
)
def test_any_frame_channels_and_classes(frame, channels, classes):
    probabilities = build(frame, classes, channels).predict_on_batch(images(frame, channels))
    assert probabilities.shape == (3, classes)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "convolutions", "width"),
    [("resnet18", 21, 512), ("resnet34", 37, 512), ("resnet50", 53, 2048)],
)
def test_depths(network, convolutions, width):
    body = build(network=network).get_layer(network)
    kinds = [type(layer).__name__ for layer in body.layers]
    assert kinds.count("Conv2D") == convolutions
    assert {"res4a_relu", "res5a_relu", "pool5"} <= {layer.name for layer in body.layers}
    assert body.get_layer("pool5").output.shape == (None, width)


@pytest.mark.parametrize("scaling", ["channel", "image", "8bit", "none"])
def test_the_file_opens_with_keras_alone_and_holds_the_scaling(tmp_path, scaling):
    model, cells = build(scaling=scaling), images()
    model.save(tmp_path / "m.keras")
    again = keras().models.load_model(tmp_path / "m.keras", compile=False)
    assert np.array_equal(model.predict_on_batch(cells), again.predict_on_batch(cells))
    seen = keras().ops.convert_to_numpy(again.get_layer("scale")(cells))
    expected = {
        "channel": (cells - 100) / 10,
        "none": cells,
        "image": between_extremes(cells),
        "8bit": np.round(255 * between_extremes(cells)) / 255,
    }[scaling]
    assert np.allclose(seen, expected, atol=1e-4)


def between_extremes(cells):
    low, high = cells.min((1, 2), keepdims=True), cells.max((1, 2), keepdims=True)
    return (cells - low) / (high - low)


def test_eight_bits_are_256_levels_whatever_the_counts():
    counts = np.arange(16 * 16, dtype=np.float32).reshape(1, 16, 16, 1)
    model = build(channels=1, scaling="8bit")
    for images in (counts, 16 * counts + 3, 100 * counts + 0.4):
        seen = keras().ops.convert_to_numpy(model.get_layer("scale")(images))
        assert np.array_equal(np.round(255 * seen).ravel(), np.arange(256))
    fine = np.random.default_rng(0).uniform(0, 4000, (1, 16, 16, 1)).astype(np.float32)
    levels = 255 * keras().ops.convert_to_numpy(model.get_layer("scale")(fine))
    assert np.allclose(levels, np.round(levels), atol=1e-4)


def test_small_numbers_are_scaled_as_well_as_large_ones():
    cells = images() / 1e5
    seen = keras().ops.convert_to_numpy(build(scaling="image").get_layer("scale")(cells))
    assert np.allclose(seen.max((1, 2)), 1)
    assert np.allclose(seen.min((1, 2)), 0)


def test_an_image_without_contrast_scales_to_zero_not_to_nothing():
    probabilities = build(scaling="image").predict_on_batch(np.full((1, 16, 16, 2), 7, np.float32))
    assert np.isfinite(probabilities).all()


def test_the_seed_decides_the_first_weights():
    def first(seed):
        return build(seed=seed).get_layer("resnet18").get_layer("conv1").kernel.numpy()

    assert np.array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_two_convolutions_of_one_shape_start_differently():
    body = build().get_layer("resnet18")
    names = [layer.name for layer in body.layers if hasattr(layer, "kernel")]
    shaped: dict[tuple, list] = {}
    for name in names:
        kernel = body.get_layer(name).kernel.numpy()
        shaped.setdefault(kernel.shape, []).append(kernel)
    for kernels in shaped.values():
        assert len({kernel.tobytes() for kernel in kernels}) == len(kernels)


def test_keras_resnet_is_left_as_it_was():
    import keras_resnet.layers

    before = keras_resnet.layers.BatchNormalization
    build()
    assert keras_resnet.layers.BatchNormalization is before


@pytest.mark.parametrize(
    ("layer", "width"), [("pool5", 512), ("res5a_relu", 512), ("res4a_relu", 256)]
)
def test_features_of_a_layer_are_averaged_over_the_image(layer, width):
    model, cells = build(frame=32), images(32)
    features, probabilities = with_layer(model, layer).predict_on_batch(cells)
    assert features.shape == (3, width)
    assert np.allclose(probabilities, model.predict_on_batch(cells), atol=1e-6)
    body, scale = model.get_layer("resnet18"), model.get_layer("scale")
    inner = keras().Model(body.inputs, body.get_layer(layer).output)
    raw = keras().ops.convert_to_numpy(inner(scale(cells)))
    assert np.allclose(features, raw.mean((1, 2)) if raw.ndim == 4 else raw, atol=1e-4)


def test_unknown_layer():
    with pytest.raises(DeepometryError, match="pool6"):
        with_layer(build(), "pool6")
