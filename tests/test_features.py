"""Classical features: against scikit-image and SciPy, on shapes whose measures are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import feature, measure

from deepometry.cells.dataset import open_dataset
from deepometry.classical.features import (
    BETWEEN,
    FAMILIES,
    family_of,
    feature_names,
    measure_on_cores,
    measured,
    runs,
    texture,
)
from deepometry.classical.features import granularity as scales
from deepometry.classical.features import measure as measure_cells
from deepometry.classical.features import morphology as shape
from deepometry.classical.features import segmentation as masks
from deepometry.classical.features.ordering import ranked, rising
from deepometry.core.progress import Cancelled, Progress
from tests.parsed import blobs, write_classes
from tests.reference_features import features_of

SIDE = 40


def ellipse(long: float, short: float, turn: float = 0.3) -> np.ndarray:
    """Make the mask of an ellipse, by its half axes."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return (((along / long) ** 2 + (across / short) ** 2) < 1).astype(np.uint8)


def cells(*shapes: np.ndarray, light: float = 60.0, seed: int = 0) -> np.ndarray:
    """Make images (n, side, side, 1) of bright shapes on noise."""
    noise = np.random.default_rng(seed).normal(100, 2, (len(shapes), SIDE, SIDE, 1))
    return (noise + light * np.stack(shapes)[..., None]).round().astype(np.uint16)


def named(found: np.ndarray, name: str) -> np.ndarray:
    """Give one feature of all cells of one channel."""
    return found[:, feature_names(1).index(f"Ch1: {name}")]


def test_every_feature_has_one_name_that_says_its_channel():
    names = feature_names(2, (3, 6), {3: "Brightfield"})
    assert len(set(names)) == len(names) == measure_cells(blobs(1, 0)).shape[1]
    assert "Ch3 Brightfield: perimeter" in names
    assert "Ch6: texture contrast at 2 px" in names
    assert "Ch3 with Ch6: correlation" in names


def test_every_feature_is_of_a_family():
    names = feature_names(2)
    families = {name: family_of(place, 2) for place, name in enumerate(names)}
    assert set(families.values()) == {*FAMILIES, BETWEEN}
    assert families["Ch2: perimeter"] == families["Ch1: core pieces"] == "morphology"
    assert families["Ch2: entropy"] == "intensity"
    assert families["Ch1 with Ch2: overlap"] == BETWEEN


@pytest.mark.parametrize(("long", "short"), [(8, 8), (14, 6), (17, 3)])
def test_shapes_as_scikit_image_measures_them(long, short):
    mask = ellipse(long, short)
    expected = measure.regionprops(mask.astype(int))[0]
    area, cy, cx, major, minor = shape.axes(mask)
    assert area == expected.area
    assert (cy, cx) == pytest.approx(expected.centroid)
    assert (major, minor) == pytest.approx((expected.axis_major_length, expected.axis_minor_length))
    assert shape.perimeter(mask) == pytest.approx(measure.perimeter(mask, 4))
    around, longest, _ = shape.hull(mask)
    assert around == pytest.approx(expected.area_convex, rel=0.1)
    assert longest == pytest.approx(expected.feret_diameter_max, rel=0.05)


def test_grey_level_matrices_as_scikit_image_counts_them():
    grey = np.random.default_rng(0).integers(0, texture.LEVELS, (20, 20)).astype(np.uint8)
    framed = np.pad(grey, max(texture.DISTANCES), constant_values=texture.LEVELS)
    counts = texture.count_pairs(framed, 2)[:, : texture.LEVELS, : texture.LEVELS]
    expected = feature.graycomatrix(grey, [2], [0, np.pi / 2], texture.LEVELS, symmetric=True)
    for turn, place in ((0, 0), (2, 1)):
        assert np.array_equal(counts[turn] + counts[turn].T, expected[:, :, 0, place])


def test_local_patterns_as_scikit_image_counts_them():
    image = np.random.default_rng(0).integers(0, 60000, (SIDE, SIDE))
    expected = feature.local_binary_pattern(image, 8, 1, "uniform")[1:-1, 1:-1]
    found = np.empty(10)
    mask = np.ones(image.shape, np.uint8)
    texture._patterns(image.astype(float), mask, 1, (0, SIDE), found)
    assert np.allclose(
        found, np.bincount(expected.astype(int).ravel(), minlength=10) / expected.size
    )


