"""Limits on features of cells as a user sets them: by their histograms, and with the keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.protocol import ENDED, JOB, card, field
from tests.browser.watch import assert_accessible
from tests.test_gate import write_cells

MEASURED = 120_000  # milliseconds; kernels may have to be compiled first


@pytest.fixture(scope="module")
def server(make_server):
    made = make_server()
    made.cells = write_cells(made.user / "parsed")
    return made


def drag(page: Page, plot: Locator, start: float, end: float) -> None:
    """Drag on a histogram from a share of its width to another."""
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    across, height = [box["x"] + box["width"] * share for share in (start, end)], box["y"] + 50
    page.mouse.move(across[0], height)
    page.mouse.down()
    page.mouse.move(across[1], height, steps=4)
    page.mouse.up()


def outside(page: Page) -> Locator:
    return page.locator("#targets-gate [role=status]").first


def test_a_limit_is_dragged_counted_kept_and_removed(server, visit):
    page = visit(server)
    field(page, "gate", "input").fill(str(server.cells))
    page.get_by_role("button", name="Histograms").click()
    plot = page.locator("#targets-gate .histogram-plot")
    expect(plot).to_be_visible(timeout=MEASURED)
    limits = field(page, "gate", "limits")
    drag(page, plot, 0.01, 0.2)
    expect(limits).to_have_value(re.compile(r"Area Ch3 = [\d.]+\.\.$"))
    expect(outside(page)).to_have_text("8 of 128 cells (6 %) outside of the limits.")
    low = plot.get_by_role("slider", name="At least")
    low.press("Delete")
    expect(limits).to_have_value("")
    low.press("PageUp")
    low.press("PageUp")
    expect(outside(page)).to_contain_text("8 of 128 cells")
    expect(page.locator("#targets-gate figure.is-outside img")).to_have_count(6)
    page.get_by_label("Feature", exact=True).select_option("Objects Ch6")
    expect(page.get_by_role("button", name="Show Area Ch3")).to_be_visible()
    assert_accessible(page)

    field(page, "gate", "output").fill(str(server.user / "gate"))
    page.locator("#go-gate").click()
    expect(card(page, "gate")).to_have_attribute("data-state", ENDED, timeout=JOB)
    assert card(page, "gate").get_attribute("data-state") == "done", server.job("gate")
    expect(field(page, "gate", "like")).to_have_value("")  # limits are not taken from two places
    expect(page.locator("#targets-gate [data-of=gates]")).to_contain_text("8 gated out")

    field(page, "train", "input").fill(str(server.cells))
    page.locator("#form-train .retrieve").click()
    expect(page.locator("#targets-train .target")).to_contain_text(re.compile(r"gated out\s*8"))

    removed = page.get_by_role("button", name="Remove Good cells")
    removed.click()
    removed.click()
    expect(page.locator("#targets-gate [data-of=gates]")).to_contain_text("have no gate")
    assert not list((server.cells / "gates").iterdir())
