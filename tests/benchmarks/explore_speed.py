"""How fast the explorer opens and moves a map of a million cells, in headless Chromium.

    python tests/benchmarks/explore_speed.py                    1,000,000 cells, in a plane
    python tests/benchmarks/explore_speed.py --cells 200000 --dims 3
    python tests/benchmarks/explore_speed.py --second           with a second plot beside it

Writes a map of as many cells as `embed` would, serves it, opens it, and prints the seconds until
the cells are there, and the times between frames while the map is dragged. Chromium draws by
software where there is no graphics card, as on most servers.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from deepometry.core.result_files import COORDINATE_ARRAYS, COORDINATES_TABLE

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deepometry.core.options.embed import EmbedOptions
from deepometry.core.run_records import provenance, write_json
from deepometry.maps.cell_table import Column, MapCells
from deepometry.maps.coordinates_table import write_points
from deepometry.maps.embed import EmbedResult
from deepometry.web.jobs.queue import Jobs
from tests.browser.conftest import find_chromium
from tests.browser.server import Server

GROUPS = 12
_WATCH = """() => {
  window.frames_ = []; let last = 0; window.watching_ = true;
  const tick = (now) => { if (last) window.frames_.push(now - last); last = now;
    if (window.watching_) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, choices=(2, 3), default=2)
    parser.add_argument("--second", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        place, start = Path(name), time.time()
        told, result = write_map(place / "map", options.cells, options.dims)
        server = Server(place / "server")
        job = Jobs(server.state / "jobs").record(told, result, start, time.time())
        server.start()
        try:
            with sync_playwright() as use:
                watched(use, server.place(f"explore/{job.id}"), options.second)
        finally:
            server.end()


def watched(use: object, address: str, second: bool) -> None:
    browser = use.chromium.launch(
        executable_path=find_chromium(), args=["--enable-unsafe-swiftshader"]
    )
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    start = time.perf_counter()
    page.goto(address)
    page.locator("#explore[data-ready]").wait_for(timeout=120_000)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"cells there after {time.perf_counter() - start:.1f} s, with the start of the page")
    page.evaluate(
        """() => new Promise((done) => { const look = () =>
            window.deepometryExplorer.map.cloud.whole ? done() : setTimeout(look, 20); look(); })"""
    )
    print(f"all drawn after   {time.perf_counter() - start:.1f} s")
    if second:
        page.locator("[data-numbers]").wait_for(state="attached", timeout=120_000)
        page.get_by_role("button", name="Second plot").click()
    page.wait_for_timeout(2000)
    for turn in (1, 2):
        frames = dragged(page)
        drawn = page.evaluate("() => window.deepometryExplorer.map.cloud.portion")
        print(
            f"drag {turn}: {len(frames)} frames, median {np.median(frames):.0f} ms, 95 % "
            f"{np.percentile(frames, 95):.0f} ms, longest {frames.max():.0f} ms; at its end "
            f"{drawn:,} cells a frame",
            flush=True,
        )
    print(f"cell under the mouse found in {found_in(page):.0f} ms, lasso {lasso(page):.0f} ms")
    browser.close()


def dragged(page: Page) -> np.ndarray:
    """Drag the map in circles for some seconds; give the times between frames, in milliseconds."""
    box = page.locator("[data-of=stage] [data-of=cloud]").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.evaluate(_WATCH)
    end, step = time.perf_counter() + 5, 0
    while time.perf_counter() < end:
        step += 1
        page.mouse.move(
            middle[0] + 200 * np.sin(step / 20), middle[1] + 150 * np.cos(step / 20) - 150
        )
        time.sleep(0.008)
    frames = page.evaluate("() => { window.watching_ = false; return window.frames_; }")
    page.mouse.up()
    return np.array(frames)


def found_in(page: Page) -> float:
    return page.evaluate(
        """() => { const { pointer } = window.deepometryExplorer.map, start = performance.now();
            for (let n = 0; n < 5; n++) pointer.near(300 + 40 * n, 300);
            return (performance.now() - start) / 5; }"""
    )


def lasso(page: Page) -> float:
    return page.evaluate(
        """() => { const { pointer } = window.deepometryExplorer.map, start = performance.now();
            pointer.outline = [[200, 100], [700, 120], [500, 500]]; pointer.enclose("");
            return performance.now() - start; }"""
    )


def write_map(folder: Path, cells: int, dims: int) -> tuple[EmbedOptions, EmbedResult]:
    """Write a map as `embed` does, of cells in groups."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    codes = rng.integers(GROUPS, size=cells).astype(np.int32)
    middles = rng.normal(0, 6, (GROUPS, dims))
    places = (middles[codes] + rng.normal(0, 1.2, (cells, dims))).astype(np.float32)
    values = tuple(f"Class {n}" for n in range(GROUPS))
    days = Column(("1", "2", "3"), rng.integers(3, size=cells).astype(np.int32))
    columns = {"Class": Column(values, codes), "Day": days}
    mapped = MapCells(np.arange(cells, dtype=np.uint64), columns)
    write_points(folder / COORDINATE_ARRAYS, mapped, places)
    axes = [f"umap_{n + 1}" for n in range(dims)]
    with (folder / COORDINATES_TABLE).open("w", encoding="utf-8") as file:
        file.write(f"source,object,Class,Day,{','.join(axes)}\n")
        for n, (code, place) in enumerate(zip(codes.tolist(), places.tolist(), strict=True)):
            file.write(f"s.cif,{n},Class {code},1,{','.join(f'{v:.6g}' for v in place)}\n")
    options = EmbedOptions(input=folder, output=folder, dims=dims)
    facts = {
        "cells": cells,
        "axes": axes,
        "columns": {
            name: dict(zip(each.values, each.counts.tolist(), strict=True))
            for name, each in columns.items()
        },
        "files": [COORDINATES_TABLE, COORDINATE_ARRAYS],
    }
    write_json(folder / "embed.json", provenance("embed", options) | facts)
    return options, EmbedResult(cells, 0, 0, 1.0, "umap", dims, (), folder / COORDINATES_TABLE, ())


if __name__ == "__main__":
    main()
