"""Parsed cells as one set: labels from whole folder names, pixels and identities in order."""

import json
import shutil

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset, training_part
from deepometry.cells.stack_writer import npy_header
from deepometry.cells.targets import targets
from deepometry.core.errors import DeepometryError
from deepometry.core.options.parse import TargetsOptions
from deepometry.core.progress import Progress
from tests.parsed import blobs, write_classes, write_record, write_stack
from tests.parsing import CifInput, ParseRun


def test_labels_come_from_whole_folder_names_below_the_input(tmp_path):
    root = write_classes(tmp_path / "Class 7" / "in", {"Class 1": 3, "Class 10": 4, "Class 2": 2})
    dataset = open_dataset(root)
    (target,) = dataset.targets()
    assert dict(target.labels) == {"1": 3, "2": 2, "10": 4}
    codes = dataset.codes("class", ["1", "2", "10"])
    assert codes.tolist() == [0] * 3 + [1] * 2 + [2] * 4


def test_train_and_hold_out_are_no_targets(tmp_path):
    write_record(tmp_path)
    for side in ("Train", "Hold-out"):
        for name in ("Class A", "Class B"):
            write_stack(tmp_path / side / name, blobs(2, 0))
    (target,) = targets(TargetsOptions(input=str(tmp_path)))
    assert (target.name, dict(target.labels)) == ("Class", {"A": 4, "B": 4})
    dataset = open_dataset(tmp_path)
    assert dataset.sides == {"Train", "Hold-out"}
    assert len(dataset.without("Train")) == 4
    assert len(open_dataset(tmp_path, keep=training_part)) == 4


def test_model_folders_and_hidden_folders_are_passed_over(tmp_path):
    root = write_classes(tmp_path, {"Class A": 2, "Class B": 2})
    for name in ("Class model", ".deepometry-x"):
        write_stack(root / name, blobs(1, 0))
    (root / "Class model" / "model_2-Class_categories.keras").write_bytes(b"")
    (target,) = targets(TargetsOptions(input=root))
    assert set(target.labels) == {"A", "B"}


def test_pixels_in_any_order_from_stacks_and_single_files(tmp_path):
    write_record(tmp_path)
    pixels = blobs(7, 0), blobs(5, 1)
    write_stack(tmp_path / "Class A", pixels[0])
    (tmp_path / "Class B").mkdir()
    for number, image in enumerate(pixels[1]):
        np.save(tmp_path / "Class B" / f"cell_{number}.npy", image)
    dataset = open_dataset(tmp_path)
    everything = np.concatenate(pixels)
    order = np.random.default_rng(0).permutation(12)
    assert len(dataset) == 12
    assert (dataset.read(order) == everything[order]).all()
    assert (dataset.read(order, [1]) == everything[order][..., [1]]).all()
    assert (dataset.read(order, [1, 0]) == everything[order][..., [1, 0]]).all()
    assert dataset.read(order).dtype == np.uint16
    names = [(source, name) for _, source, name in dataset.identities()]
    assert names[:2] == [("Class A.cif", "0"), ("Class A.cif", "1")]
    assert names[7:9] == [("Class B/cell_0.npy", "cell_0"), ("Class B/cell_1.npy", "cell_1")]


def test_identities_of_some_cells_come_in_the_order_of_the_dataset(tmp_path):
    write_stack(tmp_path / "A", blobs(3, 0))
    write_stack(tmp_path / "B", blobs(3, 1))
    names = list(open_dataset(tmp_path).identities_of(np.array([4, 0, 2])))
    assert names == [("A.cif", "0"), ("A.cif", "2"), ("B.cif", "1")]


