"""Similar cells: the right ones, an index that is kept and made again, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.similar import SimilarOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.maps.feature_source import find_source
from deepometry.maps.similar_cells import indexed, similar
from deepometry.maps.similar_index import SimilarIndex, build_index, index_folder, open_index
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


def test_no_neighbour_is_missed_among_very_many_cells():
    """In groups far from the middle, whose cells lie close together; one is there twice."""
    rng = np.random.default_rng(0)
    middles = 1e3 * rng.normal(size=(30, 8))
    places = (middles[rng.integers(30, size=40_000)] + rng.normal(size=(40_000, 8))).astype("f4")
    places[7] = places[39_000]
    index = SimilarIndex(np.arange(len(places), dtype=np.uint64), places)
    for position in (0, 7, 16_383, 16_384, 39_999):
        exact = np.linalg.norm(places - places[position], axis=1)
        exact[position] = np.inf
        near, distances = index.nearest(position, 100)
        np.testing.assert_allclose(distances, np.sort(exact)[:100], rtol=1e-5)
        np.testing.assert_allclose(exact[near], distances, rtol=1e-5)
    assert index.nearest(7, 1)[0] == [39_000]
    assert len(index.nearest(7, 10**6)[0]) == 39_999
    assert len(SimilarIndex(index.keys[:1], places[:1]).nearest(0, 5)[0]) == 0


def test_an_index_with_lists_of_neighbours_of_an_earlier_version_is_used(folder):
    ask(folder, "0 of Class A.cif")
    place = index_folder(find_source(folder))
    np.save(place / "neighbours.npy", np.zeros((CELLS, 31), np.int32))
    assert len(open_index(find_source(folder))) == CELLS
    write_features(folder, features_of(60, seed=3))
    indexed(find_source(folder), Progress())
    assert not (place / "neighbours.npy").exists()


def test_the_index_reports_and_can_be_cancelled(folder):
    told = []
    progress = Progress(lambda done, total, text: told.append((done, total, text)))
    build_index(find_source(folder), progress)
    assert any(total for _, total, _ in told)
    progress.cancel()
    with pytest.raises(Cancelled):
        build_index(find_source(folder), progress)


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
