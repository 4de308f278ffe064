"""How soon a tab of the results of a prediction of a million cells is drawn after a click.

    python -m tests.benchmarks.results_tabs               1,000,000 cells
    python -m tests.benchmarks.results_tabs --cells 1e4 --times 20
    python -m tests.benchmarks.results_tabs --table kept  predictions made once, to use again

The time is that from a click on the tab to the last of its charts, its cells, or else its content,
in headless Chromium with the real server. Beside it stand the seconds of processor time that the
server takes for it, and the load of the machine. The cells are opened three times: without an
index, with one after the server was started anew, and sorted by a column for the first time. They
are not parsed: pictures of cells are not part of it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from deepometry.core.options.predict import PredictOptions
from deepometry.core.run_records import provenance, write_json
from deepometry.evaluation.confusion import confusion, scores
from deepometry.evaluation.evaluate import evaluate
from deepometry.evaluation.write import write_evaluation
from deepometry.web.jobs.queue import Jobs
from tests.browser.conftest import find_chromium
from tests.browser.server import Server

LABELS = [f"Class_{number}" for number in range(7)]
_PIECE = 50_000  # rows of the table at once


def make_prediction(folder: Path, cells: int) -> PredictOptions:
    """Write what `predict` writes of so many cells, but for the pictures; return its options."""
    rng = np.random.default_rng(1)
    true = rng.integers(len(LABELS), size=cells)
    logits = rng.normal(size=(cells, len(LABELS))).astype(np.float32)
    logits[np.arange(cells), true] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    predicted = probabilities.argmax(1)
    folder.mkdir(parents=True)
    write_evaluation(folder, evaluate(true, predicted, probabilities, LABELS))
    _write_cells(folder / "predicted.csv", true, predicted, probabilities)
    matrix = confusion(true, predicted, len(LABELS))
    rows = [",".join(["", *LABELS])]
    rows += [",".join([name, *map(str, row)]) for name, row in zip(LABELS, matrix, strict=True)]
    (folder / "confusion_matrix.csv").write_text("\n".join(rows) + "\n", "utf-8")
    options = PredictOptions(input=folder, output=folder, model=folder)
    counts = dict(zip(LABELS, np.bincount(predicted, minlength=len(LABELS)).tolist(), strict=True))
    files = sorted(path.name for path in folder.iterdir())
    found = {"cells": cells, "counts": counts, "scores": scores(matrix), "files": files}
    write_json(folder / "predict.json", {**provenance("predict", options), **found})
    return options


def _write_cells(
    path: Path, true: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray
) -> None:
    names = ["source", "object", "true_label", "label"]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join([*names, *(f"probability_{name}" for name in LABELS)]) + "\n")
        for start in range(0, len(true), _PIECE):
            rows = range(start, min(start + _PIECE, len(true)))
            file.writelines(
                f"s{n % 50}.cif,{n},{LABELS[true[n]]},{LABELS[predicted[n]]},"
                + ",".join(f"{each:.4f}" for each in probabilities[n])
                + "\n"
                for n in rows
            )


def drawn(page: Page, tab: str, server: psutil.Process) -> tuple[float, float]:
    """Press a tab; return the milliseconds until it is drawn, and those of the server's work."""
    before = _worked(server)
    link = page.get_by_role("navigation", name="Results").get_by_role("link", name=tab, exact=True)
    start = time.perf_counter()
    link.click(no_wait_after=True)
    page.wait_for_function(
        """(tab) => document.querySelector(".r-tabs [aria-current]")?.textContent === tab
            && document.readyState !== "loading" && window.htmx
            && [...document.querySelectorAll("[data-chart]")].every((each) => each.dataset.drawn)
            && [...document.querySelectorAll(".c-mount")].every((each) =>
                each.querySelector("[data-ready]"))""",
        arg=tab,
        polling=5,
        timeout=120_000,
    )
    return 1000 * (time.perf_counter() - start), _worked(server) - before


def sorted_by(page: Page, column: str, server: psutil.Process) -> tuple[float, float]:
    """Sort the cells by a column; return times as `drawn` does."""
    before, start = _worked(server), time.perf_counter()
    with page.expect_response(lambda answer: "part=grid" in answer.url, timeout=120_000):
        page.get_by_label("Sort by").select_option(f"column {column}")
    return 1000 * (time.perf_counter() - start), _worked(server) - before


def _worked(server: psutil.Process) -> float:
    times = server.cpu_times()
    return 1000 * (times.user + times.system)


def _load() -> str:
    return f"load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores"


def main() -> None:
    """Make the prediction, serve it, and press every tab in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=float, default=1e6)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--table", type=Path, help="Folder of the predictions; made if not there.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, sync_playwright() as web:
        folder = asked.table or Path(place) / "predictions"
        if not folder.exists():
            make_prediction(folder, int(asked.cells))
        server, now = Server(Path(place)), time.time()
        record = json.loads((folder / "predict.json").read_text("utf-8"))
        written = datetime.fromisoformat(record["written"]).timestamp()
        options = PredictOptions(input=folder, output=folder, model=folder)
        job = Jobs(server.state / "jobs").record(options, {}, written - 1, now)
        measure(server, web.chromium.launch(executable_path=find_chromium()), job.id, asked.times)


def measure(server: Server, browser: Browser, id: str, times: int) -> None:
    """Press every tab in turns, and print how long each took."""
    for what in ("no index of the cells", "an index of the cells"):
        process = started(server)
        page = browser.new_page()
        page.goto(server.place(f"runs/{id}"))
        print(f"{what}: {told(drawn(page, 'Cells', process))}", flush=True)
        print(f"sorted by a column: {told(sorted_by(page, 'probability_Class_3', process))}")
        if what.startswith("no"):
            page.close()
            server.end()
    tabs = page.get_by_role("navigation", name="Results").get_by_role("link").all_inner_texts()
    found: dict[str, list[tuple[float, float]]] = {tab: [] for tab in tabs}
    for _ in range(times + 1):
        for tab in reversed(tabs):
            found[tab].append(drawn(page, tab, process))
    print(f"{'tab':14} {'first':>8} {'median':>8} {'slowest':>8} {'server':>8}   ms   ({_load()})")
    for tab, each in found.items():
        (first, *rest), server_times = [wall for wall, _ in each], [work for _, work in each]
        row = (first, np.median(rest), max(rest), np.median(server_times))
        print(f"{tab:14}", *(f"{number:8.0f}" for number in row))
    server.end()


def started(server: Server) -> psutil.Process:
    """Start the server; return its process."""
    server.start()
    return psutil.Process(server.process_id)


def told(times: tuple[float, float]) -> str:
    """Return times in words."""
    return f"{times[0]:.0f} ms, of which the server worked {times[1]:.0f} ms ({_load()})"


if __name__ == "__main__":
    main()
