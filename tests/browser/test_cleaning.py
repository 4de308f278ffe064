"""Limits on features of cells as a user sets them: by their histograms, and with the keyboard."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from deepometry.classical.cleaning.gate import gate
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.gate import GateOptions
from deepometry.maps.embed import embed
from deepometry.web.jobs.queue import Jobs
from tests.browser.protocol import ENDED, JOB, card, field, unfold
from tests.browser.test_explore import lasso, opened
from tests.browser.watch import assert_accessible
from tests.features_table import features_of, write_features
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
    unfold(page, "gate")
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


def test_a_box_of_the_explorer_becomes_a_gate(make_server, visit, tmp_path):
    server = make_server()
    cells = write_cells(server.user / "parsed")
    before = time.time()
    gate(GateOptions(input=cells, output=tmp_path / "gate", limits="Area Ch3 = 60.."))
    features = write_features(tmp_path / "features", features_of(128), input=str(cells))
    told = [f"Class {name}.cif\t{n}" for name, many in (("A", 65), ("B", 63)) for n in range(many)]
    (features / "metadata.tsv").write_text("\n".join(["source\tobject", *told]) + "\n", "utf-8")
    options = EmbedOptions(input=features, output=tmp_path / "map", method="pca")
    job = Jobs(server.state / "jobs").record(options, embed(options), before, time.time())
    page = opened(visit(server, f"explore/{job.id}"))
    page.locator("[data-of=colour]").select_option(label="gated out by the present gates")
    expect(page.locator("[data-of=legend] .r-count")).to_have_text(["120", "8"])
    page.get_by_role("button", name="Second plot").click()
    second = page.locator("[data-of=second]")
    second.locator("[name=x]").select_option(label="Area Ch3")
    second.locator("[name=y]").select_option(label="Aspect Ratio Ch6")
    expect(second.locator("[data-of=second-gate]")).to_contain_text("Choose Box and draw one")
    lasso(page, (0.15, 0.0), (0.99, 0.99), tool="Box", on="[data-of=second-stage]")
    told = second.locator("[data-of=second-gate]")
    expect(told).to_have_text(re.compile(r"Area Ch3 = [\d.]+\.\.: 120 cells inside, 8 outside\."))
    assert_accessible(page)
    second.get_by_role("link", name="Use this box as a gate").click()
    expect(field(page, "gate", "input")).to_have_value(str(cells))
    expect(field(page, "gate", "limits")).to_have_value(re.compile(r"Area Ch3 = [\d.]+\.\.$"))
    expect(outside(page)).to_contain_text("8 of 128 cells", timeout=MEASURED)


def test_thresholds_of_a_stain_are_set_the_same_way(server, visit):
    page = visit(server)
    unfold(page, "stain")
    field(page, "stain", "input").fill(str(server.cells))
    field(page, "stain", "channel").fill("6")
    page.locator("#form-stain .histogram").click()
    plot = page.locator("#targets-stain .histogram-plot")
    expect(plot).to_be_visible(timeout=MEASURED)
    box = plot.bounding_box()
    for x in (0.6, 0.3):
        plot.click(position={"x": x * box["width"], "y": 20})
    handles = plot.get_by_role("slider")
    expect(handles).to_have_count(2)
    thresholds = [
        float(each) for each in field(page, "stain", "thresholds").input_value().split(",")
    ]
    assert thresholds == sorted(thresholds) and thresholds[0] < thresholds[1]
    drag(page, plot, 0.3, 0.8)  # past the other one
    after = [float(each) for each in field(page, "stain", "thresholds").input_value().split(",")]
    assert after[0] == thresholds[1] < after[1]
    handles.last.press("ArrowLeft")
    expect(handles.last).to_be_focused()
    plot.click(position={"x": 0.6 * box["width"], "y": 20})
    expect(handles).to_have_count(1)
