"""Reading .rtdc files of deformability cytometers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

from deepometry.cells.dataset import open_cells as open_parsed
from deepometry.core.errors import DeepometryError
from deepometry.core.options.parse import InfoOptions
from deepometry.images.info import info
from deepometry.images.readers.base import NO_MASK, Problem
from deepometry.images.readers.find import find_sources, open_cells
from deepometry.images.readers.rtdc import RtdcSource
from tests.kinds import discs, write_rtdc
from tests.parsing import ParseRun, record, table
from tests.reading import cells_of, only, patch

IMAGES, MASKS, GROUNDS = discs(11)
NUMBERS = {
    "deform": np.linspace(0, 0.1, 11).astype(np.float32),
    "area_um": np.arange(11) * 1.5,
    "frame": np.arange(11, dtype=np.uint64) + 2**40,
    "time": np.arange(11.0),
}


def write(path: Path, **how: Any) -> Path:
    extra = {"mask": MASKS, "image_bg": GROUNDS, **NUMBERS}
    attributes = {"setup:identifier": "ZMDD-AcC-8ecba5-cd57e2", "imaging:pixel size": 0.34}
    return write_rtdc(path, IMAGES, extra, attributes, **how)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"chunks": (4, 20, 40), "compression": "gzip", "fletcher32": True, "shuffle": True},
        {"chunks": (3, 10, 40), "compression": "lzf"},
        {"chunks": (10, 20, 40), **hdf5plugin.Zstd(clevel=5), "fletcher32": True},
        {"chunks": (10, 20, 40), **hdf5plugin.Blosc2()},
    ],
    ids=["plain", "gzip", "lzf", "zstd", "blosc2"],
)
def test_images_masks_background_and_features_are_read(tmp_path: Path, how: Any) -> None:
    write(tmp_path / "Sample A" / "m.rtdc", **how)
    source = only(tmp_path)
    assert (source.folder, source.stem, source.channels) == (("Sample A",), "m", (1,))
    assert (source.channel_names, source.brightfield) == ({1: "Brightfield"}, (1,))
    assert source.has_masks
    assert list(source.objects) == [str(number) for number in range(11)]
    assert source.keys[3] == "Sample A/m.rtdc#3"
    assert source.details["Instrument"] == "ZMDD-AcC-8ecba5-cd57e2"
    cells = list(source.read((1,), masked=True))
    for cell, image, mask, ground in zip(cells, IMAGES, MASKS, GROUNDS, strict=True):
        assert not isinstance(cell, Problem)
        assert np.array_equal(cell.pixels[:, :, 0], image)
        assert np.array_equal(cell.mask[:, :, 0], mask > 0)
        assert np.allclose(cell.background, [[ground.mean(), ground.std()]])
    assert sorted(source.features) == sorted(NUMBERS)
    for name, values in NUMBERS.items():
        assert np.array_equal(source.features[name], values)
    assert all(cell.mask is None for cell in cells_of(source))


def test_parse_cuts_each_cell_out_where_it_is_and_keeps_its_features(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    write(run.input / "m.rtdc")
    result = run(frame=16)
    pixels, rows = np.load(tmp_path / "out" / "m.npy"), table(tmp_path / "out" / "m.csv")
    for cell, image, mask in zip(pixels, IMAGES, MASKS, strict=True):
        height, width = np.nonzero(mask)
        middle = round(height.mean() + 0.5), round(width.mean() + 0.5)
        top, left = (
            min(max(at - 8, 0), size - 16) for at, size in zip(middle, (20, 40), strict=True)
        )
        assert np.array_equal(cell[:, :, 0], image[top : top + 16, left : left + 16])
    assert [row["deform"] for row in rows] == [str(value) for value in NUMBERS["deform"]]
    assert [float(row["area_um"]) for row in rows] == NUMBERS["area_um"].tolist()
    assert [int(row["frame"]) for row in rows] == NUMBERS["frame"].tolist()
    assert [row["object"] for row in rows] == [str(number) for number in range(11)]
    assert {row["note"] for row in rows} == {"cut out of 20 x 40 around the cell"}
    assert {(row["height"], row["width"]) for row in rows} == {("16", "16")}
    assert result.notices == {"cut out of 20 x 40 around the cell": 11}
    sizes = record(tmp_path / "out")["sizes"]
    assert (sizes["cropped"], sizes["padded"]) == (0, 0)
    assert record(tmp_path / "out")["channel_names"] == {"1": "Brightfield"}
    assert len(open_parsed(tmp_path / "out").table) == 11


def test_the_suggested_frame_holds_the_cell_not_the_whole_image(tmp_path: Path) -> None:
    write(tmp_path / "m.rtdc")
    result = info(InfoOptions(input=tmp_path))
    assert (result.frame, result.width.median) == (16, 40)
    write_rtdc(tmp_path / "m.rtdc", IMAGES)
    assert info(InfoOptions(input=tmp_path)).frame == 40
    places = {"pos_x": np.full(11, 4.0), "pos_y": np.full(11, 5.0)}
    sizes = {"size_x": np.full(11, 8.0), "size_y": np.full(11, 4.0)}
    write_rtdc(tmp_path / "m.rtdc", IMAGES, places | sizes, {"imaging:pixel size": 0.5})
    cells = cells_of(only(tmp_path))
    assert {(cell.middle, cell.extent) for cell in cells} == {((10.0, 8.0), (16, 24))}


def test_a_frame_as_large_as_the_image_shows_all_of_it(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    write(run.input / "m.rtdc")
    run(frame=40)
    pixels = np.load(tmp_path / "out" / "m.npy")
    assert np.array_equal(pixels[:, 10:30, :, 0], IMAGES)
    assert abs(pixels[:, :10].mean() - GROUNDS.mean()) < 1


def test_features_stay_with_their_cells_on_both_sides_of_a_split(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    write(run.input / "m.rtdc")
    run(frame=16, split="70/30")
    for side, cells in (("Train", 8), ("Hold-out", 3)):
        rows = table(tmp_path / "out" / side / "m.csv")
        assert len(rows) == cells
        assert all(float(row["area_um"]) == 1.5 * int(row["object"]) for row in rows)


def test_without_a_mask_positions_in_micrometres_are_used(tmp_path: Path) -> None:
    height, width = (np.stack([np.argwhere(m).mean(0) for m in MASKS]) + 0.5).T
    positions = {"pos_x": width * 0.34, "pos_y": height * 0.34}
    write_rtdc(tmp_path / "m.rtdc", IMAGES, positions, {"imaging:pixel size": 0.34})
    cells = cells_of(only(tmp_path))
    assert np.allclose([cell.middle for cell in cells], np.column_stack([height, width]))
    write_rtdc(tmp_path / "m.rtdc", IMAGES, positions)
    assert {cell.middle for cell in cells_of(only(tmp_path))} == {None}


def test_features_that_are_called_like_a_column_get_another_name(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    odd = {"height": np.arange(11), "Note": np.arange(11), "source": np.arange(11) > 4}
    write_rtdc(run.input / "m.rtdc", IMAGES, odd)
    run(frame=40, montage=0)
    last = table(tmp_path / "out" / "m.csv")[-1]
    assert (last["source"], last["height"], last["note"]) == ("m.rtdc", "20", "")
    assert (last["source_2"], last["height_2"], last["Note_2"]) == ("1", "10", "10")


def test_info_describes_the_file(tmp_path: Path) -> None:
    write(tmp_path / "m.rtdc")
    result = info(InfoOptions(input=tmp_path))
    assert (result.cells, result.files, result.masks) == (11, {".rtdc": 1}, 1)
    assert "Brightfield" in str(result)
    assert info(InfoOptions(input=tmp_path / "m.rtdc")).cells == 11
    assert isinstance(open_cells((tmp_path / "m.rtdc").rename(tmp_path / "m")), RtdcSource)


def test_a_cell_without_a_mask_is_a_problem_where_masks_are_wanted(tmp_path: Path) -> None:
    masks = MASKS.copy()
    masks[4] = 0
    source = open_cells(write_rtdc(tmp_path / "m.rtdc", IMAGES, {"mask": masks[:9]}))
    cells = list(source.read((1,), masked=True))
    assert [cell.object for cell in cells if isinstance(cell, Problem)] == ["4", "9", "10"]
    assert all(cell.reason == NO_MASK for cell in cells if isinstance(cell, Problem))
    assert len(cells_of(source)) == 11


def test_events_without_an_image_are_told(tmp_path: Path) -> None:
    source = open_cells(write_rtdc(tmp_path / "m.rtdc", IMAGES[:8], NUMBERS))
    *cells, last = source.read((1,))
    assert len(cells) == 8
    assert isinstance(last, Problem)
    assert (last.object, last.reason) == ("", "The file has no image of the last 3 events of it.")
    assert len(source.objects) == len(source.keys) == len(source.features["time"]) == 9
    assert np.isnan(source.features["time"][8])


def test_masks_of_another_size_are_left_out_and_told(tmp_path: Path) -> None:
    source = open_cells(write_rtdc(tmp_path / "m.rtdc", IMAGES, {"mask": MASKS[:, :5]}))
    assert not source.has_masks
    text = "mask, not in the file itself or not of the size of its images"
    assert source.details == {"Left out": text}
    assert find_sources(tmp_path).left_out == f"Left out of m: {text}."


def no_events(path: Path) -> None:
    write_rtdc(path, IMAGES[:0], chunks=(1, 20, 40), maxshape=(None, 20, 40))


def no_images(path: Path) -> None:
    write_rtdc(path, None, NUMBERS)


def a_basin(path: Path) -> None:
    no_images(path)
    with h5py.File(path, "a") as file:
        file.create_group("basins")


def ragged(path: Path) -> None:
    write_rtdc(path, None)
    with h5py.File(path, "a") as file:
        images = file["events"].create_dataset("image", (3,), h5py.vlen_dtype(np.uint8))
        images[0] = np.arange(5)


def a_group(path: Path) -> None:
    write_rtdc(path, None)
    with h5py.File(path, "a") as file:
        file["events"].create_group("image")["0"] = IMAGES[0]


def a_link_out(path: Path) -> None:
    write(path.with_name("other.h5"))
    write_rtdc(path, None, NUMBERS)
    with h5py.File(path, "a") as file:
        file["events"]["image"] = h5py.ExternalLink("other.h5", "/events/image")


def linked_events(path: Path) -> None:
    write(path.with_name("other.h5"))
    with h5py.File(path, "w") as file:
        file["events"] = h5py.ExternalLink("other.h5", "/events")


def stored_outside(path: Path) -> None:
    path.with_name("raw.bin").write_bytes(IMAGES.tobytes())
    write_rtdc(path, None, NUMBERS)
    with h5py.File(path, "a") as file:
        raw = [(str(path.with_name("raw.bin")), 0, IMAGES.nbytes)]
        file["events"].create_dataset("image", IMAGES.shape, np.uint8, external=raw)


def virtual(path: Path) -> None:
    write(path.with_name("other.h5"))
    write_rtdc(path, None, NUMBERS)
    layout = h5py.VirtualLayout(IMAGES.shape, np.uint8)
    layout[:] = h5py.VirtualSource(path.with_name("other.h5"), "events/image", IMAGES.shape)
    with h5py.File(path, "a") as file:
        file["events"].create_virtual_dataset("image", layout)


def claimed_only(path: Path) -> None:
    write_rtdc(path, None)
    with h5py.File(path, "a") as file:
        file["events"].create_dataset("image", (2**50, 80, 250), np.uint8, chunks=(10, 80, 250))


def huge_cells(path: Path) -> None:
    write_rtdc(path, None)
    with h5py.File(path, "a") as file:
        file["events"].create_dataset("image", (2, 2**20, 2**20), np.uint8, chunks=(1, 64, 64))


def huge_pieces(path: Path) -> None:
    write_rtdc(path, None)
    with h5py.File(path, "a") as file:
        file["events"].create_dataset("image", (2**20, 80, 250), np.uint8, chunks=(2**16, 80, 250))


def cut_off(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:-4000])


def not_hdf5(path: Path) -> None:
    path.write_bytes(b"RTDC" * 99)


def no_file_of_ours(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(4)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (no_events, "has no events"),
        (no_images, r"features but no images"),
        (a_basin, "refers to another file"),
        (ragged, "expected events/image of the shape"),
        (a_group, "a link to elsewhere"),
        (a_link_out, "a link to elsewhere, which is not followed"),
        (linked_events, "a link to elsewhere, which is not followed"),
        (stored_outside, "a link to elsewhere"),
        (virtual, "a link to elsewhere"),
        (claimed_only, "only 0 of 112,589,990,684,263 pieces"),
        (huge_cells, "expected images of single cells"),
        (huge_pieces, "too large pieces"),
        (cut_off, "cannot be opened as HDF5"),
        (not_hdf5, "cannot be opened as HDF5"),
        (no_file_of_ours, "expected an .rtdc file with the group events"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(tmp_path: Path, make: Any, reason: str) -> None:
    make(tmp_path / "m.rtdc")
    with pytest.raises(DeepometryError, match=reason) as caught:
        find_sources(tmp_path)
    assert str(tmp_path / "m.rtdc") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_piece_costs_its_events_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "m.rtdc", chunks=(4, 20, 40), compression="gzip", fletcher32=True)
    with h5py.File(path) as file:
        place = file["events/image"].id.get_chunk_info(1).byte_offset
    patch(path, place + 20, b"\x00\xff\x00\xff")
    cells = list(open_cells(path).read((1,)))
    lost = [cell for cell in cells if isinstance(cell, Problem)]
    assert [cell.object for cell in lost] == ["4", "5", "6", "7"]
    assert all("Its image cannot be read" in cell.reason for cell in lost)
    assert [cell.object for cell in cells] == [str(number) for number in range(11)]


def test_another_channel_is_a_problem(tmp_path: Path) -> None:
    cells = list(open_cells(write(tmp_path / "m.rtdc")).read((2,)))
    assert all(isinstance(cell, Problem) for cell in cells)
    assert len(cells) == 11
