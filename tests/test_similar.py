"""Similar cells: the right ones, an index that is kept and made again, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.similar import SimilarOptions
from deepometry.core.progress import Progress
from deepometry.maps.feature_source import find_source
from deepometry.maps.similar_cells import indexed, similar
from deepometry.maps.similar_index import SimilarIndex, index_folder, open_index
from tests.features_table import features_of, write_features

CELLS = 90


@pytest.fixture
def folder(tmp_path):
    """Features of 90 cells in three groups: cell n is object n // 3 of the file of its class."""
    return write_features(tmp_path / "features", features_of(CELLS))


def ask(folder, cell, **more):
    output = more.pop("output", folder / "similar.csv")
    return similar(SimilarOptions(input=folder, object=cell, output=output, **more))


def expected(position: int) -> np.ndarray:
    """All cells by their distance from one, over the principal components of live features."""
    live = features_of(CELLS).astype(float)[:, :-1]
    scaled = (live - live.mean(0)) / live.std(0)
    return np.argsort(np.linalg.norm(scaled - scaled[position], axis=1))[1:]


def test_the_nearest_cells_are_found_and_listed(folder):
    result = ask(folder, "7 of Class B.cif", number=5)
    order = [3 * int(each.object) + "ABC".index(each.facts["Class"]) for each in result.cells]
    assert order == expected(22)[:5].tolist()
    assert (result.cell.source, result.cell.object, result.cell.distance) == ("Class B.cif", "7", 0)
    table = pd.read_csv(result.output)
    assert table.columns[:3].tolist() == ["source", "object", "distance"]
    assert table["distance"].is_monotonic_increasing and len(table) == 5
    assert "Class B.cif" in str(result) and str(result.output) in str(result)
    assert len(ask(folder, "7 of Class B.cif", number=500, overwrite=True).cells) == CELLS - 1


def test_the_index_is_kept_until_the_features_change(folder):
    source = find_source(folder)
    assert open_index(source) is None
    ask(folder, "0 of Class A.cif")
    kept = open_index(source)
    assert isinstance(kept.places, np.memmap) and len(kept) == CELLS
    assert np.allclose(kept.distances(4)[7], kept.nearest(4, CELLS)[1].max(), rtol=9)
    place = index_folder(source) / "places.npy"
    before = place.stat().st_mtime_ns
    ask(folder, "1 of Class A.cif", overwrite=True)
    assert place.stat().st_mtime_ns == before
    del kept
    write_features(folder, features_of(60, seed=3))
    assert open_index(find_source(folder)) is None
    assert len(indexed(find_source(folder), Progress())) == 60


def test_a_damaged_index_is_told(folder):
    ask(folder, "0 of Class A.cif")
    (index_folder(find_source(folder)) / "keys.npy").write_bytes(b"x")
    with pytest.raises(DeepometryError, match=r"is damaged .*: delete this folder"):
        ask(folder, "0 of Class A.cif", overwrite=True)


def test_answers_from_lists_of_neighbours_are_those_of_comparing_all():
    places = features_of(1500, 16)
    keys = np.arange(len(places), dtype=np.uint64)
    whole = SimilarIndex(keys, places, None)
    lists = np.array([[n, *whole.nearest(n, 30)[0]] for n in range(1500)], np.int32)
    listed = SimilarIndex(keys, places, lists)
    for number in (12, 100):
        same = [
            len({*whole.nearest(n, number)[0].tolist()} & {*listed.nearest(n, number)[0].tolist()})
            for n in range(0, 1500, 30)
        ]
        assert np.mean(same) > 0.97 * number
    assert len(listed.nearest(0, 1400)[0]) == 1400


def test_mistakes_are_told(folder, tmp_path):
    with pytest.raises(DeepometryError, match="expected one cell '7', found 3 cells; say which"):
        ask(folder, "7")
    with pytest.raises(DeepometryError, match=r"expected a cell '99 of Class B.cif', found none"):
        ask(folder, "99 of Class B.cif")
    with pytest.raises(OptionsError, match=r"ends in .csv, found 'a.txt'"):
        ask(folder, "7 of Class B.cif", output=tmp_path / "a.txt")
    ask(folder, "7 of Class B.cif")
    with pytest.raises(Question, match="exists already"):
        ask(folder, "7 of Class B.cif")
