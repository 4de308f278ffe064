"""Cells to label next, as a table: by the command and in Python."""

from __future__ import annotations

import pandas as pd
import pytest

import deepometry
from deepometry.cells.dataset import open_dataset
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.core.errors import DeepometryError, OptionsError, Question
from tests.parsed import blobs, write_classes, write_stack


@pytest.fixture
def cells(tmp_path):
    """Parsed cells of three shapes, in folders that say nothing."""
    root = write_classes(tmp_path / "parsed", {})
    for kind, count in enumerate((24, 12, 4)):
        write_stack(root / f"Sample {kind}", blobs(count, kind))
    return root


def test_cells_to_label_next_are_listed_with_what_they_are_predicted_as(cells, tmp_path):
    labels = open_hand_labels(cells, "Shape", make=True)
    first = deepometry.suggest(input=cells, target="Shape", output=tmp_path / "a.csv", number=8)
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table.columns) == ["source", "object", "rank", "predicted", "probability"]
    assert len(table) == 8 and table["predicted"].isna().all() and first.labels == 0
    for kind, name in enumerate(("Disc", "Ring", "Bar")):
        labels.add_class(name)
        labels.give([(f"Sample {kind}.cif", str(n)) for n in range(3)], name, "Anna")
    options = {"input": cells, "target": "shape", "number": 5}
    with pytest.raises(Question, match="exists already"):
        deepometry.suggest(output=tmp_path / "a.csv", **options)
    likely = {"order": "likely", "label": "Bar", "output": tmp_path / "b.csv"}
    result = deepometry.suggest(**options, **likely)
    table = pd.read_csv(tmp_path / "b.csv")
    assert table["source"][0] == "Sample 2.cif" and table["predicted"][0] == "Bar"
    assert (result.labels, len(result.cells)) == (9, 5)
    assert (
        set(result.cells) & set(labels.table()[["source", "object"]].itertuples(index=False))
        == set()
    )


def test_labels_are_replayed_in_the_order_in_which_they_were_given(cells):
    labels = open_hand_labels(cells, "Shape", make=True)
    labels.add_class("A")
    labels.add_class("B")
    labels.give([("Sample 1.cif", "5")], "A", "Anna")
    labels.give([("Sample 0.cif", "3"), ("Sample 2.cif", "1")], "B", "Anna")
    labels.give([("Sample 1.cif", "5")], "B", "Anna")
    keys, codes = labels.in_order()
    rows = [open_dataset(cells).keys.tolist().index(key) for key in keys]
    assert (rows, codes.tolist()) == ([3, 37, 29], [1, 1, 1])


def test_wrong_options_of_suggestions_are_said(cells, tmp_path):
    options = {"input": cells, "output": tmp_path / "a.csv"}
    with pytest.raises(OptionsError, match="expected one with the order likely"):
        deepometry.suggest(target="Shape", order="likely", **options)
    with pytest.raises(DeepometryError, match="found none of this name"):
        deepometry.suggest(target="Shape", **options)
    open_hand_labels(cells, "Shape", make=True).add_class("A")
    with pytest.raises(DeepometryError, match="expected one of A, found B"):
        deepometry.suggest(target="Shape", order="likely", label="B", **options)
    with pytest.raises(OptionsError, match=r"ends in .csv"):
        deepometry.suggest(input=cells, target="Shape", output=tmp_path / "a.txt")
