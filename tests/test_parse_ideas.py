"""Parsing .cif files beside which analyses of IDEAS lie."""

from __future__ import annotations

import shutil

import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.imported_features import open_imported_features
from deepometry.cells.label_import.label import label
from deepometry.cells.parse import parse
from deepometry.core.options.label import LabelOptions
from deepometry.core.options.parse import ParseOptions
from deepometry.core.run_records import read_json
from tests.daf_files import everything, gate, tagged
from tests.test_label_ideas import texts, write_pair


def run(folder, **more):
    options = ParseOptions(input=folder / "images", output=folder / "parsed", frame=24, **more)
    return parse(options)


def test_tagged_populations_beside_the_images_are_a_target(tmp_path):
    write_pair(tmp_path / "images" / "Day 1")
    write_pair(tmp_path / "images" / "Day 2", seed=1, binary=True)
    result = run(tmp_path, split=0.25)
    told = "Populations of 2 .daf files are the target Population: G1 6, M 4."
    assert told in result.remarks
    assert "Their features are there for colours of maps, sorting and exports." in result.remarks
    parsed = tmp_path / "parsed"
    targets = {target.name: target for target in open_dataset(parsed).targets()}
    assert (targets["Population"].labels, targets["Population"].unlabelled) == (
        {"G1": 6, "M": 4},
        6,
    )
    held = open_dataset(parsed / "Hold-out")
    for number, (_, _, name) in enumerate(held.identities()):
        expected = "G1" if int(name) < 3 else "M" if int(name) in (5, 6) else ""
        assert held.labels("Population").texts()[number] == expected
    area = open_imported_features(parsed).of(held.keys, "Area")
    assert area.tolist() == [float(name) for _, _, name in held.identities()]
    record = read_json(parsed / "parse.json")
    assert {"labels/Population.csv", "labels/Population.json", "labels/features.h5"} <= {
        *record["files"]
    }
    assert told in record["remarks"]
    options = read_json(parsed / "labels" / "Population.json")["options"]
    assert options["input"] == str(parsed)


def test_parsing_again_replaces_them(tmp_path):
    path = write_pair(tmp_path / "images", tagged("A", [0]), tagged("B", [1]))
    run(tmp_path)
    write_pair(tmp_path / "images", tagged("A", [2]), tagged("B", [3]))
    run(tmp_path, overwrite=True)
    assert texts(tmp_path / "parsed")[:4] == ["", "", "A", "B"]
    path.unlink()
    run(tmp_path, overwrite=True)
    assert [t.name for t in open_dataset(tmp_path / "parsed").targets()] == []
    assert not [*(tmp_path / "parsed").glob("labels/*")]


@pytest.mark.parametrize(
    ("populations", "told"),
    [
        ((tagged("A", [0, 1]), tagged("B", [1])), "1 of 2 cells with several: A + B (1)"),
        ((everything(), gate("small", "low", "Area")), "found that none was, among small (3)"),
    ],
)
def test_what_is_not_clear_is_left_to_the_user(tmp_path, populations, told):
    write_pair(tmp_path / "images", *populations)
    result = run(tmp_path)
    (remark,) = [each for each in result.remarks if "not taken" in each]
    assert told in remark
    command = f"deepometry label {tmp_path / 'parsed'} {tmp_path / 'images'}"
    assert "Labels" in remark and command in remark.replace("'", "")
    assert open_dataset(tmp_path / "parsed").targets() == []
    assert open_imported_features(tmp_path / "parsed").names == ["Area", "Intensity, MC"]


def test_a_folder_that_is_called_population_comes_first(tmp_path):
    for name in ("Population X", "Population Y"):
        write_pair(tmp_path / "images" / name)
    result = run(tmp_path)
    assert any("folders name a Population, too" in each for each in result.remarks)
    labels = LabelOptions(input=tmp_path / "parsed", labels=tmp_path / "images", name="Gate")
    assert label(labels).labels == {"G1": 6, "M": 4}


def test_analyses_that_cannot_be_used_do_not_stop_a_parse(tmp_path):
    folder = tmp_path / "images"
    write_pair(folder)
    other = write_pair(tmp_path / "other", seed=7)
    shutil.copy(other, folder / "a.daf")
    (folder / "b.daf").write_bytes(b"nothing")
    result = run(tmp_path)
    assert result.cells == 8
    told = [each for each in result.remarks if each.startswith("Not used: ")]
    assert len(told) == 2
    assert "are at other bytes of the .cif" in told[0] and "expected XML, found none" in told[1]
    assert not (tmp_path / "parsed" / "labels").exists()


def test_analyses_may_be_left_alone(tmp_path):
    write_pair(tmp_path / "images")
    result = run(tmp_path, analyses=False)
    assert not [each for each in result.remarks if "opulation" in each]
    assert not (tmp_path / "parsed" / "labels").exists()
