"""Folds: every cell is left out once, classes are spread evenly, groups and twins stay together."""

from __future__ import annotations

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.progress import Progress
from deepometry.training.folds import assign_folds, assign_group_folds
from deepometry.training.gather import gather_cells
from deepometry.training.split import fold_cells
from tests.parsed import blobs, write_record, write_stack


def folds_of(codes, images=None, folds=5, seed=0):
    codes = np.array(codes)
    images = np.arange(len(codes)) if images is None else np.array(images)
    labels = [f"L{n}" for n in range(codes.max() + 1)]
    return assign_folds(codes, images, labels, folds, np.random.default_rng(seed))


@pytest.mark.parametrize("folds", [2, 3, 5, 20])
def test_every_fold_has_as_many_of_every_class_and_in_all(folds):
    codes = np.repeat([0, 1, 2], [101, 57, 23])
    found = folds_of(codes, folds=folds)
    for code in range(3):
        each = np.bincount(found[codes == code], minlength=folds)
        assert each.max() - each.min() <= 1
    each = np.bincount(found, minlength=folds)
    assert each.max() - each.min() <= 1
    assert (found >= 0).all()


def test_cells_without_a_class_are_in_no_fold_and_the_seed_decides():
    codes = np.repeat([0, 1, -1], 20)
    found = folds_of(codes)
    assert ((found == -1) == (codes == -1)).all()
    assert (found == folds_of(codes)).all()
    assert (found != folds_of(codes, seed=1)).any()


def test_equal_images_are_in_one_fold():
    rng = np.random.default_rng(1)
    codes = np.repeat([0, 1, 2], 100)
    images = rng.integers(0, 90, 300)  # the same image may even have two labels
    found = folds_of(codes, images)
    for image in np.unique(images):
        assert len(set(found[images == image])) == 1
    for code in range(3):
        each = np.bincount(found[codes == code], minlength=5)
        assert each.min() > 10


@pytest.mark.parametrize(
    ("cells", "folds", "told"),
    [
        (4, 5, r"at least 5 different cells of L1 for 5 folds, found 4; use --folds 4 or fewer"),
        (2, 5, r"at least 5 different cells of L1 for 5 folds, found 2; add cells"),
        (3, 2, r"at least 4 different cells of L1 for 2 folds, found 3; add cells"),
    ],
)
def test_a_class_with_too_few_cells_is_named_with_what_to_do(cells, folds, told):
    with pytest.raises(DeepometryError, match=told):
        folds_of([0] * 20 + [1] * cells, folds=folds)


def test_ten_times_the_same_image_is_one_cell():
    with pytest.raises(DeepometryError, match="found 1"):
        folds_of([0] * 20 + [1] * 10, [*range(20), *[20] * 10])


# --- groups ------------------------------------------------------------------------------------


def group_folds(codes, groups, folds, seed=0):
    labels = [f"L{n}" for n in range(max(codes) + 1)]
    rng = np.random.default_rng(seed)
    return assign_group_folds(np.array(codes), np.array(groups), labels, "Sample", folds, rng)


def test_groups_stay_whole_and_every_class_in_every_training_part():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(12), rng.integers(5, 60, 12))
    codes = rng.choice(3, len(groups), p=[0.6, 0.3, 0.1])
    found = group_folds(codes, groups, 4)
    assert set(found) == {0, 1, 2, 3}
    for group in range(12):
        assert len(set(found[groups == group])) == 1
    for fold in range(4):
        assert set(codes[found != fold]) == {0, 1, 2}
    sizes = np.bincount(found)
    assert sizes.max() < 1.6 * sizes.min()


def test_as_many_groups_as_folds_are_one_each():
    groups = np.repeat([0, 1, 2], [50, 5, 9])
    codes = np.tile([0, 1], 32)
    found = group_folds(codes, groups, 3)
    assert len({tuple(np.unique(groups[found == n])) for n in range(3)}) == 3


def test_a_class_of_two_groups_is_never_left_out_whole():
    """Both groups of the rare class in one fold would leave none to learn from."""
    groups = np.repeat(np.arange(6), 10)
    codes = np.zeros(60, int)
    codes[[0, 1, 10, 11]] = 1  # in groups 0 and 1 only
    for seed in range(10):
        found = group_folds(codes, groups, 2, seed)
        assert set(codes[found == 0]) == set(codes[found == 1]) == {0, 1}


