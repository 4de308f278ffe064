"""How fast the page answers while 20 pages watch a training that takes all cores.

    python -m tests.benchmarks.page_load               20 pages, ResNet50 on example cells
    python -m tests.benchmarks.page_load --pages 40

Every page holds the two streams that the real one holds: that of all jobs, and that of the job
that runs. Answers are timed one after the other, first before the training and then during it.
"""

from __future__ import annotations

import argparse
import http.client
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from deepometry.cells.parse import parse
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.train import TrainOptions
from deepometry.images.synthetic.dataset import write_example
from deepometry.web.jobs.queue import FINAL, Jobs
from tests.browser.server import Server

PLACES = ("/", "/jobs", "/static/page/forms.js")
WAIT = 300  # seconds


class Page:
    """What an open page hears: counts the events of its two streams."""

    def __init__(self, host: str, streams: list[str]) -> None:
        self.events = 0
        for place in streams:
            threading.Thread(target=self._listen, args=(host, place), daemon=True).start()

    def _listen(self, host: str, place: str) -> None:
        connection = http.client.HTTPConnection(host)
        connection.request("GET", place)
        answer = connection.getresponse()
        while line := answer.readline():
            self.events += line.startswith(b"event:")


def answers(host: str, times: int) -> dict[str, np.ndarray]:
    """Time each place in turns, in milliseconds, as pages that come one after the other."""
    found: dict[str, list[float]] = {place: [] for place in PLACES}
    for _ in range(times):
        for place in PLACES:
            start = time.perf_counter()
            connection = http.client.HTTPConnection(host)
            connection.request("GET", place)
            answer = connection.getresponse()
            answer.read()
            found[place].append(1000 * (time.perf_counter() - start))
            connection.close()
            if answer.status != 200:
                raise SystemExit(f"{place} was answered with {answer.status}")
            time.sleep(0.02)
    return {place: np.array(each) for place, each in found.items()}


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"no {what} within {WAIT} s")
        time.sleep(0.2)


def show(when: str, found: dict[str, np.ndarray]) -> None:
    """Print median and 95 % of each place."""
    for place, each in found.items():
        print(f"{when:16} {place:16} {np.median(each):8.1f} {np.percentile(each, 95):8.1f}")


def main() -> None:
    """Serve, open the pages, train, and time the answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--network", default="resnet50")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        server = Server(Path(place))
        options = _training(server.user, asked.network)
        server.start()
        try:
            _measure(server, options, asked.pages, asked.times)
        finally:
            server.end()


def _training(user: Path, network: str) -> TrainOptions:
    write_example(user / "images", 1400, 0)
    parse(ParseOptions(input=user / "images", output=user / "parsed", montage=0))
    return TrainOptions(
        input=user / "parsed", output=user / "model", target="Class", network=network
    )


def _measure(server: Server, options: TrainOptions, pages: int, times: int) -> None:
    host = urlsplit(server.address).netloc
    print(f"{'':16} {'':16} {'median':>8} {'95 %':>8}  ms")
    show("idle", answers(host, times))
    jobs = Jobs(server.state / "jobs")  # another view on the same folder: the server runs it
    job = jobs.submit(options)
    until(lambda: "Epoch" in jobs.get(job.id).text, "training step")
    opened = [Page(host, ["/events", f"/jobs/{job.id}/events"]) for _ in range(pages)]
    until(lambda: all(page.events > 3 for page in opened), "events on every page")
    before = [page.events for page in opened]
    show("training", answers(host, times))
    if jobs.get(job.id).state in FINAL:
        raise SystemExit("the training ended before the answers were timed")
    heard = [page.events - n for page, n in zip(opened, before, strict=True)]
    print(f"each of {pages} pages heard {min(heard)} to {max(heard)} events meanwhile")


if __name__ == "__main__":
    main()
