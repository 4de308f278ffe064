"""The preview of intensity scalings in the form Model training."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.protocol import field, unfold
from tests.browser.watch import assert_accessible
from tests.test_scalings import write


@pytest.fixture(scope="module")
def server(make_server):
    made = make_server()
    made.cells = write(made.user / "parsed", lambda images, day: images + np.int64(40 * day))
    return made


def test_scalings_are_previewed_before_a_training(server, visit):
    page = visit(server)
    unfold(page, "train")
    field(page, "train", "input").fill(str(server.cells))
    field(page, "train", "target").fill("Class")
    page.locator("#form-train .more > summary").click()
    page.locator("#form-train .scalings").click()
    place = page.locator("#scalings-train")
    expect(place).to_contain_text("Recommended: background")
    expect(place.get_by_role("row")).to_have_count(11)
    picture = place.get_by_role("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 400
    assert_accessible(page)
    place.get_by_role("button", name="Enlarge the picture of the scalings").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    place.locator("summary").click()
    expect(picture).to_be_hidden()
    page.locator("#form-train .scalings").scroll_into_view_if_needed()
