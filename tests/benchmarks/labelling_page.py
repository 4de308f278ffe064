"""Time the answers of the labelling page for a million cells, of which 100,000 are labelled.

python -m tests.benchmarks.labelling_page [cells] [labels]

Writes parsed cells of one pixel each to a temporary folder, labels by two annotators, and asks as
the page does: a screenful of cells, their pictures, a label, an undo. Prints the median and the
slowest of each, in milliseconds; and how long the first opening takes, in seconds.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from deepometry.cells.hand_labels import open_hand_labels
from deepometry.web import create_app
from tests.parsed import write_record

FRAME, A_STACK = 24, 50_000
TIMES = 25


def main(cells: int = 1_000_000, labels: int = 100_000) -> None:
    with tempfile.TemporaryDirectory() as place:
        parsed = write_cells(Path(place) / "parsed", cells)
        write_labels(parsed, cells, labels)
        app = create_app({"HOME": Path(place), "TESTING": True, "WTF_CSRF_ENABLED": False})
        ask(app.test_client(), parsed)


def write_cells(root: Path, cells: int) -> Path:
    """Write stacks of noise in two folders, with their tables."""
    write_record(root, names={})
    rng = np.random.default_rng(0)
    for number, first in enumerate(range(0, cells, A_STACK)):
        folder = root / ("Train", "Hold-out")[number % 5 == 4] / f"Day {number}"
        folder.mkdir(parents=True)
        here = min(A_STACK, cells - first)
        np.save(folder / "a.npy", rng.integers(0, 4096, (here, FRAME, FRAME, 2), np.uint16))
        with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["source", "object", "height", "width", "note"])
            writer.writerows((f"Day {number}/a.cif", row, 24, 24, "") for row in range(here))
    return root


def write_labels(parsed: Path, cells: int, count: int) -> None:
    """Label cells at random by two annotators, who overlap in a tenth."""
    labels = open_hand_labels(parsed, "Phase", make=True)
    classes = [labels.add_class(name).name for name in ("Mitosis", "Interphase", "Debris")]
    chosen = np.random.default_rng(1).choice(cells, count, replace=False).tolist()
    named = [(f"Day {n // A_STACK}/a.cif", str(n % A_STACK)) for n in chosen]
    middle, overlap = count // 2, count // 10
    for who, mine in (("Anna", named[: middle + overlap]), ("Ben", named[middle:])):
        for code, label in enumerate(classes):
            labels.give(mine[code::3], label, who)


def ask(client, parsed: Path) -> None:
    """Ask as the page does, again and again."""
    address = {"cells": str(parsed), "name": "Phase"}

    def get(path: str, **asked):
        query = {**address, "who": "Anna", **asked}
        answer = client.get(f"/labelling/{path}", query_string=query)
        assert answer.status_code == 200, answer.text
        return answer

    def post(path: str, **sent):
        answer = client.post(
            f"/labelling/{path}", query_string=address, json={"who": "Anna", **sent}
        )
        assert answer.status_code == 200, answer.text
        return answer

    start = time.perf_counter()
    while "opening" in get("about.json").json:
        time.sleep(0.1)
    print(f"first opening: {time.perf_counter() - start:.1f} s")
    mitosis = get("about.json").json["classes"][0]["id"]
    screens = [get("cells.json", count=60).json]

    def onward():
        screens.append(get("cells.json", count=60, after=screens[-1]["next"]).json)

    def pictures():
        rows = ",".join(str(each["row"]) for each in screens.pop()["shown"])
        get("pixels.bin", rows=rows, channels="0,1")

    keys = iter([each["key"] for screen in screens for each in screen["shown"]])
    timed("a screenful of unlabelled cells", onward)
    timed("the pictures of a screenful", pictures)
    timed("a label", lambda: post("give", cells=[next(keys)], label=mitosis))
    timed("an undo", lambda: post("undo"))
    timed("labelled cells of a class", lambda: get("cells.json", count=60, show=f"class:{mitosis}"))
    timed("cells on which annotators differ", lambda: get("cells.json", count=60, show="open"))
    timed("all of these in one file", lambda: get("cells.json", count=60, q="Day 3", show="own"))


def timed(what: str, act: Callable[[], object]) -> None:
    """Do something again and again; print how long it took."""
    took = []
    for _ in range(TIMES):
        start = time.perf_counter()
        act()
        took.append(1000 * (time.perf_counter() - start))
    print(f"{what}: median {np.median(took):.0f} ms, slowest {max(took):.0f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
