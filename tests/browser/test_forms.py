"""The forms of a first visit: welcome, mistakes, what is missing, tooltips."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.protocol import field
from tests.browser.server import Server
from tests.browser.watch import assert_accessible

VERBS = ("parse", "train", "predict", "extract")


def bubble(page: Page, name: str):
    return page.locator(f"#tip-{name}")


def test_the_first_visit_is_welcoming(fresh: Server, visit):
    page = visit(fresh)
    expect(page.locator("#welcome")).to_have_attribute("open", "")
    expect(page.get_by_role("button", name="Try it with example cells")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("A folder tree"))).to_be_visible()
    titles = page.locator(".step h2").all_inner_texts()
    assert titles == [
        "1. Preprocessing",
        "2. Model training",
        "3a. Prediction",
        "3b. Feature extraction",
    ]
    assert_accessible(page)


def test_all_mistakes_are_told_at_once_beside_their_fields(fresh: Server, visit):
    page = visit(fresh)
    wrong = {
        "input": "/no/such <b>place</b>",
        "output": "somewhere",
        "frame": "4x",
        "channels": "0",
        "montage": "-1",
        "split": "most",
    }
    for name, text in wrong.items():
        field(page, "parse", name).fill(text)
    page.locator("#form-parse details.more summary").click()
    field(page, "parse", "seed").fill("luck")
    page.locator("#go-parse").click()
    problem = page.locator("#form-parse .problem")
    expect(problem).to_have_text("7 fields need attention; nothing was started.")
    for name, text in (wrong | {"seed": "luck"}).items():
        place = page.locator(f"#form-parse .field[data-name={name}]")
        expect(place.locator(".error")).to_be_visible()
        expect(place.locator("input")).to_have_value(text)
        expect(place.locator("input")).to_have_attribute("aria-invalid", "true")
    expect(field(page, "parse", "input")).to_be_focused()
    assert page.locator("#form-parse b").count() == 0
    assert fresh.jobs() == []
    assert_accessible(page)


def test_a_button_says_which_fields_are_missing(fresh: Server, visit):
    page = visit(fresh)
    told = page.locator("#missing-train")
    expect(told).to_be_hidden()
    page.locator("#go-train").hover()
    expect(told).to_be_visible()
    expect(told).to_have_text(
        "Still missing: Input location, Output location, Target classification."
    )
    field(page, "train", "input").fill("/data")
    field(page, "train", "target").fill("Class")
    page.locator("#go-train").hover()
    expect(told).to_have_text("Still missing: Output location.")
    field(page, "train", "output").fill("/model")
    page.locator("#go-train").focus()
    expect(told).to_have_text("Starts with the values shown in the form.")


def test_every_field_and_button_has_a_tooltip(fresh: Server, visit):
    page = visit(fresh)
    bare = page.evaluate(
        """() => [...document.querySelectorAll(".form input, .form select, .form button[type]")]
            .filter((each) => each.type !== "hidden" && !each.closest("#look"))
            .filter((each) => {
                const owner = each.closest("fieldset, .field")?.querySelector(".tip") ?? each;
                const bubble = document.getElementById(owner.dataset.tip);
                return !bubble || bubble.textContent.trim().length < 10;
            }).map((each) => each.outerHTML)"""
    )
    assert bare == []
    for verb in VERBS:
        assert "Example: " in bubble(page, f"{verb}-input").text_content()


def test_tooltips_by_hover(fresh: Server, visit):
    page = visit(fresh)
    page.get_by_role("button", name="About Frame size").hover()
    expect(bubble(page, "parse-frame")).to_be_visible()
    page.locator(".motto").hover()
    expect(bubble(page, "parse-frame")).to_be_hidden()
    page.locator("#form-parse .pick").first.hover()
    expect(page.locator("#pick-parse-input")).to_be_visible()


def test_tooltips_by_keyboard(fresh: Server, visit):
    page = visit(fresh)
    field(page, "parse", "frame").focus()
    page.keyboard.press("Shift+Tab")
    tip = page.get_by_role("button", name="About Frame size")
    expect(tip).to_be_focused()
    expect(bubble(page, "parse-frame")).to_be_visible()
    expect(tip).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(bubble(page, "parse-frame")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(bubble(page, "parse-frame")).to_be_visible()
    page.keyboard.press("Tab")
    expect(bubble(page, "parse-frame")).to_be_hidden()


def test_tooltips_by_touch(fresh: Server, visit):
    page = visit(fresh, has_touch=True, is_mobile=True, viewport={"width": 375, "height": 700})
    tip = page.get_by_role("button", name="About Channels").first
    tip.tap()
    expect(bubble(page, "parse-channels")).to_be_visible()
    box = bubble(page, "parse-channels").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 375
    tip.tap()
    expect(bubble(page, "parse-channels")).to_be_hidden()
    tip.tap()
    page.locator("#title-parse").tap()
    expect(bubble(page, "parse-channels")).to_be_hidden()


def test_a_button_held_by_touch_tells_what_it_does_and_does_nothing(fresh: Server, visit):
    page = visit(fresh, has_touch=True, is_mobile=True, viewport={"width": 375, "height": 700})
    button = page.locator("#form-parse .pick").first
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    finger = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [finger]})
    expect(page.locator("#pick-parse-input")).to_be_visible()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(100)
    expect(page.locator("#pick-parse-input")).to_be_visible()
    expect(page.locator("#picker")).not_to_have_attribute("open", "")
    button.tap()
    expect(page.locator("#picker")).to_have_attribute("open", "")
    expect(page.locator("#pick-parse-input")).to_be_hidden()
    page.get_by_role("button", name="Close without selecting").focus()
    page.keyboard.press("Shift")
    assert_accessible(page, ("light",))


def test_the_page_is_used_without_a_mouse(fresh: Server, visit):
    page = visit(fresh)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the forms")).to_be_focused()
    page.keyboard.press("Enter")
    field(page, "parse", "input").focus()
    page.keyboard.type("/no")
    page.keyboard.press("Enter")
    expect(page.locator("#form-parse .problem")).to_be_visible()


def test_what_is_typed_before_the_scripts_are_there_stays(fresh: Server, visit):
    held: list[Route] = []
    page = visit(fresh)
    page.route("**/page/forms.js", lambda route: held.append(route))
    page.goto(fresh.place(), wait_until="commit")
    field(page, "parse", "montage").fill("7")
    page.wait_for_timeout(100)
    held[0].continue_()
    page.wait_for_load_state()
    page.unroute_all()
    page.reload()
    expect(field(page, "parse", "montage")).to_have_value("7")


def test_what_was_typed_outlives_a_reload(fresh: Server, visit):
    page = visit(fresh)
    field(page, "parse", "frame").fill("77")
    page.locator("#form-train details.more summary").click()
    field(page, "train", "resume").check()
    page.reload()
    expect(field(page, "parse", "frame")).to_have_value("77")
    expect(field(page, "train", "resume")).to_be_checked()
    expect(page.locator("#notice")).to_be_empty()


def test_the_tooltip_of_a_button_stays_away_after_its_press(fresh: Server, visit):
    page = visit(fresh)
    page.locator("#go-parse").click()
    expect(page.locator("#form-parse .problem")).to_be_visible()
    page.wait_for_timeout(300)  # in which the new button under the pointer could show its own
    expect(page.locator("#missing-parse")).to_be_hidden()
    page.mouse.move(5, 5)
    page.locator("#go-parse").hover()
    expect(page.locator("#missing-parse")).to_be_visible()


def test_a_tooltip_leaves_its_field_and_the_next_one_free(fresh: Server, visit):
    page = visit(fresh)
    for name, after in [("parse-frame", "parse-channels"), ("train-target", "train-epochs")]:
        page.locator(f"button[data-tip=tip-{name}]").hover()
        tip = bubble(page, name)
        expect(tip).to_be_visible()
        box = tip.bounding_box()
        for free in (name, after):
            field = page.locator(f"#{free}").bounding_box()
            assert (
                box["y"] + box["height"] <= field["y"] or box["y"] >= field["y"] + field["height"]
            )
        page.mouse.move(0, 0)
        expect(tip).to_be_hidden()
