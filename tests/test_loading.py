"""Batches, balance, statistics, and the thread that reads ahead."""

import threading
import time

import numpy as np
import pytest

from deepometry.cells.batches import ahead, batches
from deepometry.cells.dataset import open_dataset
from deepometry.cells.sampling import channel_statistics, class_weights, training_order
from deepometry.core.errors import DeepometryError
from tests.parsed import blobs, write_stack


@pytest.fixture
def dataset(tmp_path):
    write_stack(tmp_path / "a", blobs(9, 0))
    write_stack(tmp_path / "b", blobs(4, 1))
    return open_dataset(tmp_path)


def test_batches_hold_the_asked_cells_in_the_asked_order(dataset):
    codes = np.repeat([0, 1], [9, 4])
    order = np.random.default_rng(0).permutation(13)
    read = list(batches(dataset, order, codes, 5, weights=np.array([1.0, 3.0])))
    assert [len(batch.labels) for batch in read] == [5, 5, 3]
    assert (np.concatenate([b.images for b in read]) == dataset.read(order)).all()
    labels = np.concatenate([b.labels for b in read])
    assert (labels == codes[order]).all()
    assert (np.concatenate([b.weights for b in read]) == np.where(labels == 1, 3, 1)).all()
    assert read[0].images.dtype == np.float32


def test_change_is_applied_to_images_only(dataset):
    (batch,) = batches(dataset, np.arange(3), np.zeros(13, int), 8, change=lambda x: x * 0)
    assert not batch.images.any()


def test_an_error_while_reading_ahead_is_raised_where_items_are_used():
    def items():
        yield 1
        raise OSError("disk gone")

    read = ahead(items())
    assert next(read) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(read)


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    for item in ahead(iter(range(10**9))):
        if item == 3:
            break
    deadline = time.monotonic() + 60
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_every_cell_once_an_epoch_unless_sampled():
    codes = np.repeat([0, 1], [990, 10])
    indices = np.arange(1000)
    order = training_order(indices, codes, 500, "weights", np.random.default_rng(0))
    assert sorted(order) == list(range(1000))
    assert list(order) != list(range(1000))
    sampled = training_order(indices, codes, 500, "sampling", np.random.default_rng(0))
    assert len(sampled) == 1000
    assert 400 < codes[sampled].sum() < 600


def test_the_last_batch_is_filled_up():
    codes, rng = np.zeros(1000, int), np.random.default_rng(0)
    order = training_order(np.arange(10), codes, 4, "none", rng)
    assert len(order) == 12
    assert sorted(order[:10]) == list(range(10))
    assert order[10:].tolist() == order[:2].tolist()
    assert sorted(training_order(np.arange(3), codes, 4, "none", rng)) == [0, 1, 2]


def test_class_weights():
    labels = np.repeat([0, 1], [90, 10])
    weights = class_weights(labels, 2, "weights")
    assert weights[1] / weights[0] == pytest.approx(3)
    assert weights[labels].mean() == pytest.approx(1)
    assert class_weights(labels, 2, "none").tolist() == [1, 1]


def test_channel_statistics_are_of_the_given_cells_only(dataset):
    chosen = np.arange(9, 13)
    means, deviations = channel_statistics(dataset, chosen, [1])
    pixels = dataset.read(chosen, [1]).astype(float)
    assert means == pytest.approx([pixels.mean()])
    assert deviations == pytest.approx([pixels.std()])


def test_a_channel_without_contrast_does_not_divide_by_zero(tmp_path):
    write_stack(tmp_path, np.full((2, 16, 16, 1), 500, np.uint16))
    _, deviations = channel_statistics(open_dataset(tmp_path), np.arange(2), None)
    assert deviations.tolist() == [1]


def test_pixels_that_are_no_numbers_are_told_before_training(tmp_path):
    pixels = np.ones((3, 16, 16, 1), np.float32)
    pixels[1, 4, 4] = np.nan
    write_stack(tmp_path, pixels)
    with pytest.raises(DeepometryError, match="found some that are none"):
        channel_statistics(open_dataset(tmp_path), np.arange(3), None)
