"""The loss that gives rare classes more say."""

import numpy as np
import pytest

from deepometry.network.backend import keras
from deepometry.network.losses import class_loss

CHANCES = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], np.float32)
WANTED = np.eye(3, dtype=np.float32)[[0, 2]]


def loss(shares):
    loss = class_loss(shares, 0.0)
    call = loss.call if shares is None else loss
    return keras().ops.convert_to_numpy(call(WANTED, CHANCES))


def test_without_shares_it_is_the_cross_entropy():
    assert np.allclose(loss(None), -np.log([0.2, 0.1]), atol=1e-5)


def test_equal_shares_change_nothing():
    assert np.allclose(loss(np.full(3, 1 / 3)), loss(None), atol=1e-5)


def test_a_rare_class_is_asked_for_more():
    shares = np.array([0.5, 0.49, 0.01])
    plain, adjusted = loss(None), loss(shares)
    assert adjusted[1] > plain[1]
    assert adjusted[0] < plain[0]
    seen = CHANCES * shares ** (1 / 3)
    expected = -np.log((seen / seen.sum(1, keepdims=True))[[0, 1], [0, 2]])
    assert adjusted == pytest.approx(expected, abs=1e-5)
