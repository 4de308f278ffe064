"""Features of all parsed cells, kept beside them: measured, taken from an extraction, renewed."""

from __future__ import annotations

import numpy as np
import pytest

import deepometry
from deepometry.cells.cell_features import find_cell_features
from deepometry.cells.dataset import open_dataset
from deepometry.classical.features import measure as measure_images
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress
from tests.parsed import blobs, write_classes, write_stack


@pytest.fixture
def cells(tmp_path):
    """Parsed cells of three shapes, in folders that say nothing."""
    root = write_classes(tmp_path / "parsed", {})
    for kind, count in enumerate((24, 12, 4)):
        write_stack(root / f"Sample {kind}", blobs(count, kind))
    return root


def test_features_are_kept_beside_the_cells_until_the_cells_change(cells):
    result = deepometry.measure(input=cells / "Sample 1")
    assert f"{result.features} classical features of 40 cells are kept" in str(result)
    kept = find_cell_features(cells)
    dataset = open_dataset(cells)
    assert kept.keys.tolist() == dataset.keys.tolist() and len(kept.names) == result.features
    wanted = np.array([30, 3, 3])
    assert np.allclose(kept.read(wanted), measure_images(dataset.read(wanted)))
    said: list[str] = []
    deepometry.measure(input=cells, progress=Progress(on_say=said.append))
    assert any("are there already" in text for text in said)
    write_stack(cells / "Sample 3", blobs(5, 3))
    assert deepometry.measure(input=cells).cells == 45


def test_features_of_an_extraction_are_taken_by_cell(cells, tmp_path):
    names = [pair[1:] for pair in open_dataset(cells).identities()]
    rows = names[::-1][:30]
    folder = tmp_path / "features"
    folder.mkdir()
    table = "".join(f"{source}\t{name}\n" for source, name in rows)
    (folder / "metadata.tsv").write_text("source\tobject\n" + table, "utf-8")
    values = np.arange(60, dtype=np.float32).reshape(30, 2)
    np.savetxt(folder / "features_extracted_by_pool5.txt", values, "%g", "\t")
    result = deepometry.measure(input=cells, features=folder)
    assert (result.features, result.missing) == (2, 10)
    assert "10 cells among them had none" in str(result)
    kept = find_cell_features(cells)
    assert kept.names == ("pool5_1", "pool5_2") and kept.origin == "features of pool5"
    read = kept.read(np.arange(40))
    assert np.isnan(read[:10]).all()
    assert read[39].tolist() == [0, 1] and read[10].tolist() == [58, 59]
    with pytest.raises(DeepometryError, match="found no features"):
        deepometry.measure(input=cells, features=tmp_path)


def test_features_of_other_cells_and_damaged_files_are_refused(cells, tmp_path):
    folder = tmp_path / "features"
    folder.mkdir()
    (folder / "metadata.tsv").write_text("source\tobject\nelse.cif\t1\n", "utf-8")
    (folder / "features_extracted_by_pool5.txt").write_text("1\t2\n", "utf-8")
    with pytest.raises(DeepometryError, match="found those of others"):
        deepometry.measure(input=cells, features=folder)
    deepometry.measure(input=cells)
    find_cell_features(cells).path.write_bytes(b"nothing")
    with pytest.raises(DeepometryError, match=r"cell_features.h5 is damaged .* measure the cells"):
        find_cell_features(cells)
