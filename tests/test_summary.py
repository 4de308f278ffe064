"""The summary of parsed cells, as the documentation's example of a step."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from deepometry.cells.summary import summary
from deepometry.core.errors import OptionsError
from deepometry.core.options.summary import SummaryOptions
from tests.parsed import write_record, write_stack
from tests.results_runs import Jobs, make_app, read_run


@pytest.fixture
def cells(tmp_path):
    """Three samples; of channel 6 the cells of Sample B are brighter by 50 counts."""
    write_record(tmp_path / "parsed", names={"6": "CD3"})
    for day, sample, count, brighter in ((1, "A", 4, 0), (1, "B", 6, 50), (2, "A", 10, 0)):
        pixels = np.full((count, 16, 16, 2), 100, np.uint16)
        pixels[..., 0] += np.arange(count, dtype=np.uint16)[:, None, None]
        pixels[..., 1] += np.uint16(brighter)
        write_stack(tmp_path / "parsed" / f"Day {day}" / f"Sample {sample}", pixels)
    return tmp_path / "parsed"


def test_a_row_for_each_folder_with_cells_and_intensities(cells, tmp_path):
    told = []
    options = SummaryOptions(input=cells, output=tmp_path / "out")
    result = summary(options, lambda *what: told.append(what))
    table = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert table.folder.tolist() == ["Day 1/Sample A", "Day 1/Sample B", "Day 2/Sample A"]
    assert table.cells.tolist() == [4, 6, 10]
    assert table["Ch6 CD3 median"].tolist() == [100, 150, 100]
    assert table["Ch3 median"].tolist() == [101.5, 102.5, 104.5]
    assert table["Ch3 95 %"].tolist() == pytest.approx([102.85, 104.75, 108.55])
    assert list(result.rows.columns) == list(table.columns)
    assert "Day 2/Sample A" in str(result) and "Day 2/Sample A" in result._repr_html_()
    assert told[-1][1] == 20
    record = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert (record["step"], record["files"]) == ("summary", ["summary.csv"])


def test_a_row_for_each_value_of_a_level(cells, tmp_path):
    options = SummaryOptions(input=cells, output=tmp_path / "out", group_by="Sample")
    rows = summary(options).rows
    assert rows[["Sample", "cells"]].values.tolist() == [["A", 14], ["B", 6]]
    with pytest.raises(OptionsError, match="Group by: expected folders named Plate"):
        summary(SummaryOptions(input=cells, output=tmp_path / "out", group_by="Plate"))


def test_the_page_shows_the_table(cells, tmp_path):
    jobs = Jobs()
    options = SummaryOptions(input=cells, output=tmp_path / "out", group_by="Day")
    jobs.run("one", "summary", summary, options)
    client = make_app(jobs).test_client()
    page = read_run(client, "one")
    assert '<th scope="col">Ch6 CD3 median</th>' in page
    assert '<th scope="row">2</th><td class="r-num">10</td>' in page
    assert "summary.csv" in page
    chart = client.get("/runs/one/charts/intensities.json").json
    assert "Ch6 CD3" in [each["label"] for each in chart["series"]]


@pytest.fixture
def shifted(tmp_path):
    """Five days of noise; the background of channel 6 on Day 4 is two deviations higher."""
    write_record(tmp_path / "days")
    rng = np.random.default_rng(0)
    for day in range(1, 6):
        pixels = rng.normal(1000, 30, (40, 16, 16, 2)) + rng.normal(0, 50, (40, 1, 1, 2))
        pixels[..., 1] += 100 * (day == 4)
        write_stack(tmp_path / "days" / f"Day {day}", pixels.astype(np.uint16), f"day{day}.cif")
    return tmp_path / "days"


def test_the_group_that_differs_is_named_with_what_differs(shifted, tmp_path):
    options = SummaryOptions(input=shifted, output=tmp_path / "out", group_by="Day")
    result = summary(options)
    (strongest, *_) = result.differences.strongest
    assert strongest.group == "4" and strongest.measure in ("background", "mean")
    assert strongest.channel == "Ch6" and 1.4 < strongest.value < 2.8
    assert "What differs most from the usual Day: Day 4: " in str(result)
    table = pd.read_csv(tmp_path / "out" / "group_differences.csv")
    assert len(table) == 5 * 2 * 6 and set(table["group"]) == {1, 2, 3, 4, 5}
    picture = (tmp_path / "out" / "group_differences.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    jobs = Jobs()
    jobs.run("map", "summary", lambda _: result, options)
    jobs.known["map"] = replace(jobs.known["map"], started=None)
    client = make_app(jobs).test_client()
    page = read_run(client, "map")
    assert "What differs most from the usual Day" in page
    assert client.get("/jobs/map/results/plot/group_differences.png").data == picture


def test_groups_that_look_alike_are_not_said_to_differ(tmp_path):
    write_record(tmp_path / "days")
    rng = np.random.default_rng(1)
    for day in range(1, 5):
        pixels = rng.normal(1000, 30, (12, 16, 16, 2)) + rng.normal(0, 50, (12, 1, 1, 2))
        write_stack(tmp_path / "days" / f"Day {day}", pixels.astype(np.uint16), f"day{day}.cif")
    options = SummaryOptions(input=tmp_path / "days", output=tmp_path / "out", group_by="Day")
    assert "No Day looks different" in str(summary(options))
