"""Labels of tables: which cell a row is about, which column is meant, and what was not found."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.label_import.foreign_table import read_foreign
from deepometry.cells.label_import.label import label
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.label import LabelOptions
from tests.parsed import blobs, write_record, write_stack


@pytest.fixture
def cells(tmp_path):
    """Two .cif files of one name, of four cells each, and a third file."""
    root = tmp_path / "parsed"
    write_record(root)
    write_stack(root / "Day 1", blobs(4, 0), source="Day 1/a.cif", stem="a")
    write_stack(root / "Day 2", blobs(4, 1), source="Day 2/a.cif", stem="a")
    write_stack(root / "Day 2", blobs(4, 1), source="Day 2/b.cif", stem="b")
    return root


def table(cells, text, name="t.csv", encoding="utf-8"):
    path = cells.parent / name
    path.write_bytes(text.encode(encoding))
    return path


def run(cells, path, **more):
    return label(LabelOptions(input=cells, labels=path, **more))


def texts(cells, name):
    return open_dataset(cells).labels(name).texts()


def test_rows_name_cells_by_file_and_object(cells):
    path = table(cells, "file,object,gate\nDay 1/a.cif,1,G1\nday 2\\A.CIF,3,S\nb,0,S\n")
    result = run(cells, path)
    assert texts(cells, "gate") == ["", "G1", "", "", "", "", "", "S", "S", "", "", ""]
    assert (result.labelled, result.unmatched, result.ambiguous) == (3, 0, 0)
    assert result.message == "gate: 3 of 12 cells have a label (G1 1, S 2)."
    (target,) = [t for t in open_dataset(cells).targets() if t.name == "gate"]
    assert target.origin == "column gate of t.csv"


def test_names_are_matched_whole(cells):
    rows = "z.cif,0,\nca.cif,1,G1\nb.cif,11,S\nb.cif,1,S\nb.cif,2,G1\n"  # the first without a label
    result = run(cells, table(cells, f"file,object,gate\n{rows}"))
    assert result.unmatched == 2
    assert "2 of 4 rows have no parsed cell, such as “ca.cif, object 1”, “b.cif, object 11”" in (
        result.message
    )


def test_rows_of_files_that_were_not_parsed_are_never_taken_for_others(tmp_path):
    parsed = tmp_path / "parsed"
    write_stack(parsed / "Day 1", blobs(4, 0), source="Day 1/a.cif", stem="a")
    write_stack(parsed, blobs(4, 1), source="b.cif", stem="b")
    record = {"options": {"input": str(tmp_path / "plate 1")}}
    write_record(parsed)
    known = json.loads((parsed / "parse.json").read_text("utf-8"))
    (parsed / "parse.json").write_text(json.dumps(known | record), "utf-8")
    lines = ["file,object,gate", "Day 2/a.cif,0,S", "Day 1/a.cif,1,G1", "old/a.cif,2,G1"]
    lines += [f"plate {n}/b.cif,{n},{'S' if n == 1 else 'G1'}" for n in (1, 2)]
    result = run(parsed, table(parsed, "\n".join(lines)))
    assert texts(parsed, "gate") == ["", "S", "", "", "", "G1", "", ""]
    assert result.examples == (
        "Day 2/a.cif, object 0",
        "old/a.cif, object 2",
        "plate 2/b.cif, object 2",
    )


def test_one_class_is_told(cells):
    result = run(cells, table(cells, "file,object,gate\nb.cif,0,A\nb.cif,1,A\n"))
    assert "One class alone cannot be learnt: give cells of another one" in result.message


def test_accents_are_one_letter_or_two(tmp_path):
    write_record(tmp_path)
    write_stack(tmp_path, blobs(2, 0), source="ge\u0301ant.cif")
    run(tmp_path, table(tmp_path / "x", "file,object,gate\ng\u00e9ant.cif,0,A\ngéant,1,B\n"))
    assert texts(tmp_path, "gate") == ["A", "B"]


def test_a_row_that_may_be_two_cells_is_left_out_and_told(cells):
    path = table(cells, "file,object,gate\na.cif,1,G1\nb.cif,0,S\nb.cif,1,G1\n")
    result = run(cells, path)
    assert (result.labelled, result.ambiguous) == (2, 1)
    assert "1 of 3 rows may be about several cells and are left out" in result.message


def test_only_rows_that_may_be_several_cells(cells):
    path = table(cells, "object,gate\n1,G1\n2,S\n")
    with pytest.raises(DeepometryError, match="expected rows that name one cell each, found rows"):
        run(cells, path)


def test_the_object_alone_is_enough_for_one_file(tmp_path):
    write_record(tmp_path)
    write_stack(tmp_path / "Day 1", blobs(4, 0), source="a.cif")
    run(tmp_path, table(tmp_path, "Object Number\tgate\n0\tG1\n003\tS\n2.0\tS\n", "u.tsv"))
    assert texts(tmp_path, "gate") == ["G1", "", "S", "S"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_separator_and_encoding(cells, separator, encoding):
    lines = ["file,object,Zellgröße", "b.cif,0,groß", "b.cif,1,klein"]
    text = "\n".join(line.replace(",", separator) for line in lines)
    run(cells, table(cells, text, encoding=encoding))
    assert texts(cells, "Zellgröße")[8:] == ["groß", "klein", "", ""]


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_spreadsheets_and_parquet(cells, kind):
    rows = pd.DataFrame(
        {"file": ["b.cif"] * 3, "object": [0.0, 1.0, 2.0], "gate": ["G1", None, "S"]}
    )
    path = cells.parent / f"t.{kind}"
    rows.to_excel(path, index=False) if kind == "xlsx" else rows.to_parquet(path)
    result = run(cells, path)
    assert texts(cells, "gate")[8:] == ["G1", "", "S", ""]
    assert result.rows == 2


def test_a_path_names_the_image_of_a_cell(tmp_path):
    write_record(tmp_path)
    write_stack(tmp_path, blobs(3, 0), stem="images")
    lines = ["source,object"] + [f"cell_{n}.tiff,cell_{n}" for n in range(3)]
    (tmp_path / "images.csv").write_text("\n".join(lines) + "\n", "utf-8")
    text = (
        "id;gate;path\nid0;G1;../images/cell_0.tiff\nid2;S;C:\\x\\cell_2.tiff\nid9;S;cell_9.tiff\n"
    )
    result = run(tmp_path, table(tmp_path, text))
    assert texts(tmp_path, "gate") == ["G1", "", "S"]
    assert result.examples == ("cell_9.tiff",)


def test_a_path_in_another_folder_names_no_cell(tmp_path):
    write_record(tmp_path)
    write_stack(tmp_path / "Day 1", blobs(2, 0))
    rows = "source,object\nDay 1/c0.tif,c0\nDay 1/c1.tif,c1\n"
    (tmp_path / "Day 1" / "cells.csv").write_text(rows, "utf-8")
    path = table(tmp_path, "path,gate\nDay 2/c0.tif,S\nDay 1/c1.tif,G1\n")
    assert run(tmp_path, path).unmatched == 1
    assert texts(tmp_path, "gate") == ["", "G1"]


def test_several_columns_that_may_hold_labels_are_asked_about(cells):
    path = table(cells, "file,object,donor,stage\nb.cif,0,D1,x\nb.cif,1,D2,y\n")
    with pytest.raises(Question) as asked:
        run(cells, path)
    assert [choice.value for choice in asked.value.choices] == ["donor", "stage"]
    assert asked.value.choices[0].detail == "2 values: D1, D2"
    run(cells, path, column="DONOR", name="Spender")
    assert texts(cells, "Spender")[8:] == ["D1", "D2", "", ""]


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("file,object,gate\nb.cif,0,A\n", {"column": "x"}, "Column: expected a column of t.csv"),
        ("file,object\nb.cif,0\nb.cif,1\n", {}, "expected a column with labels, found none beside"),
        ("x,gate\nq,A\nr,B\n", {"column": "gate"}, "expected a column with the file or the path"),
        ("file,object,gate\nz.cif,0,A\nz.cif,1,B\n", {}, "expected rows about the parsed cells"),
        ("", {}, "expected a table, found an empty file"),
        ("file,object,Day\nb.cif,0,A\nb.cif,1,B\n", {}, "a folder prefix of these cells"),
        ("file,object,label\nb.cif,0,A\nb.cif,1,B\n", {}, "that no other column has"),
        ("file,object,gate\nb.cif,0,A\nb.cif,1,B\n", {"learn": "number"}, "numbers, found 'A'"),
        ("file,object,gate\nb.cif,0,A\n", {"populations": "A"}, "expected an analysis of IDEAS"),
    ],
)
def test_tables_that_cannot_be_used_are_explained(cells, text, more, said):
    with pytest.raises(DeepometryError, match=said):
        run(cells, table(cells, text), **more)
    assert not (cells / "labels").exists()


def test_a_file_that_is_no_table(cells):
    path = cells.parent / "t.xlsx"
    path.write_bytes(b"PK\3\4 damaged")
    with pytest.raises(DeepometryError, match="found a file that cannot be read as one"):
        run(cells, path)
    with pytest.raises(DeepometryError, match="does not exist; check the path"):
        run(cells, cells.parent / "nothing.csv")
    with pytest.raises(DeepometryError, match=r"found \.doc; save the labels as one of these"):
        run(cells, table(cells, "x", "t.doc"))


def test_labels_are_not_written_over_without_being_asked(cells):
    first = table(cells, "file,object,gate\nb.cif,0,A\nb.cif,1,B\n")
    run(cells, first)
    other = table(cells, "file,object,Gate\nb.cif,0,C\nb.cif,1,D\n", "other.csv")
    with pytest.raises(Question, match=r"these cells have labels gate already .column gate of t"):
        run(cells, other)
    assert texts(cells, "gate")[8:] == ["A", "B", "", ""]
    run(cells, other, overwrite=True)
    assert texts(cells, "gate")[8:] == ["C", "D", "", ""]
    assert len(open_dataset(cells).label_sources) == 1


OVERLAPPING = "file,object,gate\nb.cif,0,A\nb.cif,0,B\nb.cif,1,B\nb.cif,2,A\nb.cif,2,A\n"


def test_overlaps_are_asked_about(cells):
    with pytest.raises(Question, match=r"found 1 of 3 cells with several: A \+ B \(1\)") as asked:
        run(cells, table(cells, OVERLAPPING))
    assert asked.value.option == "overlap"


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("first", ["A", "B", "A"]),
        ("exclude", ["", "B", "A"]),
        ("own", ["A + B", "B", "A"]),
    ],
)
def test_overlaps_are_settled(cells, how, found):
    result = run(cells, table(cells, OVERLAPPING), overlap=how)
    assert texts(cells, "gate")[8:11] == found
    assert result.overlapping == 1 and result.message.endswith("1 cell had several labels.")


def test_two_numbers_are_no_class_of_their_own(cells):
    path = table(cells, "file,object,dna\nb.cif,0,1.5\nb.cif,0,2.5\nb.cif,1,2.5\n")
    with pytest.raises(OptionsError, match="expected first or exclude, because the labels are num"):
        run(cells, path, overlap="own")


@pytest.mark.parametrize(
    ("values", "learn", "kind"),
    [
        (["1", "15", "29", "43"], "auto", "classes"),
        (["1.5", "2.5", "3", "4"], "auto", "number"),
        (["1", "15", "29", "43"], "number", "number"),
        (["1.5", "2.5", "3", "4"], "classes", "classes"),
    ],
)
def test_labels_are_classes_or_numbers(cells, values, learn, kind):
    text = "file,object,age\n" + "".join(f"b.cif,{n},{v}\n" for n, v in enumerate(values))
    assert run(cells, table(cells, text), learn=learn).kind == kind
    assert open_dataset(cells).values("age")[8:].tolist() == [float(value) for value in values]
    assert open_dataset(cells).labels("age").texts()[8:] == values


def test_formulas_come_back_as_they_were(cells):
    run(cells, table(cells, "file,object,gate\nb.cif,0,'=A\nb.cif,1,=B\n"))
    assert texts(cells, "gate")[8:10] == ["=A", "=B"]
    assert "'=A" in (cells / "labels" / "gate.csv").read_text("utf-8")


def test_labels_given_to_a_part_are_those_of_all(tmp_path):
    for side in ("Train", "Hold-out"):
        write_stack(tmp_path / side, blobs(2, 0), source=f"{side}.cif")
    write_record(tmp_path)
    path = table(tmp_path / "x", "file,object,gate\nTrain.cif,0,A\nHold-out.cif,1,B\n")
    run(tmp_path / "Hold-out", path)
    assert sorted(texts(tmp_path, "gate")) == ["", "", "A", "B"]


# --- lists that Export wrote ---------------------------------------------------------------------


def test_lists_for_ideas_come_back(cells, tmp_path):
    folder = tmp_path / "lists"
    (folder / "Day 2_b.cif").mkdir(parents=True)
    (folder / "Day 2_b.cif" / "G1.txt").write_text("0\n3\n", "ascii")
    (folder / "Day 2_b.cif" / "S.txt").write_text("1\n", "ascii")
    rows = "source,class,cells,file\nDay 2/b.cif,G1,2,Day 2_b.cif/G1.txt\n"
    rows += "Day 2/b.cif,S,1,Day 2_b.cif/S.txt\n"
    (folder / "populations.csv").write_text(rows, "utf-8")
    result = run(cells, folder, name="Phase")
    assert texts(cells, "Phase")[8:] == ["G1", "S", "", "G1"]
    assert open_dataset(cells).labels("Phase").origin == "lists"
    packed = tmp_path / "lists.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in folder.rglob("*.*"):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    assert run(cells, packed, name="Packed").labels == result.labels


def test_probabilities_for_flowjo_come_back(cells, tmp_path):
    (tmp_path / "clr").mkdir()
    rows = "G1,S\n0.9,0.1\n0,0\n0.2,0.8\n"
    (tmp_path / "clr" / "Day 2_b.cif.csv").write_text(rows, "utf-8")
    run(cells, tmp_path / "clr", name="Phase")  # as Export names it
    assert texts(cells, "Phase") == [""] * 8 + ["G1", "", "S", ""]
    (tmp_path / "clr" / "Day 2_b.cif.csv").rename(tmp_path / "clr" / "b.cif.csv")
    run(cells, tmp_path / "clr", name="Phase", overwrite=True)
    assert texts(cells, "Phase")[8:] == ["G1", "", "S", ""]
    (tmp_path / "clr" / "b.cif.csv").rename(tmp_path / "clr" / "2_b.cif.csv")
    with pytest.raises(DeepometryError, match="expected rows about the parsed cells"):
        run(cells, tmp_path / "clr", name="Other")


def test_a_table_for_each_class(cells, tmp_path):
    (tmp_path / "gates").mkdir()
    for name, number in (("G1", 0), ("S", 2)):
        text = f"File,Object :: Object number,Area\nb.cif,{number},7\n"
        (tmp_path / "gates" / f"{name}.csv").write_text(text, "utf-8")
    run(cells, tmp_path / "gates", name="Phase")
    assert texts(cells, "Phase")[8:] == ["G1", "", "S", ""]


def test_a_folder_without_lists(cells, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeepometryError, match="expected lists that Export wrote"):
        run(cells, tmp_path / "empty")


def test_a_long_table_is_read_whole(tmp_path):
    rows = pd.DataFrame({"object": np.arange(30_000), "gate": np.arange(30_000) % 3})
    rows.to_csv(tmp_path / "t.csv", sep=";", index=False)
    assert len(read_foreign(tmp_path / "t.csv").rows) == 30_000


def test_an_unknown_option_of_labels():
    with pytest.raises(OptionsError, match="expected one of auto, classes, number"):
        LabelOptions(input="a", labels="b", learn="x")
