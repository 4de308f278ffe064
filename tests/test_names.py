"""Folder names: prefixes, values, targets, labels."""

import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import (
    find_targets,
    label_of,
    level_columns,
    level_value,
    natural_key,
    parse_name,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Class Smooth_Disc", ("Class", "Smooth_Disc")),
        ("Class_Smooth Disc", ("Class", "Smooth Disc")),
        ("Class-A", ("Class", "A")),
        ("Class, A", ("Class", "A")),
        ("Class - A ", ("Class", "A")),
        ("Class A-", ("Class", "A-")),
        ("Day12", ("Day", "12")),
        ("Day 12", ("Day", "12")),
        ("Day012b", ("Day", "012b")),
        ("Tag Größe", ("Tag", "Größe")),
        ("Controls", None),
        ("Class ", None),
        ("_Class", None),
        ("12", None),
    ],
)
def test_prefix_and_value(name, expected):
    assert parse_name(name) == expected


def test_numbers_sort_as_numbers():
    names = ["Day 10", "Day 2", "day 1", "Day", "Class"]
    assert sorted(names, key=natural_key) == ["Class", "Day", "day 1", "Day 2", "Day 10"]


def folders(*names, cells=10):
    return {tuple(name.split("/")): cells for name in names}


def test_targets_are_prefixes_with_two_values():
    targets = find_targets(
        folders("Day 1/Sample A/Class x", "Day 2/Sample A/Class y", "Day 10/Sample A/class x")
    )
    assert [(t.name, dict(t.labels)) for t in targets] == [
        ("Day", {"1": 10, "2": 10, "10": 10}),
        ("Class", {"x": 20, "y": 10}),
    ]
    assert str(targets[1]) == "Class (2 labels, 30 cells)"


def test_values_are_compared_whole():
    (target,) = find_targets(folders("Class 1", "Class 10", "Class 100"))
    assert dict(target.labels) == {"1": 10, "10": 10, "100": 10}
    assert label_of(("Class 10",), "Class") == "10"
    assert label_of(("Class 10",), "Clas") is None
    assert label_of(("Subclass 10",), "Class") is None


def test_levels_without_a_common_prefix_are_offered_by_number():
    targets = find_targets(folders("Day 1/Treated", "Day 1/Control", "Day 2/Control"))
    assert [(t.name, dict(t.labels)) for t in targets] == [
        ("Day", {"1": 20, "2": 10}),
        ("Folder level 2", {"Control": 20, "Treated": 10}),
    ]
    assert label_of(("Day 1", "Treated"), "folder level 2") == "Treated"
    assert label_of(("Day 1",), "Folder level 2") is None


def test_cells_without_a_value_are_counted():
    (target, _) = find_targets(folders("Class A", "Class B", "Rest"))
    assert (target.name, target.cells, target.unlabelled) == ("Class", 20, 10)


def test_two_values_in_one_path_are_refused_and_not_offered():
    ambiguous = folders("Class A/Class 1", "Class B/Class 2")
    assert find_targets(ambiguous) == []
    with pytest.raises(DeepometryError, match=r"one value of Class, found A and 1"):
        label_of(("Class A", "Class 1"), "Class")
    assert label_of(("Class A", "class A"), "Class") == "A"


def test_level_columns_show_values_where_a_prefix_is_shared():
    levels = [("Day 1", "Treated"), ("day 2", "Class X"), ("Day 3",)]
    columns = level_columns(levels)
    assert columns == {"Day": 0, "Folder level 2": 1}
    row = [level_value(levels[1], depth, name) for name, depth in columns.items()]
    assert row == ["2", "Class X"]
    assert level_value(levels[2], 1, "Folder level 2") == ""


def test_a_minus_before_a_number_is_part_of_the_value():
    assert parse_name("Temperature -20") == ("Temperature", "-20")
    assert parse_name("Temperature_-20") == ("Temperature", "-20")
    (target,) = find_targets(folders("Temp -20", "Temp 20", "Temp 4"))
    assert set(target.labels) == {"-20", "20", "4"}


def test_accents_are_compared_however_a_system_spells_them():
    composed, apart = "Gr\u00f6\u00dfe \u00e4", "Gro\u0308\u00dfe a\u0308"
    assert parse_name(composed) == parse_name(apart)
    assert label_of((apart,), "Gr\u00f6\u00dfe") == "\u00e4"
    assert label_of((apart,), "Folder level 1") == composed


def test_a_line_break_in_a_name_is_a_space():
    assert parse_name("Class Smooth\nDisc") == ("Class", "Smooth Disc")
    assert label_of(("Class\r\nSide",), "class") == "Side"
