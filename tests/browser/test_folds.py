"""Cross-validation and the learning curve from the page: fields, runs, results."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.protocol import ENDED, JOB, card, field
from tests.browser.watch import assert_accessible
from tests.parsed import write_classes


def test_folds_and_a_curve_are_run_and_shown(make_server, visit, tmp_path):
    root = write_classes(tmp_path / "cells", {"Class A": 12, "Class B": 12})
    server = make_server()
    page = visit(server)
    page.locator("#step-train details.more > summary").click()
    given = {"input": str(root), "output": str(tmp_path / "model"), "target": "Class"}
    given |= {"epochs": "1", "folds": "99", "batch_size": "8", "views": "1", "shares": "1/2,1"}
    for name, text in given.items():
        field(page, "train", name).fill(text)
    page.locator("#go-train").click()
    expect(page.locator("#form-train")).to_contain_text("Expected a whole number from 2 to 20")
    assert server.jobs() == []
    field(page, "train", "folds").fill("2")
    page.locator("#go-train").click()
    expect(card(page, "train")).to_have_attribute("data-state", ENDED, timeout=JOB)
    line = page.locator("#results-train [data-results]")
    expect(line).to_contain_text("cross-validated accuracy", timeout=JOB)
    line.get_by_role("link", name="Open").click()
    results = page.locator("#main")
    expect(results).to_contain_text("Cross-validated accuracy")
    tabs = page.get_by_role("navigation", name="Results")
    tabs.get_by_role("link", name="Folds").click()
    expect(results.locator("[data-drawn]")).to_have_count(1)
    assert results.locator(".r-numbers tbody tr").count() == 3
    fits = "each => each.scrollWidth <= each.clientWidth + 1"
    assert results.locator(".r-scroll:has(> .r-numbers)").evaluate(fits)
    tabs.get_by_role("link", name="Confusion").click()
    results.locator(".r-matrix a").first.click()
    expect(results.locator(".c-grid img").first).to_be_visible(timeout=JOB)
    page.goto(server.place())
    page.locator("#go-learning-curve").click()
    expect(card(page, "learning-curve")).to_have_attribute("data-state", ENDED, timeout=JOB)
    curve = page.locator("#results-learning-curve [data-results]")
    curve.get_by_role("link", name="Open").click(timeout=JOB)
    expect(results).to_contain_text(re.compile("accuracy with more cells cannot be predicted"))
    expect(results.locator("[data-drawn]")).to_have_count(1)
    assert results.locator("canvas").bounding_box()["width"] > 500
    assert_accessible(page)
