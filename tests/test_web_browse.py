"""The folder picker: lists, counts, places, typed paths, the line under a field."""

from __future__ import annotations

import html
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from deepometry.core.progress import Cancelled, Progress
from deepometry.web import text_filters
from deepometry.web.browse import background as browse_tasks
from deepometry.web.browse import cell_views  # noqa: F401  adds its addresses
from deepometry.web.browse import count_files as browse_count
from deepometry.web.browse import list_folder as browse_listing
from deepometry.web.browse import places as browse_places
from deepometry.web.browse import views as browse
from deepometry.web.browse.background import Task, Tasks
from deepometry.web.browse.count_files import Tally, count_in_turns
from tests.parsed import write_classes

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="names that only Linux allows")


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return make_client(tmp_path / "state")


def make_client(home: Path) -> FlaskClient:
    """Serve the blueprint alone."""
    app = Flask("browse", template_folder=str(TEMPLATES))
    app.config.update(TESTING=True)
    app.extensions["home"] = home
    app.register_blueprint(browse.blueprint)
    text_filters.register(app)
    return app.test_client()


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def whole(client: FlaskClient, **query: str) -> str:
    """Ask for a list until everything is counted."""
    for _ in range(100):
        text = client.get("/browse/list", query_string=query).get_data(as_text=True)
        if "data-pending" not in text:
            return text
        time.sleep(0.05)
    raise AssertionError("never counted to the end")


def lines(text: str) -> dict[str, str]:
    """Give each entry of a list with what is told of it."""
    found = re.findall(
        r'<li id="picker-\d+".*?"picker-name">(.*?)</span>(.*?)"picker-summary">(.*?)</span>',
        text,
        re.S,
    )
    return {html.unescape(name): told for name, _, told in found}


def checked(client: FlaskClient, path: object, kind: str) -> tuple[str, str]:
    for _ in range(100):
        answer = client.get("/browse/check", query_string={"path": str(path), "kind": kind}).json
        if not answer["pending"]:
            return answer["state"], answer["text"]
        time.sleep(0.05)
    raise AssertionError("never checked to the end")


# --- lists -----------------------------------------------------------------------------------


def test_folders_are_listed_with_what_is_in_them(client: FlaskClient, tmp_path: Path) -> None:
    root = tmp_path / "data"
    touch(*(root / "Day 10" / f"c{n}.tif" for n in range(3)), root / "Day 2" / "deep" / "x.cif")
    touch(
        root / "parsed" / "a" / "cells.npy",
        root / "parsed" / "a" / "montage.tif",
        root / "parsed" / "parse.json",
    )
    touch(root / "model" / "model_7-Class_categories.keras", root / "notes.txt")
    (root / "nothing").mkdir()
    text = whole(client, path=str(root), kind="folder")
    assert lines(text) == {
        "Day 2": "1 .cif file in sub-folders",
        "Day 10": "3 image files",
        "model": "",
        "nothing": "empty",
        "parsed": "1 stack in sub-folders",
    }
    assert list(lines(text))[:2] == ["Day 2", "Day 10"]
    assert text.count('"picker-mark">parsed') == text.count('"picker-mark">model') == 1
    assert f'data-here="{root}"' in text
    assert "1 .cif file, 4 image files, 1 stack in sub-folders" in text


def test_files_can_be_chosen_where_a_field_takes_them(client: FlaskClient, tmp_path: Path) -> None:
    touch(*(tmp_path / "d" / n for n in ("a.cif", "b.RIF", "c.tif", "m.keras", "w.h5", "n.txt")))
    (tmp_path / "d" / "a.cif").write_bytes(bytes(1_400_000))
    place = str(tmp_path / "d")
    assert lines(whole(client, path=place, kind="raw")) == {"a.cif": "1.4 MB", "b.RIF": "0 bytes"}
    assert list(lines(whole(client, path=place, kind="model"))) == ["m.keras", "w.h5"]
    for kind in ("parsed", "folder", "../../etc"):
        assert lines(whole(client, path=place, kind=kind)) == {}


