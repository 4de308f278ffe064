"""Scaling: what is measured in NumPy is what the layer in the model does."""

import numpy as np
import pytest

from deepometry.network.backend import keras
from deepometry.network.scaling import less_background, scale_layer, scaled


@pytest.mark.parametrize("frame", [16, 17])
def test_the_layer_subtracts_the_same_background(frame):
    images = np.random.default_rng(0).normal(100, 20, (4, frame, frame, 2)).astype(np.float32)
    layer = scale_layer((frame, frame, 2), "background", [1.0, 2.0], [10.0, 20.0])
    seen = keras().ops.convert_to_numpy(layer(images))
    expected = (less_background(images) - [1, 2]) / [10, 20]
    assert np.allclose(seen, expected, atol=1e-4)


@pytest.mark.parametrize("scaling", ["background", "channel", "image", "8bit", "none"])
def test_a_preview_shows_what_the_network_sees(scaling):
    images = np.random.default_rng(1).normal(500, 50, (5, 16, 16, 2)).round().astype(np.uint16)
    images[2] = 7
    layer = scale_layer((16, 16, 2), scaling, [500.0, 400.0], [40.0, 20.0])
    seen = keras().ops.convert_to_numpy(layer(images.astype(np.float32)))
    assert np.allclose(seen, scaled(images, scaling, [500, 400], [40, 20]), atol=1e-4)


def test_the_background_is_that_of_the_border_whatever_the_cell():
    images = np.full((2, 16, 16, 1), 50.0)
    images[1] += 30
    images[:, 4:12, 4:12] += 100
    images[:, 0, 4:12] += 500  # a cell that touches the border
    found = less_background(images)
    assert (found[:, 1, 1] == 0).all()
    assert (found[:, 6, 6] == 100).all()
