"""Exports for cytometry programs: FCS, FlowJo's class probabilities, lists for IDEAS, images."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile
from flowio import FlowData

from deepometry.core.errors import DeepometryError
from deepometry.core.options.export import ExportOptions
from deepometry.exports import export, fcs
from deepometry.images.cif.writer import CifWriter
from tests.builders import random_cells
from tests.exported import (
    LABELS,
    make_truth,
    write_features,
    write_parsed,
    write_predicted,
    write_results,
)


def run(folder, output, **more):
    return export(ExportOptions(input=folder, output=output, **more))


@pytest.fixture(scope="module")
def truth():
    return make_truth()


@pytest.fixture(scope="module")
def results(truth, tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results"), truth)


def events(path, **how):
    file = FlowData(path, **how)
    return file, pd.DataFrame(file.as_array(preprocess=False), columns=file.pnn_labels)


# --- FCS ---------------------------------------------------------------------------------------


def test_fcs_events_are_the_cells(results, truth, tmp_path):
    result = run(results, tmp_path / "all.fcs", features="all")
    file, table = events(result.output)
    assert file.event_count == len(truth.cells) == result.cells
    assert table["Row"].tolist() == list(range(1, 31))
    assert table["Object"].tolist() == [int(name) for _, name in truth.cells]
    files = {n: file.text[f"deepometry_file_{n}"] for n in (1, 2)}
    assert [files[int(n)] for n in table["File"]] == [source for source, _ in truth.cells]
    classes = {n: file.text[f"deepometry_class_{n}"] for n in (1, 2, 3)}
    assert [classes[int(n)] for n in table["Class"]] == [LABELS[code] for code in truth.codes]
    assert (table["TrueClass"] == 1).all()
    probabilities = table[[n for n in table if n.startswith("P_")]].to_numpy()
    assert (probabilities == truth.probabilities.astype(np.float32)).all()
    assert (table[["umap_1", "umap_2"]].to_numpy() == truth.places).all()
    assert (table[[f"pool5_{n}" for n in range(1, 13)]].to_numpy() == truth.features).all()


def test_fcs_has_the_keywords_that_programs_expect(results, tmp_path):
    run(results, tmp_path / "Größe.fcs")
    file, table = events(tmp_path / "Größe.fcs")
    text = file.text
    plain = {"byteord": "1,2,3,4", "datatype": "F", "mode": "L", "nextdata": "0", "tot": "30"}
    plain |= {"beginstext": "0", "endstext": "0", "beginanalysis": "0", "cyt": "Deepometry"}
    assert {key: text[key] for key in plain} == plain
    assert text["fil"] == "Größe.fcs"
    day, month, year = text["date"].split("-")
    assert month in fcs._MONTHS
    assert len(day) == 2 and len(year) == 4
    assert int(text["par"]) == len(table.columns)
    for number, name in enumerate(table.columns, 1):
        assert name.isascii() and "," not in name
        assert (text[f"p{number}b"], text[f"p{number}e"]) == ("32", "0,0")
        assert table[name].max() < int(text[f"p{number}r"])
    titles = [text[f"p{number}s"] for number in range(1, len(table.columns) + 1)]
    assert f"Probability of {LABELS[1]}" in titles
    assert int(text["begindata"]) + 4 * table.size - 1 == int(text["enddata"])
    assert [n for n in table if n.startswith("PC")] == [f"PC{n}" for n in range(1, 11)]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["Клетка", "КЛЕТКА", "Щука"], ["P_Kletka", "P_KLETKA_2", "P_Shchuka"]),
        (["細胞", "細菌"], ["P_u7D30u80DE", "P_u7D30u83CC"]),
        (["さくら", "サクラ", "한국"], ["P_sakura", "P_sakura_2", "P_hangug"]),
        (["Größe", "Øl", "e\u0301", "ΔF"], ["P_Grosse", "P_Ol", "P_e", "P_deltaF"]),
        (["a,b", "CD4+", "CD4-", "=1", "😀"], ["P_a_b", "P_CD4+", "P_CD4-", "P__1", "P__"]),
    ],
)
def test_short_names_are_readable_in_every_alphabet(labels, names):
    assert fcs._short_names([f"P_{label}" for label in labels]) == names


def test_principal_components_are_those_of_scikit_learn(results, truth, tmp_path):
    from sklearn.decomposition import PCA

    run(results, tmp_path / "all.fcs", features="pca3")
    _, table = events(tmp_path / "all.fcs")
    expected = PCA(3, svd_solver="full").fit_transform(truth.features.astype(np.float64))
    components = table[["PC1", "PC2", "PC3"]].to_numpy()
    signs = np.sign((components * expected).sum(0))
    assert np.allclose(components * signs, expected, atol=1e-4)


def test_fcs_beyond_the_header_tells_its_places_in_the_text(results, truth, tmp_path, monkeypatch):
    monkeypatch.setattr(fcs, "MOST_IN_HEADER", 1000)
    run(results, tmp_path / "all.fcs")
    header = (tmp_path / "all.fcs").read_bytes()[:58]
    assert header[26:42].split() == [b"0", b"0"]
    _, table = events(tmp_path / "all.fcs", ignore_offset_discrepancy=True)  # it is not so large
    assert table["Object"].tolist() == [int(name) for _, name in truth.cells]


def test_objects_that_fcs_cannot_tell_are_told(tmp_path):
    odd = make_truth(4)
    odd.cells[:2] = [("a.cif", str(2**24 + 1)), ("a.tif", "cell_7")]
    write_predicted(tmp_path / "p", odd)
    result = run(tmp_path / "p", tmp_path / "p.fcs")
    assert "1 object numbers are larger" in result.notes[0]
    assert "1 cells have a name" in result.notes[1]
    _, table = events(result.output)
    assert table["Object"][1] == -1
    noted = json.loads((tmp_path / "p.fcs.json").read_text("utf-8"))["notes"]
    assert noted == list(result.notes)


def test_names_that_become_the_same_stay_apart(tmp_path):
    twins = make_truth(4, ("a,b", "a;b", "日本"))
    write_predicted(tmp_path / "p", twins)
    run(tmp_path / "p", tmp_path / "p.fcs")
    file, table = events(tmp_path / "p.fcs")
    assert list(table.columns[-3:]) == ["P_a_b", "P_a_b_2", "P_u65E5u672C"]
    assert file.text["deepometry_class_3"] == "日本"


def test_cells_that_were_not_predicted_have_no_class(truth, tmp_path):
    write_features(tmp_path / "f", truth)
    write_predicted(tmp_path / "f", truth, range(10))
    run(tmp_path / "f", tmp_path / "f.fcs", features="none")
    _, table = events(tmp_path / "f.fcs")
    assert (table["Class"] > 0).sum() == 10
    assert table[[n for n in table if n.startswith("P_")]][10:].to_numpy().max() == 0


# --- CLR ---------------------------------------------------------------------------------------


def archive(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_clr_has_a_row_for_every_object(results, truth, tmp_path):
    result = run(results, tmp_path / "clr.zip", format="clr")
    files = archive(result.output)
    assert set(files) == {"Day 1_a,b.cif.csv", "Day 2_übung.cif.csv"}
    first = pd.read_csv(io.BytesIO(files["Day 1_a,b.cif.csv"]))
    assert list(first.columns) == list(LABELS)
    assert len(first) == 43
    assert (first.to_numpy()[::3] == truth.probabilities[:15]).all()
    assert first.to_numpy().sum(1).round(4).astype(bool).sum() == 15
    assert "were not predicted" in result.notes[0]
    assert "2 source files the number of objects is not known" in result.notes[1]


def test_clr_is_as_long_as_the_source_file(tmp_path):
    few = make_truth(4)
    few.cells[:] = [("a.cif", str(n)) for n in (3, 1, 0, 2)]
    (tmp_path / "raw").mkdir()
    with CifWriter(tmp_path / "raw" / "a.cif", channels=(3, 6)) as file:
        for number, pixels in enumerate(random_cells([(20, 20)] * 9)):
            file.add(pixels, object_id=number)
    write_parsed(tmp_path / "parsed", few)
    record = {"step": "parse", "channels": [3, 6], "options": {"input": str(tmp_path / "raw")}}
    (tmp_path / "parsed" / "parse.json").write_text(json.dumps(record))
    write_predicted(tmp_path / "p", few)
    result = run(tmp_path / "p", tmp_path / "clr", format="clr")
    table = pd.read_csv(tmp_path / "clr" / "a.cif.csv")
    assert len(table) == 9
    assert (table.to_numpy()[[3, 1, 0, 2]] == few.probabilities).all()
    assert len(result.notes) == 1


def test_clr_of_named_objects_keeps_the_order_of_the_table(tmp_path):
    named = make_truth(4)
    named.cells[:] = [("Class A", f"cell_{n}") for n in range(4)]
    write_predicted(tmp_path / "p", named)
    run(tmp_path / "p", tmp_path / "clr", format="clr")
    table = pd.read_csv(tmp_path / "clr" / "Class A.csv")
    assert (table.to_numpy() == named.probabilities).all()


def test_clr_needs_probabilities(truth, tmp_path):
    write_features(tmp_path / "f", truth)
    with pytest.raises(DeepometryError, match="expected the probabilities"):
        run(tmp_path / "f", tmp_path / "clr.zip", format="clr")
    assert not (tmp_path / "clr.zip").exists()


# --- IDEAS -------------------------------------------------------------------------------------


def test_ideas_gets_the_object_numbers_of_every_class(results, truth, tmp_path):
    run(results, tmp_path / "lists", format="ideas")
    summary = pd.read_csv(tmp_path / "lists" / "populations.csv")
    assert summary["cells"].sum() == 30
    for row in summary.itertuples():
        numbers = [int(n) for n in (tmp_path / "lists" / row.file).read_text().split()]
        expected = [
            int(name)
            for (source, name), code in zip(truth.cells, truth.codes, strict=True)
            if (source, LABELS[code]) == (row.source, row[2])
        ]
        assert numbers == sorted(expected)


def test_cells_that_are_gated_out_are_in_no_list_of_a_class(truth, tmp_path):
    folder = write_results(tmp_path, truth).parent / "features"
    table = pd.read_csv(folder / "predicted.csv", dtype=str)
    table["gated_out"] = ["yes"] * 4 + [""] * 26
    table.to_csv(folder / "predicted.csv", index=False)
    run(folder, tmp_path / "lists", format="ideas")
    lists = pd.read_csv(tmp_path / "lists" / "populations.csv")
    assert lists["cells"].sum() == 30
    assert lists[lists["class"] == "gated out"]["cells"].tolist() == [4]
    _, gates = events(run(folder, tmp_path / "all.fcs").output)
    assert gates["GatedOut"].tolist() == [1] * 4 + [0] * 26
    of = [truth.codes[row] for row in range(4, 30)]
    one = run(folder, tmp_path / "one.csv", label=LABELS[0])
    assert one.cells == of.count(0)
    assert run(folder, tmp_path / "out.csv", label="gated out").cells == 4
    run(folder, tmp_path / "sheets", format="montage")
    sheets = pd.read_csv(tmp_path / "sheets" / "cells.csv")
    assert (sheets["class"] == "gated out").sum() == 4


def test_ideas_wants_classes_and_numbers(tmp_path):
    named = make_truth(4)
    named.cells[:] = [("Class A", f"cell_{n}") for n in range(4)]
    write_predicted(tmp_path / "p", named)
    write_parsed(tmp_path / "parsed", named)
    for folder, message in (
        ("p", "found names only"),
        ("parsed", "expected a class for each cell"),
    ):
        with pytest.raises(DeepometryError, match=message):
            run(tmp_path / folder, tmp_path / "lists.zip", format="ideas")


# --- images ------------------------------------------------------------------------------------


def test_images_of_a_class_are_plain_tiffs_that_parse_reads(results, truth, tmp_path):
    from deepometry.images.readers.find import find_sources

    run(results, tmp_path / "images", format="tiff", label="C")
    wanted = np.flatnonzero(truth.codes == 2)
    names = sorted(path.name for path in (tmp_path / "images" / "C").iterdir())
    assert len(names) == 2 * len(wanted)
    row = int(wanted[0])
    source, name = truth.cells[row]
    stem = f"{source.split('/')[1][:-4]}_{name}"
    pixels = np.load(results.parent / "parsed" / "Day 1" / "cells.npy")
    for channel, column in ((3, 0), (6, 1)):
        plane = tifffile.imread(tmp_path / "images" / "C" / f"{stem}_Ch{channel}.tif")
        assert (plane == pixels[row, :, :, column]).all()
    (again,) = find_sources(tmp_path / "images")
    assert len(again.objects) == len(wanted)
    assert again.channels == (3, 6)


def test_montages_of_every_class_and_which_cell_is_where(results, truth, tmp_path):
    result = run(results, tmp_path / "sheets.zip", format="montage", montage=3)
    files = archive(result.output)
    listed = pd.read_csv(io.BytesIO(files["cells.csv"]))
    assert len(listed) == 30
    pixels = np.concatenate(
        [np.load(results.parent / "parsed" / f"Day {n}" / "cells.npy") for n in (1, 2)]
    )
    for row in (0, 11, 29):
        source, name = truth.cells[row]
        line = listed[(listed["source"] == source) & (listed["object"] == int(name))].iloc[0]
        assert line["class"] == LABELS[truth.codes[row]]
        begin = {LABELS[0]: "Smooth, _disc_", LABELS[1]: "Größe_µ_§", LABELS[2]: "C"}[line["class"]]
        sheet = tifffile.imread(io.BytesIO(files[f"{begin}_ch6_{line['sheet']}.tif"]))
        top, left = 16 * (line["row"] - 1), 16 * (line["column"] - 1)
        assert (sheet[top : top + 16, left : left + 16] == pixels[row, :, :, 1]).all()


def test_images_that_are_gone_are_told(truth, tmp_path):
    write_predicted(tmp_path / "p", truth)
    with pytest.raises(DeepometryError, match="does not exist any more"):
        run(tmp_path / "p", tmp_path / "images.zip", format="tiff")
    fewer = make_truth(10)
    write_parsed(tmp_path / "others", fewer)
    with pytest.raises(DeepometryError, match="no image of"):
        run(tmp_path / "p", tmp_path / "images.zip", format="tiff", images=tmp_path / "others")
    assert {path.name for path in tmp_path.iterdir()} == {"p", "others"}


def test_a_folder_with_files_of_others_is_left_alone(results, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    for output in ("full", "full/notes.txt"):
        with pytest.raises(DeepometryError, match="Output file: "):
            run(results, tmp_path / output, format="ideas")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]
