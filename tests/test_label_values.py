"""Labels of tables as people have them: decimal commas, units, missing numbers, Excel's ways."""

from __future__ import annotations

import pandas as pd
import pytest

from deepometry.cells.label_import.foreign_table import read_foreign
from deepometry.cells.label_import.label_values import label_values
from deepometry.core.errors import OptionsError


@pytest.mark.parametrize(
    ("texts", "commas", "kept"),
    [
        (["2,5", "3,125", "10,0"], False, ["2.5", "3.125", "10"]),
        (["2,125", "3,750"], True, ["2.125", "3.75"]),  # semicolons between columns
        (["1,234.5", "2,000.25"], False, ["1234.5", "2000.25"]),
        (["1.234,5", "2.000,25"], False, ["1234.5", "2000.25"]),
        (["2.5 uM", "3.75uM"], False, ["2.5", "3.75"]),
        (["2.5", "nan", "NA", "-inf", "1e400", "4.25"], False, ["2.5", "", "", "", "", "4.25"]),
    ],
)
def test_numbers_are_kept_as_every_step_reads_them(texts, commas, kept):
    values = label_values(texts, "auto", commas)
    assert (values.kind, values.texts) == ("number", kept)
    assert bool(values.notes) == ("" in kept)


def test_what_is_no_number_is_told():
    with pytest.raises(OptionsError, match="numbers of one unit, found the unit uM and the unit n"):
        label_values(["2.5 uM", "2.5 nM"], "auto", False)
    with pytest.raises(OptionsError, match="expected numbers, found '1,234'; choose classes"):
        label_values(["1,234", "2,345"], "number", False)
    values = label_values(["2.5", "3.5", "?"], "auto", False)
    assert values.kind == "classes" and "“?” cannot be read as a number" in values.notes[0]


def test_classes_that_may_not_be_meant_are_told():
    values = label_values(["None", "true", "1.0", "1", "G1", "g1"], "auto", False)
    assert values.texts == ["None", "true", "1.0", "1", "G1", "g1"]
    assert values.notes[0].startswith("“None” is a class here")
    assert values.notes[1].endswith("alike: “1.0” and “1”, “G1” and “g1”.")


@pytest.mark.parametrize(
    "text",
    [
        "file,object,gate\na,0,G1,\na,1,S,\n",  # a separator at the end of all rows but the first
        "sep=;\r\nfile;object;gate\r\na;0;G1\r\na;1;S\r\n",
        "# made by X, Y, Z, and others\n\nfile,object,gate\na,0,G1\na,1,S\n",
        "file object gate\na 0 G1\na 1 S\n",
        "file^object^gate\na^0^G1\na^1^S\n",
    ],
)
def test_text_as_other_programs_write_it(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, "utf-8", newline="")
    rows = read_foreign(tmp_path / "t.csv").rows
    assert rows[["file", "object", "gate"]].to_numpy().tolist() == [
        ["a", "0", "G1"],
        ["a", "1", "S"],
    ]


def test_a_sheet_below_others_and_below_a_title(tmp_path):
    rows = pd.DataFrame({"file": ["a", "a"], "object": [0, 1], "gate": ["NA", "None"]})
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame({"about": ["x"]}).to_excel(book, sheet_name="about", index=False)
        rows.to_excel(book, sheet_name="gates", index=False, startrow=3)
    table = read_foreign(tmp_path / "t.xlsx")
    assert table.sheet == "gates"
    assert table.rows.to_numpy().tolist() == [["a", "0", "NA"], ["a", "1", "None"]]


def test_parquet_of_pandas(tmp_path):
    gates = pd.array(["G1", None], dtype="string")
    rows = pd.DataFrame({"file": ["a", "a"], "object": pd.array([0, None], "Int64"), "gate": gates})
    rows.set_index("file").to_parquet(tmp_path / "t.parquet")
    assert read_foreign(tmp_path / "t.parquet").rows.to_numpy().tolist() == [
        ["a", "0", "G1"],
        ["a", "", ""],
    ]
