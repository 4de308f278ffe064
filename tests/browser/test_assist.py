"""Assisted labelling in a browser: cells measured, sorted and labelled, the panel, the training."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

import deepometry
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.cells.parse import parse
from deepometry.core.options.parse import ParseOptions
from deepometry.web.jobs.queue import Jobs
from tests.browser.labelling import label_by_keys, note, saved
from tests.browser.watch import assert_accessible

CELLS = 140
LABELS = 80
JOB = 120_000  # milliseconds


@pytest.fixture(scope="module")
def server(make_server):
    """A server beside parsed example cells, with classes but no labels."""
    made = make_server()
    images, parsed = made.user / "images", made.user / "parsed"
    deepometry.example(output=images, cells=CELLS)
    options, start = ParseOptions(input=images, output=parsed, frame=24), time.time()
    Jobs(made.state / "jobs").record(options, parse(options), start, time.time())
    labels = open_hand_labels(parsed, "Shape", make=True)
    names = sorted({path.name.removeprefix("Class ") for path in parsed.glob("**/Class *")})
    for name in names:
        labels.add_class(name)
    made.__dict__ |= {"parsed": parsed, "names": names}
    return made


def test_cells_are_measured_sorted_and_labelled(server, visit):
    page: Page = visit(server, f"labelling?cells={server.parsed}&name=Shape")
    told = page.locator("[data-of=assist-state]")
    page.get_by_role("button", name="Measure all cells").click()
    expect(told).to_contain_text("classical features", timeout=JOB)
    sort = page.get_by_role("group", name="Sort the cells")
    sort.get_by_role("button", name="Most uncertain").click()
    expect(note(page)).to_contain_text("when two classes have labels")
    assert_accessible(page)
    keys = {name: str(number) for number, name in enumerate(server.names, 1)}
    label_by_keys(page, keys, LABELS)
    saved(page)
    expect(page.locator("[data-of=progress]")).to_have_text(f"{LABELS} of {CELLS} cells labelled")
    expect(told).to_contain_text("Has learnt from", timeout=JOB)
    expect(page.locator("[data-of=assist-accuracy]")).to_contain_text("%", timeout=JOB)
    expect(page.locator("[data-of=assist-advice]")).to_contain_text("of the predictions")
    show = page.locator("select[name=show]")
    sort.get_by_role("button", name="Likely mislabelled").click()
    expect(show).to_have_value("labelled")
    expect(note(page)).to_have_text(re.compile("the most doubtful first|There are no such cells"))
    sort.get_by_role("button", name="Most likely of class").click()
    expect(page.locator("select[name=label]")).to_be_visible()
    expect(show).to_have_value("unlabelled")
    page.get_by_role("button", name="Start training now").click()
    expect(page.locator("#step-train")).to_be_visible(timeout=JOB)
    jobs = Jobs(server.state / "jobs")
    job = next(each for each in jobs.list() if each.verb == "train")
    assert job.options["target"] == "Shape"
    jobs.cancel(job.id)
