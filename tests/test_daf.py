"""Analyses of IDEAS: features, populations, and the .cif that they belong to."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import deepometry
from deepometry.cli import cli
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Cancelled, Progress
from deepometry.images.daf.file import DafFile
from deepometry.images.daf.parts import DafError
from deepometry.images.daf_info import DafInfo, daf_info
from tests.builders import random_cells, write_cif
from tests.daf_files import (
    REAL_DAF,
    combination,
    everything,
    gate,
    region,
    tagged,
    write_daf,
)

NAN = float("nan")
VALUES = np.arange(10.0)
FEATURES = {"x": VALUES, "y": VALUES[::-1].copy()}
LINE = region("low", "line", [(4, 0.5), (-1, 0.5)])

both_forms = pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])


def members(path: Path) -> dict[str, list[int]]:
    """Return the places of the objects of every population that can be evaluated."""
    evaluated = DafFile(path).evaluate()
    return {m.name: np.flatnonzero(m.mask()).tolist() for m in evaluated if not m.damage}


def damages(path: Path) -> dict[str, str]:
    return {m.name: m.damage for m in DafFile(path).evaluate() if m.damage}


def only(tmp_path: Path, shape: str, **features: np.ndarray) -> list[int]:
    """Return which objects lie in one region on x and y."""
    populations = [everything(), gate("in", "it", "x", "y")]
    path = write_daf(tmp_path / "a.daf", {**FEATURES, **features}, populations, [shape])
    assert damages(path) == {}
    return members(path)["in"]


@pytest.mark.skipif(not REAL_DAF.exists(), reason="the shared data are not here")
def test_counts_of_a_genuine_file() -> None:
    daf = DafFile(REAL_DAF)
    evaluated = daf.evaluate()
    assert (len(daf), len(daf.features), len(evaluated)) == (420, 196, 30)
    assert (daf.cif, daf.software, daf.binary) == ("example.cif", "6.0.354.0", False)
    assert daf.channels[1] == "DAPI"
    assert daf.channels[6] == "DF"
    assert daf.images[0] == 9_550_169
    assert daf.masks[1] == 9_590_494
    counts = {m.name: m.count for m in evaluated}
    # of one population IDEAS kept no count: those of G2/M that are not in M phase
    assert counts.pop("G2") == counts["G2/M & Events"] - counts["Mphase"]
    assert {name: daf.count_of(name) for name in counts} == counts


@pytest.mark.skipif(not REAL_DAF.exists(), reason="the shared data are not here")
def test_features_of_a_genuine_file_have_the_extremes_that_ideas_found() -> None:
    daf = DafFile(REAL_DAF)
    masks = {m.name: m.mask() for m in daf.evaluate()}
    text = REAL_DAF.read_text("utf-8-sig").replace("&amp;", "&")
    rows = re.findall(r'feature="([^"]+)" population="([^"]+)" min="([^"]+)" max="([^"]+)"', text)
    assert len(rows) > 40
    for feature, population, least, most in rows:
        values = daf.feature(feature)[masks[population]]
        if len(values):
            extremes = (values.min(), values.max())
            assert extremes == pytest.approx((float(least), float(most)), rel=1e-14)


@both_forms
def test_what_a_file_holds_is_read(tmp_path: Path, binary: bool) -> None:
    features = {"x": np.array([1.5, NAN, -2e300]), "größe & <x>": np.array([0.1, 1 / 3, 7.0])}
    path = write_daf(
        tmp_path / "a.daf",
        features,
        [everything(), tagged("späte G2/M & <rest>", [7])],
        ids=[5, 7, 2**31],
        places=[(100, 200), (300, 400), (2**33, 2**33 + 1)],
        binary=binary,
    )
    daf = DafFile(path)
    assert daf.features == tuple(features)
    assert daf.channels == {1: "BF", 3: "PI"}
    assert (daf.cif, daf.software, daf.binary) == ("sample.cif", "6.2", binary)
    for name, values in features.items():
        np.testing.assert_array_equal(daf.feature(name), values)
    assert daf.ids.tolist() == [5, 7, 2**31]
    assert daf.images.tolist() == [100, 300, 2**33]
    assert daf.masks.tolist() == [200, 400, 2**33 + 1]
    assert members(path) == {"All": [0, 1, 2], "späte G2/M & <rest>": [1]}
    assert daf.feature("Object Number").tolist() == [5, 7, 2**31]
    with pytest.raises(DafError, match=r"a\.daf: the feature 'z' does not exist"):
        daf.feature("z")


def test_populations_and_features_in_python(tmp_path: Path) -> None:
    populations = [gate("low", "low", "x", base=""), gate("odd", "gone", "x")]
    path = write_daf(tmp_path / "a.daf", FEATURES, populations, [LINE])
    daf = deepometry.read_daf(str(path))
    assert daf.feature("y")[daf.members("low")].tolist() == [9, 8, 7, 6, 5]
    with pytest.raises(DafError, match=r"a\.daf: the population 'odd' cannot be used: its region"):
        daf.members("odd")
    with pytest.raises(DafError, match=r"a\.daf: the population 'high' does not exist"):
        daf.members("high")


def test_lines_and_rectangles_contain_their_borders(tmp_path: Path) -> None:
    x = np.array([0, 1, 2, 3, NAN, 4.0])
    regions = [
        region("line", "line", [(3, 9), (1, 9)]),
        region("rect", "rect", [(3, 1), (0, 2)]),
        region("all", "line", [("-Infinity", 0), ("INF", 0)]),
    ]
    populations = [
        gate("on line", "line", "x", base=""),
        gate("in both", "rect", "x", "y", base="on line"),
        gate("a number", "all", "x", base=""),
    ]
    features = {"x": x, "y": np.array([1, 0.5, 1, 2, 1, 1])}
    path = write_daf(tmp_path / "a.daf", features, populations, regions)
    expected = {"on line": [1, 2, 3], "in both": [2, 3], "a number": [0, 1, 2, 3, 5]}
    assert members(path) == expected


def test_polygons(tmp_path: Path) -> None:
    hook = [(0, 0), (4, 0), (4, 4), (3, 4), (3, 1), (0, 1)]  # an L, mirrored
    x = np.array([0.5, 3.5, 2, 3, 4, 4, 5, 0.5, -1, NAN])
    y = np.array([0.5, 3.0, 2, 2, 4, 0, 1, 1.00001, 0, 1])
    assert only(tmp_path, region("it", "poly", hook), x=x, y=y) == [0, 1, 3, 4, 5]
    assert only(tmp_path, region("it", "poly", hook[::-1]), x=x, y=y) == [0, 1, 3, 4, 5]


def test_polygons_agree_with_matplotlib(tmp_path: Path) -> None:
    from matplotlib.path import Path as Outline

    random = np.random.default_rng(0)
    points = random.normal(size=(2000, 2))
    for _ in range(5):
        corners = random.normal(size=(random.integers(3, 12), 2))  # which cross each other
        features = {"x": points[:, 0], "y": points[:, 1]}
        shape = region("it", "poly", [tuple(corner) for corner in corners.tolist()])
        expected = Outline([*corners, corners[0]], closed=True).contains_points(points)
        assert only(tmp_path, shape, **features) == np.flatnonzero(expected).tolist()


def test_ovals(tmp_path: Path) -> None:
    x = np.array([0, 4, 2, 2, 0.5, 2, 3.4, 3.5, NAN, 5])
    y = np.array([1, 1, 0, 2, 0.2, 1, 1.7, 1.7, 1, 1])
    assert only(tmp_path, region("it", "oval", [(4, 0), (0, 2)]), x=x, y=y) == [0, 1, 2, 3, 5, 6]


def test_shapes_are_straight_on_the_displayed_axes(tmp_path: Path) -> None:
    x = np.array([1e2, 1e3, 1e4, 1e5, -1e3, 0, 1e6, 1e4, 1e4, 1e4])
    y = np.array([0, 0, 0, 0, 0, 0, 0, 1.9, 2.1, -2.1])
    # a rhombus around 10^4 whose corners are two decades away: its edges are at 2 where x is 10^4
    rhombus = region("it", "poly", [(1e2, 0), (1e4, 2), (1e6, 0), (1e4, -2)], 10)
    inside = only(tmp_path, rhombus, x=x, y=y)
    assert inside == [0, 1, 2, 3, 6, 7]
    oval = region("it", "oval", [(1e2, -2), (1e6, 2)], 10)
    assert only(tmp_path, oval, x=x, y=y) == inside
    x[7] = 1e5  # half way: the edge of the rhombus is at 1, that of the ellipse at 1.73
    y[7] = 1.5
    assert 7 not in only(tmp_path, rhombus, x=x, y=y)
    assert 7 in only(tmp_path, oval, x=x, y=y)
    # one decade beyond the linear range on both sides: symmetrical, so that 0 is in the middle
    mirrored = region("it", "oval", [(-1e3, -1), (1e3, 1)], 100)
    assert only(tmp_path, mirrored, x=x, y=y * 0) == [0, 1, 4, 5]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("low", [0, 1, 2, 3, 4]),
        ("Not|low", [5, 6, 7, 8, 9]),
        ("low|And|Not|odd & even/ä", [0, 2, 4]),
        ("low|Or|odd & even/ä|And|high", [0, 1, 2, 3, 4, 9]),
        ("(|low|Or|odd & even/ä|)|And|high", [9]),
        ("Not|(|low|Or|(|high|)|)", [5, 6, 7]),
        ("Not|Not|high", [8, 9]),
        ("Not|low|And|Not|high", [5, 6, 7]),
        ("|".join(["(|" * 2000 + "low", *[")"] * 2000]), [0, 1, 2, 3, 4]),
    ],
)
def test_combinations(tmp_path: Path, definition: str, expected: list[int]) -> None:
    populations = [
        combination("it", definition),  # before what it refers to
        gate("low", "low", "x"),
        tagged("odd & even/ä", [1, 3, 5, 7, 9]),
        gate("high", "high", "x"),
        everything(),
    ]
    regions = [LINE, region("high", "line", [(8, 0), (99, 0)])]
    path = write_daf(tmp_path / "a.daf", FEATURES, populations, regions)
    assert damages(path) == {}
    assert members(path)["it"] == expected


DAMAGED = {
    "unknown type": ('<Pop name="it" type="X" />', "its type 'X' is unknown"),
    "no region": (gate("it", "high", "x"), "its region 'high' does not exist"),
    "no feature": (gate("it", "low", "z"), "the feature 'z' does not exist"),
    "no base": (gate("it", "low", "x", base="gone"), "'gone', which does not exist"),
    "no part": (combination("it", "low|And|gone"), "'gone', which does not exist"),
    "one axis": (gate("it", "box", "x"), "'box' needs two features, and it has one"),
    "a hexagon": (gate("it", "hex", "x", "y"), "'hex' is of the unknown type 'hex'"),
    "one corner": (gate("it", "point", "x", "y"), "'point' has 1 corner"),
    "no number": (gate("it", "nan", "x"), "a corner of its region 'nan' is not a number"),
    "endless": (gate("it", "endless", "x", "y"), "a corner of its region 'endless'"),
    "two regions": (gate("it", "twice", "x"), "more than one region is called 'twice'"),
    "odd axis": (gate("it", "odd", "x", "y"), "range '-5' of a logarithmic axis"),
    "two operators": (combination("it", "low|And|Or|low"), "is not names joined by"),
    "no operator": (combination("it", "low|low"), "is not names joined by"),
    "no operand": (combination("it", "low|And"), "is not names joined by"),
    "open": (combination("it", "(|low"), "is not names joined by"),
    "closed": (combination("it", "low|)"), "is not names joined by"),
    "empty brackets": (combination("it", "(|)"), "is not names joined by"),
    "empty": (combination("it", ""), "is not names joined by"),
    "tagged elsewhere": (tagged("it", [3, 10]), "object 10 was tagged"),
    "tagged text": (tagged("it", [3, "ten"]), "'ten' stands for a number"),
    "same name": (tagged("low", [3]), "another population has the same name"),
    "itself": (combination("it", "low|And|it"), "it refers to itself"),
}
REGIONS = [
    LINE,
    region("box", "rect", [(0, 0), (1, 1)]),
    region("hex", "hex", [(0, 0), (1, 1)]),
    region("point", "oval", [(0, 0)]),
    region("nan", "line", [(0, 0), ("1,5", 0)]),
    region("endless", "poly", [(0, 0), ("INF", 0), (1, 1)]),
    region("twice", "line", [(0, 0), (1, 0)]),
    region("twice", "line", [(0, 0), (2, 0)]),
    region("odd", "oval", [(0, 0), (2, 2)], -5),
]


@both_forms
@pytest.mark.parametrize(("population", "reason"), DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_population_costs_only_itself(
    tmp_path: Path, population: str, reason: str, binary: bool
) -> None:
    populations = [everything(), gate("low", "low", "x"), population, tagged("good", [2])]
    path = write_daf(tmp_path / "a.daf", FEATURES, populations, REGIONS, binary=binary)
    evaluated = [(m.name, m.count) for m in DafFile(path).evaluate() if not m.damage]
    assert evaluated == [("All", 10), ("low", 5), ("good", 1)]
    (damage,) = damages(path).values()
    assert reason in damage


def test_a_circle_costs_its_members_and_those_that_refer_to_them(tmp_path: Path) -> None:
    populations = [
        combination("a", "b"),
        combination("b", "low|Or|c"),
        gate("c", "low", "x", base="a"),
        gate("behind", "low", "x", base="c"),
        gate("low", "low", "x", base=""),
        combination("broken", "low|And|gone"),
        combination("behind broken", "Not|broken"),
    ]
    path = write_daf(tmp_path / "a.daf", FEATURES, populations, [LINE])
    assert list(members(path)) == ["low"]
    told = damages(path)
    assert set(told) == {"a", "b", "c", "behind", "broken", "behind broken"}
    assert all("it refers to itself, or to" in told[name] for name in ("a", "b", "c", "behind"))
    assert told["behind broken"].endswith("'broken', which cannot be evaluated")


def test_a_long_chain_of_populations(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(3000)]
    chain = [gate(a, "low", "x", base=b) for a, b in pairwise(names)]
    path = write_daf(tmp_path / "a.daf", FEATURES, [*chain, tagged(names[-1], [1, 9])], [LINE])
    assert members(path)["p0"] == [1]


def test_a_damaged_feature_costs_only_its_gates(tmp_path: Path) -> None:
    populations = [everything(), gate("low", "low", "x"), gate("by y", "low", "y")]
    path = write_daf(tmp_path / "a.daf", FEATURES, populations, [LINE])
    whole = path.read_bytes()
    for before, after, reason in (
        (b"|8.0|9.0", b"|8.0", "expected 10 values, found 9"),
        (b"|8.0|9.0", b"||9.0", "a value is not a number"),
        (b"|8.0|9.0", b"|8,5|9.0", "a value is not a number"),
        (b'fid="0"', b'fid="7"', "it has no values in this file"),
    ):
        path.write_bytes(whole.replace(before, after))
        assert reason in damages(path)["low"]
        assert members(path) == {"All": [*range(10)], "by y": [5, 6, 7, 8, 9]}
        with pytest.raises(DafError, match=rf"a\.daf: the feature 'x' cannot be used: {reason}"):
            DafFile(path).feature("x")


def test_files_that_are_no_analysis_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.daf"
    for content, reason in (
        (b"", "it is empty"),
        (b"II*\0\0\0\0\0 no XML", "its XML is damaged in line 1"),
        (b"nothing", "it is no analysis of IDEAS: expected XML, found none"),
        (b"<html />", "expected the element Assay, found html"),
        (b"<Assay></Assay>", "does not say to which .cif"),
        (b"<Assay><FCS file='a.fcs' /></Assay>", "it is the analysis of an .fcs file"),
        (b"<Assay><SOD /><SOD /></Assay>", "about more than one .cif"),
        (b"<Assay><SOD><Pops></SOD></Assay>", "its XML is damaged in line 1"),
        (b"<Assay><SOD file='a.cif' objcount='0' /></Assay>", "it lists no objects"),
        (b"<Assay><SOD file='a.cif'><SO id='x' /></SOD></Assay>", "at place 0 has no number"),
        (b"<Assay><SOD><SO id='1' /><SO id='1' /></SOD></Assay>", "the same number"),
        (b"<Assay>\xff\xfe</Assay>", "its XML is damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(DafError) as caught:
            DafFile(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert reason in message
        assert message.endswith(".")
        assert "\n" not in message
    with pytest.raises(DafError, match="it does not exist"):
        DafFile(tmp_path / "b.daf")
    with pytest.raises(DafError, match="found a folder"):
        DafFile(tmp_path)


def test_entities_are_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    path = tmp_path / "a.daf"
    inside = f'<!DOCTYPE Assay [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    laughs = '<!DOCTYPE Assay [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    for declared, used in ((inside, "&s;"), (laughs, "&b;"), ("<!DOCTYPE Assay>", "")):
        path.write_text(f"{declared}<Assay><SOD file='{used}.cif' /></Assay>")
        with pytest.raises(DafError, match="declares a document type"):
            DafFile(path)
    path.write_text("<Assay><SOD file='&s;.cif' /></Assay>")
    with pytest.raises(DafError, match="undefined entity"):
        DafFile(path)


@both_forms
def test_a_file_cut_off_anywhere_ends_in_one_sentence(tmp_path: Path, binary: bool) -> None:
    populations = [everything(), gate("low", "low", "x"), tagged("good", [2])]
    path = write_daf(tmp_path / "a.daf", FEATURES, populations, [LINE], binary=binary)
    whole = path.read_bytes()
    DafFile(path)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DafError) as caught:
            DafFile(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole[:-1])
    with pytest.raises(DafError, match=r"cut off"):
        DafFile(path)


@both_forms
def test_wrong_numbers_of_objects_are_told(tmp_path: Path, binary: bool) -> None:
    path = write_daf(tmp_path / "a.daf", FEATURES, objects=11, binary=binary)
    with pytest.raises(
        DafError, match=r"a\.daf: it states 11 objects, but (lists|has values of) 10"
    ):
        DafFile(path)


def test_damage_to_the_binary_part(tmp_path: Path) -> None:
    path = write_daf(tmp_path / "a.daf", FEATURES, binary=True)
    whole = path.read_bytes()
    end = whole.index(b"</Assay>") + len(b"</Assay>")
    records = end + 15 + 2 * 84
    for at, value, reason in (
        (end, b"<!--", "not the binary form of version 1"),
        (end + 3, b"\2", "not the binary form of version 1"),
        (end + 7, b"\xff\xff", "it was cut off at byte"),
        (end + 11, b"\x0b", "states 10 objects, but has values of 11"),
        (records, b"\x09", "has values of 10 objects, but lists 9"),
        (records + 4 + 76, b"\xff\xff\xff", "the entry of the object at place 0 is damaged"),
        (records + 4 + 76, b"\xff", "it was cut off at byte"),
        (records + 4 + 156 + 76, b"\x01", "the entry of the object at place 1 is damaged"),
    ):
        path.write_bytes(whole[:at] + value + whole[at + len(value) :])
        with pytest.raises(DafError, match=reason):
            DafFile(path)


def test_no_change_of_a_byte_gives_a_traceback(tmp_path: Path) -> None:
    populations = [everything(), gate("low", "low", "x"), tagged("good", [2])]
    path = write_daf(tmp_path / "a.daf", FEATURES, populations, [LINE], binary=True)
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(whole)
        for at in random.integers(0, len(whole), 3):
            damaged[at] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            DafFile(path).evaluate()
        except DafError as error:
            assert "\n" not in str(error)


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    path = write_daf(tmp_path / "a.daf", FEATURES)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        DafFile(path, progress)


# --- deepometry info -------------------------------------------------------------------------


def write_pair(folder: Path, name: str = "sample.cif") -> Path:
    """Write a .cif and its analysis."""
    cells = random_cells([(12, 14)] * 4)
    masks = [np.ones(cell.shape, np.uint8) for cell in cells]
    places = [(place.image, place.mask) for place in write_cif(folder / name, cells, masks)]
    values = {"Area": np.arange(4.0)}
    populations = [
        everything(),
        gate("small", "low", "Area"),
        tagged("tagged", [3]),
        gate("broken", "gone", "Area"),
        combination("none of them", "Not|small|And|Not|tagged"),
    ]
    counts = {"All": 4, "small": 3, "tagged": 1}
    low = region("low", "line", [(0, 0), (1, 0)])
    path = folder / "analysis.daf"
    return write_daf(path, values, populations, [low], places=places, counts=counts)


def test_info_describes_an_analysis(tmp_path: Path) -> None:
    path = write_pair(tmp_path)
    result = deepometry.info(input=path)
    assert isinstance(result, DafInfo)
    shown = [(p.name, p.kind, p.objects, p.note) for p in result.populations]
    assert shown == [
        ("tagged", "tagged", 1, ""),
        ("All", "all", 4, ""),
        ("small", "gated", 2, "IDEAS counted 3"),
        ("broken", "gated", 0, "cannot be used: its region 'gone' does not exist"),
        ("none of them", "combined", 1, ""),
    ]
    assert result.mismatch == ""
    text = str(result)
    assert "4 objects, 1 feature and 5 populations" in text
    assert "sample.cif, in the same folder, whose objects are at the same bytes" in text
    assert "Not small And Not tagged" in text
    assert "Area in low" in text
    assert result.notebook_view().text == text


def test_info_as_json(tmp_path: Path) -> None:
    path = write_pair(tmp_path)
    output = CliRunner().invoke(cli, ["info", str(path), "--json"]).stdout
    listed = json.loads(output)
    assert listed["cif"] == "sample.cif"
    assert listed["cif_file"] == str(tmp_path / "sample.cif")
    assert listed["features"] == ["Area"]
    assert listed["populations"][0] == {
        "name": "tagged",
        "kind": "tagged",
        "by_hand": True,
        "objects": 1,
        "counted": 1,
        "definition": "",
        "damage": "",
    }


def test_the_cif_of_an_analysis_is_checked(tmp_path: Path) -> None:
    path = write_pair(tmp_path, "SAMPLE.cif")
    cif = tmp_path / "SAMPLE.cif"
    assert daf_info(path).cif_file == str(cif)  # as on Windows, whatever the case
    write_cif(cif, random_cells([(30, 30)] * 4))
    assert "are at other bytes of the .cif" in daf_info(path).mismatch
    write_cif(cif, random_cells([(12, 14)] * 5))
    assert "object 4 of the .cif is not among the 4 objects" in daf_info(path).mismatch
    cif.write_bytes(b"nothing")
    assert "SAMPLE.cif" in daf_info(path).mismatch
    assert "is not the file it belongs to" in str(daf_info(path))
    cif.unlink()
    result = daf_info(path)
    assert (result.cif_file, result.mismatch) == (None, "")
    assert "belongs to sample.cif, which is not in the same folder" in str(result)


def test_a_part_of_the_cif_still_belongs(tmp_path: Path) -> None:
    path = write_pair(tmp_path)
    cif = tmp_path / "sample.cif"
    cif.write_bytes(cif.read_bytes()[:-500])  # the last object is damaged
    assert daf_info(path).mismatch == ""


def test_offsets_beyond_4_gib_are_compared_as_files_store_them(tmp_path: Path) -> None:
    path = write_pair(tmp_path)
    text = path.read_text("utf-8-sig")
    longer = re.sub(r'IFD="(\d+)"', lambda found: f'IFD="{int(found[1]) + 2**32}"', text)
    path.write_text(longer, "utf-8")
    assert daf_info(path).mismatch == ""


def test_info_on_a_damaged_analysis_says_what_to_give(tmp_path: Path) -> None:
    path = tmp_path / "a.daf"
    path.write_text("<Assay><SampleFile>sample1.cif</SampleFile></Assay>")
    with pytest.raises(DeepometryError, match=r"give the folder of sample1\.cif"):
        deepometry.info(input=path)
    failed = CliRunner().invoke(cli, ["info", str(path)])
    assert failed.exit_code != 0