def test_hidden_folders_are_left_out_unless_typed(client: FlaskClient, tmp_path: Path) -> None:
    touch(tmp_path / "d" / ".git" / "x.cif", tmp_path / "d" / "seen" / ".hidden.cif")
    place = tmp_path / "d"
    assert lines(whole(client, path=str(place))) == {"seen": "empty"}
    assert list(lines(whole(client, path=str(place / ".g"), typed="1"))) == [".git"]


def test_a_folder_without_permission_is_shown_as_such(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d" / "shut").mkdir(parents=True)
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    text = whole(client, path=str(tmp_path / "d"))
    assert lines(text) == {"shut": "no permission or not readable"}
    assert 'aria-disabled="true"' in text
    inside = whole(client, path=str(tmp_path / "d" / "shut"))
    assert "permission is denied" in inside and 'role="alert"' in inside
    assert checked(client, tmp_path / "d" / "shut", "raw")[0] == "bad"


def test_many_entries_are_shown_in_part(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse_listing, "MOST_SHOWN", 5)
    for number in range(12):
        (tmp_path / "d" / f"Sample {number}").mkdir(parents=True)
    text = whole(client, path=str(tmp_path / "d"))
    assert list(lines(text)) == [f"Sample {n}" for n in range(5)]
    assert "7 more are not shown" in text
    typed = whole(client, path=str(tmp_path / "d" / "Sample 1"), typed="1")
    assert list(lines(typed)) == ["Sample 1", "Sample 10", "Sample 11"]


def test_a_folder_of_very_many_files_is_counted_in_part(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(*(tmp_path / "d" / "many" / f"{n}.tif" for n in range(300)))
    touch(*(tmp_path / "d" / "few" / f"{n}.tif" for n in range(3)))
    monkeypatch.setattr(browse_count, "MOST_COUNTED", 100)
    assert lines(whole(client, path=str(tmp_path / "d")))["many"] == "100+ image files"
    assert lines(whole(client, path=str(tmp_path / "d")))["few"] == "3 image files"
    monkeypatch.setattr(browse_count, "MOST_ENTRIES", 50)
    tally = Tally(str(tmp_path / "d" / "many"))
    list(count_in_turns([tally], Progress()))
    assert (tally.capped, tally.summary()) == (True, "50+ image files")


def test_a_slow_disk_does_not_hold_the_answer_up(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    answers, read = threading.Event(), []
    real = os.scandir

    def scandir(path: str) -> object:
        answers.wait(60)
        read.append(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    query = {"path": str(tmp_path / "d")}
    text = client.get("/browse/list", query_string=query).get_data(as_text=True)
    state = client.get("/browse/check", query_string=query | {"kind": "raw"}).json
    assert not read
    assert "still reading" in text and "data-pending" in text
    assert state["pending"]
    answers.set()
    assert lines(whole(client, **query)) == {"sub": "empty"}


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_links_that_go_round_in_circles_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "d" / "a" / "x.cif", tmp_path / "elsewhere" / "y.cif")
    (tmp_path / "d" / "a" / "up").symlink_to(tmp_path / "d")
    (tmp_path / "d" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "d" / "broken").symlink_to(tmp_path / "nowhere")
    tally = Tally(str(tmp_path / "d"))
    list(count_in_turns([tally], Progress()))
    assert tally.summary() == "2 .cif files in sub-folders"


@linux_only
def test_odd_names_are_escaped_and_bytes_that_are_no_text_cannot_be_chosen(
    client: FlaskClient, tmp_path: Path
) -> None:
    names = [
        "<script>alert(1)</script>".replace("/", "_"),
        'it\'s "quoted" & more',
        "細胞 µ",
        "a\nb",
    ]
    for name in names:
        (tmp_path / "d" / name).mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(tmp_path / "d") + b"/bad\xff")).mkdir()
    text = whole(client, path=str(tmp_path / "d"))
    assert "<script>" not in text
    assert set(names) < set(lines(text))
    assert lines(text)["bad\\udcff"] == "name is not valid text: please rename"
    for name in names:
        inside = whole(client, path=str(tmp_path / "d" / name))
        assert f'data-here="{escape(tmp_path / "d" / name)}"' in inside


# --- typing ----------------------------------------------------------------------------------


def test_typing_filters_and_completes(client: FlaskClient, tmp_path: Path) -> None:
    for name in ("Experiment 1", "Experiment 2", "other"):
        (tmp_path / "d" / name / "below").mkdir(parents=True)
    place = tmp_path / "d"

    def typed(text: object) -> str:
        return whole(client, path=str(text), typed="1")

    assert list(lines(typed(place / "exp"))) == ["Experiment 1", "Experiment 2"]
    assert list(lines(typed(place / "ment 2"))) == ["Experiment 2"]
    assert list(lines(typed(f"{place}{os.sep}"))) == ["Experiment 1", "Experiment 2", "other"]
    only = typed(place / "Experiment 1")
    assert list(lines(only)) == ["below"] and f'data-choice="{place / "Experiment 1"}"' in only
    assert list(lines(typed(f'"{place / "Experiment 1"}"'))) == ["below"]
    assert "No name here contains" in typed(place / "zzz")
    assert "does not exist" in typed(place / "zzz" / "y")


def test_a_leading_tilde_is_the_home_folder(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "me"))
    (tmp_path / "me" / "cells").mkdir(parents=True)
    assert list(lines(whole(client, path="~/ce", typed="1"))) == ["cells"]
    assert checked(client, "~/cells", "folder") == ("good", "An empty folder.")


