"""Labels that can be predicted without a look at the cells are a warning; biology is none."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from deepometry.cells.dataset import open_dataset
from deepometry.cells.file_facts import facts_of
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.training.border import border_features, steps_of
from deepometry.training.gather import gather_cells
from tests.builders import SHARED
from tests.parsed import write_record

FRAME = 32
ADVICE = "A model may learn that instead of the cells, and its score does not show it."
Change = Callable[[np.ndarray], np.ndarray]


def cells(count: int, radius: float, seed: int, level: float = 1000) -> np.ndarray:
    """Make round cells of about this radius on a noisy background."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    radii = rng.normal(radius, 1, (count, 1, 1))
    images = rng.normal(level, 20, (count, FRAME, FRAME)) + 400 * (np.hypot(y, x) < radii)
    return images.round().clip(0, 65535).astype(np.uint16)[..., None]


def write(
    folder: Path,
    pixels: np.ndarray,
    sizes: np.ndarray | tuple[int, int] = (FRAME, FRAME),
    note: str = "",
    suffix: str = ".tif",
) -> None:
    """Write a stack with its table, as Parse does."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "cells.npy", pixels)
    rows = np.broadcast_to(sizes, (len(pixels), 2)).tolist()
    with (folder / "cells.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "object", "height", "width", "centre_x", "centre_y", "note"])
        for number, size in enumerate(rows):
            writer.writerow([f"{folder.name}/{number}{suffix}", number, *size, "", "", note])


def said_of(root: Path) -> list[str]:
    """Return what is said before a training, but for the number of cells."""
    write_record(root, channels=(1,))
    said: list[str] = []
    options = BaselineOptions(input=root, output=root, target="Class", validation=0.3)
    found = gather_cells(options, Progress(on_say=said.append))
    assert [text for text in said if text.startswith("Warning: ")] == [
        f"Warning: {warning}" for warning in found.warnings
    ]
    return said


def blurred(images: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(images.astype(float), (0, 1, 1, 0)).round().astype(np.uint16)


def framed(images: np.ndarray) -> np.ndarray:
    images[:, :1] = images[:, -1:] = images[:, :, :1] = images[:, :, -1:] = 0
    return images


CHANGES: list[tuple[str, Change, list[str]]] = [
    ("8 bit", lambda i: (i >> 4).astype(np.uint8), ["type of the pixels", "border"]),
    ("12 bit in 16", lambda i: i >> 3 << 3, ["step between pixel values", "border"]),
    ("a lamp that is brighter", lambda i: i + 40, ["border"]),
    ("another focus", blurred, ["border"]),
    ("a line around the images", framed, ["border"]),
    ("another gain", lambda i: (i * 1.5).astype(np.uint16), ["border"]),
]


@pytest.mark.parametrize(("change", "told"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_images_of_one_label_that_were_taken_or_exported_otherwise(
    tmp_path: Path, change: Change, told: list[str]
) -> None:
    write(tmp_path / "Class A", change(cells(60, 7, 0)))
    write(tmp_path / "Class B", cells(60, 7, 1))
    (warning,) = said_of(tmp_path)
    assert ADVICE in warning
    for fact in told:
        assert f"{fact}" in warning
        assert warning.count("alone predicts Class with a balanced accuracy of ") == len(told)
    assert "(guessing gives 0.50)" in warning


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"suffix": ".png"}, "The kind of file alone predicts Class with a balanced accuracy of 1"),
        (
            {"note": "turned: the file calls 0 white; cropped from 90 x 90"},
            "What was changed as the files were read alone predicts Class",
        ),
        ({"sizes": (28, 32)}, "The size of the images alone predicts Class"),
    ],
    ids=["kind", "note", "size"],
)
def test_facts_of_the_files_that_go_with_a_label(
    tmp_path: Path, how: dict[str, object], told: str
) -> None:
    write(tmp_path / "Class A", cells(40, 7, 0), **how)  # type: ignore[arg-type]
    write(tmp_path / "Class B", cells(40, 7, 1), note="cropped from 90 x 90")
    (warning,) = said_of(tmp_path)
    assert warning.startswith(f"Warning: {told}")
    assert ADVICE in warning


def test_few_images_suffice(tmp_path: Path) -> None:
    write(tmp_path / "Class A", (cells(12, 7, 0) >> 4).astype(np.uint8))
    write(tmp_path / "Class B", cells(12, 7, 1))
    warned = said_of(tmp_path)[0]
    assert warned.startswith(
        "Warning: The type of the pixels alone predicts Class with a balanced accuracy of 1.00 "
        "(guessing gives 0.50)."
    )


def test_one_label_of_several_is_named(tmp_path: Path) -> None:
    for seed, label in enumerate("ABCDE"):
        made = cells(50, 7, seed)
        write(tmp_path / f"Class {label}", made + 60 if label == "C" else made)
    (warning,) = said_of(tmp_path)
    assert "alone predicts which cells are of Class C, with a balanced accuracy of " in warning
    assert "(guessing gives 0.50)" in warning


def test_cells_of_other_sizes_are_biology(tmp_path: Path) -> None:
    write(tmp_path / "Class small", cells(80, 5, 0))
    write(tmp_path / "Class large", cells(80, 10, 1))
    assert said_of(tmp_path) == []


def test_images_that_an_instrument_cut_out_are_larger_with_the_cells(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write(tmp_path / "Class small", cells(80, 5, 0), rng.integers(16, 22, (80, 2)))
    write(tmp_path / "Class large", cells(80, 10, 1), rng.integers(26, 32, (80, 2)))
    (note,) = said_of(tmp_path)
    assert note == (
        "Note: The size of the images alone predicts Class with a balanced accuracy of 1.00 "
        "(guessing gives 0.50). That is no fault if the cells themselves differ in size."
    )


def test_large_cells_that_the_frame_crops_reach_the_border(tmp_path: Path) -> None:
    write(tmp_path / "Class small", cells(80, 9, 0), (48, 48))
    write(tmp_path / "Class large", cells(80, 15, 1), (48, 48))
    assert said_of(tmp_path) == []


def test_labels_of_a_few_cells_and_cells_without_a_table_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "Class A", cells(40, 7, 0))
    write(tmp_path / "Class B", cells(40, 7, 1))
    write(tmp_path / "Class C", cells(3, 7, 2) + 90)
    (tmp_path / "Class A/cells.csv").unlink()
    assert not any(ADVICE in text for text in said_of(tmp_path))


def test_the_sample_is_the_same_every_time(tmp_path: Path) -> None:
    write(tmp_path / "Class A", cells(60, 7, 0) + 12)
    write(tmp_path / "Class B", cells(60, 7, 1))
    assert said_of(tmp_path) == said_of(tmp_path)


@pytest.mark.skipif(not SHARED.exists(), reason="the real cells are not here")
@pytest.mark.parametrize("frame", [32, 40])
def test_real_phases_of_the_cell_cycle_are_biology(tmp_path: Path, frame: int) -> None:
    data = np.load(SHARED / "jurkat_cell_cycle.npz")
    gap = (40 - frame) // 2
    for label in ("G1", "S", "G2", "Prophase", "Metaphase"):
        pixels = data["images"][data["label"] == label][:150]
        pixels = pixels[:, gap : gap + frame, gap : gap + frame, :1]
        write(tmp_path / f"Class {label}", pixels, (40, 40))
    assert said_of(tmp_path) == []


@pytest.mark.skipif(not SHARED.exists(), reason="the real cells are not here")
@pytest.mark.parametrize("change", [lambda i: i + i // 20, blurred, lambda i: i >> 2 << 2])
def test_real_cells_of_one_phase_taken_otherwise_are_found(tmp_path: Path, change: Change) -> None:
    data = np.load(SHARED / "jurkat_cell_cycle.npz")
    pixels = data["images"][data["label"] == "G1"][:300, ..., :1]
    write(tmp_path / "Class A", change(pixels[::2]), (40, 40))
    write(tmp_path / "Class B", pixels[1::2], (40, 40))
    (warning,) = said_of(tmp_path)
    assert ADVICE in warning


# --- the numbers -----------------------------------------------------------------------------


def test_facts_are_those_of_the_chosen_cells(tmp_path: Path) -> None:
    sizes = np.arange(10, 22).reshape(6, 2)
    write(tmp_path / "Class A", cells(6, 7, 0), sizes, "a; cropped from 3 x 4; b", ".PNG")
    write(tmp_path / "Class B", cells(3, 7, 0).astype(np.uint8))
    write_record(tmp_path, channels=(1,))
    facts = facts_of(open_dataset(tmp_path), np.array([8, 1, 5]))
    assert facts.dtypes == ["uint8", "uint16", "uint16"]
    assert facts.suffixes == [".tif", ".png", ".png"]
    assert facts.notes == ["", "a; b", "a; b"]
    assert facts.sizes.tolist() == [[32, 32], [12, 13], [20, 21]]
    assert facts.listed


def test_facts_of_a_damaged_table_are_blank(tmp_path: Path) -> None:
    write(tmp_path / "Class A", cells(3, 7, 0))
    write_record(tmp_path, channels=(1,))
    (tmp_path / "Class A/cells.csv").write_bytes(b"source,height\n\xff\xfe\n")
    facts = facts_of(open_dataset(tmp_path), np.arange(3))
    assert (facts.dtypes, facts.suffixes) == (["uint16"] * 3, [""] * 3)
    assert not facts.sizes.any()
    assert not facts.listed


def test_the_border_is_that_of_the_calmest_corner_and_sides() -> None:
    image = np.full((1, 16, 16, 1), 7, np.uint8)
    image[0, 4:, 6:] = np.random.default_rng(0).integers(50, 90, (12, 10, 1))
    corner, sides = np.split(border_features(image)[0], 2)
    assert corner.tolist() == [7, 0, 0]
    assert sides.tolist() == [7, 0, 0]
    assert border_features(image, sides=False).shape == (1, 3)


@pytest.mark.parametrize(
    ("values", "step"),
    [([0, 16, 48], 16), ([257, 514], 257), ([1, 16], 1), ([0, 0], 0), ([0.5, 1.0], 0)],
)
def test_the_step_is_what_divides_all_counts(values: list[float], step: int) -> None:
    dtype = np.float32 if 0.5 in values else np.uint16
    assert steps_of(np.array(values, dtype)) == step
