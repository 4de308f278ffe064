"""The line under the pattern of file names follows what is typed."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.protocol import field
from tests.browser.server import Server
from tests.browser.watch import assert_accessible
from tests.reading import touch


def test_a_pattern_is_previewed_while_it_is_typed(fresh: Server, visit):
    place = fresh.user / "Named"
    touch(place / "Class A", *(f"cell_{n}_{c}.tif" for n in range(1, 13) for c in (1, 2, 3)))
    page = visit(fresh)
    field(page, "parse", "input").fill(str(place))
    page.locator("#form-parse details.more summary").click()
    line = page.locator("#names-form-parse")
    expect(line).to_contain_text("can be read in more than one way")
    expect(line).to_have_attribute("data-state", "warn")
    pattern = field(page, "parse", "pattern")
    pattern.press_sequentially("{cell}_{channel}")
    expect(line).to_have_text("36 files = 12 cells x channels 1 to 3.")
    expect(line).to_have_attribute("data-state", "good")
    assert "names-form-parse" in (pattern.get_attribute("aria-describedby") or "")
    pattern.fill("{channel}")
    expect(line).to_contain_text("Expected {cell} in it for the name of the cell")
    expect(line).to_have_attribute("data-state", "bad")
    pattern.fill("{cell}")
    expect(line).to_have_text("36 files, each by itself.")
    assert_accessible(page)
