"""Populations and features of IDEAS as labels of parsed cells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.imported_features import open_imported_features
from deepometry.cells.label_import.label import label
from deepometry.cells.parse import parse
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.label import LabelOptions
from deepometry.core.options.parse import ParseOptions
from tests.builders import random_cells, write_cif
from tests.daf_files import combination, everything, gate, region, tagged, write_daf

CELLS = 8
AREA = np.arange(float(CELLS))
LOW = region("low", "line", [(0, 0), (2, 0)])
USUAL = (everything(), gate("small", "low", "Area"), tagged("G1", [0, 1, 2]), tagged("M", [5, 6]))


def write_pair(folder: Path, *populations: str, stem="a", cells=CELLS, seed=0, **more) -> Path:
    """Write a .cif and the analysis that belongs to it."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = random_cells([(20 + seed, 20)] * cells, seed=seed)
    places = [(p.image, p.mask) for p in write_cif(folder / f"{stem}.cif", pixels)]
    values = {"Area": np.arange(float(cells)), "Intensity, MC": -np.arange(float(cells))}
    more = {"cif": f"{stem}.cif", "places": places} | more
    return write_daf(folder / f"{stem}.daf", values, populations or USUAL, [LOW], **more)


def parse_images(images: Path, **more) -> Path:
    options = {"frame": 24, "analyses": False} | more
    parse(ParseOptions(input=images, output=images.parent / "parsed", **options))
    return images.parent / "parsed"


@pytest.fixture
def images(tmp_path):
    write_pair(tmp_path / "images" / "Day 1")
    return tmp_path / "images"


@pytest.fixture
def cells(images):
    return parse_images(images)


def run(cells: Path, place: Path, **more):
    return label(LabelOptions(input=cells, labels=place, **more))


def texts(cells: Path, name: str = "Population") -> list[str]:
    return open_dataset(cells).labels(name).texts()


def test_tagged_populations_are_a_target(cells, images):
    result = run(cells, images / "Day 1" / "a.daf")
    assert texts(cells) == ["G1", "G1", "G1", "", "", "M", "M", ""]
    assert result.message == "Population: 5 of 8 cells have a label (G1 3, M 2)."
    (target,) = [t for t in open_dataset(cells).targets() if t.name == "Population"]
    assert target.origin == "populations of a.daf"
    assert (target.labels, target.unlabelled) == ({"G1": 3, "M": 2}, 3)
    record = json.loads((cells / "labels" / "Population.json").read_text("utf-8"))
    assert record["populations"] == ["G1", "M"]
    file = str(images / "Day 1" / "a.daf")
    assert record["analyses"] == {"Day 1/a.cif": {"file": file, "compared": True}}


def test_any_populations_may_be_chosen(cells, images):
    place = images / "Day 1" / "a.daf"
    run(cells, place, populations=" Small ,M", name="Gate")
    assert texts(cells, "gate") == ["small"] * 3 + ["", "", "M", "M", ""]
    run(cells, place, populations="M,All", overwrite=True, name="Mitosis")
    assert texts(cells, "Mitosis") == ["Other"] * 5 + ["M", "M", "Other"]


def test_names_with_commas_are_found_whole(tmp_path):
    populations = (tagged("G1, early", [0]), tagged("late", [1]), tagged("G1", [2]))
    path = write_pair(tmp_path / "images", *populations)
    cells = parse_images(tmp_path / "images")
    run(cells, path, populations="G1, early,G1")
    assert texts(cells)[:3] == ["G1, early", "", "G1"]


def test_populations_that_are_not_there_are_listed(cells, images):
    place = images / "Day 1" / "a.daf"
    with pytest.raises(OptionsError, match=r"All \(8\), small \(3\), G1 \(3\), M \(2\).*'G3', of "):
        run(cells, place, populations="M,G3")
    write_pair(images / "Day 1", *USUAL, gate("odd", "gone", "Area"), tagged("none", []))
    with pytest.raises(OptionsError, match=r"'odd', which cannot be used \(its region 'gone'"):
        run(cells, place, populations="M,odd")
    with pytest.raises(OptionsError, match=r"'none', which has no parsed cells"):
        run(cells, place, populations="M,none")
    assert not (cells / "labels").exists()


