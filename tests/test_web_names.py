"""The line under the pattern of file names, as the page asks for it."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from deepometry.web.browse import file_names
from tests.test_file_names import grid
from tests.test_web_browse import make_client

NAMES = grid("{n:03}-{c}.tif", n=range(1, 13), c=(1, 2, 3))


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return make_client(tmp_path / "state")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Files of which only the names are read."""
    for name in NAMES:
        (tmp_path / "images" / "Class A").mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / "Class A" / name).touch()
    return tmp_path / "images"


def told(client: FlaskClient, path: object, pattern: str) -> tuple[str, str]:
    """Ask until the answer is there."""
    for _ in range(200):
        query = {"path": str(path), "pattern": pattern}
        answer = client.get("/browse/names", query_string=query).get_json()
        if not answer["pending"]:
            return answer["state"], answer["text"]
        time.sleep(0.05)
    raise AssertionError("never came to an end")


def test_a_pattern_is_described_by_the_cells_it_makes(client: FlaskClient, images: Path) -> None:
    expected = "36 files = 12 cells x channels 1 to 3."
    assert told(client, images, "{cell}-{channel}.tif") == ("good", expected)
    assert told(client, images, "{cell}") == ("good", "36 files, each by itself.")


def test_without_a_pattern_the_recognised_names_are_described(
    client: FlaskClient, images: Path
) -> None:
    state, text = told(client, images, "")
    assert state == "warn"
    assert text.startswith("The names of 36 files, such as 001-1.tif, 001-2.tif, 001-3.tif, can be")


def test_what_is_wrong_with_a_pattern_is_told(client: FlaskClient, images: Path) -> None:
    state, text = told(client, images, "{cell}_{channel}.tif")
    assert state == "bad"
    assert "none of the 36 files, such as 001-1.tif, does" in text
    assert told(client, images, "{channel}.tif")[1].startswith("Expected {cell} in it")
    (images / "Class A" / "overview.tif").touch()
    (images / "other").mkdir()
    state, text = told(client, images / "Class A", "{cell}-{channel}")
    assert state == "warn"
    assert text.endswith("1 file does not match the pattern.")


def test_there_is_nothing_to_say_without_images(client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in ("", "relative", tmp_path / "empty", tmp_path / "nowhere"):
        assert told(client, path, "{cell}")[1] == ""


def test_names_in_an_archive_are_described(client: FlaskClient, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in NAMES:
            archive.writestr(f"Class A/{name}", b"")
    state, text = told(client, tmp_path / "a.zip", "{cell}-{channel}.tif")
    assert (state, text) == ("good", "36 files = 12 cells x channels 1 to 3.")


def test_of_very_many_files_the_first_ones_are_described(
    client: FlaskClient, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_names, "MOST_NAMES", 9)
    state, text = told(client, images, "{cell}")
    assert (state, text) == ("good", "Of the first 9 files: 9 files, each by itself.")
