"""Images of a BD FACSDiscover: channels by their page names, events in buckets of ten thousand."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.cells.dataset import open_cells as open_parsed
from deepometry.core.options.parse import InfoOptions
from deepometry.images.info import info
from deepometry.images.readers.find import find_sources
from deepometry.images.source_names import count_files
from tests.parsing import ParseRun, record, table
from tests.reading import cells_of

NAMES = ("LightLoss (Imaging)", "FSC (Imaging)", "SSC (Imaging)", "FITC (Imaging)")
EVENTS = (0, 1, 9_999, 10_000, 10_042, 20_007)


def image(event: int, channels: int = 4) -> np.ndarray:
    """Make the pages of an event, (channels, height, width)."""
    rng = np.random.default_rng(event)
    return rng.integers(0, 4096, (channels, 22, 26)).astype(np.uint16)


def write(
    folder: Path,
    events: tuple[int, ...] = EVENTS,
    pattern: str = "{event:08}.tiff",
    width: int = 8,
    names: tuple[str, ...] = NAMES,
) -> None:
    """Write events as the software exports them: buckets, and page names."""
    for event in events:
        bucket = folder / f"{event // 10_000 * 10_000:0{width}}"
        bucket.mkdir(parents=True, exist_ok=True)
        path = bucket / pattern.format(event=event, part=event % 10_000)
        with tifffile.TiffWriter(path) as file:
            for plane, name in zip(image(event, len(names)), names, strict=True):
                tag = (285, "s", 0, name, True)
                file.write(plane, photometric="minisblack", metadata=None, extratags=[tag])


@pytest.mark.parametrize(
    ("pattern", "width"),
    [
        ("{event:08}.tiff", 8),
        ("Cell_Cycle_{event:08}.tiff", 8),
        ("Sample 7_{event:08}_img.tif", 8),
        ("2024-05-17 P1_{event:07}.tiff", 7),
        ("{event}.tiff", 8),
        ("{part:04}.tiff", 8),
    ],
)
def test_buckets_are_neither_stacks_nor_folders(tmp_path: Path, pattern: str, width: int) -> None:
    events = EVENTS if "{event" in pattern else (0, 1, 9_999, 10_005, 10_042, 20_007)
    write(tmp_path / "Sample A", events, pattern, width)
    write(tmp_path / "Sample B", events[:2], pattern, width)
    first, second = find_sources(tmp_path)
    assert (first.folder, first.stem) == (("Sample A",), "Sample A")
    assert (second.folder, len(second.objects)) == (("Sample B",), 2)
    assert first.channels == (1, 2, 3, 4)
    assert first.channel_names == dict(enumerate(NAMES, 1))
    if "{event" in pattern:
        assert list(first.objects) == [str(event) for event in events]
        assert first.keys[3] == "Sample A/10000"
    for cell, event in zip(cells_of(first), events, strict=True):
        assert np.array_equal(cell.pixels, np.moveaxis(image(event), 0, -1))
    assert cells_of(second)[1].source.startswith(f"Sample B/{0:0{width}}/")


@pytest.mark.parametrize(
    "names",
    [
        ("LightLoss", "FSC", "SSC", "Imaging1", "Imaging2", "Imaging3"),
        ("FL1 (Imaging)", "FL2 (Imaging)", "LightLoss (Imaging)"),
        ("Imaging1", "Imaging2", "Imaging3"),
        ("Imaging 1", "FITC-A"),
        ("Light Loss", "Forward Scatter", "Side Scatter", "Alexa Fluor 488"),
    ],
)
def test_pages_are_channels_by_their_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    write(tmp_path, (0, 10_000), names=names)
    (source,) = find_sources(tmp_path)
    assert source.channel_names == dict(enumerate(names, 1))
    assert np.array_equal(cells_of(source)[1].pixels[:, :, 0], image(10_000, len(names))[0])


def test_parse_makes_one_stack_and_no_target_of_the_buckets(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    write(run.input / "Class A")
    write(run.input / "Class B", (0, 10_000))
    run(frame=26, montage=0)
    dataset = open_parsed(tmp_path / "out")
    assert [str(target) for target in dataset.targets()] == ["Class (2 labels, 8 cells)"]
    rows = table(tmp_path / "out" / "Class A" / "Class A.csv")
    assert [int(row["object"]) for row in rows] == list(EVENTS)
    names = {str(number): name for number, name in enumerate(NAMES, 1)}
    assert record(tmp_path / "out")["channel_names"] == names
    pixels = np.load(tmp_path / "out" / "Class A" / "Class A.npy")
    assert np.array_equal(pixels[4, 2:24], np.moveaxis(image(10_042), 0, -1))
    assert info(InfoOptions(input=run.input)).files == {".tiff": 8}


def test_an_export_at_the_top_and_in_an_archive(tmp_path: Path) -> None:
    write(tmp_path / "export")
    (source,) = find_sources(tmp_path / "export")
    assert (source.folder, source.stem) == ((), "export")
    assert list(source.objects) == [str(event) for event in EVENTS]
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as file:
        for path in sorted((tmp_path / "export").rglob("*.tiff")):
            file.write(path, path.relative_to(tmp_path / "export").as_posix())
    (packed,) = find_sources(tmp_path / "export.zip")
    assert (packed.stem, list(packed.objects)) == ("export", list(source.objects))
    assert np.array_equal(cells_of(packed)[5].pixels, cells_of(source)[5].pixels)
    first = cells_of(packed)[0].source
    assert count_files(tmp_path, [f"export/{first}"]) == {".tiff": 6}


def test_a_file_for_each_channel(tmp_path: Path) -> None:
    for event in EVENTS:
        bucket = tmp_path / f"{event // 10_000 * 10_000:08}"
        bucket.mkdir(exist_ok=True)
        for plane, name in zip(image(event), ("LightLoss", "FSC", "SSC", "FITC"), strict=True):
            tifffile.imwrite(bucket / f"{event:08}_{name}.tiff", plane)
    (source,) = find_sources(tmp_path)
    assert list(source.objects) == [str(event) for event in EVENTS]
    assert sorted(source.channel_names.values()) == ["FITC", "FSC", "LightLoss", "SSC"]
    number = next(n for n, name in source.channel_names.items() if name == "SSC")
    cell = cells_of(source, (number,))[4]
    assert np.array_equal(cell.pixels[:, :, 0], image(10_042)[2])


def test_numbers_that_are_no_buckets_are_classes(tmp_path: Path) -> None:
    for folder in ("10000", "20000", "00012", "1000000", "20000000"):
        for name in (f"a_{folder[:2]}7.tif", "b_3.tif", f"c{len(folder)}.tif"):
            (tmp_path / folder).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / folder / name, image(1)[0])
    folders = {source.folder for source in find_sources(tmp_path)}
    assert folders == {("10000",), ("20000",), ("00012",), ("1000000",), ("20000000",)}
