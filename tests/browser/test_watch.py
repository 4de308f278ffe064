"""The watch itself: it finds what the other tests rely on not to be there."""

from __future__ import annotations

import pytest

from tests.browser.conftest import watch_of
from tests.browser.server import Server
from tests.browser.test_layout import assert_fits
from tests.browser.watch import assert_accessible


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("console.error('oh')", "console error: oh"),
        ("setTimeout(() => { throw new Error('no') })", "error of the page: .*no"),
        ("document.body.append(Object.assign(new Image(), {src: '/none.png'}))", "none.png"),
        ("fetch('http://other.invalid/x').catch(() => {})", "other.invalid"),
        ("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">')", "style"),
    ],
)
def test_errors_and_other_hosts_are_found(fresh: Server, visit, act, told):
    page = visit(fresh)
    watch_of(page).expect(told)
    page.evaluate(f"() => {{ {act} }}")
    page.wait_for_timeout(0)
    for _ in range(100):
        if watch_of(page).found:
            return
        page.wait_for_timeout(50)
    raise AssertionError("nothing was found")


def test_what_is_not_accessible_is_found(fresh: Server, visit):
    page = visit(fresh)
    page.evaluate("() => document.querySelector('label[for=parse-frame]').remove()")
    with pytest.raises(AssertionError, match="parse-frame"):
        assert_accessible(page, ("light",))


def test_what_does_not_fit_is_found(fresh: Server, visit):
    page = visit(fresh)
    purpose = page.locator(".purpose").first
    purpose.evaluate("each => { each.style.whiteSpace = 'nowrap'; each.append('W '.repeat(400)); }")
    with pytest.raises(AssertionError, match="<= 1600"):
        assert_fits(page)


def test_a_server_that_dies_early_is_told_with_its_log(tmp_path):
    server = Server(tmp_path / "<none>")
    server.address = "http://localhost:99999/"
    with pytest.raises(AssertionError, match=r"did not start(.|\n)*port"):
        server.start()
