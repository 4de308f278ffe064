"""The example data set as files: those that are written, and those that come with the program."""

import subprocess
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.cli import main
from deepometry.core.errors import DeepometryError
from deepometry.images.cif.reader import CifReader
from deepometry.images.synthetic import dataset as example
from deepometry.images.synthetic.dataset import CHANNELS, example_cells

DATA = Path(__file__).parents[1] / "data" / "example"
DATA_CELLS = 350  # as data/README.md says


def folder_of(root, cell):
    return root.joinpath(*cell.folders)


def test_a_cif_file_a_folder_holds_its_cells_in_order(tmp_path):
    labels = []
    written = example.write_example(tmp_path / "out", 30, 1, lambda *what: labels.append(what))
    assert written == 30
    assert labels[-1][:2] == (30, 30)
    drawn = list(example_cells(30, 1))
    folders = {folder_of(tmp_path / "out", cell) for cell in drawn}
    assert {p.parent for p in tmp_path.rglob("*") if p.is_file()} == folders
    for folder in folders:
        wanted = [cell for cell in drawn if folder_of(tmp_path / "out", cell) == folder]
        with CifReader(folder / "cells.cif") as reader:
            assert list(reader.object_ids) == list(range(len(wanted)))
            for cell, read in zip(wanted, reader, strict=True):
                np.testing.assert_array_equal(read.image, cell.pixels)
                for plane in np.moveaxis(read.mask, -1, 0):
                    np.testing.assert_array_equal(plane, cell.mask)


def test_a_cif_file_tells_what_an_instrument_would(tmp_path):
    example.write_example(tmp_path, 1)
    (path,) = tmp_path.rglob("*.cif")
    with CifReader(path) as reader:
        metadata, cell = reader.metadata, reader[0]
    assert metadata.channels == CHANNELS
    assert metadata.names == {1: "Brightfield", 12: "Darkfield"}
    assert (metadata.brightfield, metadata.magnification, metadata.objects_told) == ((1,), 60, 1)
    assert (metadata.instrument, metadata.acquired) == ("Synthetic cells", "")
    row, column = np.argwhere(cell.mask[..., 0]).mean(axis=0)
    assert cell.centre == (column, row)


def test_backgrounds_in_the_file_are_those_around_the_cells(tmp_path):
    example.write_example(tmp_path, 40, 2)
    for path in tmp_path.rglob("*.cif"):
        with CifReader(path) as reader:
            for cell in reader:
                rim = np.concatenate([cell.image[[0, -1]].reshape(-1, 2), cell.image[1:-1, 0]])
                mean, spread = cell.background.T
                assert (np.abs(mean - rim.mean(axis=0)) < rim.std(axis=0) + spread).all()
                assert (spread < [20, 4]).all() and (spread > [5, 1]).all()


def test_tiffs_pair_up_and_hold_the_pixels(tmp_path):
    assert example.write_example(tmp_path / "out", 30, 1, format="tif") == 30
    for cell in example_cells(30, 1):
        for place, channel in enumerate(CHANNELS):
            name = f"{cell.name}_Ch{channel}.ome.tif"
            plane = tifffile.imread(folder_of(tmp_path / "out", cell) / name)
            np.testing.assert_array_equal(plane, cell.pixels[..., place])
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 60


@pytest.mark.parametrize("format", ["cif", "tif"])
def test_same_seed_writes_the_same_bytes(tmp_path, format):
    for name in ("a", "b"):
        example.write_example(tmp_path / name, 8, 2, format=format)
    first = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert first
    for path in first:
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_tiff_is_plain_grey_sixteen_bit(tmp_path):
    example.write_example(tmp_path, 1, format="tif")
    path = next(tmp_path.rglob("*_Ch12.ome.tif"))
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        assert (page.dtype, page.compression, page.samplesperpixel) == (np.uint16, 1, 1)
        assert page.tags["Software"].value == "Deepometry example"
        assert "DateTime" not in page.tags


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(DeepometryError, match=r"expected cif or tif, found 'png'"):
        example.write_example(tmp_path / "out", 2, format="png")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_accepted(tmp_path):
    assert example.write_example(tmp_path, 2) == 2


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DeepometryError, match="not empty"):
        example.write_example(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "taken").write_text("keep")
    with pytest.raises(DeepometryError, match="is a file"):
        example.write_example(tmp_path / "taken", 2)


@pytest.mark.parametrize("format", ["cif", "tif"])
@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, OSError])
def test_nothing_is_left_behind_after_a_failure(tmp_path, monkeypatch, failure, format):
    def fail(done, total, text):
        assert any(tmp_path.rglob(f"*.{format}"))
        raise failure("stopped")

    monkeypatch.setattr(example, "REPORT_EVERY", 3)
    expected = DeepometryError if failure is OSError else failure
    with pytest.raises(expected):
        example.write_example(tmp_path / "deep" / "out", 10, progress=fail, format=format)
    assert list(tmp_path.iterdir()) == []


def test_command_writes_the_data_set(tmp_path):
    words = ["example", str(tmp_path / "out"), "--cells", "70", "--seed", "9"]
    with pytest.raises(SystemExit, match="0"):
        main(words)
    assert list((tmp_path / "out").rglob("cells.cif"))
    with pytest.raises(SystemExit, match="0"):
        main(["example", str(tmp_path / "tiffs"), *words[2:], "--format", "tif"])
    assert len(list((tmp_path / "tiffs").rglob("*.tif"))) == 140


def test_command_tells_a_mistake_in_one_sentence(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SystemExit) as caught:
        main(["example", str(tmp_path)])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_drawing_loads_no_network():
    code = "import sys, deepometry.images.synthetic.dataset; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=DATA.parents[1])


# --- the data set that comes with the program ----------------------------------------------------


def test_stored_data_set_is_what_the_command_draws():
    stored = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}
    for folders, group in groupby(example_cells(DATA_CELLS, seed=0), lambda cell: cell.folders):
        name = "/".join((*folders, "cells.cif"))
        stored.remove(name)
        with CifReader(DATA / name) as reader:
            for read, cell in zip(reader, group, strict=True):
                # Another processor may round the last bit of a float the other way.
                pixels = read.image.astype(int)
                np.testing.assert_allclose(pixels, cell.pixels, atol=1, err_msg=name)
                assert (read.mask != cell.mask[..., np.newaxis]).mean() < 0.01
    assert stored == set()


def test_stored_data_set_is_small():
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 2e6
