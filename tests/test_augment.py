"""Mirror images, turns and shifts."""

import numpy as np
import pytest

from deepometry.training.augmentation import augment, random_turns


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(100, 20, (16, 16, 16, 2)).astype(np.float32)


def augmented(images, seed=0, **options):
    return augment(images, np.random.default_rng(seed), **options)


def test_flips_are_exact_mirror_images(images):
    found = augmented(images, flips=True, rotation=False)
    kinds = [
        next(
            k for k, v in enumerate((x, x[::-1], x[:, ::-1], x[::-1, ::-1])) if np.array_equal(v, y)
        )
        for x, y in zip(images, found, strict=True)
    ]
    assert set(kinds) == {0, 1, 2, 3}


def test_shifts_are_whole_pixels_of_all_channels_together(images):
    found = augmented(images, flips=False, rotation=False, shifts=0.125)
    seen = set()
    for x, y in zip(images, found, strict=True):
        fits = [
            (r, c)
            for r in range(-2, 3)
            for c in range(-2, 3)
            if np.allclose(np.roll(x, (r, c), (0, 1))[3:-3, 3:-3], y[3:-3, 3:-3], atol=1e-3)
        ]
        assert len(fits) == 1
        seen |= set(fits)
    assert len(seen) > 5


def test_rotation_keeps_the_middle_and_the_counts(images):
    flat = np.full_like(images, 300)
    flat[:, 6:10, 6:10] = 900
    found = augmented(flat, flips=True, rotation=True)
    assert found[:, 7:9, 7:9].min() > 899
    assert found.min() >= 299.9
    assert found.max() <= 900.1
    assert (found != flat).any()


def test_turns_are_orthogonal_and_mirror_half_of_the_time():
    turns = random_turns(1000, np.random.default_rng(0), flips=True, rotation=True)
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(2))
    assert 400 < (np.linalg.det(turns) < 0).sum() < 600
    plain = random_turns(5, np.random.default_rng(0), flips=False, rotation=False)
    assert np.allclose(plain, np.eye(2))


def test_nothing_chosen_changes_nothing(images):
    assert augmented(images, flips=False, rotation=False, shifts=0.0) is images


def test_the_seed_decides(images):
    options = {"flips": True, "rotation": True, "shifts": 0.1}
    assert np.array_equal(augmented(images, 1, **options), augmented(images, 1, **options))
    assert not np.array_equal(augmented(images, 1, **options), augmented(images, 2, **options))


def test_beyond_the_border_comes_a_mirror_image_or_the_border_itself(images):
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32)[None, None, :, None], images.shape)
    options = {"flips": False, "rotation": False, "shifts": 0.25}
    mirrored = augmented(ramp, **options)
    repeated = augmented(ramp, mirror=False, **options)
    shifts = (mirrored[:, 0, 8, 0] - 8).astype(int)
    assert len(set(shifts)) > 4
    for shift, one, other in zip(shifts, mirrored, repeated, strict=True):
        wanted = np.arange(16) + shift
        assert np.array_equal(one[0, :, 0], 15 - np.abs(15 - np.abs(wanted)))
        assert np.array_equal(other[0, :, 0], wanted.clip(0, 15))
