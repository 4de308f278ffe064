"""The example data set: what is drawn, and that it can be learned."""

import math

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.images.synthetic import dataset as example
from deepometry.images.synthetic.dataset import DAYS, SAMPLES, example_cells
from deepometry.images.synthetic.optics import PIXEL, facets, thickness
from deepometry.images.synthetic.red_cell import (
    CHANNELS,
    CLASSES,
    DISC,
    CellState,
    _sphere_mesh,
    _surface,
    draw_cell,
    draw_cell_and_mask,
    draw_state,
)


@pytest.fixture(scope="module")
def cells():
    return list(example_cells(280, seed=3))


@pytest.fixture(scope="module")
def labelled():
    """Features and labels of as many cells of each class, shapes (560, features) and (560,)."""
    rng = np.random.default_rng(11)
    labels = np.tile(np.arange(len(CLASSES)), 80)
    days = [DAYS[i // len(CLASSES) % len(DAYS)] for i in range(len(labels))]
    drawn = [draw_cell_and_mask(CLASSES[k], rng, day) for k, day in zip(labels, days, strict=True)]
    return np.array([features(*cell) for cell in drawn]), labels


def features(pixels, mask):
    """A handful of numbers that anyone would think of, for one cell."""
    bright, dark = (pixels[..., c] - np.median(pixels[..., c][~mask]) for c in range(2))
    spread = np.linalg.eigvalsh(np.cov(np.nonzero(mask)))
    fine = np.diff(bright, 2, axis=0)[:, 1:-1] + np.diff(bright, 2, axis=1)[1:-1]
    scatter = np.maximum(dark[mask], 1.0)
    return [
        np.sqrt(mask.sum()),
        np.sqrt(spread[0] / spread[1]),
        bright[mask].mean(),
        bright[mask].std(),
        np.log(fine[mask[1:-1, 1:-1]].std()),
        np.log(scatter.mean()),
        np.log(scatter.max()),
        np.log(scatter).mean(),
    ]


def discriminant(train, labels, test):
    """Labels by linear discriminant analysis."""
    means = np.array([train[labels == k].mean(axis=0) for k in range(len(CLASSES))])
    within = np.cov((train - means[labels]).T)
    weights = np.linalg.solve(within, means.T)
    return (test @ weights - 0.5 * (means.T * weights).sum(axis=0)).argmax(axis=1)


# --- the cells -----------------------------------------------------------------------------------


def test_same_seed_draws_the_same_cells(cells):
    again = list(example_cells(280, seed=3))
    assert [(c.folders, c.name) for c in again] == [(c.folders, c.name) for c in cells]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(again, cells, strict=True))


def test_another_seed_draws_other_cells(cells):
    other = next(example_cells(280, seed=4))
    assert other.pixels.shape != cells[0].pixels.shape or (other.pixels != cells[0].pixels).any()


@pytest.mark.parametrize("count", [1, 20, 57])
def test_exactly_as_many_cells_as_asked_for(count):
    drawn = list(example_cells(count))
    assert len(drawn) == len({cell.name for cell in drawn}) == count


def test_pixels_are_twelve_bit_counts(cells):
    for cell in cells:
        assert cell.pixels.dtype == np.uint16
        assert cell.pixels.shape == (*cell.mask.shape, len(CHANNELS))
        assert cell.pixels.max() <= 4095


def test_backgrounds_are_those_of_the_instrument(cells):
    outside = np.array([np.median(cell.pixels[~cell.mask], axis=0) for cell in cells])
    assert outside[:, 0].min() > 780 and outside[:, 0].max() < 1020
    assert outside[:, 1].min() > 28 and outside[:, 1].max() < 42


def test_noise_of_the_dark_background(cells):
    corners = np.array([cell.pixels[:3, :3, 1].std(ddof=1) for cell in cells])
    assert 1.5 < np.median(corners) < 3.5


def test_sizes_vary_and_are_not_square(cells):
    sizes = np.array([cell.mask.shape for cell in cells])
    assert sizes.min() >= 14 and sizes.max() <= 50
    assert len(np.unique(sizes, axis=0)) > 100
    assert (sizes[:, 0] != sizes[:, 1]).mean() > 0.7


def test_margins_are_three_to_eight_pixels(cells):
    for cell in cells:
        for axis in range(2):
            filled = np.flatnonzero(cell.mask.any(axis=axis))
            margins = filled[0], cell.mask.shape[1 - axis] - 1 - filled[-1]
            assert all(3 <= margin <= 8 for margin in margins)


def test_every_day_holds_every_class(cells):
    seen = {(c.folders[0], c.folders[2]) for c in cells}
    assert seen == {(f"Day {day}", f"Class {label}") for day in DAYS for label in CLASSES}
    assert example.cell_counts(280).sum(axis=1).min() >= 3


def test_samples_hold_as_many_cells():
    assert np.ptp(example.cell_counts(1400).sum(axis=(0, 2))) <= 10


@pytest.mark.parametrize("sample", SAMPLES)
def test_older_blood_holds_more_spheres_and_fewer_smooth_discs(sample):
    shares = np.array([example.proportions(day, sample) for day in DAYS])
    assert shares.sum(axis=1) == pytest.approx(1)
    assert (np.diff(shares[:, CLASSES.index("Smooth_Disc")]) < 0).all()
    for label in ("Crenated_Sphere", "Smooth_Sphere"):
        assert (np.diff(shares[:, CLASSES.index(label)]) > 0).all()


def test_days_differ_in_illumination():
    levels = [np.median(draw_cell("Side", np.random.default_rng(1), day)[0, :, 0]) for day in DAYS]
    assert np.ptp(levels) > 20


@pytest.mark.parametrize("draw", [draw_cell, draw_state])
def test_unknown_label_is_refused_with_the_seven(draw):
    with pytest.raises(DeepometryError) as caught:
        draw("Sickle", np.random.default_rng(0))
    assert all(label in str(caught.value) for label in ("Sickle", *CLASSES))


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-5, 0), (10, -1)])
def test_too_small_numbers_are_refused_at_once(count, seed):
    with pytest.raises(DeepometryError, match="or more"):
        example_cells(count, seed)