def test_single_files_are_in_numeric_order_with_the_identity_of_their_table(tmp_path):
    for number in range(12):
        np.save(tmp_path / f"x_{number}.npy", blobs(1, 0, seed=number)[0])
    rows = "".join(f"x_{n}.npy,sample.cif,{n + 100}\n" for n in range(11))
    (tmp_path / "x.csv").write_text("file,source,object\n" + rows)
    names = [(source, name) for _, source, name in open_dataset(tmp_path).identities()]
    assert names == [("sample.cif", str(n + 100)) for n in range(11)] + [("x_11.npy", "x_11")]


def test_channels_by_their_number(tmp_path):
    root = write_classes(tmp_path, {"Class A": 2, "Class B": 2})
    dataset = open_dataset(root)
    assert dataset.channels == (3, 6)
    assert dataset.columns((6, 3)) == [1, 0]
    assert dataset.columns(None) == [0, 1]
    with pytest.raises(
        DeepometryError, match=r"expected channel 1 in the parsed cells, found 3, 6"
    ):
        dataset.columns((1,))


def test_channels_are_counted_from_one_where_no_record_tells_them(tmp_path):
    write_stack(tmp_path / "Class A", blobs(2, 0))
    dataset = open_dataset(tmp_path)
    assert dataset.channels is None
    assert dataset.columns((2,)) == [1]
    with pytest.raises(DeepometryError):
        dataset.columns((0,))


def test_more_than_256_classes_do_not_wrap(tmp_path):
    for number in range(300):
        write_stack(tmp_path / f"Class {number}", blobs(1, 0))
    (target,) = targets(TargetsOptions(input=tmp_path))
    codes = open_dataset(tmp_path).codes("Class", list(target.labels))
    assert codes.tolist() == list(range(300))


def test_the_same_image_has_the_same_fingerprint(tmp_path):
    pixels = blobs(4, 0)
    pixels[3] = pixels[1]
    write_stack(tmp_path, pixels)
    prints = open_dataset(tmp_path).fingerprints()
    assert prints[3] == prints[1]
    assert len(set(prints.tolist())) == 3


def test_another_frame_or_number_of_channels_is_refused_by_name(tmp_path):
    write_stack(tmp_path / "Class A", blobs(2, 0))
    write_stack(tmp_path / "Class B", blobs(2, 0, frame=20))
    with pytest.raises(DeepometryError, match=r"Class B.*20 x 20 .*Class A.*16 x 16"):
        open_dataset(tmp_path)


def test_two_parses_with_other_channels_are_refused(tmp_path):
    for day, channels in (("Day 1", (1, 2)), ("Day 2", (1, 3))):
        write_record(tmp_path / day, channels)
        write_stack(tmp_path / day, blobs(2, 0))
    with pytest.raises(DeepometryError, match=r"lists channels 1,2, but .* lists 1,3"):
        open_dataset(tmp_path)


def test_no_cells(tmp_path):
    with pytest.raises(DeepometryError, match="expected parsed cells"):
        open_dataset(tmp_path)
    with pytest.raises(DeepometryError, match="does not exist"):
        open_dataset(tmp_path / "none")


@pytest.mark.parametrize("damage", ["cut", "text", "flat", "words"])
def test_damaged_arrays_are_named(tmp_path, damage):
    path = write_stack(tmp_path, blobs(2, 0))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "text":
        path.write_text("no array")
    elif damage == "flat":
        np.save(path, np.zeros(5))
    else:
        np.save(path, np.full((2, 16, 16, 1), "x"))
    with pytest.raises(DeepometryError, match=r"cells\.npy"):
        open_dataset(tmp_path)


def test_a_table_with_too_few_rows_is_told(tmp_path):
    write_stack(tmp_path, blobs(3, 0))
    (tmp_path / "cells.csv").write_text("source,object\na.cif,0\n")
    with pytest.raises(DeepometryError, match="one row for each of the 3 cells"):
        list(open_dataset(tmp_path).identities())
    (tmp_path / "cells.csv").write_text("object\n0\n")
    with pytest.raises(DeepometryError, match="no source"):
        list(open_dataset(tmp_path).identities())


