"""Labels that do not come from folder names: looked up, counted, learnt, scored."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_cells, open_dataset
from deepometry.cells.groups import groups_of
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.folder_names import NUMBER
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.exports.result_tables import ParsedCells
from deepometry.inference.predict import predict
from deepometry.training.baseline import baseline
from deepometry.training.dataset_checks import confounded
from tests.labelled import write_labels
from tests.parsed import blobs, write_classes, write_record, write_stack


@pytest.fixture
def cells(tmp_path):
    """Two folders of six cells each."""
    return write_classes(tmp_path / "parsed", {"Day 1": 6, "Day 2": 6})


def rows_of(**labels):
    """Label cells by folder and object, as Day_1=["A", None, "B"]."""
    named = ((folder.replace("_", " "), each) for folder, each in labels.items())
    return [(f"{f}.cif", str(n), text) for f, each in named for n, text in enumerate(each) if text]


def test_labels_stand_among_the_targets_of_folders(cells):
    write_labels(cells, "Gate", rows_of(Day_1=["G1", "S", "G1"], Day_2=["S"]))
    day, gate = open_dataset(cells).targets()
    assert (day.name, gate.name) == ("Day", "Gate")
    assert dict(gate.labels) == {"G1": 2, "S": 2}
    assert (gate.cells, gate.unlabelled, gate.origin) == (4, 8, "a test")
    assert str(gate) == "Gate (2 labels, 4 cells, 8 without, a test)"


def test_every_cell_has_its_own_label_or_none(cells):
    write_labels(cells, "Gate", rows_of(Day_1=[None, "S", "G1"], Day_2=["S"]))
    dataset = open_dataset(cells)
    assert dataset.codes("gate", ["G1", "S"]).tolist() == [-1, 1, 0, -1, -1, -1, 1, *[-1] * 5]
    assert dataset.codes("Gate", ["S"]).tolist() == [-1, 0, -1, -1, -1, -1, 0, *[-1] * 5]
    assert dataset.codes("Nothing", ["S"]).tolist() == [-1] * 12


def test_numbers_are_labels_too(cells):
    write_labels(cells, "DNA", rows_of(Day_1=["1.5", "-2"], Day_2=["3"]), kind=NUMBER)
    target = open_dataset(cells).targets()[-1]
    assert (target.kind, target.cells, target.unlabelled, target.span) == (NUMBER, 3, 9, (-2, 3))
    assert str(target) == "DNA (numbers -2 to 3, 3 cells, 9 without, a test)"
    values = open_dataset(cells).values("DNA")
    assert values[[0, 1, 6]].tolist() == [1.5, -2, 3] and np.isnan(values).sum() == 9


def test_folder_values_are_numbers_where_they_are(cells):
    assert open_dataset(cells).values("Day").tolist() == [1.0] * 6 + [2.0] * 6


def test_a_folder_inside_of_parsed_cells_finds_their_labels(tmp_path):
    for side in ("Train", "Hold-out"):
        write_record(tmp_path)
        write_stack(tmp_path / side / "Day 1", blobs(3, 0), source=f"{side}.cif")
    write_labels(tmp_path, "Gate", [("Hold-out.cif", "1", "S"), ("Train.cif", "0", "G1")])
    assert open_dataset(tmp_path / "Hold-out").codes("Gate", ["S"]).tolist() == [-1, 0, -1]
    assert open_dataset(tmp_path).codes("Gate", ["G1"]).tolist().count(0) == 1


def test_arrays_without_a_table_are_found_from_above_and_from_within(tmp_path):
    write_record(tmp_path)
    (tmp_path / "Day 1").mkdir()
    np.save(tmp_path / "Day 1" / "a.npy", blobs(1, 0)[0])
    write_labels(tmp_path, "Gate", [("Day 1/a.npy", "a", "S")])
    for place in (tmp_path, tmp_path / "Day 1"):
        assert open_dataset(place).codes("Gate", ["S"]).tolist() == [0]


def test_a_folder_of_the_same_name_comes_first(cells):
    write_labels(cells, "Day", rows_of(Day_1=["3", "4"]))
    assert open_dataset(cells).labels("Day").from_folders


def test_somebody_elses_files_among_the_labels_are_passed_over(cells):
    (cells / "labels").mkdir()
    (cells / "labels" / "notes.csv").write_text("a,b\n1,2\n", "utf-8")
    assert [target.name for target in open_dataset(cells).targets()] == ["Day"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("label\n", "class\n", "expected the columns source, object, label, found"),
        (",S\n", ",T\n", "expected labels of its record, found 'T'"),
    ],
)
def test_a_damaged_table_of_labels_says_so(cells, old, new, said):
    path = write_labels(cells, "Gate", rows_of(Day_1=["G1", "S"]))
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(DeepometryError, match=said):
        open_dataset(cells).targets()


def test_a_damaged_record_of_labels_says_so(cells):
    path = write_labels(cells, "Gate", rows_of(Day_1=["G1", "S"])).with_suffix(".json")
    record = json.loads(path.read_text("utf-8"))
    del record["classes"]
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(DeepometryError, match="expected name, kind, origin and classes"):
        open_dataset(cells).targets()


def test_labels_are_columns_of_tables(cells):
    write_labels(cells, "Gate", rows_of(Day_1=["=G1", None, "S"]))
    write_labels(cells, "DNA", rows_of(Day_2=["0.1"]), kind=NUMBER)
    table = open_cells(cells).table
    assert table["Gate"].astype(object).where(table["Gate"].notna(), "").tolist()[:4] == [
        "=G1", "", "S", ""]  # fmt: skip
    assert table["DNA"].notna().sum() == 1 and table["DNA"][6] == 0.1
    exported = ParsedCells(open_dataset(cells))
    assert exported.texts == ["Day", "DNA", "Gate"]
    first = next(exported.pieces(20))[0]
    assert first["Gate"].tolist()[:3] == ["=G1", "", "S"] and first["DNA"][6] == "0.1"


def test_cells_may_be_grouped_by_labels(cells):
    write_labels(cells, "Donor", rows_of(Day_1=list("ABABaB"), Day_2=list("BABABA")))
    values, codes = groups_of(open_dataset(cells), "donor", "Day")
    assert values == ["A", "B"] and codes.tolist() == [0, 1] * 3 + [1, 0] * 3


def test_numbers_that_nearly_all_differ_are_no_groups(cells):
    write_labels(cells, "DNA", rows_of(Day_1=list("123456"), Day_2=list("213456")), kind=NUMBER)
    assert len(groups_of(open_dataset(cells), "DNA", "Day")[0]) == 6
    rows = rows_of(Day_1=list("123456"), Day_2=[*"78", "9.5", *"321"])
    write_labels(cells, "DNA", rows, kind=NUMBER)
    with pytest.raises(OptionsError, match="such as samples, found 9 numbers of DNA"):
        groups_of(open_dataset(cells), "DNA", "Day")


def test_a_labelled_cell_without_a_group_is_told(cells):
    write_labels(cells, "Donor", rows_of(Day_1=list("ABABA"), Day_2=list("BABABA")))
    with pytest.raises(OptionsError, match="a value of Donor for every cell, found 1 cells"):
        groups_of(open_dataset(cells), "Donor", "Day")


def test_labels_of_one_folder_only_are_told(cells):
    write_labels(cells, "Gate", rows_of(Day_1=["A", "B"], Day_2=["B", "C"]))
    dataset = open_dataset(cells)
    (told,) = confounded(dataset.folders, "Gate", dataset.labels_by_folder("Gate"))
    assert told.startswith("2 of the 3 classes of Gate come from one Day each only: A (Day 1)")


@pytest.fixture
def gated(tmp_path):
    """Cells of two kinds, mixed in each folder, most of them labelled by their kind."""
    home = tmp_path / "gated"
    write_record(home)
    rows = []
    for day in ("Day 1", "Day 2"):
        kinds = np.arange(40) % 2
        pixels = np.stack([blobs(1, int(kind), n)[0] for n, kind in enumerate(kinds)])
        write_stack(home / day, pixels)
        rows += [(f"{day}.cif", str(n), "AB"[kind]) for n, kind in enumerate(kinds[:-4])]
    write_labels(home, "Gate", rows, origin="column gate of cells.csv")
    return home


@pytest.mark.slow
def test_labels_are_learnt_and_unlabelled_cells_predicted_but_not_scored(gated, tmp_path):
    said = []
    options = BaselineOptions(input=gated, output=tmp_path / "model", target="gate")
    result = baseline(options, lambda done, total, text: said.append(text))
    assert result.description.label_source == "column gate of cells.csv"
    assert sum(result.description.cells.values()) == 72
    options = PredictOptions(input=gated, output=tmp_path / "out", model=result.model)
    predicted = predict(options)
    assert any("8 of 80 cells have no label of Gate" in each for each in predicted.warnings)
    table = pd.read_csv(tmp_path / "out" / "predicted.csv", keep_default_na=False)
    assert (table["true_label"] == "").sum() == 8
    assert set(table["label"]) == {"A", "B"}
    matrix = pd.read_csv(tmp_path / "out" / "confusion_matrix.csv", index_col=0)
    assert matrix.to_numpy().sum() == 72


@pytest.mark.slow
def test_a_label_that_the_model_does_not_know_is_refused(gated, tmp_path):
    options = BaselineOptions(input=gated, output=tmp_path / "model", target="gate")
    model = baseline(options).model
    rows = [("Day 1.cif", "3", "Z"), ("Day 1.cif", "4", "A")]
    write_labels(gated, "Gate", rows)
    with pytest.raises(DeepometryError, match=r"3 of Day 1\.cif: expected a Gate that the model"):
        predict(PredictOptions(input=gated, output=tmp_path / "out", model=model))