def test_blur_as_scipy_does():
    image = np.random.default_rng(0).normal(size=(SIDE, SIDE))
    expected = ndimage.gaussian_filter(image, 2.0, mode="nearest", radius=6)
    assert np.allclose(scales.blurred(image, 2.0, (0, SIDE, 0, SIDE)), expected)
    assert np.allclose(scales.blurred(image, 2.0, (5, 9, 0, 30)), expected[5:9, :30])


@pytest.mark.parametrize("size", [1, 2, 7, 500])
@pytest.mark.parametrize("kind", ["normal", "few values", "one value", "far outliers", "skewed"])
def test_order_statistics_as_numpy_sorts_them(size, kind):
    values = np.random.default_rng(size).normal(size=size)
    values = {
        "normal": values,
        "few values": values.round(),
        "one value": np.full(size, 3.7),
        "far outliers": values + 1e12 * (values > 2.5),
        "skewed": np.exp(20 * values),
    }[kind]
    ordered = np.sort(values)
    assert np.array_equal(rising(values), ordered)
    for rank in {0, size // 3, size // 2, size - 1}:
        assert ranked(values, rank) == ordered[rank]


def test_order_statistics_of_what_is_no_number_end():
    values = np.array([3.0, np.nan, 1.0, np.inf, -np.inf] * 40)
    assert rising(values).shape == values.shape
    ranked(values, 100)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.7, 0.98])
def test_pieces_and_holes_as_scipy_finds_them(share):
    random = np.random.default_rng(int(100 * share))
    for high, wide in ((1, 9), (9, 1), (30, 41), (64, 64)):
        mask = (random.random((high, wide)) < share).astype(np.uint8)
        numbers = ndimage.label(mask, np.ones((3, 3)))[0]
        sizes = np.bincount(numbers.ravel())[1:]
        found = runs.number_pieces(mask)
        assert np.array_equal(found[0], numbers) and found[1].tolist() == [0, *sizes]
        largest = [0, 0, *np.sort(sizes)][:-3:-1]
        assert runs.pieces(mask) == (len(sizes), *largest)
        expected = ndimage.binary_fill_holes(mask)
        runs.fill_holes(mask)
        assert np.array_equal(mask, expected)


def reference_images() -> dict[str, np.ndarray]:
    """Make cells of several kinds and sizes, (n, height, width, channels)."""
    random = np.random.default_rng(3)
    two = np.roll(ellipse(5, 5), 9, 1) + np.roll(ellipse(5, 4), -9, 1)
    ring = ellipse(15, 12) - ellipse(6, 4)
    shapes = np.stack([ellipse(12, 7), ellipse(17, 3, 0.9), two, ring])
    soft = ndimage.gaussian_filter(shapes.astype(float), (0, 1.5, 1.5))
    light = np.array([600.0, -80.0, 30.0])
    mottled = 1 + ndimage.gaussian_filter(random.normal(0, 1, (4, SIDE, SIDE, 3)), (0, 1, 1, 0))
    cells = 200 + soft[..., None] * light * mottled + random.normal(0, 3, (4, SIDE, SIDE, 3))
    large = ndimage.zoom(cells[:2, ..., :2], (1, 2.5, 2.5, 1), order=1)
    return {
        "counts": cells.round().clip(0).astype(np.uint16),
        "numbers": (cells / 7000).astype(np.float32),
        "large": large.round().astype(np.uint16),
        "noise": random.normal(100, 5, (4, 24, 24, 2)).round().astype(np.uint16),
        "oblong": cells[:, 8:30, :, :2],
        "at the edge": cells[:, 14:, 14:].round(),
        "a byte": (cells / 4).round().clip(0, 255).astype(np.uint8)[..., :1],
    }


@pytest.mark.parametrize("kind", list(reference_images()))
def test_all_features_are_those_of_a_slow_and_clear_measurement(kind):
    images = reference_images()[kind]
    found, names = measure_cells(images), feature_names(images.shape[3])
    for cell, image in zip(found, images, strict=True):
        expected = features_of(image)
        near = np.isclose(cell, expected, rtol=1e-4, atol=1e-5)
        assert near.all(), [names[n] for n in np.flatnonzero(~near)]


