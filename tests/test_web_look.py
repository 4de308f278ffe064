"""The look into a folder of images, its gallery, and Retrieve."""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import tifffile
from flask.testing import FlaskClient
from PIL import Image

from deepometry.cells.model_description import Description
from deepometry.core.options.parse import InfoOptions
from deepometry.core.result_files import MODEL_DESCRIPTION
from deepometry.web.browse import look as browse_look
from deepometry.web.browse import views
from tests.builders import random_cells, write_channel_tiffs, write_cif
from tests.labelled import write_labels
from tests.parsed import CHANNELS, FRAME, blobs, write_classes, write_record, write_stack
from tests.test_web_browse import linux_only, make_client

EXAMPLE = Path(__file__).resolve().parents[1] / "data" / "example"


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return make_client(tmp_path / "state")


def settled(client: FlaskClient, place: str, **query: object) -> str:
    """Ask as the page does: again, at the address that the answer names, until it names none."""
    answer = client.get(place, query_string={key: str(value) for key, value in query.items()})
    for _ in range(1200):
        text = answer.get_data(as_text=True)
        again = re.search(
            r'hx-get="(/(?:look|retrieve|stain|scalings|cleaning/panel)\?[^"]*)" hx-trigger="every',
            text,
        )
        if again is None:
            return text
        time.sleep(0.05)
        answer = client.get(again[1].replace("&amp;", "&"))
    raise AssertionError("never came to an end")


def drawn(client: FlaskClient, path: Path) -> str:
    text = settled(client, "/look", path=path)
    for _ in range(200):
        if "hx-get" not in text:
            return text
        time.sleep(0.05)
        text = client.get("/look/gallery", query_string={"path": str(path)}).get_data(as_text=True)
    raise AssertionError("never drawn")


def picture(client: FlaskClient, path: Path, frame: object) -> tuple[int, bytes]:
    answer = client.get("/look/gallery.png", query_string={"path": str(path), "frame": str(frame)})
    return answer.status_code, answer.data


def test_the_example_is_looked_into(client: FlaskClient) -> None:
    text = settled(client, "/look", path=EXAMPLE)
    assert "<h3>350 cells in 56 .cif files</h3>" in text
    assert re.findall(r'data-channel="(\d+)"', text) == ["1", "12"]
    assert "Brightfield" in text and "Darkfield" in text
    assert 'data-kept="1,12"' in text
    frame = re.search(r'data-use-frame="(\d+)">Use (\d+)<', text)
    assert frame and frame[1] == frame[2] and int(frame[1]) % 8 == 0
    assert "56 stacks will be written" in text and "60x" in text
    assert "problem" not in text


def test_a_look_that_must_ask_offers_the_answers(client: FlaskClient, tmp_path: Path) -> None:
    pages = np.random.default_rng(0).integers(0, 4096, (10, 20, 18), "u2")
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", metadata=None)
    text = html.unescape(settled(client, "/look", path=tmp_path))
    assert "Pages: a.tif holds 10 pages" in text and "--pages" not in text
    assert 'data-fill="{"parse": {"pages": "z-max"}}"' in text
    assert "10 pages = 10 cells of 1 channel" in text
    assert text.count('src="data:image/png;base64,') == 4
    text = settled(client, "/look", path=tmp_path, pages="cells")
    assert "<h3>10 cells in 1 .tif file</h3>" in text


def test_the_gallery_is_drawn_with_the_frame(client: FlaskClient) -> None:
    status, told = picture(client, EXAMPLE, 48)
    assert status == 422 and b"look" in told  # not before a look
    text = drawn(client, EXAMPLE)
    assert 'data-look="gallery"' in text
    source = re.search(r'src="(/look/gallery.png[^"]*)"', text)
    assert source is not None
    asked = parse_qs(urlsplit(source[1].replace("&amp;", "&")).query)
    assert asked["path"] == [str(EXAMPLE)]
    pictures = [picture(client, EXAMPLE, frame) for frame in (asked["frame"][0], 24, 24)]
    assert {status for status, _ in pictures} == {200}
    assert pictures[0] != pictures[1] == pictures[2]
    with Image.open(io.BytesIO(pictures[0][1])) as image:
        assert image.format == "PNG" and image.width > 300
    for frame in ("", "8", "x", "2000"):
        status, told = picture(client, EXAMPLE, frame)
        assert status == 422 and b"whole number" in told


