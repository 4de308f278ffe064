"""Features that an analysis of IDEAS gave parsed cells: read, merged, exported."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.imported_features import open_imported_features
from deepometry.core.errors import DeepometryError
from deepometry.core.options.export import ExportOptions
from deepometry.exports import export
from tests.exported import make_truth, write_parsed, write_predicted
from tests.imported import import_features
from tests.labelled import write_labels
from tests.parsed import write_classes

AREA = np.arange(30, dtype=np.float32)


@pytest.fixture
def parsed(tmp_path):
    truth = make_truth()
    write_parsed(tmp_path / "parsed", truth)
    write_predicted(tmp_path / "predicted", truth, rows=[7, 20, 3])
    return tmp_path / "parsed"


def test_features_are_read_by_cell(parsed):
    assert open_imported_features(parsed) is None
    import_features(parsed, {"Area_M01": AREA, "größe, µm²/px": -AREA})
    features = open_imported_features(parsed / "Day 2")
    assert features.names == ["Area_M01", "größe, µm²/px"]
    keys = open_dataset(parsed / "Day 2").keys[::-1]
    assert features.of(keys, "Area_M01").tolist() == list(range(29, 14, -1))
    some = np.array([keys[0], np.uint64(1), keys[3]])
    (block,) = features.blocks(some, 10)
    np.testing.assert_array_equal(block, [[29, -29], [np.nan, np.nan], [26, -26]])


def test_a_second_analysis_adds_to_the_first(parsed):
    first = np.where(AREA < 15, AREA, np.nan)
    import_features(parsed, {"a": first, "b": first})
    import_features(parsed, {"b": np.where(AREA < 15, np.nan, AREA), "c": -AREA})
    features = open_imported_features(parsed)
    assert features.names == ["a", "b", "c"]
    np.testing.assert_array_equal(features.column("a"), first)
    np.testing.assert_array_equal(features.column("b"), AREA)


def test_features_of_an_earlier_parse_do_not_stay(tmp_path):
    write_classes(tmp_path, {"Day 1": 3})
    import_features(tmp_path, {"a": np.zeros(3)})
    shutil.rmtree(tmp_path / "Day 1")
    write_classes(tmp_path, {"Day 2": 4})
    import_features(tmp_path, {"b": np.ones(4)})
    assert open_imported_features(tmp_path).names == ["b"]


def test_a_damaged_file_says_so(parsed):
    path = import_features(parsed, {"a": AREA})
    with h5py.File(path, "a") as file:
        del file["keys"]
        file["keys"] = np.zeros(3, np.uint64)
    with pytest.raises(DeepometryError, match=r"features\.h5 is damaged .*import the analysis"):
        open_imported_features(parsed)
    path.write_bytes(b"nothing")
    with pytest.raises(DeepometryError, match=r"features\.h5 is damaged"):
        open_imported_features(parsed)


def test_columns_of_one_name_are_told_apart(parsed, tmp_path):
    import_features(parsed, {"Day": AREA, "Area_M01": AREA})
    export(ExportOptions(input=parsed, output=tmp_path / "a.csv"))
    assert pd.read_csv(tmp_path / "a.csv").columns.tolist()[2:] == [
        "Day",
        "Day (IDEAS)",
        "Area_M01",
    ]


def test_exports_have_them(parsed, tmp_path):
    import_features(parsed, {"Area_M01": AREA, "=x": -AREA})
    export(ExportOptions(input=parsed, output=tmp_path / "a.csv"))
    table = pd.read_csv(tmp_path / "a.csv")
    assert table["Area_M01"].tolist() == AREA.tolist()
    assert table["'=x"].tolist() == (-AREA).tolist()
    options = {"input": tmp_path / "predicted", "also": parsed, "features": "Area_M01"}
    export(ExportOptions(output=tmp_path / "b.csv", **options))
    table = pd.read_csv(tmp_path / "b.csv")
    assert table["Area_M01"].tolist() == [7, 20, 3]
    assert table["object"].tolist() == [21, 12, 9]
    write_labels(parsed, "Gate", [(*open_dataset(parsed).cell(20)[1], "S")])
    export(ExportOptions(output=tmp_path / "d.csv", **options))
    table = pd.read_csv(tmp_path / "d.csv", keep_default_na=False)
    assert (table["Day"].tolist(), table["Gate"].tolist()) == ([1, 2, 1], ["", "S", ""])
    export(ExportOptions(input=tmp_path / "predicted", output=tmp_path / "c.csv"))
    assert "Area_M01" not in pd.read_csv(tmp_path / "c.csv")
