"""The histograms of the form Cleaning: features, limits, counts, cells near a limit, and gates."""

from __future__ import annotations

import html
import re

import numpy as np
import psutil
import pytest

from deepometry.cells.gates.gate import gates_of
from deepometry.web import create_app
from deepometry.web.cleaning import measured
from tests.imported import import_features
from tests.test_gate import SMALL, run, write_cells
from tests.test_web_browse import linux_only
from tests.test_web_look import settled

SPECKS = "8 of 128 cells (6 %) outside of the limits"


@pytest.fixture
def client(tmp_path):
    app = create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})
    return app.test_client()


@pytest.fixture
def cells(tmp_path):
    return write_cells(tmp_path / "parsed")


def shown(client, path, **more):
    """The panel once the cells are measured, in plain text."""
    return html.unescape(settled(client, "/cleaning/panel", path=path, **more))


def part(client, name, cells, **asked):
    """A part of the panel, in plain text."""
    answer = client.get(f"/cleaning/{name}", query_string={"path": str(cells), **asked})
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_the_panel_shows_features_and_what_limits_leave_out(client, cells):
    import_features(cells, {"Area_M03": np.arange(128.0)})
    panel = shown(client, cells)
    groups = re.findall(r'<optgroup label="([^"]*)"', panel)
    assert groups == ["Ch3", "Ch6", "Features of IDEAS"]
    assert 'value="Area Ch3" selected' in panel and "No limits yet" in panel
    panel = shown(client, cells, limits="area ch6 = 60..; Area_M03 = 1..")
    assert 'value="Area Ch6" selected' in panel
    assert "9 of 128 cells (7 %) outside" in panel and "Area Ch6 = 60.." in panel
    counts = part(client, "counts", cells, limits=SMALL, feature="Area Ch3")
    assert SPECKS in counts


def test_cells_on_both_sides_of_a_limit_are_shown(client, cells):
    counts = part(client, "counts", cells, limits=SMALL, feature="Area Ch3")
    titles = re.findall(r"<figcaption>([^<]*)", counts)
    assert titles == ["Below 60, nearest first ", "From 60 up", "Largest values"]
    rows = [int(row) for row in re.findall(r"/cleaning/cell/(\d+)\.png", counts)]
    assert len(rows) == 18
    assert {*rows[:6]} <= {*range(60, 65), *range(125, 128)} and {*rows[6:12]} <= {*range(60)}
    picture = client.get(f"/cleaning/cell/{rows[0]}.png", query_string={"path": str(cells)})
    assert picture.data.startswith(b"\x89PNG")
    wrong = client.get("/cleaning/cell/128.png", query_string={"path": str(cells)})
    assert wrong.status_code == 404


def test_some_cells_stand_for_many_until_all_are_measured(client, cells, tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "_MOST", 64)
    panel = shown(client, cells, limits=SMALL)
    assert "of 64 cells" in panel and "64 cells of 128, evenly chosen" in panel
    assert not (cells / "labels").exists()  # nothing is written by looking
    run(cells, tmp_path, preview=True)
    panel = shown(client, cells, limits=SMALL)
    assert SPECKS in panel and "evenly chosen" not in panel


@linux_only
def test_no_file_of_the_cells_stays_open(client, cells):
    """Or Windows could not write over it."""
    shown(client, cells, limits=SMALL)
    assert client.get("/cleaning/cell/0.png", query_string={"path": str(cells)}).status_code == 200
    maps = [each.path for each in psutil.Process().memory_maps()]
    assert maps and not [path for path in maps if path.startswith(str(cells))]


def test_the_proposal_is_that_of_the_step(client, cells, tmp_path):
    limits = client.get("/cleaning/proposal.json", query_string={"path": str(cells)}).json["limits"]
    assert limits == "; ".join(map(str, run(cells, tmp_path).gate.limits))
    wrong = {"path": str(cells), "channel": "9"}
    answer = client.get("/cleaning/proposal.json", query_string=wrong)
    assert "expected channel 9 in the parsed cells, found 3, 6" in answer.json["error"]


def test_gates_are_listed_and_removed(client, cells, tmp_path):
    run(cells, tmp_path, limits=SMALL)
    panel = shown(client, cells)
    assert "Good cells</b>: Area Ch3 = 60.." in panel and "8 gated out" in panel
    assert '{"gate": {"gate": "Good cells", "limits": "Area Ch3 = 60.."}}' in panel
    answer = client.post("/cleaning/remove", data={"path": str(cells), "name": "Good cells"})
    assert "These cells have no gate" in answer.text and not gates_of(cells)


def test_the_form_is_opened_with_limits_filled_in(client, cells):
    asked = {"path": str(cells), "limits": SMALL, "gate": "Debris"}
    answer = client.get("/cleaning/form", query_string=asked)
    assert answer.location.endswith("/#step-gate")
    form = re.search(r'<form id="form-gate".*?</form>', client.get("/").text, re.DOTALL)[0]
    for text in (str(cells), SMALL, "Debris"):
        assert f'value="{text}"' in form


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"path": ""}, "Fill in Input location first"),
        ({"path": "nothing"}, "not a whole path"),
        ({"limits": "Area Ch3 = 5"}, "expected features with the least and the largest value"),
        ({"limits": "Size Ch3 = 5.."}, "these cells have no feature Size Ch3"),
    ],
)
def test_what_cannot_be_shown_says_why(client, cells, query, said):
    assert said in shown(client, **{"path": cells} | query)
