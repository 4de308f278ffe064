"""The second button of Model training: mistakes, the run, and its results."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.protocol import ENDED, JOB, card, field
from tests.browser.watch import assert_accessible
from tests.parsed import write_classes


def test_a_baseline_is_run_beside_the_training(make_server, visit, tmp_path):
    root = write_classes(tmp_path / "cells", {"Class A": 12, "Class B": 12})
    server = make_server()
    page = visit(server)
    page.locator("#go-baseline").click()
    expect(page.locator("#form-train .problem")).to_have_text(
        "3 fields need attention; nothing was started."
    )
    assert server.jobs() == []
    given = {"input": str(root), "output": str(tmp_path / "model"), "target": "Class"}
    for name, text in given.items():
        field(page, "train", name).fill(text)
    page.locator("#go-baseline").click()
    expect(card(page, "baseline")).to_have_attribute("data-state", ENDED, timeout=JOB)
    assert [job.verb for job in server.jobs()] == ["baseline"]
    results = page.locator("#results-baseline [data-results]")
    expect(results).to_be_visible(timeout=JOB)
    expect(page.locator("#notice")).to_contain_text("Classical baseline is done")
    assert page.locator("#jobs-train .job").count() == 0
    results.get_by_role("link", name="Open").click()
    expect(page.locator("#main")).to_contain_text("Comparison with the neural network")
    page.get_by_role("link", name="Features", exact=True).click()
    expect(page.locator("#main")).to_contain_text("Features that separate the classes")
    expect(page.locator("[data-drawn]")).to_have_count(1)
    assert_accessible(page)