@pytest.mark.parametrize("content", ['["eslint"]', "{}", "not json", '{"step": "train"}'])
def test_records_of_other_programs_count_for_nothing(tmp_path, content):
    root = write_classes(tmp_path / "a" / "b", {"Class A": 2})
    (tmp_path / "parse.json").write_text(content)
    assert open_dataset(root).channels == (3, 6)
    (root / "parse.json").unlink()
    assert open_dataset(root).channels is None


@pytest.mark.parametrize("channels", ["null", "5", '"12"', "[[1], 2]", "[1, 2, 3]", "[1.5, 2]"])
def test_a_record_that_does_not_fit_its_arrays_is_refused(tmp_path, channels):
    root = write_classes(tmp_path, {"Class A": 2})
    (root / "parse.json").write_text(f'{{"step": "parse", "channels": {channels}}}')
    with pytest.raises(
        DeepometryError, match=r"parse\.json: expected the numbers of the 2 channels"
    ):
        open_dataset(root)


def test_names_of_channels_that_are_no_names_are_refused(tmp_path):
    root = write_classes(tmp_path, {"Class A": 2})
    (root / "parse.json").write_text('{"step": "parse", "channels": [1, 2], "channel_names": [1]}')
    with pytest.raises(DeepometryError, match=r"names of the channels .* found \[1\]; parse"):
        open_dataset(root)


@pytest.mark.parametrize("content", ["", "{", "\0" * 40, '{"step": "parse", "chan', "not json"])
def test_a_damaged_record_of_the_cells_is_told(tmp_path, content):
    root = write_classes(tmp_path, {"Class A": 2})
    (root / "parse.json").write_text(content)
    with pytest.raises(DeepometryError, match=r"parse\.json is (damaged|not valid JSON)"):
        open_dataset(root / "Class A" if content != "not json" else root)


@pytest.mark.parametrize("step", ["", '"step": null, ', '"step": 5, '])
@pytest.mark.parametrize("field", ['"frame": "x"', '"channels": [3, 6]', '"stacks": []'])
def test_a_record_of_ours_without_its_step_is_damaged(tmp_path, step, field):
    root = write_classes(tmp_path, {"Class A": 2, "Class B": 2})
    (root / "parse.json").write_text(f"{{{step}{field}}}")
    with pytest.raises(DeepometryError, match=r"parse\.json is damaged: expected parse in the f"):
        open_dataset(root)
    with pytest.raises(DeepometryError, match=r"in the field step, found (None|5); put it back"):
        targets(TargetsOptions(input=root))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("frame", '"x"', "expected a number in the field frame, found 'x'"),
        ("frame", "true", "expected a number in the field frame, found True"),
        ("cells", "[]", r"expected a number in the field cells, found \[\]"),
        ("stacks", "7", "expected a list in the field stacks, found 7"),
        ("stacks", "[7]", "expected a path for each stack in the field stacks, found 7"),
        ("stacks", '[{"cells": 2}]', "expected a path for each stack in the field stacks"),
    ],
)
def test_a_field_of_another_type_is_named(tmp_path, field, value, words):
    root = write_classes(tmp_path, {"Class A": 2})
    fields = {"step": '"parse"', "channels": "[3, 6]"} | {field: value}
    text = ", ".join(f'"{name}": {each}' for name, each in fields.items())
    (root / "parse.json").write_text(f"{{{text}}}")
    with pytest.raises(DeepometryError, match=rf"parse\.json is damaged: {words}"):
        open_dataset(root)


def test_a_record_nested_too_deeply_is_told(tmp_path):
    root = write_classes(tmp_path, {"Class A": 2})
    (root / "parse.json").write_text('{"a":' + "[" * 200_000)
    with pytest.raises(DeepometryError, match=r"parse\.json is damaged"):
        open_dataset(root)