def test_paths_that_cannot_be_are_told_in_words(client: FlaskClient) -> None:
    for path, word in (("a\0b", "plain text"), ("x" * 5000, "4096"), ("", "please enter the path")):
        assert word in whole(client, path=path)
    state, text = checked(client, "a\0b", "raw")
    assert state == "bad" and "plain text" in text
    state, text = checked(client, "some/where", "raw")
    assert state == "bad" and "whole path" in text
    assert checked(client, " ", "raw") == ("", "")
    long = "/" + "n" * 300
    assert whole(client, path=long, typed="1")


def test_the_picker_opens_near_a_path_that_is_not_there(
    client: FlaskClient, tmp_path: Path
) -> None:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    query = {"path": str(tmp_path / "d" / "new" / "er"), "kind": "folder"}
    text = client.get("/browse", query_string=query).get_data(as_text=True)
    assert "does not exist (yet)" in text and "sub" in text and "New folder" in text
    assert 'data-choice=""' in text
    raw = client.get("/browse", query_string={"path": str(tmp_path), "kind": "raw"})
    assert "New folder" not in raw.get_data(as_text=True)


# --- places ----------------------------------------------------------------------------------


def test_places_are_remembered_the_last_first(client: FlaskClient, tmp_path: Path) -> None:
    for number in range(14):
        folder = tmp_path / f"f{number}"
        folder.mkdir()
        client.post("/browse/chosen", data={"path": str(folder)})
    touch(tmp_path / "f3" / "a.cif")
    client.post("/browse/chosen", data={"path": str(tmp_path / "f3" / "a.cif")})
    found = [place.name for place in browse_places.recent(tmp_path / "state")]
    assert found == ["f3", "f13", *(f"f{n}" for n in range(12, 3, -1)), "f2"]
    text = client.get("/browse").get_data(as_text=True)
    assert f'data-here="{tmp_path / "f3"}"' in text  # begins at the last place
    assert f'data-go="{tmp_path / "f13"}"' in text


