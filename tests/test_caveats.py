"""What makes a score say less than it seems to is told in words."""

from __future__ import annotations

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.training.dataset_checks import confounded, too_few
from deepometry.training.gather import gather_cells
from deepometry.training.near_duplicates import grain, grain_bits, pairs_across
from tests.parsed import write_classes, write_record, write_stack

CROSSED = {(f"Day {day}", f"Class {label}"): 50 for day in (1, 2) for label in "AB"}


def test_classes_on_every_day_are_no_reason_for_a_warning():
    assert confounded(CROSSED, "Class") == []
    assert confounded({("Class A",): 3, ("Class B",): 3}, "Class") == []


def test_a_class_of_one_day_only_is_told():
    folders = CROSSED | {("Day 2", "Class C"): 9}
    (told,) = confounded(folders, "Class")
    assert told.startswith("Class C comes from Day 2 only. ")
    assert "another Day" in told
    assert confounded(CROSSED | {("Day 3", "Class A"): 9}, "Class") == []


def test_classes_that_each_have_a_day_of_their_own_are_told_together():
    folders = {(f"Day {n}", f"Class {label}"): 5 for n, label in enumerate("ABCDEF")}
    (told,) = confounded(folders, "Class")
    assert told.startswith("6 of the 6 classes of Class come from one Day each only: A (Day 0), ")
    assert "and 2 more" in told
    (other_way,) = confounded(folders, "day")
    assert "classes of day come from one Class each" in other_way


def test_levels_without_a_prefix_are_looked_at_too_but_not_the_target_itself():
    folders = {("Patient", "Class A"): 5, ("Control", "Class B"): 5}
    (told,) = confounded(folders, "Class")
    assert "'Patient'" in told
    # Class, and Folder level 1, are the same folder names
    assert confounded({("Class A",): 5, ("Class B",): 5, ("Debris",): 5}, "Class") == []
    assert confounded({("Class A",): 5, ("Class B",): 5, ("Debris",): 5}, "Folder level 1") == []


def test_too_few_cells_to_judge():
    assert too_few({"A": (40, 10), "B": (100, 25)}) == []
    (told,) = too_few({"A": (40, 10), "Anaphase": (10, 2), "Telophase": (17, 4)})
    assert "Anaphase (2 of 12 cells), Telophase (4 of 21 cells)" in told
    assert "50 percentage points" in told


# --- nearly identical images --------------------------------------------------------------------


def images(count: int, seed: int = 0) -> np.ndarray:
    """Make cells that all look alike: the same disc, with camera noise of their own."""
    y, x = np.mgrid[:32, :32] - 15.5
    disc = 300.0 * (np.hypot(x, y) < 9)
    noise = np.random.default_rng(seed).normal(100, 8, (count, 32, 32, 2))
    return (noise + disc[..., None]).round().astype(np.uint16)


def test_cells_that_look_alike_are_no_twins():
    values = grain(images(60))
    both = values @ values.T - np.eye(60)
    assert both.max() < 0.7
    assert np.allclose(np.linalg.norm(values, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("change", ["padding", "brighter", "a little noise"])
def test_twins_are_found(tmp_path, change):
    first, rng = images(80), np.random.default_rng(5)
    twin = first[:3].astype(float)
    if change == "padding":
        twin[:, :4] = rng.normal(100, 8, twin[:, :4].shape)
        twin[:, :, -4:] = rng.normal(100, 8, twin[:, :, -4:].shape)
    twin = twin * 1.3 + 20 if change == "brighter" else twin
    twin += rng.normal(0, 0.5, twin.shape) * (change == "a little noise")
    write_stack(tmp_path / "Class A", first)
    write_stack(tmp_path / "Class B", np.concatenate([images(40, 1), twin.astype(np.uint16)]))
    dataset = open_dataset(tmp_path)
    found = pairs_across(dataset, np.arange(80), np.arange(80, 123), Progress())
    assert [(pair.validation, pair.training) for pair in found] == [(120, 0), (121, 1), (122, 2)]


def test_blank_images_are_quickly_passed_over(tmp_path):
    write_stack(tmp_path / "Class A", np.full((2000, 16, 16, 1), 7, np.uint16))
    dataset = open_dataset(tmp_path)
    assert pairs_across(dataset, np.arange(1000), np.arange(1000, 2000), Progress()) == []
    assert len(np.unique(grain_bits(dataset.read(np.arange(5))), axis=0)) == 1


def test_gathering_cells_says_it_all(tmp_path):
    write_record(tmp_path)
    for day, label, seed in ((1, "A", 0), (2, "B", 1)):
        write_stack(tmp_path / f"Day {day}" / f"Class {label}", images(20, seed), "own.cif")
    twin = images(20)
    twin[:, 0, 0] += 1  # so that these are not the same images to the last bit
    write_stack(tmp_path / "Day 1" / "Class A", twin, "copy.cif", "copy")
    said: list[str] = []
    options = BaselineOptions(input=tmp_path, output=tmp_path, target="Class", validation=0.2)
    cells = gather_cells(options, Progress(on_say=said.append))
    assert [f"Warning: {warning}" for warning in cells.warnings] == said[-len(cells.warnings) :]
    day, few, alike = cells.warnings
    assert "2 of the 2 classes of Class come from one Day each" in day
    assert "B (4 of 20 cells)" in few
    assert "of own.cif" in alike and "of copy.cif" in alike


def test_cells_without_any_such_thing_are_not_spoken_of(tmp_path):
    root = write_classes(tmp_path, {"Class A": 60, "Class B": 60})
    options = BaselineOptions(input=root, output=tmp_path, target="Class", validation=0.2)
    assert gather_cells(options, Progress()).warnings == ()