def test_a_record_of_a_later_version_is_told(tmp_path):
    root = write_classes(tmp_path, {"Class A": 2})
    (root / "parse.json").write_text('{"step": "parse", "format_version": 99}')
    with pytest.raises(DeepometryError, match="found 99; update Deepometry"):
        open_dataset(root)


@pytest.fixture
def listed(tmp_path):
    """Two stacks of 3 cells that a parse.json lists."""
    root = write_classes(tmp_path / "out", {"Class A": 3, "Class B": 3})
    record = json.loads((root / "parse.json").read_text())
    record["stacks"] = [{"path": f"Class {n}/cells.npy", "cells": 3} for n in "AB"]
    (root / "parse.json").write_text(json.dumps(record))
    return root


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cells.npy", r"cells\.npy: expected the array of 3 cells that .*parse\.json lists"),
        ("cells.csv", r"cells\.csv: expected the table that says which cells cells\.npy holds"),
    ],
)
@pytest.mark.parametrize("below", ["", "Class B"])
def test_half_of_a_stack_that_is_missing_is_told(listed, name, told, below):
    (listed / "Class B" / name).unlink()
    (listed / "Class B" / "more").mkdir()
    np.save(listed / "Class B" / "more" / "x.npy", blobs(1, 0))
    with pytest.raises(DeepometryError, match=told):
        open_dataset(listed / below)
    said: list[str] = []
    open_dataset(listed / "Class A", Progress(on_say=said.append))
    assert said == []


def test_another_number_of_cells_than_listed_is_told(listed):
    write_stack(listed / "Class A", blobs(2, 0))
    with pytest.raises(DeepometryError, match=r"expected 3 cells, as .*parse\.json lists, found 2"):
        open_dataset(listed)


def test_stacks_that_were_deleted_or_added_are_told(listed):
    said: list[str] = []
    shutil.rmtree(listed / "Class B")
    write_stack(listed / "Class C", blobs(5, 2))
    assert len(open_dataset(listed, Progress(on_say=said.append))) == 8
    (told,) = said
    assert "3 cells that it lists are not there any more" in told
    assert "5 cells that it does not list are read" in told


def test_single_files_that_were_deleted_are_told_and_a_missing_table_is_refused(tmp_path):
    run = ParseRun(tmp_path)
    run(CifInput("A", 4), one_file_per_cell=True, montage=0)
    folder, said = tmp_path / "out" / "A", []
    next(folder.glob("*.npy")).unlink()
    assert len(open_dataset(tmp_path / "out", Progress(on_say=said.append))) == 3
    assert "1 cell that it lists" in said[0]
    next(folder.glob("*.csv")).unlink()
    with pytest.raises(DeepometryError, match="expected the table that says which cells A holds"):
        open_dataset(tmp_path / "out")


@pytest.mark.parametrize(
    "shape", ["(-1, 16, 16, 2)", "(10**15, 16, 16, 2)", "(2**63, 2**63, 1, 1)", "(2.5, 16)", "None"]
)
def test_a_header_of_an_impossible_shape_is_told(tmp_path, shape):
    text = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    head = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    (tmp_path / "cells.npy").write_bytes(head + bytes(100))
    with pytest.raises(DeepometryError, match=r"cells\.npy"):
        open_dataset(tmp_path)


def test_objects_are_refused_and_column_order_is_read(tmp_path):
    np.save(tmp_path / "cells.npy", np.array([{}, {}], object), allow_pickle=True)
    with pytest.raises(DeepometryError, match=r"cells\.npy: expected an array of numbers"):
        open_dataset(tmp_path)
    pixels = blobs(3, 0)
    np.save(tmp_path / "cells.npy", np.asfortranarray(pixels))
    assert np.array_equal(open_dataset(tmp_path).read(np.arange(3)), pixels)


