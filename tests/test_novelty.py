"""Novelty: how unlike the cells that a model learnt from a cell is."""

import io
import zipfile

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.evaluation.novel_cells import NovelCells
from deepometry.evaluation.novelty import (
    CLASSICAL,
    NETWORK,
    NOVEL_ABOVE,
    Reference,
)
from deepometry.evaluation.novelty_file import novelty_members, read_reference
from deepometry.evaluation.novelty_tally import NoveltyTally


def drawn(count, seed, features=12, shift=0.0):
    return np.abs(np.random.default_rng(seed).normal(3 + shift, 1, (count, features)))


@pytest.fixture(scope="module")
def reference():
    return Reference.fit({NETWORK: drawn(400, 0)}, {NETWORK: drawn(300, 1)})


# --- the score -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [(NETWORK,), (CLASSICAL,), (NETWORK, CLASSICAL)])
@pytest.mark.parametrize("validation", [60, 200, 2000])
def test_as_many_ordinary_cells_are_novel_as_the_threshold_says(kinds, validation):
    shares = []
    for seed in range(5):
        training, ordinary, others = (
            {kind: drawn(count, [seed, side, len(kind)]) for kind in kinds}
            for side, count in enumerate((300, validation, 2000))
        )
        novelty = 1 - Reference.fit(training, ordinary).ordinariness(others)
        shares.append((novelty > NOVEL_ABOVE).mean())
    assert np.mean(shares) == pytest.approx(0.01, abs=0.01 if validation < 100 else 0.006)


def test_cells_of_another_kind_are_novel_and_ranked_by_their_distance(reference):
    shares = [
        np.median(reference.ordinariness({NETWORK: drawn(50, 2, shift=shift)}))
        for shift in (0, 2, 4, 8)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.2 and 0 < shares[-1] < 1e-4


def test_a_cell_may_be_novel_in_one_kind_of_features_alone():
    training = {NETWORK: drawn(300, 0), CLASSICAL: drawn(300, 1)}
    ordinary = {NETWORK: drawn(300, 2), CLASSICAL: drawn(300, 3)}
    both = Reference.fit(training, ordinary)
    other = {NETWORK: drawn(50, 4), CLASSICAL: drawn(50, 5, shift=6)}
    assert (both.ordinariness(other) < 0.01).all()


def test_features_that_cannot_be_measured_or_never_differ_do_no_harm():
    training, ordinary = drawn(100, 0), drawn(60, 1)
    training[:, 3] = ordinary[:, 3] = 5
    fitted = Reference.fit({CLASSICAL: training}, {CLASSICAL: ordinary})
    cells = drawn(20, 2)
    cells[:, 3], cells[0, 0] = 99, np.nan
    shares = fitted.ordinariness({CLASSICAL: cells})
    assert np.isfinite(shares).all() and np.median(shares[1:]) > 0.1


def test_no_cells_have_no_novelty(reference):
    assert reference.ordinariness({NETWORK: np.empty((0, 12))}).shape == (0,)


# --- in the model file ---------------------------------------------------------------------------


def archive_of(members, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_reference_read_from_a_file_measures_the_same(reference, tmp_path):
    path = archive_of(novelty_members(reference), tmp_path / "model.keras")
    cells = {NETWORK: drawn(100, 3, shift=1)}
    again = read_reference(path)
    assert again.ordinariness(cells) == pytest.approx(reference.ordinariness(cells), rel=1e-3)


def test_a_file_without_a_reference_has_none(tmp_path):
    assert read_reference(archive_of({"other": b""}, tmp_path / "model.keras")) is None


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("novelty/ordinary.npy", b"no array"),
        ("novelty/ordinary.npy", b""),
        ("novelty/ordinary.npy", npy(np.array([3.0, 1.0], np.float32))),
        ("novelty/ordinary.npy", npy(np.array([{}, {}]))),
        ("novelty/network/cells.npy", npy(np.ones((4, 3), np.float32))),
        ("novelty/network/scale.npy", npy(np.zeros(12, np.float32))),
        ("novelty/network/axes.npy", npy(np.full((12, 12), np.nan, np.float32))),
        ("novelty/network/centre.npy", npy(np.ones((12, 2), np.float32))),
    ],
)
def test_a_changed_reference_is_refused_in_a_sentence(reference, tmp_path, name, content):
    members = novelty_members(reference)
    path = archive_of(members | {name: content}, tmp_path / "model.keras")
    with pytest.raises(DeepometryError, match="novelty/ is damaged"):
        read_reference(path)
    del members[name]
    with pytest.raises(DeepometryError, match="novelty/ is damaged"):
        read_reference(archive_of(members, tmp_path / "without.keras"))


# --- in words ------------------------------------------------------------------------------------


def test_a_warning_is_given_only_where_clearly_too_many_cells_are_novel():
    assert not NoveltyTally(14, 1000, 500, 0.99, False).warning
    assert not NoveltyTally(1, 5, 500, 0.99, False).warning
    told = NoveltyTally(80, 1000, 500, 0.99, False).warning
    assert "80 of 1,000 cells (8 %" in told and "about 1 %" in told
    assert "approximate" in NoveltyTally(80, 1000, 50, 0.99, False).warning
    assert "labelled unknown" in NoveltyTally(80, 1000, 500, 0.99, True).sentence


def test_the_most_novel_cells_come_first_whatever_the_batches():
    shares = np.random.default_rng(0).permutation(100) / 100
    shares[7] = np.inf  # left out
    most = NovelCells(5)
    for first in range(0, 100, 16):
        here = slice(first, first + 16)
        cells = [(None, "file", str(n)) for n in range(100)[here]]
        most.look(cells, np.zeros((len(cells), 4, 4, 1)), ["A"] * len(cells), shares[here])
    assert [float(shares[int(each.object)]) for each in most.top] == sorted(shares)[:5]
