"""Finding a cell again by its file and object number, wherever it is."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deepometry.cells.cell_query import CellQuery
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.export import ShowOptions
from deepometry.exports.find_cell import find_cell, show
from deepometry.images.cif.writer import CifWriter
from tests.builders import random_cells, write_channel_tiffs
from tests.exported import LABELS, make_truth, write_features, write_parsed, write_predicted


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Two .cif files with the same object numbers, and .tif files."""
    root = tmp_path_factory.mktemp("raw")
    for day in (1, 2):
        folder = root / f"Day {day}"
        folder.mkdir()
        with CifWriter(folder / f"sample{day}.cif", channels=(1, 6), names={1: "BF"}) as file:
            for number, pixels in enumerate(random_cells([(20, 24)] * 5, seed=day)):
                file.add(pixels, object_id=10 * number)
    for name, pixels in zip("ab", random_cells([(15, 18)] * 2), strict=True):
        write_channel_tiffs(root / "Day 3", f"cell_{name}", pixels, (1, 6))
    return root


@pytest.mark.parametrize("asked", ["20", "20 of sample1.cif", "sample1.cif #20", "Object 20 of x"])
def test_a_cell_of_a_file(raw, asked):
    place = raw / "Day 1" / "sample1.cif"
    if asked.endswith("x"):
        with pytest.raises(DeepometryError, match="found none"):
            find_cell(place, asked)
        return
    cell = find_cell(place, asked)
    assert (cell.source, cell.object) == ("sample1.cif", "20")
    assert (cell.image.pixels == random_cells([(20, 24)] * 5, seed=1)[2]).all()
    assert cell.facts["height"] == "20"
    assert cell.channel_names == {1: "BF"}


def test_a_cell_of_a_folder_of_files(raw):
    cell = find_cell(raw, "30 of sample2.cif")
    assert cell.source == "Day 2/sample2.cif"
    assert (cell.image.pixels == random_cells([(20, 24)] * 5, seed=2)[3]).all()
    assert find_cell(raw, "30 of Day 1/sample1").source == "Day 1/sample1.cif"
    with pytest.raises(DeepometryError, match=r"found 2; say which: '30 of Day 1/sample1.cif'"):
        find_cell(raw, "30")
    with pytest.raises(DeepometryError, match=r"expected a cell '31 of sample2.cif', found none"):
        find_cell(raw, "31 of sample2.cif")


def test_a_cell_in_files_of_any_names(tmp_path):
    pixels = random_cells([(15, 18)] * 3, 2)
    for name, cell in zip(("cell_01", "cell_02", "cell_03"), pixels, strict=True):
        write_channel_tiffs(tmp_path / "A", name, cell, (1, 2), "C{channel}-{name}.tif")
        write_channel_tiffs(tmp_path / "B", name, cell, (1, 2), "{name}_{channel}.tif")
    cell = find_cell(tmp_path / "A", "cell_02 of C1-cell_02.tif")
    assert (cell.source, cell.object, cell.channel_names[2]) == ("C1-cell_02.tif", "cell_02", "C2")
    assert (cell.image.pixels == pixels[1]).all()
    cell = find_cell(tmp_path / "B", "cell_02", pattern="{cell}_{channel}.tif")
    assert (cell.image.pixels == pixels[1]).all()


def test_a_file_of_the_very_path_comes_first(tmp_path):
    for place in (tmp_path, tmp_path / "sub"):
        place.mkdir(exist_ok=True)
        with CifWriter(place / "a.cif", channels=(1,)) as file:
            file.add(random_cells([(20, 24)], 1)[0], object_id=1)
    assert find_cell(tmp_path, "1 of a.cif").source == "a.cif"
    assert find_cell(tmp_path, "sub\\a.cif #1").source == "sub/a.cif"
    with pytest.raises(DeepometryError, match="found 2; say which"):
        find_cell(tmp_path, "1 of a")


def test_a_cell_of_tiff_files(raw):
    cell = find_cell(raw, "cell_b")
    assert cell.source == "Day 3/cell_b_Ch1.ome.tif"
    assert (cell.image.pixels == random_cells([(15, 18)] * 2)[1]).all()


