"""Labels given by hand: classes, labels, undo, several annotators, kills and damage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import deepometry
from deepometry.cells.dataset import open_dataset
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.cells.identity import cell_keys
from deepometry.cells.label_import.from_hands import match_cells
from deepometry.cells.labels.hand_files import find_hand_labels, list_hand_labels
from deepometry.cells.labels.hands import HandLabels
from deepometry.core.errors import DeepometryError
from tests.hand_labels import CELLS, counting, write_labels
from tests.parsed import blobs, write_record, write_stack

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def labels(tmp_path):
    return write_labels(tmp_path)


@pytest.fixture
def parsed(labels):
    return labels.path.parents[1]


# --- classes ------------------------------------------------------------------------------------


def test_classes_have_colours_and_keys_of_their_own(labels):
    labels.add_class("Debris", "#ABCDEF", "x")
    told = [(each.name, each.colour, each.key) for each in labels.class_list]
    assert told == [
        ("Mitosis", "#0072b2", "1"),
        ("Rest", "#d55e00", "2"),
        ("Debris", "#abcdef", "x"),
    ]


def test_a_class_is_renamed_and_keeps_its_labels(labels):
    labels.give(CELLS[:2], "Rest", "Anna")
    rest = labels.class_list[1]
    labels.change_class(rest.id, name="Interphase", key="i")
    assert counting(labels) == {"0": "Interphase", "1": "Interphase"}
    assert labels.class_list[1].key == "i"


def test_classes_are_ordered(labels):
    labels.give(CELLS[:1], "Rest", "Anna")
    labels.order_classes([each.id for each in labels.class_list][::-1])
    assert labels.classes == ("Rest", "Mitosis")
    assert counting(labels) == {"0": "Rest"}


def test_a_deleted_class_takes_its_labels_along_and_brings_them_back(labels):
    labels.give(CELLS[:2], "Rest", "Anna")
    labels.delete_class(labels.class_list[1].id)
    assert (labels.classes, counting(labels)) == (("Mitosis",), {})
    labels.add_class("REST")
    assert counting(labels) == {"0": "REST", "1": "REST"}


@pytest.mark.parametrize(
    ("name", "colour", "key", "told"),
    [
        ("mitosis", "", None, "there is a class mitosis already"),
        ("", "", None, "Name of the class: expected a name"),
        ("x" * 61, "", None, "at most 60 letters"),
        ("New", "red", None, "Colour: expected one such as #0072b2, found 'red'"),
        ("New", "", "1", "1 is the key of Mitosis"),
        ("New", "", "ab", "expected one letter, digit or sign"),
    ],
)
def test_a_class_that_cannot_be_is_refused_in_a_sentence(labels, name, colour, key, told):
    with pytest.raises(DeepometryError, match=told):
        labels.add_class(name, colour, key)
    assert len(labels.classes) == 2


# --- labels -------------------------------------------------------------------------------------


def test_labels_are_given_changed_and_taken_away(labels):
    labels.give(CELLS[:3], "Mitosis", "Anna")
    labels.give(CELLS[2:4], "Rest", "Anna")
    change = labels.give(CELLS[:1], None, "Anna")
    assert change.cells == (CELLS[0],)
    assert counting(labels) == {"1": "Mitosis", "2": "Rest", "3": "Rest"}


def test_what_changes_nothing_is_no_action(labels):
    labels.give(CELLS[:2], "Mitosis", "Anna")
    assert labels.give(CELLS[:2], "mitosis", "Anna").action == 0
    assert labels.give(CELLS[5:], None, "Anna").action == 0
    assert labels.give(CELLS[:3], "Mitosis", "Anna").cells == (CELLS[2],)


def test_a_label_of_no_class_is_refused(labels):
    with pytest.raises(DeepometryError, match=r"one of the classes \(Mitosis, Rest\), found 'S'"):
        labels.give(CELLS, "S", "Anna")
    with pytest.raises(DeepometryError, match="There is no class 99"):
        labels.give(CELLS, 99, "Anna")
    with pytest.raises(DeepometryError, match="Annotator: expected a name"):
        labels.give(CELLS, "Rest", " ")
    assert counting(labels) == {}


def test_a_request_that_is_sent_again_changes_nothing(labels):
    first = labels.give(CELLS[:2], "Mitosis", "Anna", mark="m1")
    labels.give(CELLS[:1], "Rest", "Anna", mark="m2")
    assert labels.give(CELLS[:2], "Mitosis", "Anna", mark="m1") == first
    assert counting(labels) == {"0": "Rest", "1": "Mitosis"}
    undone = labels.undo("Anna", mark="m3")
    assert labels.undo("Anna", mark="m3") == undone
    assert counting(labels) == {"0": "Mitosis", "1": "Mitosis"}


# --- undo ---------------------------------------------------------------------------------------


def test_everything_can_be_undone_and_made_again(labels):
    states = [counting(labels)]
    rng = np.random.default_rng(3)
    while len(states) < 41:  # 40 actions
        some = [CELLS[n] for n in rng.choice(8, rng.integers(1, 5), replace=False)]
        if labels.give(some, [None, "Mitosis", "Rest"][rng.integers(3)], "Anna").action:
            states.append(counting(labels))
    reopened = HandLabels(labels.path)
    for state in states[-2::-1]:
        reopened.undo("Anna")
        assert counting(reopened) == state
    assert reopened.undo("Anna").action == 0 and reopened.can_turn("Anna") == (False, True)
    for state in states[1:]:
        labels.redo("Anna")
        assert counting(labels) == state
    assert labels.redo("Anna").action == 0 and labels.can_turn("Anna") == (True, False)


def test_what_was_undone_is_gone_once_something_else_is_done(labels):
    labels.give(CELLS[:1], "Mitosis", "Anna")
    labels.give(CELLS[1:2], "Mitosis", "Anna")
    labels.undo("Anna")
    labels.give(CELLS[2:3], "Rest", "Anna")
    assert labels.redo("Anna").action == 0
    labels.undo("Anna")
    labels.undo("Anna")
    assert counting(labels) == {} and labels.undo("Anna").action == 0
    labels.redo("Anna")
    labels.redo("Anna")
    assert counting(labels) == {"0": "Mitosis", "2": "Rest"}


def test_each_annotator_undoes_what_is_their_own(labels):
    labels.give(CELLS[:2], "Mitosis", "Anna")
    labels.give(CELLS[1:3], "Rest", "Ben")
    assert counting(labels) == {"0": "Mitosis", "2": "Rest"}
    labels.undo("Anna")
    assert counting(labels) == {"1": "Rest", "2": "Rest"}


# --- several annotators -------------------------------------------------------------------------


def test_an_annotator_is_one_however_the_name_is_capitalised(labels):
    labels.give(CELLS[:2], "Mitosis", "Anna")
    labels.give(CELLS[:1], "Rest", " anna")
    assert labels.annotators == {1: "Anna"} and labels.can_turn("ANNA") == (True, False)
    assert counting(labels) == {"0": "Rest", "1": "Mitosis"}
    with pytest.raises(DeepometryError, match="found label, which is a column of tables"):
        labels.give(CELLS[:1], "Rest", "label")


def test_a_decision_holds_until_a_cell_is_labelled_anew(labels):
    labels.give(CELLS[:1], "Mitosis", "Anna")
    labels.give(CELLS[:1], "Rest", "Ben")
    labels.give(CELLS[:1], "Rest", "Anna", settles=True)
    assert counting(labels) == {"0": "Rest"}
    labels.undo("Anna")
    assert counting(labels) == {}
    labels.redo("Anna")
    labels.give(CELLS[:1], None, "Ben")
    assert counting(labels) == {"0": "Mitosis"}
    labels.undo("Ben")
    assert counting(labels) == {"0": "Rest"}


def test_labels_are_read_as_a_table(labels):
    labels.give(CELLS[:2], "Mitosis", "Anna")
    labels.give(CELLS[1:2], "Rest", "Ben")
    labels.give(CELLS[2:3], "Rest", "Ben")
    labels.give(CELLS[2:3], None, "Ben")
    expected = [
        ["a.cif", "0", "Mitosis", "", "Mitosis", ""],
        ["a.cif", "1", "", "", "Mitosis", "Rest"],
    ]
    assert labels.table().to_numpy().tolist() == expected
    assert [*labels.table()] == ["source", "object", "label", "settled", "Anna", "Ben"]


# --- as a source of labels ----------------------------------------------------------------------


def test_labels_have_the_keys_of_their_cells(labels):
    labels.give(CELLS[:3], "Rest", "Anna")
    keys, codes = labels.read()
    assert sorted(keys.tolist()) == sorted(cell_keys(*zip(*CELLS[:3], strict=True)).tolist())
    assert codes.tolist() == [1, 1, 1] and labels.kind == "classes" and labels.name == "Phase"


def test_labels_are_a_target_of_the_parsed_cells(labels, parsed):
    labels.give([("Class A.cif", "0"), ("Class A.cif", "2")], "Mitosis", "Anna")
    labels.give([("Class A.cif", "1"), ("nowhere.cif", "1")], "Rest", "Anna")
    for part in ("Train", "Hold-out", "."):
        dataset = open_dataset(parsed / part)
        (target,) = dataset.targets()
        assert (target.name, target.origin) == ("Phase", "labels given by hand by Anna")
        codes = [0, 1, 0, -1]
        assert dataset.codes("phase", ["Mitosis", "Rest"]).tolist() == codes * (len(dataset) // 4)


def test_labels_are_found_from_a_part_of_the_parsed_cells(labels, parsed):
    assert labels.path == parsed / "labels" / "Phase.sqlite"
    assert [each.path for each in list_hand_labels(parsed / "Hold-out")] == [labels.path]
    assert open_hand_labels(parsed / "Train", "phase", make=True).path == labels.path


def test_labels_that_are_not_there_are_refused(parsed):
    with pytest.raises(DeepometryError, match=r"Cycle\.sqlite does not exist: expected a file"):
        open_hand_labels(parsed, "Cycle")
    with pytest.raises(DeepometryError, match=r"class is a target already \(folder names"):
        open_hand_labels(parsed, "class", make=True)
    with pytest.raises(DeepometryError, match="Name of the labels: expected a name"):
        open_hand_labels(parsed, "a/b", make=True)
    assert [each.name for each in list_hand_labels(parsed)] == ["Phase"]


# --- what happens to files ----------------------------------------------------------------------

GIVING = """
import sys
from deepometry.cells.labels.hands import HandLabels
from pathlib import Path
labels = HandLabels(Path(sys.argv[1]))
for number in range(10_000):
    labels.give([("a.cif", str(number))], "Rest", "Anna")
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_kill_loses_no_label_that_was_acknowledged(labels):
    command = [sys.executable, "-c", GIVING, str(labels.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        told = [int(process.stdout.readline()) for _ in range(30)]
        process.kill()
        told += [int(line) for line in process.stdout.read().splitlines() if line.isdecimal()]
    kept = {int(name) for name in labels.table()["object"]}
    assert set(told) <= kept and len(kept) <= len(told) + 1
    labels.undo("Anna")
    assert len(labels.table()) == len(kept) - 1


def test_two_programs_label_at_the_same_time(labels):
    code = GIVING.replace("10_000", "25").replace('"Anna"', "sys.argv[2]")
    command = [sys.executable, "-c", code, str(labels.path)]
    both = [
        subprocess.Popen([*command, who], stdout=subprocess.DEVNULL, cwd=ROOT)
        for who in ("Anna", "Ben")
    ]
    assert [process.wait(120) for process in both] == [0, 0]
    table = labels.table()
    assert (table["Anna"] != "").sum() == (table["Ben"] != "").sum() == 25


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_file_is_named_and_left_as_it_is(labels, content):
    labels.path.write_bytes(content)
    with pytest.raises(DeepometryError, match=r"Phase\.sqlite, the file of labels, is damaged"):
        HandLabels(labels.path)
    assert labels.path.read_bytes() == content


def test_labels_that_were_deleted_meanwhile_are_not_made_again(labels):
    labels.path.unlink()
    with pytest.raises(DeepometryError, match="does not exist: expected a file of labels"):
        labels.give(CELLS[:1], "Mitosis", "Anna")
    assert not labels.path.exists()


def test_a_file_of_a_newer_version_is_refused(labels):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(labels.path)) as file:
        file.execute("PRAGMA user_version = 9")
    with pytest.raises(DeepometryError, match="format 1 or older, found format 9; update"):
        HandLabels(labels.path)


def test_no_file_stays_open_and_nothing_else_is_left(labels, tmp_path):
    labels.give(CELLS, "Rest", "Anna")
    assert [path.name for path in labels.path.parent.iterdir()] == ["Phase.sqlite"]
    labels.path.rename(tmp_path / "moved.sqlite")  # which Windows refuses for an open one
    moved = HandLabels(tmp_path / "moved.sqlite")
    assert len(moved.table()) == 8


def test_labels_that_are_followed_are_those_that_are_read_afresh(labels):
    following = labels.standing()
    rng = np.random.default_rng(1)
    for _ in range(12):
        who, label = ("Anna", "Ben")[rng.integers(2)], ("Mitosis", "Rest", None)[rng.integers(3)]
        labels.give([CELLS[n] for n in rng.choice(8, 3, replace=False)], label, who)
        if rng.random() < 0.3:
            labels.undo(who)
        labels.standing(following)
        ids = [each.id for each in labels.class_list]
        fresh = labels.standing()
        one = dict(zip(following.keys.tolist(), following.counted(ids).tolist(), strict=True))
        other = dict(zip(fresh.keys.tolist(), fresh.counted(ids).tolist(), strict=True))
        assert one == other


# --- another parse of the same images ------------------------------------------------------------


def write_cells(place: Path, count: int, source: str) -> Path:
    write_record(place)
    write_stack(place / "all", blobs(count, 0), source)
    return place


def test_labels_come_along_to_another_parse_whatever_folder_was_parsed(labels, tmp_path):
    labels.give(CELLS[:4], "Mitosis", "Anna")
    labels.give(CELLS[2:5], "Rest", "Ben")
    other = write_cells(tmp_path / "other", 6, "Day 1/a.cif")
    result = deepometry.label(input=other, labels=labels.path)
    copy = find_hand_labels(other, "Phase")
    assert copy.table()["source"].unique().tolist() == ["Day 1/a.cif"]
    old, new = labels.table().drop(columns="source"), copy.table().drop(columns="source")
    assert new.to_dict("list") == old.to_dict("list")
    assert len(copy.undo("Ben").cells) == 3 and copy.classes == labels.classes
    assert result.labels == {"Mitosis": 2, "Rest": 1} and "3 of 6 cells have a label" in str(result)
    with pytest.raises(DeepometryError, match="never replaced; choose another name"):
        deepometry.label(input=other, labels=labels.path)
    some = write_cells(tmp_path / "some", 3, "a.cif")
    result = deepometry.label(input=some, labels=labels.path, name="Again")
    assert result.unmatched == 2 and "2 of 5 labelled cells are not among them" in result.message
    others = write_cells(tmp_path / "others", 3, "b.cif")
    with pytest.raises(DeepometryError, match="another parse of the same images"):
        deepometry.label(input=others, labels=labels.path, name="Third")


def test_cells_are_found_in_another_parse_by_whole_names_only():
    old = [("Day 1/a.cif", "1"), ("Day 2/a.cif", "1"), ("B/c_7_Ch3.tif", "c_7"), ("x.cif", "9")]
    new = [("E/Day 1/a.cif", "1"), ("E/Day 11/a.cif", "1"), ("E/Day 3/a.cif", "1")]
    new += [
        ("E/B/c_7_Ch4.tif", "c_7"),
        ("E/A/c_7_Ch4.tif", "c_7"),
        ("1/x.cif", "9"),
        ("x.cif", "8"),
    ]
    new += [("2/x.cif", "9")]
    assert match_cells(old, new) == {old[0]: new[0], old[2]: new[3]}
