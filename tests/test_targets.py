"""The step that lists targets."""

from __future__ import annotations

from deepometry.cells.targets import targets
from deepometry.core.options.parse import TargetsOptions
from tests.parsed import write_classes


def test_targets_as_text_and_as_json_has_them(tmp_path):
    root = write_classes(tmp_path, {"Class A": 3, "Class B": 2})
    found = targets(TargetsOptions(input=root))
    assert [target.name for target in found] == ["Class"]
    assert str(found).splitlines() == ["Class (2 labels, 5 cells)", "  A: 3", "  B: 2"]
    (plain,) = found.plain()
    assert plain | {"name": "Class", "labels": {"A": 3, "B": 2}, "unlabelled": 0} == plain
    assert (plain["kind"], plain["origin"]) == ("classes", "folder names")


def test_no_targets_in_words(tmp_path):
    found = targets(TargetsOptions(input=write_classes(tmp_path, {"Class A": 3})))
    assert len(found) == 0
    assert str(found) == (
        "No targets: no prefix of a folder name has two values or more. Put the images of each "
        "class into a folder of their own below the input, such as Class A and Class B, and parse "
        "again."
    )
