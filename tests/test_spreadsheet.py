"""Tables that spreadsheets open: no cell is a formula, every alphabet is read, names come back."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deepometry.core.options.export import ExportOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.options.summary import SummaryOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.core.spreadsheet import (
    SafeWriter,
    escaped,
    mark_encoding,
    restored,
    safe_frame,
    safe_reader,
    safe_records,
    table_file,
    write_frame,
)

FORMULAS = [
    '=HYPERLINK("http://example.org","x")',
    "=1+1",
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u3000=1+1",
    "\uff1d1+1",
    "-ve",
    "+ve",
]
PLAIN = [
    "",
    "A",
    "-5",
    "+0.25",
    "-1.5e-7",
    "-inf",
    "-",
    "+",
    "CD4+",
    "a-b",
    "'quoted'",
    "a;b",
    "5'",
    "a\rb",
    'a "b", c',
]
ODD = ["'=1", "''=1", "';=1", "'-5", "a;=1+1", "a;'=1", ";;=1;-2", "'", "';", "= ;@x"]


def is_formula(cell: str) -> bool:
    """Tell as a spreadsheet does: what a cell begins with, past spaces; numbers are no formulas."""
    try:
        float(cell)
    except ValueError:
        return cell.strip("\u3000 \t\r\n")[:1] in tuple("=+-@\uff1d") and len(cell.strip()) > 1
    return False


@pytest.mark.parametrize("text", FORMULAS)
def test_no_formula_is_left_and_its_text_comes_back(text):
    assert escaped(text) == f"'{text}"
    assert not is_formula(escaped(text))
    assert restored(escaped(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_numbers_and_plain_names_stay_as_they_are(text):
    assert escaped(text) == restored(text) == text


@pytest.mark.parametrize("text", [*FORMULAS, *PLAIN, *ODD])
def test_every_text_comes_back_even_escaped_twice(text):
    assert restored(escaped(text)) == text
    assert restored(restored(escaped(escaped(text)))) == text


@pytest.mark.parametrize("text", [*FORMULAS, *ODD])
def test_no_formula_hides_behind_a_semicolon(text):
    assert not any(map(is_formula, escaped(f"a;{text}").split(";")))


@pytest.mark.parametrize("tabs", [False, True])
def test_rows_come_back(tabs):
    words = [text for text in (*FORMULAS, *PLAIN, *ODD) if not tabs or text.isprintable()]
    rows = [[text, f"x{text}", text] for text in words]
    file = io.StringIO(newline="")
    writer = SafeWriter(file, tabs=tabs, lineterminator="\n")
    writer.writerow(["source", "=object", "-"])
    writer.writerows(rows)
    file.seek(0)
    assert list(safe_reader(file, tabs)) == [["source", "=object", "-"], *rows]


def test_records_are_read_by_their_restored_names():
    lines = ["source,'=x\n", "'=1+1,5\n", "short\n"]
    assert list(safe_records(lines)) == [{"source": "=1+1", "=x": "5"}, {"source": "short"}]


def test_a_frame_keeps_its_numbers_and_gaps():
    table = pd.DataFrame({"=a": ["=1", None, "b"], "n": [-1.5, 2, np.nan], "k": [-1, 2, 3]})
    safe = safe_frame(table)
    assert list(safe) == ["'=a", "n", "k"]
    assert safe["'=a"].tolist()[0] == "'=1"
    assert safe["'=a"].isna().tolist() == [False, True, False]
    assert safe["n"].equals(table["n"])
    assert safe["k"].equals(table["k"])
    assert list(table) == ["=a", "n", "k"]


def test_a_frame_is_read_back_whatever_its_text(tmp_path):
    table = pd.DataFrame({"name": [*FORMULAS, *PLAIN, *ODD]})
    with table_file(tmp_path / "t.csv") as file:
        write_frame(file, table)
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(safe_reader(file))
    assert [row[0] if row else "" for row in rows[1:]] == table["name"].tolist()
    assert b"\r\n" not in (tmp_path / "t.csv").read_bytes()


def test_only_tables_beyond_ascii_are_marked(tmp_path):
    for name in ("plain", "細胞"):
        with table_file(tmp_path / f"{name}.csv") as file:
            SafeWriter(file).writerow(["source", name])
    assert (tmp_path / "plain.csv").read_bytes() == b"source,plain\r\n"
    content = (tmp_path / "細胞.csv").read_bytes()
    assert content == b"\xef\xbb\xbf" + "source,細胞\r\n".encode()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.csv", "細胞.csv"]


def test_a_letter_on_the_border_of_two_pieces_is_seen(tmp_path):
    path = tmp_path / "long.csv"
    path.write_bytes(b"a" * ((1 << 20) - 1) + "é".encode() + b"b" * 10)
    mark_encoding(path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfaaa")
    assert path.stat().st_size == (1 << 20) + 14


def test_a_table_that_failed_is_not_marked(tmp_path):
    with pytest.raises(KeyError), table_file(tmp_path / "t.csv") as file:
        file.write("é")
        raise KeyError
    assert (tmp_path / "t.csv").read_bytes() == "é".encode()


# --- through the steps ----------------------------------------------------------------------------


CLASSES = {"Class =1+1": 12, "Class @ж;-x": 12, "Class +жж": 12}
LABELS = ["=1+1", "@ж;-x", "+жж"]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Cells whose classes, files and objects could be formulas, gone through every step."""
    from deepometry.cells.subset import subset
    from deepometry.cells.summary import summary
    from deepometry.exports.write import export
    from deepometry.inference.predict import predict
    from deepometry.training.baseline import baseline
    from tests.parsed import blobs, write_record

    root = tmp_path_factory.mktemp("odd")
    write_record(root / "in")
    for kind, (name, count) in enumerate(CLASSES.items()):
        folder = root / "in" / "Day -1" / name
        folder.mkdir(parents=True)
        np.save(folder / "cells.npy", blobs(count, kind))
        with table_file(folder / "cells.csv") as file:
            writer = SafeWriter(file)
            writer.writerow(["source", "object", "note"])
            writer.writerows([f"=Ж{kind}.cif", f"@{n}", "-x"] for n in range(count))
    model = baseline(
        BaselineOptions(input=root / "in", output=root / "model", target="Class")
    ).model
    common = {"input": root / "in", "model": model}
    predict(PredictOptions(output=root / "predictions", **common))
    summary(SummaryOptions(input=root / "in", output=root / "summary"))
    listed = root / "predictions/predicted.csv"
    subset(SubsetOptions(input=root / "in", output=root / "sets", cells=listed, name="=all"))
    sheets = ExportOptions(
        input=root / "predictions", output=root / "sheets", format="montage", montage=4
    )
    export(sheets)
    export(ExportOptions(input=root / "predictions", output=root / "all.csv"))
    return root


