"""The how-to page of Python does what it shows, on a few example cells."""

from __future__ import annotations

import re
from pathlib import Path

import anndata
import numpy as np
import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "python.md"


@pytest.mark.slow
def test_the_code_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    printed = capsys.readouterr().out
    assert "Class (7 labels, 140 cells)" in printed
    assert "Dataset(140 cells, 48 x 48 pixels, Ch1 Brightfield, Ch12 Darkfield)" in printed
    data = anndata.read_h5ad("cells.h5ad")
    assert data.n_obs == 140
    assert np.isfinite(data.X).all()
