"""The validation cells: stratified, and no image on both sides."""

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.training.validation_split import validation_split


def split(codes, prints=None, share=0.2, seed=0):
    prints = np.arange(len(codes)) if prints is None else prints
    labels = [f"Class {n}" for n in range(max(codes) + 1)]
    rng = np.random.default_rng(seed)
    return validation_split(np.array(codes), np.array(prints, np.uint64), labels, share, rng)


def test_every_class_is_divided_alike():
    codes = np.repeat([0, 1, 2], [100, 50, 10])
    training, validation = split(codes)
    assert sorted([*training, *validation]) == list(range(160))
    assert np.bincount(codes[validation]).tolist() == [20, 10, 2]


def test_equal_images_stay_on_one_side():
    rng = np.random.default_rng(1)
    prints = rng.integers(0, 60, 300)
    codes = np.repeat([0, 1, 2], 100)  # the same image may even have two labels
    for seed in range(20):
        training, validation = split(codes, prints, seed=seed)
        assert not set(prints[training]) & set(prints[validation])
        assert len(training) + len(validation) == 300


def test_cells_without_a_class_go_nowhere():
    codes = np.array([0, 0, -1, 1, 1, -1])
    training, validation = split(codes)
    assert sorted([*training, *validation]) == [0, 1, 3, 4]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.9])
def test_each_class_is_on_both_sides(share):
    codes = np.repeat([0, 1], [2, 3])
    training, validation = split(codes, share=share)
    assert set(codes[training]) == set(codes[validation]) == {0, 1}


def test_a_class_of_one_image_is_refused_by_name():
    with pytest.raises(DeepometryError, match="Class 1: expected at least two different cells"):
        split([0, 0, 0, 1])
    with pytest.raises(DeepometryError, match="Class 1"):
        split([0, 0, 1, 1], [1, 2, 3, 3])


def test_the_seed_decides():
    codes = np.repeat([0, 1], 50)
    assert (split(codes, seed=3)[1] == split(codes, seed=3)[1]).all()
    assert (split(codes, seed=3)[1] != split(codes, seed=4)[1]).any()