def test_groups_that_do_not_allow_it_are_told():
    codes = [0, 1] * 10
    with pytest.raises(DeepometryError, match="at least 3 values of Sample for 3 folds, found 2"):
        group_folds(codes, [0, 1, 1, 0] * 5, 3)
    with pytest.raises(DeepometryError, match="cells of L0 in two values of Sample or more"):
        group_folds(codes, [0, 1] * 10, 2)


# --- the cells of a data set ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Two classes in four samples, one of them spelled in two ways."""
    root = tmp_path_factory.mktemp("samples")
    write_record(root)
    for n, sample in enumerate(("A", "a", "B", "C", "D")):
        for kind, label in enumerate("XY"):
            write_stack(root / f"Sample {sample}" / f"Class {label}",
                        blobs(8 + n, kind, seed=n))  # fmt: skip
    return root


def options(root, kind=TrainOptions, **more):
    return kind(input=root, output="unused", target="Class", **more)


def sample_of(cells) -> np.ndarray:
    each = [(part.levels[0].casefold(), len(part.stored)) for part in cells.dataset.parts]
    return np.concatenate([[name] * count for name, count in each])


def test_folds_and_validation_of_folds_keep_samples_whole(samples):
    asked = options(samples, folds=3, group_by="sample", validation=0.25)
    cells = gather_cells(asked, Progress())
    names = sample_of(cells)
    left_out = []
    for fold in range(3):
        part = fold_cells(cells, fold, asked, Progress())
        out = np.flatnonzero(cells.folds == fold)
        sides = [set(names[side]) for side in (part.training, part.validation, out)]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert all(sides)
        assert set(cells.codes[part.training]) == {0, 1}
        left_out += out.tolist()
    assert sorted(left_out) == list(range(len(cells.dataset)))


def test_groups_without_folds_divide_the_validation_share(samples):
    cells = gather_cells(options(samples, group_by="Sample"), Progress())
    names = sample_of(cells)
    assert cells.folds is None
    assert not set(names[cells.training]) & set(names[cells.validation])
    assert len(cells.training) + len(cells.validation) == len(cells.dataset)


def test_network_and_baseline_have_the_same_folds(samples):
    both = [
        gather_cells(options(samples, kind, folds=4, seed=3), Progress()).folds
        for kind in (TrainOptions, BaselineOptions)
    ]
    assert (both[0] == both[1]).all()


def test_only_one_sample_left_for_training_is_told(tmp_path):
    for n, sample in enumerate("AB"):
        for kind, label in enumerate("XY"):
            write_stack(tmp_path / f"Sample {sample}" / f"Class {label}", blobs(6, kind, seed=n))
    asked, said = options(tmp_path, folds=2, group_by="Sample"), []
    cells = gather_cells(asked, Progress())
    part = fold_cells(cells, 0, asked, Progress(on_say=said.append))
    assert len(part.validation) >= 2
    assert "No Sample can be spared for validation" in said[0]


def test_groups_that_the_folders_do_not_have(samples, tmp_path):
    with pytest.raises(DeepometryError, match="expected folders named Day, found Class, S"):
        gather_cells(options(samples, group_by="Day"), Progress())
    write_stack(tmp_path / "Class X", blobs(6, 0))
    write_stack(tmp_path / "Sample A" / "Class Y", blobs(6, 1))
    with pytest.raises(DeepometryError, match="cells in Class X without one"):
        gather_cells(options(tmp_path, group_by="Sample", folds=2), Progress())


def test_cells_without_a_label_need_no_group(samples, tmp_path):
    for kind, label in enumerate("XY"):
        for sample in "AB":
            write_stack(
                tmp_path / f"Sample {sample}" / f"Class {label}", blobs(6, kind, ord(sample))
            )
    write_stack(tmp_path / "Rest", blobs(4, 2))
    cells = gather_cells(options(tmp_path, group_by="Sample", folds=2), Progress())
    assert np.bincount(cells.folds + 1).tolist() == [4, 12, 12]


@pytest.mark.parametrize(("given", "found"), [("0", None), ("", None), (0, None), ("5", 5)])
def test_blank_or_nought_folds_are_none(given, found):
    assert options("x", folds=given).folds == found


@pytest.mark.parametrize("given", ["1", "21", "five", -2])
def test_other_numbers_of_folds_are_refused(given):
    with pytest.raises(DeepometryError, match="Folds: expected a whole number from 2 to 20"):
        options("x", folds=given)