def tables(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.suffix in (".csv", ".tsv", ".txt")]


def test_no_table_of_any_step_has_a_formula(odd):
    seen = set()
    for path in tables(odd):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
        seen.add(path.name)
        wrong = [cell for row in rows for cell in row if any(map(is_formula, cell.split(";")))]
        assert not wrong, (path, wrong[:3])
    assert {"predicted.csv", "confusion_matrix.csv", "baseline_features.csv", "all.csv"} <= seen
    assert {"sample_summary.csv", "summary.csv", "scores.csv", "classification_report.csv"} <= seen


def test_tables_with_other_alphabets_are_marked(odd):
    names = (
        "predictions/predicted.csv",
        "all.csv",
        "summary/summary.csv",
        "model/baseline_features.csv",
    )
    for name in names:
        assert (odd / name).read_bytes().startswith(b"\xef\xbb\xbf"), name
        assert "ж" in pd.read_csv(odd / name).astype(str).to_csv(index=False)


def test_our_own_readers_get_the_names_back(odd):
    from deepometry.cells.dataset import open_dataset
    from deepometry.exports.open_results import open_table

    dataset = open_dataset(odd / "in")
    identities = {(source, name) for _, source, name in dataset.identities()}
    assert ("=Ж0.cif", "@3") in identities
    table = open_table(odd / "predictions")
    with table.pieces(features=False) as pieces:
        cells = pd.concat([piece.cells for piece in pieces])
    assert set(zip(cells["source"], cells["object"], strict=True)) == identities
    assert set(cells["true_label"]) == set(LABELS)
    assert {f"probability_{label}" for label in LABELS} <= set(cells)


def test_a_subset_finds_the_cells_that_a_table_lists(odd):
    from deepometry.cells.dataset import open_dataset

    record = json.loads((odd / "sets/parse.json").read_text("utf-8"))
    assert record["cells"] == 36
    copied = {(source, name) for _, source, name in open_dataset(odd / "sets").identities()}
    assert ("=Ж2.cif", "@11") in copied
    assert len(copied) == 36


def test_metadata_for_the_projector_has_no_mark(tmp_path):
    from types import SimpleNamespace

    from deepometry.core.task import Task
    from deepometry.inference.extract import _Metadata

    file = io.StringIO()
    facts = {"sides": {None}, "label_columns": {}, "gated_out": SimpleNamespace(gates=())}
    dataset = SimpleNamespace(folders={("Class =1",): 1}, **facts)
    description = SimpleNamespace(labels=("=1", "ж"), target="Class", task=Task())
    inference = SimpleNamespace(dataset=dataset, description=description)
    part = SimpleNamespace(levels=("Class =1",), side=None)
    outputs = (np.zeros((1, 2)), np.array([[0.9, 0.1]]))
    outcome = SimpleNamespace(cells=[(part, "=a.cif", "-x")], outputs=outputs)
    _Metadata(file, inference).write(outcome)
    assert file.getvalue().splitlines()[1] == "'=a.cif\t'-x\t'=1\t'=1"
