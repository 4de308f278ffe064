"""Sets of chosen cells: the right pixels and names, ready for training; other sets stay."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import tifffile

from deepometry.cells.dataset import open_dataset
from deepometry.cells.gates.gate import Gate, Limit, write_gate
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.cells.subset import subset
from deepometry.cells.targets import targets
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.folder_names import NUMBER
from deepometry.core.options.parse import TargetsOptions
from deepometry.core.options.subset import SubsetOptions
from tests.imported import import_features
from tests.labelled import write_labels
from tests.parsed import FRAME, blobs, write_classes, write_record


@pytest.fixture
def cells(tmp_path):
    """Two classes, of 8 and 6 cells, one folder above them held out."""
    root = tmp_path / "cells"
    write_record(root, names={"3": "Brightfield"})
    write_classes(root / "Train", {"Class A": 8, "Class B": 6})
    write_classes(root / "Hold-out", {"Class B": 4}, seed=1)
    return root


def write_list(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["note", "object", "source"], *rows])
    return path


def run(parsed, tmp_path, rows, name="Odd", **more):
    listed = write_list(tmp_path / f"{name}.csv", rows)
    options = {"input": parsed, "output": tmp_path / "sets", "cells": listed, "name": name}
    return subset(SubsetOptions(**(options | more)))


def test_a_set_holds_the_pixels_and_names_of_its_cells(cells, tmp_path):
    result = run(cells / "Train", tmp_path, [["", 5, "Class A.cif"], ["", 0, "Class B.cif"],
                                             ["", 2, "Class A.cif"]])  # fmt: skip
    assert (result.cells, result.missing) == (3, 0)
    assert result.folder == tmp_path / "sets" / "Set Odd"
    dataset = open_dataset(tmp_path / "sets")
    who = [(part.levels, source, name) for part, source, name in dataset.identities()]
    assert who == [
        (("Set Odd", "Class A"), "Class A.cif", "2"),
        (("Set Odd", "Class A"), "Class A.cif", "5"),
        (("Set Odd", "Class B"), "Class B.cif", "0"),
    ]
    expected = np.stack([*blobs(8, 0)[[2, 5]], blobs(6, 1)[0]])
    assert np.array_equal(dataset.read(np.arange(3)), expected)
    assert dataset.channels == (3, 6)
    assert "height" in (result.folder / "Class A" / "cells.csv").read_text().splitlines()[0]
    sheet = tifffile.imread(tmp_path / "sets" / "Set Odd_ch3_1.tif")
    assert np.array_equal(sheet[:FRAME, :FRAME], expected[0, ..., 0])


def test_all_cells_but_the_listed_ones_are_a_set(cells, tmp_path):
    rows = [["", 5, "Class A.cif"], ["", 77, "Class A.cif"]]
    result = run(cells / "Train", tmp_path, rows, all_but=True, montage=0)
    assert (result.cells, result.missing) == (13, 1)
    names = [name for _, source, name in open_dataset(tmp_path / "sets").identities()]
    assert names == ["0", "1", "2", "3", "4", "6", "7", *"012345"]


def test_two_sets_are_two_labels_to_train_on(cells, tmp_path):
    run(cells / "Train", tmp_path, [["", n, "Class A.cif"] for n in range(5)], "One")
    run(cells / "Train", tmp_path, [["", n, "Class B.cif"] for n in range(3)], "Two", montage=0)
    labels = {t.name: t.labels for t in targets(TargetsOptions(input=tmp_path / "sets"))}
    assert labels["Set"] == {"One": 5, "Two": 3}
    run(cells / "Train", tmp_path, [["", 1, "Class B.cif"]], "One", overwrite=True)
    labels = {t.name: t.labels for t in targets(TargetsOptions(input=tmp_path / "sets"))}
    assert labels["Set"] == {"One": 1, "Two": 3}  # the old set of that name is gone whole
    record = json.loads((tmp_path / "sets" / "parse.json").read_text("utf-8"))
    assert record["cells"] == 4
    assert all((tmp_path / "sets" / name).is_file() for name in record["files"])


def test_what_was_held_out_stays_so(cells, tmp_path):
    result = run(cells, tmp_path, [["", 1, "Class B.cif"], ["", 99, "Class B.cif"]])
    assert (result.cells, result.missing, result.folder) == (2, 0, tmp_path / "sets")
    assert {part.side for part in open_dataset(tmp_path / "sets").parts} == {"Train", "Hold-out"}


def test_single_arrays_can_be_chosen(tmp_path):
    for number, image in enumerate(blobs(3, 0)):
        (tmp_path / "cells" / "Class A").mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "cells" / "Class A" / f"c{number}.npy", image)
    run(tmp_path / "cells", tmp_path, [["", "c1", "Class A/c1.npy"]])
    dataset = open_dataset(tmp_path / "sets")
    assert np.array_equal(dataset.read(np.arange(1))[0], blobs(3, 0)[1])


def test_lists_that_cannot_be_used(cells, tmp_path):
    with pytest.raises(DeepometryError, match="found none of the 1 listed ones"):
        run(cells, tmp_path, [["", 1, "other.cif"]])
    assert not (tmp_path / "sets").exists()
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n")
    with pytest.raises(DeepometryError, match="expected the columns source and object"):
        run(cells, tmp_path, [], cells=bad)
    with pytest.raises(DeepometryError, match="does not exist"):
        run(cells, tmp_path, [], cells=tmp_path / "none.csv")


def test_places_and_names_that_cannot_be_used(cells, tmp_path):
    row = [["", 1, "Class A.cif"]]
    with pytest.raises(DeepometryError, match="lies among the parsed cells"):
        run(cells, tmp_path, row, output=cells / "sets")
    others = write_classes(tmp_path / "others", {"Class A": 2})
    with pytest.raises(DeepometryError, match="found other parsed cells"):
        run(cells, tmp_path, row, output=others)
    for name in ("../x", "a/b", "x" * 61):
        with pytest.raises(OptionsError, match=r"^Name: expected a name"):
            SubsetOptions(input=cells, output=tmp_path, cells=tmp_path, name=name)
    with pytest.raises(OptionsError, match=r"^Name: Please fill this in"):
        SubsetOptions(input=cells, output=tmp_path, cells=tmp_path, name="")


def test_names_whose_folders_would_be_one(cells, tmp_path):
    row = [["", 1, "Class A.cif"]]
    run(cells, tmp_path, row, "Odd")
    listed = tmp_path / "Odd.csv"
    for name, message in {
        "odd": "differs from it in more than case",
        "New.": "no dot at the",
    }.items():
        with pytest.raises(OptionsError, match=message):
            run(cells, tmp_path, row, cells=listed, name=name)
    assert run(cells, tmp_path, row, "Odd", overwrite=True).cells == 1


def test_labels_come_along(cells, tmp_path):
    write_labels(
        cells, "Gate", [("Class A.cif", "2", "G1"), ("Class A.cif", "7", "S")], channels=[3]
    )
    write_labels(cells, "Dose", [("Class A.cif", "2", "0.123456789012")], kind=NUMBER)
    hands = open_hand_labels(cells, "Phase", make=True)
    hands.add_class("Late")
    hands.give([("Class B.cif", "1")], "Late", "Ann")
    run(cells, tmp_path, [["", 2, "Class A.cif"], ["", 1, "Class B.cif"]], montage=0)
    run(cells, tmp_path, [["", 7, "Class A.cif"]], "Even", montage=0)
    labels = open_dataset(tmp_path / "sets").label_columns
    assert {name: each.texts() for name, each in labels.items()} == {
        "Dose": ["", "", "0.123456789", ""],
        "Gate": ["", "S", "G1", ""],
        "Phase": ["Late", "", "", "Late"],
    }
    assert labels["Gate"].channels == (3,) and "Ann" in labels["Phase"].origin
    run(cells, tmp_path, [["", 7, "Class A.cif"]], "Odd", overwrite=True, montage=0)
    assert open_dataset(tmp_path / "sets").labels("Gate").texts() == ["S", "S"]
    write_labels(cells, "Dose", [("Class A.cif", "2", "high")])
    with pytest.raises(DeepometryError, match=r"labels Dose that are classes.*found number"):
        run(cells, tmp_path, [["", 2, "Class A.cif"]], "New", montage=0)


def test_a_set_has_no_gate_and_says_so(cells, tmp_path):
    import_features(cells, {"Area Ch1": np.arange(18)})
    write_gate(
        cells, Gate("Good", (Limit("Area Ch1", high=15),), "a test"), TargetsOptions(input=cells)
    )
    rows = [["", n, "Class B.cif"] for n in range(6)]
    assert "of them are gated out where they come from" in str(run(cells, tmp_path, rows))
