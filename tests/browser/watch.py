"""What must hold on every page: no other host, no error, nothing that axe-core finds serious."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError

AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text("utf-8")
_OWN = ("", "localhost", "127.0.0.1")  # blank: data and blobs, which are of the page itself
_RUN = "() => axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations)"


class Watch:
    """Writes down what a browser context does that it should not."""

    def __init__(self, context: BrowserContext) -> None:
        self.found: list[str] = []
        self._expected: list[str] = []
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", self._error)

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in (None, *_OWN):
            self.found.append(f"request to another host: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            place = message.location.get("url", "")
            self.found.append(f"console error: {message.text} ({place})")

    def _error(self, error: WebError) -> None:
        self.found.append(f"error of the page: {error.error}")

    def expect(self, pattern: str) -> None:
        """Say what may be found until the test ends, as a regular expression."""
        self._expected.append(pattern)

    def verdict(self) -> list[str]:
        """Give what was found and not expected, and begin anew."""
        found, self.found = self.found, []
        expected, self._expected = self._expected, []
        return [told for told in found if not any(re.search(each, told) for each in expected)]


def assert_accessible(page: Page, schemes: tuple[str, ...] = ("light", "dark")) -> None:
    """Let axe-core look at the page as it stands, in light and dark."""
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        # evaluated from outside: a script of the page would need a hole in its security policy
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(AXE)
        found = [each for each in page.evaluate(_RUN) if each["impact"] in ("serious", "critical")]
        assert not found, "\n".join(_told(each, scheme) for each in found)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def _told(violation: dict, scheme: str) -> str:
    places = [f"{node['target']} {node['html'][:200]}" for node in violation["nodes"][:5]]
    return f"{scheme}: {violation['id']} ({violation['help']}) at\n  " + "\n  ".join(places)
