"""Results taken elsewhere from the page, and a cell found again by its number."""

from __future__ import annotations

import csv
import re

from flowio import FlowData
from playwright.sync_api import expect

from tests.browser.protocol import JOB, Protocol
from tests.browser.test_results import download, drawn
from tests.browser.watch import assert_accessible


def test_a_prediction_is_exported_for_cytometry_programs(extracted: Protocol, tmp_path):
    results = extracted.page.locator("#results-predict")
    results.get_by_label("For which program").select_option("fcs")
    results.get_by_role("button", name="Export", exact=True).click()
    link = results.get_by_role("link", name=re.compile(r"\.fcs$"))
    expect(link).to_be_visible(timeout=JOB)
    download(extracted.page, link).save_as(tmp_path / "cells.fcs")
    found = FlowData(tmp_path / "cells.fcs")
    assert found.event_count == extracted.cells["Hold-out"]
    assert found.pnn_labels[:4] == ["Row", "Object", "File", "Class"]


def test_a_cell_is_found_by_its_number(extracted: Protocol):
    with (extracted.place / "predictions" / "predicted.csv").open(encoding="utf-8") as file:
        row = list(csv.DictReader(file))[5]
    for verb in ("predict", "extract", "parse"):
        results = extracted.page.locator(f"#results-{verb}")
        asked = f"{row['object']} of {row['source']}"
        results.get_by_label("Object number, and its file").fill(asked)
        results.get_by_role("button", name="Find", exact=True).click()
        assert drawn(results.locator("img.r-whole")) > 100
        expect(results.locator(".r-cell-found")).to_contain_text("height")
    expect(extracted.page.locator("#results-predict .r-cell-found")).to_contain_text(row["label"])
    assert_accessible(extracted.page, ("dark",))


def test_a_cell_that_is_not_there_is_told(extracted: Protocol):
    results = extracted.page.locator("#results-predict")
    results.get_by_label("Object number, and its file").fill("999999")
    results.get_by_role("button", name="Find", exact=True).click()
    expect(results.locator(".r-cell-found .r-note")).to_contain_text("found none of that name")
