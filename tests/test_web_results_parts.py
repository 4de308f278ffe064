"""The parts behind the results pages: tables by row, folders, archives."""

from __future__ import annotations

import csv
import io
import threading
import time
import zipfile

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.text import filesize
from deepometry.web.results import parse as results_parse
from deepometry.web.results import predict as results_predict
from deepometry.web.results.cache import Cache
from deepometry.web.results.cell_pictures import Channel, composite
from deepometry.web.results.downloads import list_files, zipped
from deepometry.web.results.meaning import next_steps
from deepometry.web.results.output import Gone, Output, Unknown
from deepometry.web.results.predict_rows import ClassRow
from deepometry.web.results.table_index import index_table


def output(root, verb="parse", files=(), record=None, **options) -> Output:
    """Make an output by hand."""
    return Output("id", verb, options, root, record or {}, tuple(files), "stamp")


# --- tables ----------------------------------------------------------------------------------


def test_rows_with_quotes_commas_and_line_ends_are_found_again(tmp_path):
    rows = [[f'a "{n}", b\nc', str(n), "x" * n] for n in range(50)]
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["source", "object", "label"], *rows])
    table = index_table(tmp_path / "t.csv", lambda header: header[2:])
    assert len(table) == 50
    assert [list(row.values()) for row in table.rows([49, 0, 7])] == [rows[49], rows[0], rows[7]]
    assert [table.values["label"][code] for code in table.codes["label"]] == [
        "x" * n for n in range(50)
    ]


def test_a_table_that_shrank_is_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("source,object\na,1\nb,2\n", "utf-8")
    table = index_table(path, lambda header: [])
    path.write_text("source\n", "utf-8")
    with pytest.raises(DeepometryError, match="has changed"):
        table.rows([1])


def test_a_file_that_is_no_table_is_told(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeepometryError, match="not a table"):
        index_table(tmp_path / "t.csv", lambda header: [])


# --- folders, problems, sheets ---------------------------------------------------------------


def test_a_tree_of_very_many_folders_stays_small(tmp_path):
    stacks = [
        {"path": f"Train/Day {d}/Sample {s}/cells.npy", "cells": 10, "dtype": "uint16"}
        for d in range(100)
        for s in range(50)
    ]
    top = results_parse.folder_tree(output(tmp_path, record={"stacks": stacks}))
    assert (top.cells, top.stacks) == (50_000, 5_000)
    days = top.folders["Train"].folders
    assert list(days)[:3] == ["Day 0", "Day 1", "Day 2"]
    shown = 1 + len(days) + sum(len(day.folders) for day in days.values())
    hidden = sum(day.hidden for day in days.values())
    assert shown == results_parse._MOST_FOLDERS
    assert shown + hidden == 1 + 100 + 5000


