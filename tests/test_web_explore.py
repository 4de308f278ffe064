"""The server's side of the explorer: bytes for the map, pictures, lists and sets of cells."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from deepometry.classical.cleaning.gate import gate
from deepometry.core.errors import DeepometryError
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.gate import GateOptions
from deepometry.maps.embed import embed
from deepometry.web import create_app
from tests.features_table import CLASSES, features_of, write_features, write_predictions
from tests.imported import import_features
from tests.parsed import blobs, write_record, write_stack

CELLS = 30
AS_BITS = {"Content-Type": "application/octet-stream", "Accept": "application/json"}


def write_cells(root):
    """Parsed cells in the order of the features: all of A, then of B, then of C."""
    write_record(root, names={"3": "Brightfield"})
    for kind, name in enumerate(CLASSES):
        write_stack(root / f"Class {name}", blobs(CELLS // 3, kind))
    return root


def in_order(folder):
    """Put rows of features and metadata in the order of the parsed cells."""
    table, told = folder / "features_extracted_by_pool5.txt", folder / "metadata.tsv"
    head, *rows = told.read_text("utf-8").splitlines()
    order = [n for kind in range(3) for n in range(kind, CELLS, 3)]
    values = table.read_text().splitlines()
    table.write_text("".join(f"{values[n]}\n" for n in order))
    told.write_text("".join(f"{line}\n" for line in [head, *[rows[n] for n in order]]))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("explore")
    parsed = write_cells(root / "parsed")
    folder = write_features(root / "features", features_of(CELLS), input=str(parsed))
    in_order(folder)
    write_predictions(folder, range(24))
    return root


@pytest.fixture(scope="module")
def app(place):
    app = create_app({"HOME": place / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})
    options = EmbedOptions(input=place / "features", output=place / "map", method="pca")
    import time

    start = time.time()
    job = app.extensions["jobs"].record(options, embed(options), start, time.time())
    app.config["MAP"] = f"/explore/{job.id}"
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def base(app):
    return app.config["MAP"]


def cells_of(base):
    """The address of the gallery of the cells of a map."""
    return base.replace("/explore/", "/cells/")


def table(place):
    return pd.read_csv(place / "map" / "coordinates.csv", dtype={"object": str})


def bits(rows):
    chosen = np.zeros(CELLS, bool)
    chosen[list(rows)] = True
    return np.packbits(chosen, bitorder="little").tobytes()


def test_the_page_and_what_it_is_told(client, base):
    page = client.get(base)
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    told = client.get(f"{base}/about.json").json
    assert (told["cells"], told["axes"], told["confidence"]) == (CELLS, ["pca_1", "pca_2"], True)
    columns = {each["name"]: each for each in told["columns"]}
    assert columns["Class"]["values"] == list(CLASSES)
    assert columns["Class"]["counts"] == [10, 10, 10] and columns["Class"]["bytes"] == 1


def test_places_and_codes_are_those_of_the_table(client, base, place):
    rows = table(place)
    places = np.frombuffer(client.get(f"{base}/places.bin").data, "<f4").reshape(CELLS, 2)
    assert np.allclose(places, rows[["pca_1", "pca_2"]], rtol=1e-4, atol=1e-4)
    told = client.get(f"{base}/about.json").json
    for column in told["columns"]:
        codes = np.frombuffer(client.get(f"{base}/codes/{column['code']}.bin").data, "u1")
        found = [column["values"][code] if code < 255 else "" for code in codes]
        assert found == rows[column["name"]].fillna("").astype(str).tolist()
    sure = np.frombuffer(client.get(f"{base}/confidence.bin").data, "<f4")
    assert np.array_equal(np.isnan(sure), rows.confidence.isna())
    assert client.get(f"{base}/codes/99.bin").status_code == 404


def columns(client, base):
    """The groups of numbers on offer, by their keys."""
    return {each["key"]: each for each in client.get(f"{base}/columns.json").json}


def numbers(client, base, column):
    return np.frombuffer(client.get(f"{base}/column/{column}.bin").data, "<f4")


def test_intensities_are_means_of_the_channels(client, base):
    assert client.get(f"{base}/pictures.json").json["missing"] == ""
    names = columns(client, base)["intensity"]["names"]
    assert names == ["mean intensity of Ch3 Brightfield", "mean intensity of Ch6"]
    expected = np.concatenate([blobs(10, kind)[..., 1].mean((1, 2)) for kind in range(3)])
    assert np.allclose(numbers(client, base, "intensity/1"), expected, rtol=1e-5)


def test_numbers_are_those_of_the_tables(client, base, place):
    groups = columns(client, base)
    assert [*groups] == ["probability", "intensity", "measured", "cleaning", "feature"]
    features = np.loadtxt(place / "features" / "features_extracted_by_pool5.txt")
    assert groups["feature"]["names"][6] == "pool5_7"
    assert np.allclose(numbers(client, base, "feature/6"), features[:, 6])
    assert groups["measured"]["names"] == ["height", "width"]
    assert numbers(client, base, "measured/0").tolist() == [40] * CELLS
    rows = table(place)
    found = numbers(client, base, "probability/1")
    assert groups["probability"]["names"][1] == "probability of B"
    predicted = rows.confidence.notna().to_numpy()
    assert predicted.sum() == 24 and np.isnan(found[~predicted]).all()
    likely = np.where(rows.Class == "B", 0.8, 0.1)
    assert np.allclose(found[predicted], likely[predicted])
    for column in ("feature/99", "nothing/0", "intensity/2"):
        assert client.get(f"{base}/column/{column}.bin").status_code == 404, column


def test_features_of_ideas_are_numbers_too(client, base, place):
    area = np.linspace(0, 1, CELLS, dtype=np.float32)
    path = import_features(place / "parsed", {"Area_M01": area, "Intensity_MC_DAPI": -area})
    try:
        group = columns(client, base)["imported"]
        assert group["title"] == "Features of IDEAS"
        assert group["names"] == ["Area_M01", "Intensity_MC_DAPI"]
        assert numbers(client, base, "imported/1").tolist() == (-area).tolist()
        assert client.get(f"{base}/column/imported/2.bin").status_code == 404
    finally:
        path.unlink()


def test_what_cleaning_measured_has_its_own_title_and_becomes_a_gate(client, base, place):
    parsed = place / "parsed"
    assert "Cleaning, below" in columns(client, base)["cleaning"]["missing"]
    limits = "Intensity Ch3 = 40..; Area Ch3 = ..200"
    path = import_features(parsed, {"Area_M01": np.zeros(CELLS)})
    gate(GateOptions(input=parsed, output=place / "gate", limits=limits))
    try:
        groups = columns(client, base)
        assert groups["cleaning"]["names"][:2] == ["Area Ch3", "Aspect Ratio Ch3"]
        assert groups["imported"]["names"] == ["Area_M01"]
        light = numbers(client, base, "cleaning/3")
        out = (light < 40) | (numbers(client, base, "cleaning/0") > 200)
        assert (
            groups["gates"]["names"] == ["gated out by the present gates"] and 0 < out.sum() < CELLS
        )
        assert numbers(client, base, "gates/0").tolist() == out.tolist()
        answer = client.get(f"{base}/gate", query_string={"limits": limits}, follow_redirects=True)
        assert f'value="{parsed}"' in answer.text and f'value="{limits}"' in answer.text
    finally:
        path.unlink()
        (parsed / "gates" / "Good cells.json").unlink()


def test_numbers_that_are_not_there_any_more_say_why(client, base, place):
    (place / "features").rename(place / "moved")
    try:
        groups = columns(client, base)
        assert "does not exist" in groups["feature"]["missing"] and "probability" not in groups
        path = f"{base}/column/feature/0.bin"
        answer = client.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == 410 and "does not exist" in answer.json["error"]
    finally:
        (place / "moved").rename(place / "features")
    table = place / "features" / "features_extracted_by_pool5.txt"
    whole = table.read_text()
    table.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    try:
        answer = client.get(path, headers={"Accept": "application/json"})
        assert "expected 30 cells, found 29" in answer.json["error"]
    finally:
        table.write_text(whole)


def test_a_cell_is_drawn_and_named(client, base):
    assert client.get(f"{base}/cell/11.json").json["source"] == "Class B.cif"
    assert client.get(f"{base}/cell/{CELLS}.json").status_code == 404
    drawn = client.get(f"{cells_of(base)}/11/all.png")
    assert drawn.data.startswith(b"\x89PNG")
    for path in (f"{CELLS}.json", f"{CELLS}/0.png", "0/9.png", "0/x.png"):
        assert client.get(f"{cells_of(base)}/{path}").status_code == 404, path


def test_the_list_of_selected_cells(client, base, place):
    answer = client.post(f"{base}/cells.csv", data=bits([3, 4, 29]))
    found = pd.read_csv(io.StringIO(answer.text), dtype={"object": str})
    assert found.equals(table(place).iloc[[3, 4, 29]].reset_index(drop=True))
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("sent", "told"),
    [(b"", "another map"), (bits([]), "No cell is selected"), (b"x" * 9, "another")],
)
def test_selections_that_cannot_be_read(client, base, sent, told):
    cells = cells_of(base)
    for path in (f"{base}/cells.csv", f"{cells}/selections?name=A", f"{cells}/marked"):
        answer = client.post(path, data=sent, headers=AS_BITS)
        assert answer.status_code == 409 and told in answer.json["error"]


def test_selected_cells_are_shown_in_the_gallery(client, base):
    cells = cells_of(base)
    mark = client.post(f"{cells}/marked", data=bits([3, 12, 29])).json["mark"]
    page = client.get(f"{cells}?part=grid&map=1&order=file&marked={mark}").text
    assert re.findall('data-row="([0-9]+)"', page) == ["3", "12", "29"]
    assert "3 cells" in page and "selected on the map" in page
    assert "8 cells" in client.get(f"{cells}?part=grid&predicted=0").text  # of 24 predicted ones
    gone = client.get(f"{cells}?part=grid&marked=none", headers={"HX-Request": "true"})
    assert "select them again" in gone.text


def test_a_selection_of_the_map_is_one_of_the_gallery(client, base, place):
    cells = cells_of(base)

    def keep(name, rows, more=""):
        path = f"{cells}/selections?name={name}{more}"
        return client.post(path, data=bits(rows), headers=AS_BITS)

    def listed():
        return {each["name"]: each for each in client.get(f"{cells}/selections.json").json}

    assert "2 cells" in keep("Odd ones", [0, 12]).text
    assert "1 cell<" in keep("b", [4]).text
    assert keep("b", [5]).status_code == 409 and keep("b", [5]).json["used"]
    assert keep("b", [5, 6], "&replace=yes").status_code == 200
    first, second = listed()["Odd ones"], listed()["b"]
    assert (first["cells"], second["cells"]) == (2, 2) and first["colour"] != second["colour"]
    assert client.get(f"{cells}/selections/b.bin").data == bits([5, 6])
    with (place / "map" / "selections" / "Odd ones.csv").open(newline="") as file:
        assert [row["source"] for row in csv.DictReader(file)] == ["Class A.cif", "Class B.cif"]
    for name in ("..%2Fx", "a%2Fb", "", "x%3Ay"):
        assert "Name" in keep(name, [0]).json["error"]
    shutil.rmtree(place / "map" / "selections")


def test_selections_are_renamed_coloured_and_deleted(client, base, place):
    cells, folder = cells_of(base), place / "map" / "selections"
    for name in ("a", "b"):
        client.post(f"{cells}/selections?name={name}", data=bits([1]), headers=AS_BITS)

    def change(selection, **to):
        return client.post(f"{cells}/selections/{selection}/change", data=to).text

    def listed():
        return {n["name"]: n["colour"] for n in client.get(f"{cells}/selections.json").json}

    change("a", colour="#12AB9f")
    assert listed()["a"] == "#12ab9f"
    assert 'value="#12ab9f"' in change("a", name="Other ones")
    assert listed() == {"Other ones": "#12ab9f", "b": listed()["b"]}
    assert "There is a selection b already" in change("Other ones", name="b")
    assert "such as #0072b2" in change("b", colour="red")
    assert "There is no selection a" in client.post(f"{cells}/selections/a/delete").text
    client.post(f"{cells}/selections/Other ones/delete")
    assert [*listed()] == ["b"] and [*json.loads((folder / "colours.json").read_text())] == ["b"]
    (folder / "colours.json").unlink()  # as it was before selections had colours
    assert [*listed()] == ["b"]
    shutil.rmtree(folder)


def test_nothing_of_other_jobs_or_without_a_token(client, base, app, place):
    assert client.get("/explore/none").status_code == 404
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        assert client.post(f"{base}/cells.csv", data=bits([1])).status_code == 400
    finally:
        app.config["WTF_CSRF_ENABLED"] = False


def test_without_the_parsed_cells_there_are_no_pictures(client, base, place):
    (place / "parsed").rename(place / "moved")
    try:
        told = client.get(f"{base}/pictures.json").json
        assert "does not exist" in told["missing"]
        assert "does not exist" in columns(client, base)["intensity"]["missing"]
        answer = client.get(
            f"{base}/column/intensity/0.bin", headers={"Accept": "application/json"}
        )
        assert answer.status_code == 410
        assert client.get(f"{base}/places.bin").status_code == 200
    finally:
        (place / "moved").rename(place / "parsed")
    assert client.get(f"{base}/pictures.json").json["missing"] == ""


def test_a_damaged_map_says_so(client, base, place):
    path = place / "map" / "coordinates.npz"
    whole = path.read_bytes()
    path.write_bytes(b"nonsense")
    try:
        answer = client.get(f"{base}/places.bin", headers={"Accept": "application/json"})
        assert answer.status_code == 409 and "draw the map again" in answer.json["error"]
    finally:
        path.write_bytes(whole)
    assert json.loads((place / "map" / "embed.json").read_text("utf-8"))["parsed"]


def damaged_files():
    whole = io.BytesIO()
    np.savez_compressed(whole, places=np.random.default_rng(0).random((500, 2)))
    content = bytearray(whole.getvalue())
    content[200:2000] = b"\xff" * 1800
    return [b"", b"PK\x03\x04 cut", bytes(content)]


@pytest.mark.parametrize("content", damaged_files(), ids=["empty", "cut", "changed"])
def test_a_damaged_map_is_told(tmp_path, content):
    from types import SimpleNamespace

    from deepometry.web.explorer.map_data import places_bytes

    (tmp_path / "coordinates.npz").write_bytes(content)
    output = SimpleNamespace(root=tmp_path, path=lambda name: tmp_path / name)
    with pytest.raises(DeepometryError, match=r"cannot be read .* draw the map again"):
        places_bytes(output)


def test_a_damaged_table_of_a_map_is_told(tmp_path):
    from types import SimpleNamespace

    from deepometry.web.explorer.map_data import selected_rows

    output = SimpleNamespace(root=tmp_path, path=lambda name: tmp_path / name)
    for content in ("", "source,object\n" + "x" * 200_000 + ",1\n"):
        (tmp_path / "coordinates.csv").write_text(content)
        with pytest.raises(DeepometryError, match="has changed; draw the map again"):
            list(selected_rows(output, np.array([True])))