def test_only_families_that_are_wanted_are_measured():
    images = reference_images()["counts"]
    everything, names = measure_cells(images), feature_names(3)
    chosen = [n for n, name in enumerate(names) if family_of(n, 3) == "texture" and "Ch2" in name]
    chosen.append(names.index("Ch1 with Ch3: overlap"))
    some = measure_cells(images, np.array([chosen[0], chosen[-1]]))
    pair = [n for n, name in enumerate(names) if name.startswith("Ch1 with Ch3")]
    assert np.array_equal(some[:, [*chosen, *pair]], everything[:, [*chosen, *pair]])
    others = np.setdiff1d(np.arange(len(names)), [*chosen, *pair])
    assert not some[:, others].any() and everything[:, others].any()
    assert not measure_cells(images, np.array([], int)).any()


@pytest.mark.parametrize("count", [0, 1, 5, 300])
def test_many_cells_on_all_cores_are_as_one_by_one(count):
    images = np.resize(reference_images()["noise"], (count, 24, 24, 2))
    wanted = np.array([3, 100])
    found = measure_on_cores(images, wanted=wanted)
    assert found.shape == (count, len(feature_names(2)))
    assert np.array_equal(found, measure_cells(images, wanted))


def test_masks_find_the_cell_filled_and_nothing_in_noise():
    ring = ellipse(12, 12) - ellipse(9, 9)
    for light in (60.0, -60.0, 2000.0):
        image = cells(ring, light=light)[0, ..., 0].astype(float)
        level, spread = masks.background(image)
        mask = np.zeros(image.shape, np.uint8)
        masks.find_mask(image - level, spread, mask)
        assert abs(mask.sum() - ellipse(12, 12).sum()) < 0.35 * mask.sum()
        assert mask[SIDE // 2, SIDE // 2]
    noise = cells(np.zeros((SIDE, SIDE)))
    assert named(measure_cells(noise), "area")[0] < 20


def test_features_tell_what_they_are_named_after():
    found = measure_cells(cells(ellipse(8, 8), ellipse(14, 6), ellipse(14, 6), light=60))
    assert np.argmin(named(found, "eccentricity")) == 0
    assert np.argmax(named(found, "circularity")) == 0
    assert np.argmin(named(found, "longest diameter")) == 0
    two = np.roll(ellipse(5, 5), 9, 1) + np.roll(ellipse(5, 5), -9, 1)
    found = measure_cells(cells(ellipse(8, 8), two))
    assert named(found, "pieces").tolist() == [1, 2]
    assert named(found, "second piece share")[1] == pytest.approx(0.5, abs=0.1)
    dim, bright = (
        measure_cells(cells(ellipse(8, 8))),
        measure_cells(cells(ellipse(8, 8), light=120)),
    )
    ratio = named(bright, "integrated intensity") / named(dim, "integrated intensity")
    assert ratio == pytest.approx(2, rel=0.15)


def test_turning_and_mirroring_by_right_angles_changes_little():
    image = cells(ellipse(14, 6))
    found = measure_cells(image)[0]
    for other in (image[:, ::-1], np.rot90(image, axes=(1, 2))):
        turned = measure_cells(np.ascontiguousarray(other))[0]
        assert np.allclose(found, turned, rtol=0.1, atol=0.1 * np.abs(found).mean())


@pytest.mark.parametrize("value", [0, 100, 65535])
def test_images_without_any_contrast_give_zeros(value):
    found = measure_cells(np.full((2, 16, 16, 2), value, np.uint16))
    assert np.isfinite(found).all()
    assert not found[:, : len(feature_names(1))].any()


@pytest.mark.parametrize("kind", ["noise", "bright edge", "one pixel", "huge"])
def test_odd_images_give_numbers(kind):
    image = np.random.default_rng(0).normal(100, 5, (1, 16, 16, 3))
    image[:, :3] += 500 * (kind == "bright edge")
    image[:, 8, 8] += 5000 * (kind == "one pixel")
    found = measure_cells(image * (1e9 if kind == "huge" else 1))
    assert np.isfinite(found).all()


def test_cells_of_a_data_set_are_measured_in_order_on_all_cores(tmp_path):
    dataset = open_dataset(write_classes(tmp_path, {"Class A": 70, "Class B": 70}))
    indices, reports = np.arange(0, 140)[::-1], []
    progress = Progress(lambda done, total, text: reports.append((done, total)))
    found = np.concatenate(list(measured(dataset, indices, [1], progress, workers=2)))
    assert np.array_equal(found, measure_cells(dataset.read(indices, [1])))
    assert reports[-1] == (140, 140)


def test_measuring_can_be_stopped(tmp_path):
    dataset = open_dataset(write_classes(tmp_path, {"Class A": 70, "Class B": 70}))
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        list(measured(dataset, np.arange(140), [0], progress))
