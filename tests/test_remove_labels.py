"""Labels that are removed: their files are kept, and what they were a target of goes on."""

from __future__ import annotations

import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.labels.remove import remove_labels
from deepometry.cells.targets import targets
from deepometry.core.errors import OptionsError
from deepometry.core.options.parse import TargetsOptions
from tests.labelled import write_labels
from tests.parsed import write_classes, write_record

ROWS = [("Class A.cif", "0", "G1"), ("Class A.cif", "1", "S")]


@pytest.fixture
def labelled(tmp_path):
    write_record(tmp_path)
    write_classes(tmp_path, {"Class A": 3, "Class B": 2})
    write_labels(tmp_path, "Gate/1", ROWS)
    return tmp_path


def test_removed_labels_are_no_target_and_can_be_put_back(labelled):
    assert [t.name for t in targets(TargetsOptions(input=labelled))] == ["Class", "Gate/1"]
    found = targets(TargetsOptions(input=labelled, remove="gate/1"))
    assert [t.name for t in found] == ["Class"]
    aside = labelled / "labels" / "removed"
    assert len([*aside.iterdir()]) == 2
    for file in aside.iterdir():
        file.rename(labelled / "labels" / file.name)
    assert open_dataset(labelled).labels("Gate/1").texts() == ["G1", "S", "", "", ""]


def test_labels_of_a_name_can_be_removed_again(labelled):
    remove_labels(labelled / "Class A", "Gate/1")
    write_labels(labelled, "Gate/1", ROWS)
    assert len([*remove_labels(labelled, "Gate/1").iterdir()]) == 4


def test_damaged_labels_can_be_removed(labelled):
    (labelled / "labels" / "Gate_1.json").write_text("{", "utf-8")
    remove_labels(labelled, "Gate_1")
    assert [t.name for t in targets(TargetsOptions(input=labelled))] == ["Class"]


def test_only_labels_can_be_removed(labelled):
    with pytest.raises(OptionsError, match=r"folder names \(Gate/1\), found 'Class'"):
        targets(TargetsOptions(input=labelled, remove="Class"))
