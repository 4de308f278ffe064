"""Forms of steps that have run are folded into a line, and unfold for whatever is to be seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.protocol import Protocol, field, unfold
from tests.browser.watch import assert_accessible

VERBS = ("parse", "train", "predict", "extract")
# What the cards of jobs say when one has ended
_END = """verb => document.dispatchEvent(new CustomEvent(
    "deepometry:job-ended", {detail: document.querySelector(`#jobs-${verb} .job`)}))"""


@pytest.fixture
def page(extracted: Protocol, visit) -> Page:
    return visit(extracted.server)


def fold(page: Page, verb: str) -> Locator:
    return page.locator(f"#fold-{verb}")


def line(page: Page, verb: str) -> Locator:
    return page.locator(f"#results-{verb} .r-line")


def test_a_form_folds_when_its_step_is_done(extracted: Protocol):
    page = extracted.page if extracted.page.locator("#form-extract").count() else extracted.home()
    for verb in VERBS:
        expect(page.locator(f"#form-{verb}")).to_be_hidden()
        expect(line(page, verb)).to_be_visible()
        expect(page.locator(f"#jobs-{verb} .job")).to_be_hidden()
    expect(page.locator("#form-summary")).to_be_hidden()  # which has not run, below another form
    expect(fold(page, "summary").locator("> summary")).to_contain_text("Fill in")


def test_lines_have_name_number_and_a_way_to_the_results(page: Page):
    for verb, name in zip(
        VERBS, ("parsed_1", "model_1", "predictions_1", "features_1"), strict=True
    ):
        expect(page.locator(f"#form-{verb}")).to_be_hidden()
        expect(line(page, verb)).to_contain_text(f"{name}, ")
        expect(line(page, verb).locator("b")).not_to_be_empty()
        expect(line(page, verb).get_by_role("link", name="Open")).to_be_visible()
    assert_accessible(page)


def test_a_form_is_unfolded_by_keyboard(page: Page):
    summary = fold(page, "parse").locator("summary").first
    line(page, "parse").get_by_role("link", name="Open").focus()
    page.keyboard.press("Tab")
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#form-parse")).to_be_visible()
    expect(page.locator("#jobs-parse .job")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#form-parse")).to_be_hidden()


def test_mistakes_and_values_that_are_filled_in_unfold_a_form(page: Page):
    page.locator("#past-jobs summary").first.click()
    row = page.locator("#past tbody tr").filter(has_text="deepometry train")
    row.get_by_role("button", name="Use again").click()
    expect(page.locator("#go-train")).to_be_focused()
    field(page, "train", "epochs").fill("none")
    # as where the user folds it while the answer is on its way
    page.evaluate("document.querySelector('#go-train').click()")
    page.evaluate("document.querySelector('#fold-train').open = false")
    expect(field(page, "train", "epochs")).to_be_focused()
    expect(page.locator("#form-train .error")).to_be_visible()


def test_a_form_in_use_stays_open_when_a_job_ends(page: Page):
    fold(page, "parse").locator("summary").first.click()
    field(page, "parse", "montage").focus()
    page.evaluate(_END, "parse")
    expect(page.locator("#form-parse")).to_be_visible()
    page.keyboard.press("End")
    page.keyboard.type("7")
    page.locator("#go-parse").focus()
    page.evaluate(_END, "parse")
    expect(page.locator("#form-parse")).to_be_visible()
    page.reload()
    expect(field(page, "parse", "montage")).to_have_value("157")  # typed, so it is shown again
    expect(page.locator("#form-parse")).to_be_visible()


def test_what_is_typed_while_a_form_is_sent_stays(page: Page):
    def answer_late(route: Route) -> None:
        answer = route.fetch()
        field(page, "summary", "group_by").fill("Day")  # which that run has not
        route.fulfill(response=answer)

    page.route("**/run/summary", answer_late)
    field(page, "summary", "output").evaluate("field => field.value = 'nowhere'")
    unfold(page, "summary")
    page.locator("#go-summary").click()
    expect(page.locator("#form-summary .problem")).to_be_visible()  # it is another form now
    expect(field(page, "summary", "group_by")).to_have_value("Day")


def test_a_form_with_another_job_stays_open_when_one_ends(page: Page):
    fold(page, "extract").locator("summary").first.click()
    page.evaluate(
        """() => {
            const card = document.querySelector("#jobs-extract .job");
            const other = card.cloneNode(true);
            other.id = "job-other";
            other.dataset.state = "running";
            card.after(other);
        }"""
    )
    page.evaluate(_END, "extract")
    expect(page.locator("#form-extract")).to_be_visible()


def test_the_focus_goes_to_the_line_when_the_form_folds_around_it(page: Page):
    fold(page, "predict").locator("summary").first.click()
    page.locator("#go-predict").focus()
    page.evaluate(_END, "predict")
    expect(page.locator("#form-predict")).to_be_hidden()
    expect(fold(page, "predict").locator("summary").first).to_be_focused()