def test_tables_that_a_spreadsheet_has_saved(tmp_path):
    write_stack(tmp_path, blobs(1, 0))
    table = tmp_path / "cells.csv"
    table.write_text("source,object\nä.cif,7\n", "utf-8-sig")
    assert [row[1:] for row in open_dataset(tmp_path).identities()] == [("ä.cif", "7")]
    table.write_text("source,object\nä.cif,7\n", "latin-1")
    with pytest.raises(DeepometryError, match="is not a table as it was written"):
        list(open_dataset(tmp_path).identities())


def test_notes_beside_single_files_are_nobodys_business(tmp_path):
    np.save(tmp_path / "x.npy", blobs(1, 0)[0])
    (tmp_path / "notes.csv").write_bytes(b"day,\xe4\n1,2\n")
    assert [row[1:] for row in open_dataset(tmp_path).identities()] == [("x.npy", "x")]


def test_a_stray_file_of_another_kind_hides_no_cells(tmp_path):
    root = write_classes(tmp_path, {"Class A": 2, "Class B": 2})
    (root / "Class A" / "notes.h5").write_bytes(b"")
    assert len(open_dataset(root)) == 4


# --- stacks that their record describes ----------------------------------------------------------


def recorded(root, *stacks, **more):
    """Write stacks and the record of the parse that wrote them."""
    listed = []
    for place, pixels in stacks:
        path = write_stack(root / place, pixels)
        path.write_bytes(npy_header(pixels.shape, pixels.dtype) + pixels.tobytes())
        name = path.relative_to(root).as_posix()
        listed.append({"path": name, "cells": len(pixels), "dtype": str(pixels.dtype)})
    content = {"step": "parse", "channels": [3, 6], "frame": 16, "stacks": listed} | more
    (root / "parse.json").write_text(json.dumps(content))
    return root


def test_stacks_that_are_as_recorded_are_not_opened_to_be_counted(tmp_path):
    root = recorded(tmp_path, ("", blobs(5, 1)), ("Train/Class A", blobs(2, 0)))
    assert len(open_dataset(root)) == 7
    assert (open_dataset(root / "Train").read(np.arange(2)) == blobs(2, 0)).all()
    path = root / "Train/Class A/cells.npy"
    path.write_bytes(bytes(path.stat().st_size))
    dataset = open_dataset(root)
    assert [(len(part.stored), part.stored.shape) for part in dataset.parts] == [
        (5, (16, 16, 2)),
        (2, (16, 16, 2)),
    ]
    with pytest.raises(DeepometryError, match=r"cells\.npy is not a NumPy array"):
        dataset.read(np.array([6]))


@pytest.mark.parametrize("other", [np.zeros((4, 16, 16, 1), np.uint16), blobs(2, 0).view(np.int16)])
def test_another_stack_of_the_same_length_is_refused_when_it_is_read(tmp_path, other):
    root = recorded(tmp_path, ("Class A", blobs(2, 0)))
    (root / "Class A/cells.npy").write_bytes(npy_header(other.shape, other.dtype) + other.tobytes())
    with pytest.raises(DeepometryError, match="as the parse recorded it"):
        open_dataset(root).read(np.array([0]))


@pytest.mark.parametrize(
    "record",
    [
        {"stacks": [{"path": "Class A/cells.npy", "cells": 2, "dtype": "object"}]},
        {"stacks": [{"path": "Class A/cells.npy", "cells": 2}]},
        {"frame": 32},
    ],
)
def test_a_record_that_is_not_true_counts_for_nothing(tmp_path, record):
    root = recorded(tmp_path, ("Class A", blobs(2, 0)), **record)
    assert open_dataset(root).parts[0].stored.shape == (16, 16, 2)
    assert (open_dataset(root).read(np.arange(2)) == blobs(2, 0)).all()


def test_stacks_that_the_record_does_not_know_are_opened(tmp_path):
    root = recorded(tmp_path, ("Class A", blobs(2, 0)))
    write_stack(root / "Class B", blobs(3, 1))
    assert len(open_dataset(root)) == 5