# --- the physics ---------------------------------------------------------------------------------


def _volume(stage, rng):
    points, faces = _sphere_mesh()
    smooth, _ = _surface(points, CellState(stage, 0.0, 90.0), rng)
    return thickness(*facets(smooth, faces)).sum() * PIXEL**2


@pytest.mark.parametrize("stage", [0.0, 2.5, 5.0])
def test_volume_is_kept_from_disc_to_sphere(stage):
    rng = np.random.default_rng(0)
    volumes = [_volume(stage, rng) for _ in range(40)]
    assert np.mean(volumes) == pytest.approx(90, rel=0.04)


def test_thickness_of_a_sphere_is_that_of_geometry():
    points, faces = _sphere_mesh()
    path = thickness(*facets(3.0 * points, faces))
    assert path.max() == pytest.approx(6.0, rel=0.03)
    assert path.sum() * PIXEL**2 == pytest.approx(4 / 3 * math.pi * 27, rel=0.02)
    assert path[0].max() < 0.01


def test_disc_has_a_dimple_and_sphere_has_none():
    points, faces = _sphere_mesh()
    rng = np.random.default_rng(5)
    for stage, dimpled in ((0.0, True), (5.0, False)):
        smooth, _ = _surface(points, CellState(stage, 0.0, 90.0), rng)
        path = thickness(*facets(smooth, faces))
        middle = path[path.shape[0] // 2, path.shape[1] // 2]
        assert (middle < 0.7 * path.max()) == dimpled


def test_disc_is_about_as_flat_as_measured():
    radius = (94 / (2 * math.pi * (DISC @ [1 / 3, 2 / 15, 8 / 105]))) ** (1 / 3)
    assert radius == pytest.approx(3.91, rel=0.01)  # Evans and Fung: 94 fL, 7.82 um across


# --- learning ------------------------------------------------------------------------------------


def test_classes_can_be_learned_but_not_at_a_glance(labelled):
    values, labels = labelled
    half = len(labels) // 2
    predicted = discriminant(values[:half], labels[:half], values[half:])
    assert 0.5 < (predicted == labels[half:]).mean() < 0.8  # 0.66; without any overlap 0.86


def test_mistakes_lie_between_neighbours(labelled):
    values, labels = labelled
    half = len(labels) // 2
    predicted, true = discriminant(values[:half], labels[:half], values[half:]), labels[half:]
    sequence = (predicted < 6) & (true < 6)
    assert (np.abs(predicted - true)[sequence & (predicted != true)] == 1).mean() > 0.75


def test_crenated_cells_scatter_more_than_smooth_discs(labelled):
    values, labels = labelled
    scatter = [values[labels == k, 5].mean() for k in range(len(CLASSES))]
    assert min(scatter[2:5]) > scatter[0]