def test_a_damaged_list_of_places_counts_as_none(client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    for content in ("{", "[]", '{"places": 3}', '{"places": [1, null, ""]}'):
        (tmp_path / "state" / "places.json").write_text(content)
        assert browse_places.recent(tmp_path / "state") == []
    client.post("/browse/chosen", data={"path": str(tmp_path)})
    assert json.loads((tmp_path / "state" / "places.json").read_text())["places"] == [str(tmp_path)]


def test_the_way_to_a_folder_begins_at_its_disk(tmp_path: Path) -> None:
    steps = browse_places.crumbs(tmp_path)
    assert steps[0].path == tmp_path.anchor and steps[-1].path == str(tmp_path)
    assert browse_places.disks() and browse_places.home_places()[0].name == "Home"


def test_a_new_folder_is_made_or_the_reason_told(client: FlaskClient, tmp_path: Path) -> None:
    def make(name: str, path: object = tmp_path) -> dict[str, str]:
        return client.post("/browse/new", data={"path": str(path), "name": name}).json

    assert make("Day 1 µ") == {"path": str(tmp_path / "Day 1 µ")}
    assert (tmp_path / "Day 1 µ").is_dir()
    for name, word in (
        ("Day 1 µ", "in the way"),
        ("", "please enter a name"),
        ("..", "every system"),
    ):
        assert word in make(name)["error"]
    for name in ("a/b", "a\\b", "con", "x:y", ".hidden", "dot."):
        assert "every system" in make(name)["error"]
    assert "does not exist" in make("x", tmp_path / "nowhere")["error"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Day 1 µ"]


# --- the line under a field ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["raw", "parsed"])
def test_a_record_of_a_newer_version_is_one_sentence(
    client: FlaskClient, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "parse.json"
    path.write_text(json.dumps({"step": "parse", "format_version": 99}))
    sentence = f"{path}: expected format version 1 or earlier, found 99; update Deepometry."
    assert checked(client, tmp_path, kind) == ("bad", sentence)


def test_a_path_is_told_by_what_the_field_wants(client: FlaskClient, tmp_path: Path) -> None:
    touch(*(tmp_path / "raw" / f"Day {n}" / "c.cif" for n in range(3)), tmp_path / "raw" / "x.tif")
    touch(tmp_path / "old" / "a" / "1.npy")
    (tmp_path / "empty").mkdir()
    good = {"cells": 350, "channels": [1, 12], "frame": 48, "step": "parse"}
    touch(tmp_path / "parsed" / "Train" / "c.npy")
    (tmp_path / "parsed" / "parse.json").write_text(json.dumps(good))

    def told(name: str, kind: str) -> tuple[str, str]:
        return checked(client, tmp_path / name, kind)

    assert told("raw", "raw") == ("good", "3 .cif files and 1 .tif file.")
    assert told("raw/x.tif", "raw") == ("good", "One .tif file.")
    assert told("parsed", "parsed") == (
        "good",
        "Parsed cells: 350 cells, channels 1,12, frame 48.",
    )
    assert told("old", "parsed") == ("good", "Parsed cells: 1 .npy file in sub-folders.")
    assert told("parsed", "raw")[0] == "warn" and "350 cells" in told("parsed", "raw")[1]
    assert told("raw", "parsed")[0] == "warn" and "Run Parse first" in told("raw", "parsed")[1]
    assert told("old", "raw")[0] == "plain" and "parsed cells" in told("old", "raw")[1]
    assert told("empty", "raw") == ("warn", "No images in it.")
    assert told("empty", "parsed")[0] == "warn"
    assert told("raw/x.tif", "parsed")[0] == "bad"
    assert told("nope", "raw") == ("missing", f"Not found: there is no “nope” in {tmp_path}.")
    assert told("nope/deeper/still", "raw")[1].endswith("but contains no “nope”.")
    assert told("empty", "folder") == ("good", "An empty folder.")
    assert told("new/er", "folder") == ("plain", f"Will be created in {tmp_path}.")
    assert "replaces them" in told("parsed", "folder")[1]
    assert told("raw", "folder")[0] == "plain"
    for verb, words in {
        "train": "earlier_1",
        "predict": "predictions",
        "extract": "features",
    }.items():
        (tmp_path / verb).mkdir()
        (tmp_path / verb / f"{verb}.json").write_text(json.dumps({"step": verb}))
        assert told(verb, "folder")[0] == "plain" and words in told(verb, "folder")[1]
    assert told("raw/x.tif", "folder")[0] == told("raw/x.tif/y", "folder")[0] == "bad"
    assert told("empty", "model")[0] == "bad" and "model_*.keras" in told("empty", "model")[1]


def test_parsed_cells_are_told_as_parse_wrote_them(client: FlaskClient, tmp_path: Path) -> None:
    write_classes(tmp_path / "p", {"Class A": 3})
    assert checked(client, tmp_path / "p", "parsed") == ("good", "Parsed cells: channels 3,6.")


# --- work in the background ------------------------------------------------------------------


def test_work_is_shared_kept_and_given_up() -> None:
    tasks, go = Tasks(), threading.Event()

    def work(task: Task) -> str:
        while not go.wait(0.01):
            task.progress.check()
        return "done"

    first = tasks.ask("a", work, "page 1", 60)
    assert tasks.ask("a", work, "page 2", 60) is first
    tasks.ask("b", work, "page 1", 60)
    assert not first.progress.cancelled  # page 2 still waits for it
    third = tasks.ask("c", work, "page 2", 60)
    assert first.progress.cancelled and first.wait(5) and first.found is None
    go.set()
    assert third.wait(5) and third.found == "done"
    assert tasks.ask("c", work, "page 3", 60) is third
    assert tasks.ask("c", work, "page 3", 0) is not third
    assert tasks.find("zzz") is None


def test_work_that_is_forgotten_or_too_much_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, go = Tasks(3), threading.Event()

    def work(task: Task) -> None:
        while not go.wait(0.01):
            task.progress.check()

    running = [tasks.ask(n, work, f"page {n}") for n in range(5)]
    assert [task.progress.cancelled for task in running] == [True, True, False, False, False]
    monkeypatch.setattr(browse_tasks, "FORGOTTEN", -1.0)
    tasks.ask("last", work, "page x")
    assert all(task.progress.cancelled for task in running)
    go.set()


def test_what_goes_wrong_unexpectedly_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def work(task: Task) -> None:
        raise RuntimeError("surprise")

    task = Tasks().ask("a", work, "page")
    assert task.wait(5) and "surprise" in task.error
    assert "surprise" in caplog.text


def test_counting_can_be_cancelled(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        list(count_in_turns([Tally(str(tmp_path))], progress))


READ_ONLY = (
    "/browse",
    "/browse/list",
    "/browse/check",
    "/look",
    "/look/gallery.png",
    "/retrieve",
)


# --- who may ask -----------------------------------------------------------------------------


def test_other_sites_are_refused(client: FlaskClient, tmp_path: Path) -> None:
    for place in READ_ONLY:
        for site in ("cross-site", "same-site"):
            assert client.get(place, headers={"Sec-Fetch-Site": site}).status_code == 403, place
    answer = client.post(
        "/browse/new",
        data={"path": str(tmp_path), "name": "x"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403 and not (tmp_path / "x").exists()
    assert client.get("/browse/new").status_code == 405


def test_no_content_of_a_file_is_given(client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "secret.cif").write_text("the secret")
    np.save(tmp_path / "x.npy", np.zeros(3))
    for place in READ_ONLY:
        for path in (tmp_path, tmp_path / "secret.cif", tmp_path / "x.npy"):
            query = {"path": str(path), "kind": "raw", "frame": "48"}
            assert b"the secret" not in client.get(place, query_string=query).data
