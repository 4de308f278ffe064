"""The pages by the Tab key alone: all is reached, in reading order, and the focus is seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.protocol import JOB, Protocol

MOST = 600  # presses
# Marks whatever can be used now; of a group of radio buttons Tab reaches one
_MARK = """() => {
    const wanted = "a[href], button, input, select, textarea, summary, iframe, [tabindex='0']";
    const shown = (each) => each.checkVisibility({checkVisibilityCSS: true});
    const groups = new Set();
    let number = 0;
    for (const each of document.querySelectorAll(wanted)) {
        if (each.disabled || each.type === "hidden" || each.tabIndex < 0 || !shown(each)) continue;
        if (each.type === "radio") {
            const group = `${each.form?.id} ${each.name}`;
            const same = [...document.querySelectorAll(`input[name="${each.name}"]`)];
            const chosen = same.find((other) => other.checked && other.form === each.form);
            if (groups.has(group) || (chosen && chosen !== each)) continue;
            groups.add(group);
        }
        each.dataset.walk = number++;
    }
    return number;
}"""
# Says where the focus is, and how it shows
_FOCUS = """() => {
    const each = document.activeElement;
    if (!each || each === document.body) return null;
    const style = getComputedStyle(each);
    const box = each.getBoundingClientRect();
    return {
        walk: each.dataset.walk === undefined ? null : Number(each.dataset.walk),
        ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1,
        seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
        html: each.outerHTML.slice(0, 160),
    };
}"""
# What is pressed by mouse, but cannot be focused, by what it asks of the server or says of itself
_DEAD = """() => [...document.querySelectorAll("[hx-get], [hx-post], [role=button]")]
    .filter((each) => !/^(A|BUTTON|FORM|SUMMARY|DETAILS|INPUT|SELECT)$/.test(each.tagName))
    .filter((each) => each.tabIndex < 0)
    .filter((each) => !/load|every|from:|toggle|intersect/.test(each.getAttribute("hx-trigger")))
    .map((each) => each.outerHTML.slice(0, 160))"""
# What was there all the time; lists of jobs may have been renewed meanwhile, and buttons disabled
_MISSED = """reached => [...document.querySelectorAll("[data-walk]:not(:disabled)")]
    .filter((each) => !reached.includes(Number(each.dataset.walk)))
    .map((each) => each.outerHTML.slice(0, 160))"""
_DRAWN = "() => !document.querySelector('[data-chart]:not([data-drawn])')"


def walk(page: Page) -> None:
    """Press Tab from the top to the end of a page, and hold every stop to the rules."""
    count = page.evaluate(_MARK)
    page.keyboard.press("Shift")  # from here on it is the keyboard that is used
    page.evaluate("() => { scrollTo(0, 0); document.querySelector('.skip').focus(); }")
    stops = []
    for _ in range(MOST):
        stop = page.evaluate(_FOCUS)
        if stop is None or (stops and stop["walk"] == stops[0]["walk"]):
            break
        if not (stop["ring"] and stop["seen"]):  # a picture that came in just now moved it away
            page.keyboard.press("Shift+Tab")
            page.keyboard.press("Tab")
            stop = page.evaluate(_FOCUS)
        stops.append(stop)
        page.keyboard.press("Tab")
    told = [stop["html"] for stop in stops if not (stop["ring"] and stop["seen"])]
    assert told == [], "the focus is not seen"
    reached = [stop["walk"] for stop in stops if stop["walk"] is not None]
    assert page.evaluate(_MISSED, reached) == [], f"{len(reached)} of {count} were reached"
    assert len(reached) > 0.8 * count
    assert reached == sorted(reached), "the order is not that of reading"
    assert page.evaluate(_DEAD) == []


def test_the_forms_are_walked_through(extracted: Protocol, visit):
    page = visit(extracted.server)
    expect(page.locator("#results-extract [data-results]")).to_be_visible()
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => each.open = true)")
    expect(page.locator("#form-train")).to_be_visible()
    look = page.locator("#look [data-look=gallery]")  # what comes in above the focus moves it away
    page.wait_for_function("image => image.complete", arg=look.element_handle(timeout=JOB))
    walk(page)


def test_the_list_of_runs_is_walked_through(extracted: Protocol, visit):
    page = visit(extracted.server, "runs")
    expect(page.locator("[data-run]")).not_to_have_count(0)
    walk(page)


@pytest.mark.parametrize("verb", ["parse", "train", "predict", "extract"])
def test_every_tab_of_the_results_is_walked_through(extracted: Protocol, visit, verb):
    page = visit(extracted.server, f"runs/{extracted.server.job(verb).id}")
    links = page.get_by_role("navigation", name="Results").get_by_role("link").all()
    for address in [link.get_attribute("href") for link in links]:
        page.goto(extracted.server.place(address.lstrip("/")))
        expect(page.locator("#main")).to_be_visible()
        page.wait_for_function(_DRAWN)
        walk(page)


def test_every_page_begins_with_a_way_past_its_head(extracted: Protocol, visit):
    page = visit(extracted.server)
    for path in ("", "runs", "projects", f"runs/{extracted.server.job('predict').id}"):
        page.goto(extracted.server.place(path))
        page.keyboard.press("Tab")
        link = page.locator(".skip")
        expect(link).to_be_focused()
        assert link.bounding_box()["y"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        inside = "() => document.querySelector('#main').contains(document.activeElement)"
        assert page.evaluate(inside), path