def test_problems_are_grouped_by_reason(tmp_path):
    with (tmp_path / "problems.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [("a.cif", n, f"{n} bytes are missing") for n in range(300)]
        csv.writer(file).writerows([("source", "object", "reason"), *rows, ("b", 1, "empty")])
    found = results_parse.problems_of(output(tmp_path, files=["problems.csv"]))
    assert found.reasons == [("… bytes are missing", 300), ("empty", 1)]
    assert len(found.first) == 100


def test_sheets_by_folder_and_channel(tmp_path):
    files = [
        "Train/Day 2/Day 2_ch1_1.tif",
        "Train/Day 2/Day 2_ch1_2.tif",
        "Train/x_ch3_9_ch12_1.tif",
    ]
    record = {"channels": [1, 12], "channel_names": {"1": "BF"}}
    told = results_parse.sheets_of(output(tmp_path, files=files, record=record)).plain()
    assert [(s["label"], s["folder"], s["sheets"]) for s in told["series"]] == [
        ("Train/Day 2", "Train/Day 2", 2),
        ("Train", "Train", 1),
    ]
    assert [c["name"] for c in told["channels"]] == ["Ch1 BF", "Ch12"]


def test_large_sheets_are_thinned_out(tmp_path, monkeypatch):
    import tifffile
    from PIL import Image

    monkeypatch.setattr(results_parse, "LARGEST_PICTURE", 100)
    tifffile.imwrite(tmp_path / "a_ch1_1.tif", np.full((390, 390), 500, np.uint16))
    data = results_parse.sheet_picture(
        output(tmp_path, files=["a_ch1_1.tif"]), "a_ch1_1.tif", (0, 1000)
    )
    drawn = np.asarray(Image.open(io.BytesIO(data)))
    assert drawn.shape == (98, 98)
    assert (drawn == 128).all()


def test_channels_in_colours_transmitted_light_in_grey():
    cell = np.zeros((4, 4, 2), np.uint16)
    cell[0, 0, 0], cell[1, 1, 1] = 100, 100
    channels = [Channel(0, 1, "Brightfield"), Channel(1, 3, "CD45")]
    drawn = composite(cell, [(0, 100), (0, 100)], channels)
    assert len(set(drawn[0, 0].tolist())) == 1
    assert len(set(drawn[1, 1].tolist())) > 1
    assert not drawn[2:].any()


def test_matrices_of_very_many_classes_show_the_largest(tmp_path):
    labels = [f"L{n}" for n in range(100)]
    matrix = np.diag(np.arange(100))
    lines = [
        ["true label", *labels],
        *([label, *row] for label, row in zip(labels, matrix, strict=True)),
    ]
    with (tmp_path / "confusion_matrix.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    record = {"counts": dict(zip(labels, range(100), strict=True)), "cells": 4950}
    found = results_predict.prediction_of(
        output(tmp_path, "predict", ["confusion_matrix.csv"], record)
    )
    assert [row.label for row in found.classes] == labels[60:]
    assert found.hidden == 60
    assert found.matrix[0][0].count == 60
    assert found.matrix[0][0].shade == 10


# --- archives, sizes, cache ------------------------------------------------------------------


def test_the_weakest_classes_are_named_weakest_first():
    right = {"A": 69, "B": 50, "C": 95, "D": 60, "E": 10, "F": 0}
    rows = [ClassRow(n, name, 0, 100, count) for n, (name, count) in enumerate(right.items())]
    never = ClassRow(6, "G", 0, 0, 0)  # no cell is of this class
    told = {tab: why for tab, _, why in next_steps([*rows, never], False, (), True)}
    assert told["confusion"] == "press a number of F"
    assert told["classes"] == "more cells of F, E, B would help most"


def test_archives_are_made_piece_by_piece(tmp_path):
    names = ["a.npy", "b/c.csv", "empty.txt"]
    (tmp_path / "b").mkdir()
    (tmp_path / "a.npy").write_bytes(bytes(3_500_000))
    (tmp_path / "b" / "c.csv").write_text("x\n" * 1000, "utf-8")
    (tmp_path / "empty.txt").touch()
    pieces = list(zipped(output(tmp_path, files=names)))
    assert max(map(len, pieces)) < 2 << 20
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == names
        assert len(archive.read("a.npy")) == 3_500_000


def test_an_archive_with_a_file_gone_is_not_begun(tmp_path):
    with pytest.raises(Gone):
        zipped(output(tmp_path, files=["gone.csv"]))


def test_a_link_to_another_place_does_not_lose_the_whole_archive(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "results" / "kept.csv").write_text("a")
    (tmp_path / "results" / "folder").mkdir()
    try:
        for name in ("link.csv", "other.csv"):
            (tmp_path / "results" / name).symlink_to(tmp_path / "secret")
    except OSError:
        pytest.skip("this system allows no links")
    names = ["link.csv", "kept.csv", "other.csv", "gone.csv", "folder"]
    made = output(tmp_path / "results", files=names)
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(made)))) as archive:
        assert archive.namelist() == ["kept.csv", "MISSING.txt"]
        assert archive.read("MISSING.txt").decode().splitlines() == [
            "Left out, since they are links to places outside the folder:",
            *("link.csv", "other.csv", ""),
            "No longer there when this archive was downloaded:",
            *("gone.csv", "folder"),
        ]
    assert [(each["size"], each.get("why")) for each in list_files(made)] == [
        (None, "a link to another place"),
        (1, None),
        (None, "a link to another place"),
        (None, "moved or deleted"),
        (None, "moved or deleted"),
    ]
    with pytest.raises(Unknown, match="links to a place outside"):
        zipped(output(tmp_path / "results", files=["link.csv"]))


def test_a_file_that_cannot_be_opened_any_more_is_told(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    pieces = zipped(output(tmp_path, files=["a.csv", "b.csv"]))
    (tmp_path / "b.csv").unlink()  # while the archive is being sent
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.namelist() == ["a.csv", "MISSING.txt"]
        assert "Cannot be read (No such file" in archive.read("MISSING.txt").decode()


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2e12, "2.0 TB")]
)
def test_sizes_in_words(size, words):
    assert filesize(size) == words


def test_the_cache_makes_each_thing_once():
    cache, made = Cache(2), []

    def make():
        time.sleep(0.05)
        made.append(1)
        return len(made)

    threads = [threading.Thread(target=cache.get, args=("key", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    cache.get("b", make)
    cache.get("c", make)
    assert cache.get("key", make) == 4
