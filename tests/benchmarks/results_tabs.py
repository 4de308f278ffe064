"""How soon a tab of the results of a prediction of a million cells is drawn after a click.

    python -m tests.benchmarks.results_tabs               1,000,000 cells
    python -m tests.benchmarks.results_tabs --cells 1e4 --times 20

The time is that from a click on the tab to the last of its charts, or to its content where it has
none, in headless Chromium with the real server. The cells themselves are not parsed: pictures of
cells are not part of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

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


def drawn(page: Page, tab: str) -> float:
    """Press a tab; return the milliseconds until it is drawn."""
    link = page.get_by_role("navigation", name="Results").get_by_role("link", name=tab, exact=True)
    start = time.perf_counter()
    link.click(no_wait_after=True)
    page.wait_for_function(
        """(tab) => document.querySelector(".r-tabs [aria-current]")?.textContent === tab
            && document.readyState !== "loading" && window.htmx
            && [...document.querySelectorAll("[data-chart]")].every((each) => each.dataset.drawn)
            && !document.querySelector(".r-found > .r-wait")""",
        arg=tab,
        polling=5,
        timeout=120_000,
    )
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Make the prediction, serve it, and press every tab in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=float, default=1e6)
    parser.add_argument("--times", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, sync_playwright() as web:
        server, start = Server(Path(place)), time.time()
        options = make_prediction(Path(place) / "predictions", int(asked.cells))
        job = Jobs(server.state / "jobs").record(options, {}, start, time.time())
        print(f"made in {time.time() - start:.0f} s", flush=True)
        server.start()
        page = web.chromium.launch(executable_path=find_chromium()).new_page()
        page.goto(server.place(f"runs/{job.id}"))
        tabs = page.get_by_role("navigation", name="Results").get_by_role("link").all_inner_texts()
        found: dict[str, list[float]] = {tab: [] for tab in tabs}
        for _ in range(asked.times + 1):
            for tab in reversed(tabs):
                found[tab].append(drawn(page, tab))
        print(f"{'tab':14} {'first':>8} {'median':>8} {'slowest':>8}   ms")
        for tab, (first, *each) in found.items():
            print(f"{tab:14} {first:8.0f} {np.median(each):8.0f} {max(each):8.0f}")
        server.end()


if __name__ == "__main__":
    main()
