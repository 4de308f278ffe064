"""The eight views of a cell."""

import numpy as np
import pytest

from deepometry.network.test_time_augmentation import predict_views, views_of


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(3, 5, 5, 2)).astype(np.float32)


class Corner:
    """A model that looks at the first pixel only, and is asked what it is given."""

    def __init__(self, outputs):
        self.outputs = outputs

    def predict_on_batch(self, images):
        found = [images[:, 0, 0, :1], images[:, 0, 0, 1:]]
        return found if self.outputs == 2 else found[0]


def test_there_are_eight_different_ones_and_the_first_is_the_image(images):
    found = list(views_of(images, 8))
    assert np.array_equal(found[0], images)
    assert len({view.tobytes() for view in found}) == 8
    assert all(view.flags.c_contiguous for view in found)
    assert len(list(views_of(images, 1))) == 1


def test_the_average_does_not_depend_on_how_a_cell_lies(images):
    (one,) = predict_views(Corner(1), images, 8)
    (other,) = predict_views(Corner(1), np.rot90(images, 1, (1, 2))[:, ::-1], 8)
    assert np.allclose(one, other, atol=1e-6)
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert np.allclose(one[:, 0], corners.mean(1), atol=1e-6)


def test_every_output_is_averaged(images):
    one, other = predict_views(Corner(2), images, 8)
    assert one.shape == other.shape == (3, 1)
    assert not np.allclose(one, other)