def test_without_tagged_populations_it_is_asked(tmp_path):
    gates = (everything(), gate("small", "low", "Area"), combination("large", "Not|small"))
    path = write_pair(tmp_path / "images", *gates, gate("tiny", "low", "Area", base="small"))
    cells = parse_images(tmp_path / "images")
    with pytest.raises(Question, match=r"found that none was, among small \(3\), large \(5\)") as q:
        run(cells, path)
    (choice,) = q.value.choices
    assert (choice.value, choice.detail) == ("large,tiny", "large 5 cells, tiny 3 cells")
    run(cells, path, populations=choice.value)
    assert texts(cells) == ["tiny"] * 3 + ["large"] * 5


def test_one_tagged_population_may_be_told_from_all_others(tmp_path):
    path = write_pair(tmp_path / "images", everything(), tagged("M", [5, 6]))
    cells = parse_images(tmp_path / "images")
    with pytest.raises(Question, match="only M was") as asked:
        run(cells, path)
    assert asked.value.choices[0].label == "M, and all other cells"
    run(cells, path, populations=asked.value.choices[0].value)
    assert texts(cells) == ["Other"] * 5 + ["M", "M", "Other"]


def test_a_range_of_object_numbers_is_chosen_by_hand(tmp_path):
    first = gate("first", "low", "Object Number")
    path = write_pair(tmp_path / "images", everything(), first, tagged("M", [5, 6]))
    cells = parse_images(tmp_path / "images")
    run(cells, path)
    assert texts(cells) == ["first"] * 3 + ["", "", "M", "M", ""]


@pytest.mark.parametrize(
    ("how", "expected"),
    [("first", ["A", "A", "B"]), ("exclude", ["A", "", "B"]), ("own", ["A", "A + B", "B"])],
)
def test_overlapping_populations_are_asked_about(tmp_path, how, expected):
    path = write_pair(tmp_path / "images", tagged("A", [0, 1]), tagged("B", [1, 2]))
    cells = parse_images(tmp_path / "images")
    with pytest.raises(Question, match=r"1 of 3 cells with several: A \+ B \(1\)") as asked:
        run(cells, path)
    assert [choice.value for choice in asked.value.choices] == ["first", "exclude", "own"]
    assert not (cells / "labels").exists()
    result = run(cells, path, overlap=how)
    assert texts(cells)[:3] == expected
    assert "1 cell had several labels." in result.message


def test_all_analyses_of_a_folder_go_together(tmp_path):
    images = tmp_path / "images"
    write_pair(images / "Day 1", tagged("G1", [0]), tagged("M", [1]))
    write_pair(images / "Day 2", tagged("M", [2]), gate("G1", "gone", "Area"), seed=1)
    write_pair(images / "Day 2", tagged("G1", [3]), stem="b", seed=2, counts={"G1": 2})
    other = write_pair(tmp_path / "elsewhere", stem="z")
    cells = parse_images(images)
    shutil.copy(other, images / "Day 1" / "z.daf")
    result = run(cells, images)
    expected = ["G1", "M", *[""] * 8, "M", *[""] * 8, "G1", *[""] * 4]
    assert texts(cells) == expected
    assert "populations of 3 .daf files" in [t.origin for t in open_dataset(cells).targets()]
    assert "G1 of Day 2/a.daf cannot be used: its region 'gone' does not exist." in result.message
    assert "Day 2/b.daf has no population M." in result.message
    assert "IDEAS counted 2 objects in G1 of Day 2/b.daf, its definition gives 1." in result.message
    assert "Not used, because they are about files that were not parsed: z.daf." in result.message


def test_files_of_one_name_are_told_apart(tmp_path):
    images = tmp_path / "images"
    write_pair(images / "Day 1", tagged("A", [0]), tagged("B", [1]))
    second = write_pair(images / "Day 2", tagged("A", [2]), tagged("B", [3]), seed=1)
    cells = parse_images(images)
    elsewhere = shutil.copy(second, tmp_path / "copy.daf")
    run(cells, Path(elsewhere))  # by what the .cif files hold
    assert texts(cells)[8:] == ["", "", "A", "B", "", "", "", ""]
    images.rename(tmp_path / "moved")
    with pytest.raises(DeepometryError, match=r"may be any of Day 1/a\.cif, Day 2/a\.cif"):
        run(cells, Path(elsewhere), overwrite=True)
    run(cells, tmp_path / "moved" / "Day 2" / "a.daf", overwrite=True)  # by its folder
    assert texts(cells)[8:] == ["", "", "A", "B", "", "", "", ""]