def test_a_parsed_cell_and_a_result(tmp_path):
    truth = make_truth()
    pixels = write_parsed(tmp_path / "parsed", truth)
    write_predicted(tmp_path / "predicted", truth)
    write_features(tmp_path / "features", truth)
    for row in (4, 20):
        source, name = truth.cells[row]
        asked = f"{name} of {source}"
        cell = find_cell(tmp_path / "parsed", asked)
        assert (cell.image.pixels == pixels[row]).all()
        assert cell.facts["folder"] == source.split("/")[0]
        assert (cell.facts["height"], cell.facts["width"]) == ("40", "41")
        same = find_cell(tmp_path / "predicted", asked)
        assert (same.image.pixels == pixels[row]).all()
        assert same.facts["label"] == LABELS[truth.codes[row]]
        assert float(same.facts[f"probability_{LABELS[0]}"]) == pytest.approx(
            truth.probabilities[row, 0], rel=1e-3
        )
        assert find_cell(tmp_path / "features", asked).facts["Day"] == str(row // 15 + 1)


def test_the_picture_has_every_channel(raw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = raw / "Day 1" / "sample1.cif"
    result = show(ShowOptions(source=place, object="20"))
    assert result.output.name == "sample1.cif_20.png"
    one = np.asarray(Image.open(tmp_path / result.output))
    other = io.BytesIO()
    find_cell(place, "30").picture().save(other, "png")
    assert one.shape[2] == 3
    assert one.shape[1] > 2 * 24 * 5
    assert "Object 20 of sample1.cif" in str(result)
    different = np.asarray(Image.open(other))
    assert one.shape == different.shape and (one != different).any()


def test_a_file_of_the_name_is_replaced_only_when_allowed(raw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "sample1.cif_20.png"
    target.write_bytes(b"somebody's")
    options = ShowOptions(source=raw / "Day 1" / "sample1.cif", object="20")
    for each in (options, replace(options, output=target)):
        with pytest.raises(Question, match=r"sample1\.cif_20\.png exists already"):
            show(each)
    assert target.read_bytes() == b"somebody's"
    assert show(replace(options, overwrite=True)).output.read_bytes().startswith(b"\x89PNG")


def test_the_picture_is_a_png(raw, tmp_path):
    with pytest.raises(OptionsError, match=r"ends in .png"):
        show(ShowOptions(source=raw, object="20 of sample1.cif", output=tmp_path / "x.jpg"))


@pytest.mark.parametrize(
    ("text", "object", "file"),
    [
        ("4711", "4711", ""),
        ("cell 4711 of sample7.cif", "4711", "sample7.cif"),
        (" 4711  of Day 1/a of b.cif", "4711", "Day 1/a of b.cif"),
        ("Day 1/x.cif#@3", "@3", "Day 1/x.cif"),
        ("Day 1/x.cif #12", "12", "Day 1/x.cif"),
        ("cell_0001", "cell_0001", ""),
        ("5 of 7.cif #12", "12", "5 of 7.cif"),
        ("Day 1/a.tif #a#3", "a#3", "Day 1/a.tif"),
        ("a#3 of a.tif", "a#3", "a.tif"),
        ("a#3", "3", "a"),
    ],
)
def test_what_is_asked_for(text, object, file):
    assert CellQuery.read(text) == CellQuery(object, file)


def test_a_place_that_is_not_there(tmp_path):
    with pytest.raises(DeepometryError, match="does not exist"):
        find_cell(tmp_path / "nowhere", "1")


def test_from_the_command_line(raw, tmp_path):
    from click.testing import CliRunner

    from deepometry.cli import cli

    output = tmp_path / "cell.png"
    words = ["show", str(raw / "Day 1" / "sample1.cif"), "40", "--output", str(output)]
    said = CliRunner().invoke(cli, words)
    assert said.exit_code == 0
    assert "Object 40 of sample1.cif" in said.output
    assert output.is_file()