def test_few_pictures_are_kept(client: FlaskClient, tmp_path: Path) -> None:
    write_cif(tmp_path / "d.cif", random_cells([(20, 30)] * 3), channels=(1, 5))
    drawn(client, tmp_path / "d.cif")
    for frame in range(16, 40, 2):
        assert picture(client, tmp_path / "d.cif", frame)[0] == 200
    (look,) = (task.found for task in client.application.extensions["looks"]._tasks.values())
    assert len(look._pictures) == browse_look._MOST_PICTURES


def test_problems_and_differing_channels_are_told(client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    write_cif(tmp_path / "d" / "a.cif", random_cells([(20, 30)] * 3), channels=(1, 5))
    write_channel_tiffs(tmp_path / "d" / "t", "c", random_cells([(20, 22)], 1)[0], (7,))
    (tmp_path / "d" / "bad <b>.cif").write_bytes(b"nothing of the kind")
    text = settled(client, "/look", path=tmp_path / "d")
    assert "1 problem<" in text and "bad &lt;b&gt;.cif" in text and "<b>.cif" not in text
    assert "The files do not all have the same channels" in text
    assert "Dye 1" in text


def test_mistakes_are_the_sentence_of_the_library(client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    text = settled(client, "/look", path=tmp_path)
    assert 'role="alert"' in text and "expected images of cells (" in text
    assert "not a cif" not in text
    gone = client.get("/look/gallery", query_string={"path": str(tmp_path / "no")})
    assert "no longer there" in gone.get_data(as_text=True)
    for path in ("", "  ", tmp_path / "nowhere"):
        assert "look-" not in settled(client, "/look", path=path)
    assert "plain text" in settled(client, "/look", path="a\0b")


def test_montages_of_parsed_cells_are_not_taken_for_cells(
    client: FlaskClient, tmp_path: Path
) -> None:
    write_classes(tmp_path / "p", {"Class A": 4})
    write_channel_tiffs(tmp_path / "p" / "Class A", "montage", random_cells([(20, 22)])[0], (1, 2))
    assert "found parsed cells" in settled(client, "/look", path=tmp_path / "p")


def test_a_look_is_kept_until_the_folder_changes(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "KEEP_CHANGED", 0.0)
    folder = tmp_path / "d"
    write_channel_tiffs(folder, "c0", random_cells([(20, 22)])[0], (1, 2))
    assert "1 cell in" in drawn_head(client, folder)
    number = look_number(client, folder)
    assert look_number(client, folder) == number
    write_channel_tiffs(folder, "c1", random_cells([(20, 22)])[0], (1, 2))
    assert "2 cells in" in drawn_head(client, folder)
    number = look_number(client, folder)
    settled(client, "/look", path=folder, fresh="1")
    assert look_number(client, folder) > number


def drawn_head(client: FlaskClient, folder: Path) -> str:
    return settled(client, "/look", path=folder)


def look_number(client: FlaskClient, folder: Path) -> int:
    found = re.search(r"look=(\d+)", drawn(client, folder))
    assert found is not None
    return int(found[1])


def test_a_long_look_is_told_of_and_cancelled_for_another_folder(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, seen = [], []

    def slow(options: InfoOptions, task: browse_look.Task) -> None:
        try:
            for number in range(1000):
                seen.append(number)
                task.progress.report(12_000 + number, 50_000, "Looking at Day 1")
                time.sleep(0.02)
        finally:
            stopped.append(options.input.name)

    monkeypatch.setattr(browse_look, "look_into", slow)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first = client.get("/look", query_string={"path": str(tmp_path / "one"), "page": "p"})
    assert re.search(r"12,0\d\d of 50,000", first.get_data(as_text=True))
    assert "Looking at Day 1" in first.get_data(as_text=True)
    client.get("/look", query_string={"path": str(tmp_path / "two"), "page": "p"})
    end = time.monotonic() + 60
    while not stopped and time.monotonic() < end:
        time.sleep(0.02)
    assert stopped == ["one"]
    assert seen[-1] < 999  # it was stopped: it did not come to its end
    client.get("/look", query_string={"path": str(tmp_path / "one"), "page": "p"})


@linux_only
def test_odd_names_do_not_break_the_look(client: FlaskClient, tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "<script>" 細胞'
    write_channel_tiffs(folder / "a & b", "c", random_cells([(20, 22)])[0], (1, 2))
    text = drawn(client, folder)
    assert "<script>" not in settled(client, "/look", path=folder)
    assert picture(client, folder, 32)[0] == 200
    assert "hx-get" not in text
    odd = Path(str(folder) + "\udcff")
    shutil.copytree(folder, folder.parent / "o" / odd.name)
    assert "1 cell in" in settled(client, "/look", path=folder.parent / "o")


# --- Retrieve --------------------------------------------------------------------------------


def test_targets_of_parsed_cells(client: FlaskClient, tmp_path: Path) -> None:
    write_classes(tmp_path / "p" / "Day 1", {"Class A": 40, "Class <b>": 10})
    write_classes(tmp_path / "p" / "Day 2", {"Class A": 5, "unsorted": 5})
    text = settled(client, "/retrieve", path=tmp_path / "p", form="train")
    assert "Class (2 labels, 55 cells)" in text and "Day (2 labels, 60 cells)" in text
    assert 'value="Class" form="targets-none"' in text
    assert 'data-suggested="Class"' in text
    assert '<th scope="row">&lt;b&gt;</th>' in text and "<b></th>" not in text
    assert '<rect width="100.0"' in text and '<rect width="22.2"' in text
    assert "no label" in text
    assert 'name="target"' not in text


def test_labels_that_are_numbers_are_told(client: FlaskClient, tmp_path: Path) -> None:
    write_classes(tmp_path / "p", {"Day 1": 2, "Day 15": 2})
    hint = "These labels are numbers."
    assert hint in settled(client, "/retrieve", path=tmp_path / "p", form="train")
    assert hint not in settled(client, "/retrieve", path=tmp_path / "p", form="predict")
    write_classes(tmp_path / "q", {"Class A": 2, "Class B": 2})
    assert hint not in settled(client, "/retrieve", path=tmp_path / "q", form="train")


def test_labels_can_be_removed(client: FlaskClient, tmp_path: Path) -> None:
    write_record(tmp_path / "p")
    write_stack(tmp_path / "p", blobs(3, 0), source="a.cif")
    write_labels(tmp_path / "p", "it's", [("a.cif", "0", "G1"), ("a.cif", "1", "<S>")])
    write_labels(tmp_path / "p", "One", [("a.cif", "0", "G1")])
    text = settled(client, "/retrieve", path=tmp_path / "p", form="train")
    assert "From a test." in text and "Cannot be learnt: One: only G1." in text
    asked = {"path": str(tmp_path / "p"), "form": "train", "name": "it's"}
    assert json.loads(html.unescape(re.search(r"hx-vals='([^']*)'", text)[1])) == asked
    client.post("/retrieve/remove", data=asked)
    text = settled(client, "/retrieve", path=tmp_path / "p", form="train")
    assert "From a test." not in text and "One: only G1" in text
    text = client.post("/retrieve/remove", data=asked).get_data(as_text=True)
    assert "expected labels of these cells beside their folder names (One)" in text


def test_mistakes_of_retrieve_are_told_in_words(client: FlaskClient, tmp_path: Path) -> None:
    assert "Input location: fill it in first" in settled(client, "/retrieve", path="")
    assert "expected parsed cells" in settled(client, "/retrieve", path=tmp_path)
    assert "does not exist" in settled(client, "/retrieve", path=tmp_path / "no")
    assert "plain text" in settled(client, "/retrieve", path="a\0b")
    write_classes(tmp_path / "one", {"Class A": 4})
    text = settled(client, "/retrieve", path=tmp_path / "one")
    assert "No target found" in text and "radio" not in text


def test_retrieve_again_reads_anew(client: FlaskClient, tmp_path: Path) -> None:
    write_classes(tmp_path / "p", {"Class A": 4, "Class B": 4})
    assert "Class (2 labels, 8 cells)" in settled(client, "/retrieve", path=tmp_path / "p")
    write_stack(tmp_path / "p" / "Class C", blobs(3, 2))
    assert "Class (3 labels, 11 cells)" in settled(client, "/retrieve", path=tmp_path / "p")


DESCRIBED = Description(
    labels=("A", "B"),
    target="Class",
    channels=CHANNELS,
    depth=2,
    channel_names={},
    frame=FRAME,
    network="resnet18",
    scaling="channel",
    fingerprint="",
    cells={"A": 4, "B": 4},
)


def write_model(folder: Path, **more: object) -> Path:
    """Write as much of a model file as says what it is."""
    folder.mkdir(parents=True, exist_ok=True)
    told = replace(DESCRIBED, **more)
    path = folder / told.file_name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MODEL_DESCRIPTION, json.dumps(asdict(told)))
    return path


def test_the_model_is_held_beside_the_cells(client: FlaskClient, tmp_path: Path) -> None:
    write_classes(tmp_path / "p", {"Class A": 4, "Class B": 4})

    def told(model: object, **query: object) -> str:
        asked = {"path": tmp_path / "p", "model": model, "form": "predict"}
        return settled(client, "/retrieve", **(asked | query))

    model = write_model(tmp_path / "m")
    assert "model_2-Class_categories.keras: Class, 2 labels" in told(tmp_path / "m")
    assert "The cells have the same 2 labels." in told(model)
    assert "targets-good" in told(model) and 'data-suggested="Class"' in told(model)
    more = write_model(tmp_path / "n", labels=("A", "B", "<i>"))
    assert "no cells of: &lt;i&gt;" in told(more)
    other = write_model(tmp_path / "o", labels=("A", "Z"), cells={"A": 4, "Z": 4})
    assert "that these cells have: B" in told(other)
    assert "Unannotated data?" in told(write_model(tmp_path / "q", target="Day"))
    assert "frame of 99 pixels" in told(write_model(tmp_path / "r", frame=99))
    assert "expected a file model_*.keras" in told(tmp_path / "p")
    assert "targets-model" not in told("")
    assert "targets-model" not in told(model, form="train")
    check = {"path": str(tmp_path / "m"), "kind": "model"}
    found = client.get("/browse/check", query_string=check).json
    assert found["text"] == (
        "Class, 2 labels, channels 3,6, frame 16 (model_2-Class_categories.keras)."
    )


def test_cells_without_labels_still_fit_a_model(client: FlaskClient, tmp_path: Path) -> None:
    write_record(tmp_path / "p")
    write_stack(tmp_path / "p" / "all", blobs(3, 0))
    model = write_model(tmp_path / "m")
    text = settled(client, "/retrieve", path=tmp_path / "p", model=model, form="predict")
    assert "tick “Unannotated data?”" in text and "No labels found: no folder names differ" in text


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, deepometry.web.browse.views;"
        "print({'numpy', 'keras', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_look_takes_from_the_form_only_how_files_are_read(tmp_path: Path) -> None:
    entered = {"overwrite": "true", "pages": "cells", "gallery": "look.png", "frame": "48"}
    assert browse_look.read_by() == ("tiles", "pattern", "reader", "pages")
    options = browse_look.look_options(tmp_path, entered)
    assert options == InfoOptions(input=tmp_path, quick=True, pages="cells")