def test_an_analysis_of_another_file_is_refused(cells, images, tmp_path):
    other = write_pair(tmp_path / "other", seed=5)
    with pytest.raises(DeepometryError, match=r"expected the analysis of Day 1/a\.cif, found that"):
        run(cells, other)
    z = write_pair(tmp_path / "other", stem="z")
    with pytest.raises(DeepometryError, match=r"such as Day 1/a\.cif, found that of another \(z\."):
        run(cells, z)
    few = write_pair(tmp_path / "few", everything(), cells=5)
    shutil.rmtree(images)
    (few.parent / "a.cif").unlink()
    with pytest.raises(DeepometryError, match="one of 5 objects without object 5, which was parse"):
        run(cells, few)
    assert not (cells / "labels").exists()


def test_without_the_cif_it_is_told_that_nothing_was_compared(cells, images):
    (images / "Day 1" / "a.cif").unlink()
    result = run(cells, images)
    assert "Day 1/a.cif could not be compared, since the .cif is not where it was" in result.message
    assert result.labelled == 5


def test_of_two_analyses_that_named_like_the_cif_is_taken(cells, images):
    folder = images / "Day 1"
    shutil.copy(folder / "a.daf", folder / "a old.daf")
    result = run(cells, folder)
    assert (
        "Not used, because another .daf is called like the same .cif: a old.daf" in result.message
    )
    (folder / "a.daf").rename(folder / "a new.daf")
    with pytest.raises(DeepometryError, match=r"found 2: a new\.daf, a old\.daf; give one"):
        run(cells, folder)


def test_objects_that_were_not_parsed_are_counted(tmp_path):
    path = write_pair(tmp_path / "images", tagged("A", [0, 1]), tagged("B", [6, 7]))
    cif = tmp_path / "images" / "a.cif"
    cif.write_bytes(cif.read_bytes()[:-500])  # the last object cannot be read
    cells = parse_images(tmp_path / "images")
    result = run(cells, path)
    assert (result.labelled, result.rows, result.unmatched) == (3, 4, 1)
    assert "1 of 4 objects have no parsed cell, such as “a.cif, object 7”." in result.message


def test_features_become_columns(cells, images):
    run(cells, images)
    features = open_imported_features(cells)
    assert features.names == ["Area", "Intensity, MC"]
    assert features.column("Intensity, MC").tolist() == (-AREA).tolist()


def test_features_may_be_left_alone(cells, images):
    run(cells, images, features=False)
    assert open_imported_features(cells) is None


def test_a_damaged_feature_is_told(cells, images):
    path = images / "Day 1" / "a.daf"
    text = path.read_text("utf-8-sig").replace("|-7.0", "")
    path.write_text(text, "utf-8")
    result = run(cells, images)
    told = "the feature 'Intensity, MC' cannot be used: expected 8 values, found 7."
    assert told in result.message
    assert np.isnan(open_imported_features(cells).column("Intensity, MC")).all()


def test_a_feature_may_be_learnt_as_a_number(cells, images):
    result = run(cells, images, column="area", features=False)
    assert result.message == "Area: 8 of 8 cells have a label."
    target = open_dataset(cells).targets()[-1]
    assert (target.kind, target.origin) == ("number", "feature Area of a.daf")
    assert open_dataset(cells).values("Area").tolist() == AREA.tolist()
    with pytest.raises(OptionsError, match=r"expected a feature of a\.daf, found 'volume'; it has"):
        run(cells, images, column="volume")
    with pytest.raises(OptionsError, match="expected number, found classes; a feature is a number"):
        run(cells, images, column="area", learn="classes")
    with pytest.raises(OptionsError, match="expected none beside the feature area, found M"):
        run(cells, images, column="area", populations="M")


def test_a_damaged_analysis_is_named(cells, images):
    path = images / "Day 1" / "a.daf"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DeepometryError, match=r"a\.daf: it ends before </Assay>"):
        run(cells, path)
    with pytest.raises(DeepometryError, match=r"b\.daf: does not exist"):
        run(cells, path.with_name("b.daf"))
