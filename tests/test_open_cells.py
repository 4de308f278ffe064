"""Parsed cells for programs: indexed as an array, as a table, as AnnData, and in a notebook."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.dataset import open_cells
from deepometry.core.errors import DeepometryError
from tests.exported import make_truth, write_features, write_parsed
from tests.parsed import FRAME, blobs, write_record, write_stack


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two classes on two days, with a hold-out, and a folder level without a prefix."""
    root = tmp_path_factory.mktemp("parsed")
    write_record(root, names={"3": "Brightfield"})
    write_stack(root / "Train" / "Day 1" / "Class A", blobs(5, 0), "a.cif")
    write_stack(root / "Train" / "Day 2" / "Class <b>", blobs(4, 1), "b.cif")
    write_stack(root / "Hold-out" / "Day 1" / "Class A", blobs(3, 2), "c.cif")
    return root


@pytest.fixture(scope="module")
def cells(root):
    return open_cells(root)


@pytest.fixture(scope="module")
def pixels(root, cells):
    stacks = dict.fromkeys(cells.table["stack"])
    return np.concatenate([np.load(root / name) for name in stacks])


def test_cells_are_indexed_as_an_array(cells, pixels):
    assert len(cells) == 12
    assert cells[3].shape == (FRAME, FRAME, 2)
    assert cells[3].dtype == cells.dtype == np.uint16
    mask = np.arange(12) % 3 == 0
    for index in (3, -1, slice(2, 9), slice(None, None, -2), [7, 0, 7], mask, mask.tolist()):
        assert (cells[index] == pixels[index]).all()
    assert cells[4:4].shape == (0, FRAME, FRAME, 2)
    assert (np.stack(list(cells)) == pixels).all()
    for index in (12, -13, [12], [True]):
        with pytest.raises(IndexError):
            cells[index]


def test_an_image_is_a_copy(cells):
    image = cells[0]
    image[:] = 0
    assert cells[0].any()


def test_channels_are_chosen_by_number_in_any_order(root, pixels):
    cells = open_cells(root, channels=(6, 3))
    assert cells.channels == (6, 3)
    assert cells.channel_labels == ["Ch6", "Ch3 Brightfield"]
    assert (cells[2:5] == pixels[2:5, :, :, ::-1]).all()
    one = cells.with_channels([3])
    assert (one[1] == pixels[1, :, :, :1]).all()
    assert one.read(np.array([1]), [0]).shape == (1, FRAME, FRAME, 1)
    with pytest.raises(DeepometryError, match="expected channel 5 in the parsed cells"):
        open_cells(root, channels=[5])


def test_the_table_says_which_cell_each_is(cells, root):
    table = cells.table
    assert list(table) == ["source", "object", "Day", "Class", "split", "stack", "row"]
    assert table.groupby("Class", observed=True).size().to_dict() == {"<b>": 4, "A": 8}
    assert table["split"].value_counts().to_dict() == {"Train": 9, "Hold-out": 3}
    assert (cells[table["Class"] == "A"] == cells[np.flatnonzero(table["Class"] == "A")]).all()
    for row in (0, 8, 11):
        cell = table.loc[row]
        assert (np.load(root / cell["stack"])[cell["row"]] == cells[row]).all()


def test_the_table_of_one_file_a_cell(tmp_path):
    write_record(tmp_path)
    (tmp_path / "odd").mkdir()
    (tmp_path / "Class A").mkdir()
    for number, pixels in enumerate(blobs(3, 0)):
        np.save(tmp_path / ("odd" if number else "Class A") / f"{number}.npy", pixels)
    table = open_cells(tmp_path).table
    assert table["stack"].tolist() == ["Class A/0.npy", "odd/1.npy", "odd/2.npy"]
    assert table["row"].tolist() == [0, 0, 0]
    assert table["Folder level 1"].tolist() == ["Class A", "odd", "odd"]
    assert table["split"].isna().all()


def test_anndata_has_mean_intensities_or_the_images(cells, pixels, tmp_path):
    import anndata

    data = cells.to_anndata()
    assert data.shape == (12, 2)
    assert data.X.dtype == np.float32
    assert np.allclose(data.X, pixels.mean((1, 2)))
    assert list(data.var_names) == ["Ch3 Brightfield", "Ch6"]
    assert data.var["channel"].tolist() == [3, 6]
    assert data.obs_names[1] == "c.cif #1"
    assert data.obs["Class"].tolist() == cells.table["Class"].tolist()
    assert "images" not in data.obsm
    data = cells.to_anndata(images=True)
    data.write_h5ad(tmp_path / "cells.h5ad")
    again = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert (again.obsm["images"] == pixels).all()


def test_anndata_has_features_in_the_order_of_the_cells(tmp_path):
    truth = make_truth(12)
    write_parsed(tmp_path / "parsed", truth)
    order = np.random.default_rng(0).permutation(12)
    shuffled = make_truth(12)
    shuffled.cells[:] = [truth.cells[n] for n in order]
    write_features(tmp_path / "features", shuffled)
    cells = open_cells(tmp_path / "parsed")
    data = cells.to_anndata(features=tmp_path / "features")
    assert list(data.var_names[:2]) == ["pool5_1", "pool5_2"]
    assert (data.X[order] == truth.features).all()
    assert data.obs["predicted Class"].iloc[order[0]] == truth.labels[truth.codes[0]]


@pytest.mark.parametrize(
    ("layer", "count", "message"),
    [
        ("res5a", 12, "expected features of the layer res5a, found pool5"),
        (None, 10, "none for 2 of the cells"),
    ],
)
def test_features_that_do_not_fit_are_refused(tmp_path, layer, count, message):
    truth = make_truth(12)
    write_parsed(tmp_path / "parsed", truth)
    some = make_truth(count)
    some.cells[:] = truth.cells[:count]
    write_features(tmp_path / "features", some)
    cells = open_cells(tmp_path / "parsed")
    with pytest.raises(DeepometryError, match=message):
        cells.to_anndata(features=tmp_path / "features", layer=layer)


def test_cells_show_themselves_in_a_notebook(cells):
    page = cells._repr_html_()
    assert "<th" in page
    assert "Ch3 Brightfield, Ch6" in page
    assert "&lt;b&gt; 4, A 8" in page
    assert "<b>" not in page
    assert 'src="data:image/png;base64,' in page
    assert repr(cells) == "Dataset(12 cells, 16 x 16 pixels, Ch3 Brightfield, Ch6)"


def test_the_table_is_a_data_frame_of_categories(cells):
    assert isinstance(cells.table, pd.DataFrame)
    assert str(cells.table["Day"].dtype) == "category"
