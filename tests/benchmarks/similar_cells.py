"""Time to find the cells most like one cell, among many, and to make the index for it.

    python tests/benchmarks/similar_cells.py                       20,000, 100,000, 1,000,000 cells
    python tests/benchmarks/similar_cells.py --cells 1e5 --number 100
    python tests/benchmarks/similar_cells.py --features 2048 --cells 1e5

Draws cells of 64 principal components in 200 overlapping groups, stores the arrays as `similar`
does, opens them memory-mapped, and asks for cells chosen at random. Prints milliseconds and
processor time of an answer, and how many of the cells that a search by sorting all finds are among
the answers. With --features, the index is made of a table of so many features, as after `extract`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from deepometry.core.progress import Progress
from deepometry.core.result_files import METADATA_TABLE, layer_table
from deepometry.maps.feature_source import find_source
from deepometry.maps.similar_index import SimilarIndex, build_index

GROUPS, COMPONENTS, QUESTIONS, CHECKED = 200, 64, 200, 50
_PIECE = 10_000  # rows of the table at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=float, nargs="+", default=[2e4, 1e5, 1e6])
    parser.add_argument("--number", type=int, default=12)
    parser.add_argument("--features", type=int, default=0)
    options = parser.parse_args()
    for cells in map(int, options.cells):
        with tempfile.TemporaryDirectory() as name:
            make = made_of_features if options.features else stored
            index = make(Path(name), cells, options.features)
            answer(index, options.number)
            del index


def stored(place: Path, cells: int, _: int) -> SimilarIndex:
    """Store the arrays of an index; return it memory-mapped."""
    for name, array in (("keys", np.arange(cells, dtype=np.uint64)), ("places", drawn(cells))):
        np.save(place / f"{name}.npy", array)
    return SimilarIndex(*(np.load(place / f"{n}.npy", mmap_mode="r") for n in ("keys", "places")))


def drawn(cells: int) -> np.ndarray:
    """Draw principal components of cells in overlapping groups."""
    rng = np.random.default_rng(0)
    scale = np.linspace(2, 0.2, COMPONENTS, dtype=np.float32)  # as of principal components
    middles = rng.normal(size=(GROUPS, COMPONENTS)).astype(np.float32)
    places = middles[np.sort(rng.integers(0, GROUPS, cells))]
    for block in np.array_split(places, max(1, cells // 50_000)):
        block += rng.normal(size=block.shape).astype(np.float32)
        block *= scale
    return places


def made_of_features(place: Path, cells: int, features: int) -> SimilarIndex:
    """Write tables as `extract` does, and make the index of them."""
    axes = np.random.default_rng(1).normal(size=(COMPONENTS, features)).astype(np.float32)
    with (place / layer_table("pool5")).open("w", encoding="ascii") as table:
        for block in np.array_split(drawn(cells), max(1, cells // _PIECE)):
            np.savetxt(table, np.maximum(block @ axes, 0), "%.6g", "\t")
    lines = (f"s{n % 50}.cif\t{n}\n" for n in range(cells))
    (place / METADATA_TABLE).write_text("source\tobject\n" + "".join(lines), "utf-8")
    begin, worked = time.perf_counter(), time.process_time()
    index = build_index(find_source(place), Progress())
    seconds, work = time.perf_counter() - begin, time.process_time() - worked
    print(
        f"{cells:,} cells of {features:,} features: index made in {seconds:.0f} s, {work:.0f} s of "
        f"processor time ({load()})",
        flush=True,
    )
    return index


def answer(index: SimilarIndex, number: int) -> None:
    """Ask for the cells most like some, and print how long it took."""
    asked = np.random.default_rng(2).integers(0, len(index), QUESTIONS)
    times = 1000 * np.array([timed(index, int(cell), number) for cell in asked])
    shares = [recall(index, int(cell), number) for cell in asked[:CHECKED]]
    print(
        f"{len(index):,} cells, {number} similar: median {np.median(times[:, 0]):.1f} ms, 95th "
        f"percentile {np.percentile(times[:, 0], 95):.1f} ms, processor time "
        f"{np.median(times[:, 1]):.1f} ms ({load()}); of those of an exact search "
        f"{100 * np.mean(shares):.1f} %",
        flush=True,
    )


def timed(index: SimilarIndex, cell: int, number: int) -> tuple[float, float]:
    """Return the seconds of an answer, from the key of the cell on, and its processor time."""
    begin, worked = time.perf_counter(), time.process_time()
    index.nearest(index.position(int(index.keys[cell])), number)
    return time.perf_counter() - begin, time.process_time() - worked


def recall(index: SimilarIndex, cell: int, number: int) -> float:
    """Return which share of the truly nearest cells is among the answers."""
    off = np.asarray(index.places, np.float64) - index.places[cell]
    exact = np.argsort((off**2).sum(1), kind="stable")[1 : number + 1]
    return len({*exact.tolist()} & {*index.nearest(cell, number)[0].tolist()}) / number


def load() -> str:
    return f"load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores"


if __name__ == "__main__":
    main()
