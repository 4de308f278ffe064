"""Names of files: which are channels of one cell, which are cells, and which can be either."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest

from deepometry.core.errors import OptionsError, Question
from deepometry.core.name_pattern import parse_pattern
from deepometry.images.file_names.cell_counts import count_cells
from deepometry.images.file_names.choose_naming import choose_naming
from deepometry.images.file_names.naming import file_name

DYES = ("DAPI", "PE", "BF")
SIX = [f"{number:03}" for number in range(1, 7)]
UUID = "{:08X}-1234-4234-9234-123456789ABC"


def grid(pattern: str, **values: Iterable[object]) -> list[str]:
    """Fill in all combinations of values."""
    combined = itertools.product(*values.values())
    return [pattern.format(**dict(zip(values, each, strict=True))) for each in combined]


def said(folders: dict[str, list[str]], pattern: str | None = None) -> str:
    """Say how the files of folders are taken."""
    names = {tuple(filter(None, folder.split("/"))): files for folder, files in folders.items()}
    return count_cells(choose_naming(names, pattern), names)


def cells_in(names: list[str], pattern: str | None = None) -> dict[str, dict[int, str]]:
    """Return the file of every channel of every cell."""
    naming = choose_naming({("A",): names}, pattern)
    cells, others = naming.cells(names, "A")
    assert not others
    return {
        cell: {number: file_name(cell, file) for number, file in layout}
        for cell, layout in cells.items()
    }


JOINED = {
    "marker at the end": (grid("{n}_{m}.tif", n=SIX, m=DYES), 6, "BF, DAPI, PE"),
    "marker in front": (grid("{m}_{n}.tif", n=SIX, m=DYES), 6, "BF, DAPI, PE"),
    "marker in the middle": (grid("cell_{m}_{n}.tif", n=SIX, m=DYES), 6, "BF, DAPI, PE"),
    "marker without a gap": (grid("{n}{m}.tif", n=SIX, m=DYES), 6, "BF, DAPI, PE"),
    "marker glued in front": (grid("{m}{n}.tif", n=SIX, m=DYES), 6, "BF, DAPI, PE"),
    "marker in brackets": (grid("cell{n} ({m}).tif", n=SIX, m=DYES), 6, "BF, DAPI, PE"),
    "marker by a change of case": (grid("cell{n}{m}.png", n=SIX, m=["Dapi", "Pe"]), 6, "Dapi, Pe"),
    "ImageJ, split channels": (grid("C{c}-cell_{n}.tif", n=SIX, c=(1, 2, 3)), 6, "C1, C2, C3"),
    "Zeiss, c from 0": (grid("cell_{n}_c{c}.tif", n=SIX, c=(0, 1, 2)), 6, "c0, c1, c2"),
    "Leica": (grid("Series{n}_z0_ch{c:02}.tif", n=SIX, c=(0, 1)), 6, "ch00, ch01"),
    "IDEAS": (grid("{n}_Ch{c}.ome.tif", n=range(6), c=(1, 2, 12)), 6, "channels 1,2,12"),
    "MetaXpress": (
        grid("20231005_plate1_A{w:02}_s{s}_w{c}.TIF", w=(1, 2), s=(1, 2), c=(1, 2)),
        4,
        "w1, w2",
    ),
    "MetaXpress with random numbers": (
        [
            f"a{n:02}_s1_w{c}{UUID.format(3 * n + c)}.tif"
            for n, c in itertools.product(range(4), (1, 2))
        ],
        4,
        "w1, w2",
    ),
    "MetaMorph": (grid("exp_w{m}_s{s}.TIF", s=SIX, m=("1DAPI", "2FITC")), 6, "DAPI, FITC"),
    "Opera Phenix": (
        grid("r01c{c:02}f{f:02}p01-ch{k}sk1fk1fl1.tiff", c=(1, 2, 3), f=(1, 2), k=(1, 2)),
        6,
        "channels 1,2",
    ),
    "CellVoyager": (
        grid("P_{w}_T0001F{f:03}L01A01Z01C{c:02}.tif", w=("A01", "B02"), f=(1, 2, 3), c=(1, 2)),
        6,
        "C01, C02",
    ),
    "Yokogawa": (grid("A{w:02}_F{f:03}_C{c:02}.tif", w=(1, 2), f=(1, 2), c=(1, 2)), 4, "C01, C02"),
    "NIS-Elements": (grid("t{t:03}_xy{x}_c{c}.tif", t=(1, 2), x=(1, 2), c=(1, 2)), 4, "c1, c2"),
    "Cellomics": (grid("MFG_1201_A{w:02}f{f:02}d{d}.TIF", w=(1, 2), f=(0, 1), d=(0, 1)), 4, "d0"),
    "Micro-Manager": (grid("img_{n:09}_{m}_000.tif", n=range(6), m=DYES), 6, "BF, DAPI, PE"),
    "Micro-Manager 2": (
        grid("img_channel{c:03}_position{p:03}_z000.tif", p=range(6), c=(0, 1)),
        6,
        "channel000, channel001",
    ),
    "pulse parameters": (
        grid("cell-{n}_{m}.tif", n=SIX, m=("FITC-A", "PE-A", "SSC-A")),
        6,
        "FITC-A, PE-A, SSC-A",
    ),
    "lasers": (grid("Sample 1-{n}-{c}.png", n=SIX, c=(405, 488, 561)), 6, "405, 488, 561"),
    "number and marker": (
        grid("{n}_{m}.tif", n=SIX, m=("Ch1_DAPI", "Ch2_PE", "Ch9_BF")),
        6,
        "DAPI, PE, BF (channels 1,2,9)",
    ),
    "marker and number": (
        grid("{n}_{m}.tif", n=SIX, m=("DAPI_Ch1", "PE_Ch2", "BF_Ch9")),
        6,
        "DAPI, PE, BF (channels 1,2,9)",
    ),
    "markers with digits and gaps": (
        grid("{n}_{m}.tif", n=SIX, m=("Brightfield (BF1)", "Alexa488", "7-AAD", "PerCP-Cy5.5")),
        6,
        "7-AAD, Alexa488, Brightfield (BF1), PerCP-Cy5.5",
    ),
    "antigens": (
        grid("{n}_{m}.tif", n=SIX, m=("CD3-FITC", "CD45RA-PE")),
        6,
        "CD3-FITC, CD45RA-PE",
    ),
    "a word": (grid("Channel {c} - cell {n}.tif", n=SIX, c=(1, 2)), 6, "channels 1,2"),
    "flow cytometer": (grid("evt{n}-FL{c}.tif", n=SIX, c=(1, 2)), 6, "FL1, FL2"),
    "colours": (grid("{n}-{m}.png", n=SIX, m=("red", "green")), 6, "green, red"),
    "one known among others": (grid("{n}.{m}.tif", n=SIX, m=("Hellfeld", "DAPI")), 6, "DAPI"),
    "unmarked beside markers": (
        [*grid("{n}.tif", n=SIX), *grid("{n}_{m}.tif", n=SIX, m=("DAPI", "PE"))],
        6,
        "unmarked, DAPI, PE",
    ),
    "InCell": (
        grid("A - 01(fld {n} wv {m}).tif", n=SIX, m=("UV - DAPI", "Blue - FITC")),
        6,
        "Blue FITC, UV DAPI",
    ),
    "ScanR": (grid("{m}--W00001--P{n}--{m}.tif", n=SIX, m=("DAPI", "GFP")), 6, "DAPI, GFP"),
    "ZEN": (grid("exp-{n}_c{c}_ORG.tif", n=SIX, c=(1, 2)), 6, "c1, c2"),
    "ZEN, scenes": (grid("exp-01_s{n}c{c}.tif", n=SIX, c=(1, 2)), 6, "c1, c2"),
    "Bio-Formats": (grid("img{n} - C={c}.tif", n=SIX, c=(0, 1)), 6, "C=0, C=1"),
    "ImageJ, a sequence": (grid("img_t{t:03}_c{c:03}.tif", t=range(6), c=(1, 2)), 6, "c001, c002"),
    "Fiji, split colours": (grid("a{n}.tif ({m}).tif", n=SIX, m=("red", "blue")), 6, "blue, red"),
    "letters of colours": (grid("cell{n}_{m}.tif", n=SIX, m="RGB"), 6, "B, G, R"),
    "random names": (
        [f"{n * 7919**9 % 16**24:024x}_{m}.tif" for n in range(1, 7) for m in ("red", "blue")],
        6,
        "blue, red",
    ),
    "a word and a marker": (grid("{n}_channel-{m}.tif", n=SIX, m=("BF", "PE")), 6, "BF, PE"),
    "many words": (
        grid(
            "2023-10-05 Exp 3_Donor 7_Tube_001_Cell 0{n} {m}.tif",
            n=SIX,
            m=("PE-Cy7", "APC-H7", "BB700", "Brightfield"),
        ),
        6,
        "APC-H7, BB700, Brightfield, PE-Cy7",
    ),
    "times behind markers": (
        [
            f"cell_{n}_{m}_2023-10-05_1015{10 * n + k}.tif"
            for n in range(1, 6)
            for k, m in enumerate(("DAPI", "PE"))
        ],
        5,
        "DAPI, PE",
    ),
    "Chinese": (grid("细胞{n}_通道{c}.tif", n=SIX, c=(1, 2)), 6, "通道1, 通道2"),
    "accents": (grid("Zelle é {n}_{m}.tif", n=SIX, m=DYES), 6, "BF, DAPI, PE"),
    "one cell": (["a_DAPI.tif", "a_PE.tif"], 1, "DAPI, PE"),
    "nothing but markers": (["DAPI.tif", "PE.tif"], 1, "DAPI, PE"),
    "mixed suffixes and case": (
        ["1_dapi.TIF", "1_PE.ome.tif", "2_DAPI.tif", "2_pe.tiff"],
        2,
        "DAPI, PE",
    ),
}

SEPARATE = {
    "numbers that count": [f"cell_{number:03}.tif" for number in range(1, 101)],
    "numbers from 0": [f"img_{number:03}.png" for number in range(10)],
    "plain numbers": ["10.tif", "17.tif", "24.tif", "38.tif"],
    "BD CellView": [f"Cell_Cycle_{number:08}.tiff" for number in range(12)],
    "positions": ["32@0x0.tif", "32@124x28.tif", "32@155x35.tif", "32@31x7.tif"],
    "tiles": grid("32@{x}x{y}.tif", x=(0, 32, 64), y=(0, 32)),
    "times": grid("20231005_10{m}{s:02}.tif", m=(15, 16), s=range(0, 60, 7)),
    "dates and times": grid("2023-10-05_10-{m:02}-{s:02}.tif", m=(1, 2), s=range(60)),
    "well and field": grid("A{n}_{f:02}.tif", n=(1, 2, 3), f=(1, 2)),
    "well and site": grid("A0{n}_s{f}.tif", n=(1, 2, 3), f=(1, 2)),
    "wells": grid("{r}{c:02}.tif", r="ABC", c=(1, 2, 3)),
    "a date and numbers": [f"20231005_{number}.tif" for number in range(1, 5)],
    "two files": ["a_1.tif", "a_2.tif"],
    "c alone": [f"c{number}.tif" for number in range(5)],
    "c with zeros": [f"c{number:03}.tif" for number in range(12)],
    "samples": grid("sample{s}_{n:02}.tif", s=(1, 2), n=range(1, 11)),
    "samples and cells": grid("donor{s}_cell{n}.tif", s=(1, 2), n=range(1, 5)),
    "treatments": grid("{s}_{n}.tif", s=("ctrl", "treated"), n=range(1, 5)),
    "objects of images": [
        f"img{n}_{k}.tif" for n, most in enumerate((3, 5, 1, 2, 7, 4)) for k in range(1, most + 1)
    ],
    "rows and columns": grid("r{r:02}c{c:02}f{f:02}.tif", r=(1, 2), c=(1, 2, 3), f=(1, 2)),
    "random names": ["3f2a9c.tif", "a0b1c2.tif", "77ab01.tif", "c0ffee.tif"],
    "planes": grid("cell{n}_z{z}.tif", n=SIX, z=(0, 1, 2)),
    "stains with times": [f"FITC_2023100510{n}.tif" for n in range(10, 19)],
    "doses": grid("{n}_{d}nM.tif", n=SIX, d=(100, 488, 500)),
    "doses of one digit": grid("{n}_{d}nM.tif", n=SIX, d=(1, 10, 100, 500)),
    "treatments of donors": grid("donor{d}_{t}.tif", d=range(5), t=("before", "after")),
    "replicates": grid("{w}{n}_rep{r}.tif", w="AB", n=(1, 2, 3), r=(1, 2)),
    "replicates of samples": grid("{s}_rep{r}_{n}.tif", s=("ctrl", "drug"), r=(1, 2), n=SIX),
    "replicates of days": grid("day{d}_rep{r}.tif", d=(1, 2, 3), r=(1, 2)),
    "frames of one video": [f"video_frame{number}.tif" for number in range(50)],
    "some copies": [*grid("{n}.tif", n=range(1, 41)), "3_copy.tif", "7_copy.tif"],
    "days": grid("d{d}_{n:03}.tif", d=(0, 1, 7), n=range(1, 8)),
    "stains apart": [f"FITC_{n}.tif" for n in range(9)] + [f"PE_{n}.tif" for n in range(9, 15)],
    "types of cells": grid("{k}_{n:03}.tif", k=("discocyte", "echinocyte"), n=range(1, 9)),
    "phases": grid("{n:03}_{k}.tif", k=("metaphase", "anaphase"), n=range(1, 9)),
    "types apart": [f"lympho_{n}.tif" for n in range(9)] + [f"mono_{n}.tif" for n in range(9, 15)],
    "one channel": [f"cell_{number}_DAPI.tif" for number in range(9)],
}

ASKED = {
    "days from 0": (grid("{n}_d{d}.tif", n=range(1, 7), d=(0, 1, 2)), "{cell}_{channel}.tif"),
    "two numbers": (grid("cell_{n}_{c}.tif", n=range(1, 7), c=(1, 2, 3)), "{cell}_{channel}.tif"),
    "two numbers, from 0": (grid("{n}-{c}.tif", n=range(1, 30), c=(0, 1)), "{cell}-{channel}.tif"),
    "few cells": (grid("a_{n}_{c}.tif", n=(1, 2), c=(1, 2)), "{cell}_{channel}.tif"),
    "a channel that is lacking": (
        grid("cell_{n}_{c}.tif", n=range(1, 7), c=(1, 2))[:-1],
        "{cell}_{channel}.tif",
    ),
    "c in front": (grid("c{c}_{n}.tif", n=range(1, 50), c=(1, 2)), "{channel}_{cell}.tif"),
    "w in front": (grid("w{c}_{n}.tif", n=range(1, 50), c=(1, 2)), "{channel}_{cell}.tif"),
    "words in front": (
        grid("{c}_{n}.tif", n=range(1, 50), c=("alice", "bob")),
        "{channel}_{cell}.tif",
    ),
    "names nobody knows": (
        grid("{n}_{m}.tif", n=SIX, m=("tumour", "stroma")),
        "{cell}_{channel}.tif",
    ),
    "types of cells": (grid("{m}_{n}.tif", n=SIX, m=("lympho", "mono")), "{channel}_{cell}.tif"),
    "parts of three": (grid("cell_{n}_{c}of3.tif", n=SIX, c=(1, 2, 3)), "{cell}_{channel}.tif"),
    "numbers in brackets": (grid("cell_{n} ({c}).tif", n=SIX, c=(1, 2)), "{cell} ({channel}).tif"),
    "other names with gaps": (
        grid("{n}_{m}.tif", n=SIX, m=("PD-L1", "PD1", "EpCAM")),
        "{cell}_{channel}.tif",
    ),
    "samples or scenes": (
        grid("S{s}_C{c}.tif", s=range(1, 7), c=(1, 2, 3)),
        "{cell}_{channel}.tif",
    ),
    "types by antigens": (grid("{m}_{n}.tif", n=SIX, m=("CD4", "CD8")), "{channel}_{cell}.tif"),
    "cells of images": (grid("img{n}_c{c}.tif", n=SIX, c=range(1, 11)), "{cell}_{channel}.tif"),
    "a word that counts": (grid("{n}_image{c}.tif", n=SIX, c=(1, 2)), "{cell}_{channel}.tif"),
    "long numbers": (grid("{n}_{c:04}.tif", n=SIX, c=(0, 1, 2)), "{cell}_{channel}.tif"),
    "letters": (grid("{n}{c}.tif", n=range(1, 20), c="ab"), "{cell}{channel}.tif"),
    "one cell of lasers": (["Sample 1-405.png", "Sample 1-488.png"], "{cell}-{channel}.png"),
    "c of a plate": (grid("plate{n}_c{c}.tif", n=range(1, 5), c=(1, 2, 3)), "{cell}_{channel}.tif"),
    "c of one cell": ([f"img_c{c}.tif" for c in range(3)], "{cell}_{channel}.tif"),
}


@pytest.mark.parametrize(("names", "cells", "channels"), JOINED.values(), ids=JOINED)
def test_channels_of_one_cell_are_joined(names: list[str], cells: int, channels: str) -> None:
    words = said({"A": names})
    number = "1 cell" if cells == 1 else f"{cells} cells"
    assert words.startswith(f"{len(names)} files = {number} x ")
    assert channels in words
    found = cells_in(names)
    assert len(found) == cells
    assert sorted(file for files in found.values() for file in files.values()) == sorted(names)
    assert len({tuple(files) for files in found.values()}) == 1


@pytest.mark.parametrize("folders", [2, 3, 9])
@pytest.mark.parametrize("names", SEPARATE.values(), ids=SEPARATE)
def test_separate_cells_stay_apart_in_several_folders(names: list[str], folders: int) -> None:
    words = said({f"Class {number}": names for number in range(folders)})
    if "DAPI" not in names[0]:
        assert words == f"{folders * len(names):,} files, each by itself"


@pytest.mark.parametrize(("names", "cells", "channels"), JOINED.values(), ids=JOINED)
def test_channels_are_joined_in_several_folders(
    names: list[str], cells: int, channels: str
) -> None:
    words = said({f"Class {number}": names for number in range(4)})
    assert words.startswith(f"{4 * len(names)} files = {4 * cells} cells x ")
    assert channels in words


@pytest.mark.parametrize(("names", "pattern"), ASKED.values(), ids=ASKED)
def test_several_folders_are_asked_about_alike(names: list[str], pattern: str) -> None:
    with pytest.raises(Question) as asked:
        said({f"Class {number}": names for number in range(3)})
    assert asked.value.choices[0].value == pattern


@pytest.mark.parametrize("names", SEPARATE.values(), ids=SEPARATE)
def test_separate_cells_stay_apart(names: list[str]) -> None:
    if len({name.split("_")[-1] for name in names}) > 1:  # but for the files of one channel
        assert said({"A": names}) == f"{len(names)} files, each by itself"
    assert len(cells_in(names)) == len(names)


@pytest.mark.parametrize(("names", "pattern"), ASKED.values(), ids=ASKED)
def test_what_can_be_read_in_two_ways_is_asked(names: list[str], pattern: str) -> None:
    with pytest.raises(Question, match="can be read in more than one way") as asked:
        said({"A": names})
    question = asked.value
    assert question.option == "pattern"
    values = [choice.value for choice in question.choices]
    assert (values[0], values[-1]) == (pattern, "{cell}")
    for choice in question.choices:
        assert said({"A": names}, choice.value) == choice.detail
    assert f"{len(names)} files = " in question.choices[0].detail
    assert question.choices[-1].detail == f"{len(names)} files, each by itself"


@pytest.mark.parametrize("names", [each[0] for each in JOINED.values()], ids=JOINED)
def test_the_order_of_the_files_does_not_matter(names: list[str]) -> None:
    shuffled = list(names)
    random.Random(5).shuffle(shuffled)
    assert cells_in(shuffled) == cells_in(names)


@pytest.mark.parametrize("name", JOINED)
def test_a_folder_that_lacks_a_channel_numbers_the_others_alike(name: str) -> None:
    names = JOINED[name][0]
    files = next(iter(cells_in(names).values()))
    lost = min(files)
    fewer = [each for each in names if each not in {f[lost] for f in cells_in(names).values()}]
    both = {("A",): names, ("B",): fewer}
    naming = choose_naming(both)
    whole, _ = naming.cells(names, "A")
    part, _ = naming.cells(fewer, "A")
    assert list(part) == list(whole)
    for cell, layout in part.items():
        assert set(layout) == {each for each in whole[cell] if each[0] != lost}


def test_names_of_cells_are_file_names_without_the_channel() -> None:
    def only_cell(*names: str) -> str:
        (cell,) = cells_in(list(names))
        return cell

    assert only_cell("C1-cell_01.tif", "C2-cell_01.tif", "C3-cell_01.tif") == "cell_01"
    assert only_cell("img_007_DAPI_000.tif", "img_007_PE_000.tif") == "img_007_000"
    assert only_cell("img_007-[DAPI].ome.tif", "img_007-[PE].ome.tif") == "img_007"
    assert only_cell("1DAPI2.tif", "1PE2.tif") == "1_2"


def test_numbers_in_markers_are_kept_and_counted_from_one() -> None:
    assert list(cells_in(grid("a{n}_w{c}.tif", n=SIX, c=(1, 2)))["a001"]) == [1, 2]
    assert list(cells_in(grid("a{n}_Ch{c}.tif", n=SIX, c=(3, 9)))["a001"]) == [3, 9]
    assert list(cells_in(grid("cell{n}_c{c}.tif", n=SIX, c=range(12)))["cell001"])[-1] == 12


def test_cells_that_lack_a_channel_are_counted() -> None:
    names = grid("cell_{n}_{m}.tif", n=SIX, m=DYES)[:-1]
    expected = "17 files = 6 cells x BF, DAPI, PE (channels 1 to 3), of which 1 lacks a channel"
    assert said({"A": names}) == expected


def test_folders_of_different_schemes_are_read_each_in_its_own() -> None:
    markers, words = grid("{n}_{m}.tif", n=SIX, m=DYES), grid("{n}_Ch{c}.tif", n=SIX, c=(1, 2))
    assert said({"A": markers, "B": words}).startswith("30 files = 12 cells x ")
    plain = [f"cell_{number:03}.tif" for number in range(100)]
    words = said({"A": plain, "B": grid("{n}_{m}.tif", n=SIX, m=("Hellfeld", "DAPI"))})
    assert words.startswith("12 files = 6 cells x DAPI, Hellfeld")
    assert words.endswith("100 files, each by itself")


def test_folders_that_may_be_channels_are_asked_about() -> None:
    files = [f"{number}.tif" for number in SIX]
    folders = {f"{each}/{m}": files for each in ("Class A", "Class B") for m in ("BF", "DAPI")}
    with pytest.raises(Question) as asked:
        said(folders)
    first, last = asked.value.choices
    assert first.value == "{channel}/{cell}.tif"
    assert first.detail == "24 files = 12 cells x BF, DAPI (channels 1,2)"
    assert last.detail == "24 files, each by itself"
    assert said({"Class A": files, "Class B": files}) == "12 files, each by itself"


def test_folders_that_may_be_cells_are_asked_about() -> None:
    files = ["c0.tif", "c1.tif", "c2.tif"]
    folders = {f"Class A/cell_{number}": files for number in range(4)}
    with pytest.raises(Question) as asked:
        said(folders)
    first, last = asked.value.choices
    assert (first.value, first.label) == ("{cell}/{channel}.tif", "Folders are cells")
    assert first.detail == "12 files = 4 cells x c0, c1, c2 (channels 1 to 3)"
    assert last.value == "{cell}"
    days = {f"Day {number}": files for number in range(4)}
    assert said(days) == "12 files, each by itself"


# --- patterns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "name", "parts"),
    [
        ("{cell}_{channel}.tif", "cell_01_DAPI.tif", ("cell_01", "DAPI")),
        ("{cell}_{channel}.TIFF", "cell_01_DAPI.ome.tif", ("cell_01", "DAPI")),
        ("{cell}_{channel}", "cell_01_DAPI.png", ("cell_01", "DAPI")),
        ("{cell}_{channel}.*", "cell_01_DAPI.png", ("cell_01", "DAPI")),
        ("{channel}_{cell}.tif", "PE_cell_01.tif", ("cell_01", "PE")),
        ("{cell}_{channel}_{cell}.tif", "a_PE_01.tif", ("a_01", "PE")),
        ("{CELL}_{Channel}_*.tif", "a_PE_01.tif", ("a", "PE")),
        ("{well}_{cell}_{channel}.tif", "A1_7_PE.tif", ("7", "PE")),
        ("{cell}_{channel}/*.tif", "a_PE/x.tif", ("a", "PE")),
        ("{channel}\\{cell}.tif", "PE/x.tif", ("x", "PE")),
        ("{cell}", "a_b.c.tif", ("a_b.c", "")),
        ("x{cell}{channel}.tif", "X001a.tif", ("001", "a")),
        ("{cell}_{channel}.tif", "cell.tif", None),
        ("{cell}_{channel}.tif", "cell_01_DAPI.png", None),
        ("{cell} [{channel}].tif", "a [PE].tif", ("a", "PE")),
    ],
)
def test_patterns(pattern: str, name: str, parts: tuple[str, str] | None) -> None:
    assert parse_pattern(pattern).split(name) == parts


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("{channel}.tif", "expected {cell} in it for the name of the cell"),
        ("cell_*.tif", "expected {cell} in it for the name of the cell"),
        ("{cell}_{channel}_{channel}", "expected {channel} once, found it 2 times"),
        ("{cell}" + "*" * 20, "expected at most 8 placeholders, found 21"),
    ],
)
def test_patterns_that_cannot_be_used(pattern: str, words: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_pattern(pattern)
    assert words in str(error.value)


def test_a_pattern_that_no_file_matches_is_one_sentence() -> None:
    with pytest.raises(OptionsError, match=r"none of the 2 files, such as a_1\.tif, does") as error:
        said({"A": ["a_1.tif", "b_1.tif"]}, "{cell}-{channel}.tif")
    assert set(error.value.fields) == {"pattern"}


def test_a_pattern_that_makes_two_files_the_same_is_one_sentence() -> None:
    with pytest.raises(OptionsError, match=r"both a_1_x\.tif and a_1_y\.tif in A cell a, ch"):
        said({"A": ["a_1_x.tif", "a_1_y.tif"]}, "{cell}_{channel}_*.tif")


def test_files_that_do_not_match_a_pattern_are_counted() -> None:
    words = said({"A": ["a_1.tif", "a_2.tif", "notes.tif"]}, "{cell}_{channel}.tif")
    assert words == "2 files = 1 cell x channels 1,2; 1 file does not match the pattern"
