"""The preview of intensity scalings: numbers, pictures, and a recommendation with its reason."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from deepometry import cli
from deepometry.core.errors import DeepometryError
from deepometry.core.options.scalings import ScalingsOptions
from deepometry.training.scalings import ScalingsResult, scalings
from deepometry.web import create_app
from tests.parsed import blobs, write_record, write_stack
from tests.test_web_browse import make_client
from tests.test_web_look import settled

Change = Callable[[np.ndarray, int], np.ndarray]


def write(root: Path, change: Change) -> Path:
    """Write cells of two days and two classes, those of a day changed by it."""
    write_record(root, names={"3": "Brightfield"})
    for day in range(2):
        for kind, name in enumerate("AB"):
            images = change(blobs(8, kind, seed=day).astype(np.int64), day)
            folder = root / f"Day {day + 1}" / f"Class {name}"
            write_stack(folder, images.clip(0, 4095).astype(np.uint16))
    return root


def found(
    root: Path, change: Change = lambda images, day: images, **more: object
) -> ScalingsResult:
    return scalings(ScalingsOptions(input=write(root, change), **more))


@pytest.mark.parametrize(
    ("change", "recommended", "reason"),
    [
        (lambda images, day: images, "channel", "backgrounds differ little between folders, at"),
        (
            lambda images, day: images + 40 * day,
            "background",
            "differs between values of Day by 1.",
        ),
        (
            lambda images, day: 100 + (images - 100) * (1 + 4 * day),
            "image",
            "differs between values of Day by a factor of 5.",
        ),
    ],
    ids=["alike", "brighter", "stronger"],
)
def test_what_is_recommended_follows_from_what_is_measured(
    tmp_path: Path, change: Change, recommended: str, reason: str
) -> None:
    result = found(tmp_path, change, target="Class")
    assert result.recommended == recommended
    assert reason in result.reason
    assert str(result).endswith(f"Recommended: {recommended}; {result.reason}")


def test_a_contrast_that_differs_between_the_classes_themselves_is_kept(tmp_path: Path) -> None:
    result = found(tmp_path, lambda images, day: 100 + (images - 100) * (1 + 4 * day), target="Day")
    assert result.recommended == "channel"


def test_cells_without_folders_are_compared_one_by_one(tmp_path: Path) -> None:
    write_record(tmp_path)
    images = blobs(12, 0)
    write_stack(tmp_path, images)
    assert scalings(ScalingsOptions(input=tmp_path)).recommended == "channel"
    lamp = np.arange(12, dtype=np.uint16)[:, None, None, None] * 50
    write_stack(tmp_path, images + lamp)
    result = scalings(ScalingsOptions(input=tmp_path))
    assert result.recommended == "background"
    assert "backgrounds differ from cell to cell by" in result.reason


def test_the_numbers_are_those_of_the_pixels(tmp_path: Path) -> None:
    result = found(tmp_path, lambda images, day: images + 40 * day, target="Class")
    rows = {(row.scaling, row.channel): row for row in result.rows}
    assert len(rows) == 10 and result.cells == result.of == 32
    counts, channel = rows["none", "Ch6"], rows["channel", "Ch6"]
    assert (channel.mean, channel.spread) == pytest.approx((0, 1), abs=1e-3)
    assert channel.between == pytest.approx(counts.between / counts.spread, rel=1e-3)
    assert rows["background", "Ch6"].between < 0.5 * channel.between
    image = rows["image", "Ch3 Brightfield"]
    assert 0 <= image.low < image.high <= 1 and image.saturated == 0
    full = found(tmp_path / "full", lambda images, day: images * 40, channels="6")
    assert {row.channel for row in full.rows} == {"Ch6"}
    assert all(0.1 < row.saturated < 0.9 for row in full.rows)


def test_the_picture_has_cells_of_every_class(tmp_path: Path) -> None:
    result = found(tmp_path, target="Class")
    assert result.tiles.cells == ("A", "A", "B", "B")
    assert Image.open(io.BytesIO(result.picture())).format == "PNG"
    assert "data:image/png;base64," in result._repr_html_()


def test_the_command_writes_a_picture_and_json(tmp_path: Path) -> None:
    root, picture = write(tmp_path / "cells", lambda images, day: images), tmp_path / "look.png"
    words = ["scalings", str(root), "--target", "Class", "--gallery", str(picture)]
    told = CliRunner().invoke(cli.cli, [*words, "--json"])
    assert told.exit_code == 0, told.output
    record = json.loads(told.stdout)
    assert record["recommended"] == "channel" and len(record["rows"]) == 10
    with Image.open(picture) as drawn:
        assert drawn.width > 400
    again = CliRunner().invoke(cli.cli, words)
    assert again.exit_code != 0 and "exists already" in str(again.exception)


def test_labels_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeepometryError, match=r"expected one of these cells \(Day, Class\)"):
        found(tmp_path, target="Phase")


def test_the_page_shows_the_preview(tmp_path: Path) -> None:
    client = make_client(tmp_path / "state")
    home = write(tmp_path / "cells", lambda images, day: images + 40 * day)
    text = html.unescape(settled(client, "/scalings", input=home, target="Class", channels=""))
    assert "Recommended: background" in text and "differs between values of Day" in text
    assert 'src="data:image/png;base64,' in text and text.count('<th scope="row">') == 10
    assert "fill it in first" in settled(client, "/scalings", input="")
    wrong = html.unescape(settled(client, "/scalings", input=home, target="Phase"))
    assert "expected one of these cells" in wrong
    form = create_app({"HOME": tmp_path / "whole", "TESTING": True}).test_client().get("/").text
    assert 'id="scalings-train"' in form and ">Preview</button>" in form
