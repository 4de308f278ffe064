"""Time to find the cells most like one cell, among many.

    python tests/benchmarks/similar_cells.py                       100,000 cells
    python tests/benchmarks/similar_cells.py --cells 1000000 --number 100
    python tests/benchmarks/similar_cells.py --cells 1000000 --quick

Draws cells of 64 principal components in 200 overlapping groups, makes the lists of neighbours as
`similar` does, stores the arrays, opens them memory-mapped, and asks for cells chosen at random.
Prints seconds to make the lists, milliseconds an answer, and how many of the cells that an exact
search finds are among the answers. With --quick the lists are cells of the same group by chance, so
that only the time of an answer means something: it is the same whoever is on the lists.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from deepometry.core.progress import Progress
from deepometry.maps.similar_index import SimilarIndex, neighbour_lists

GROUPS, COMPONENTS, QUESTIONS, CHECKED = 200, 64, 500, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--number", type=int, default=12)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        index, seconds = make(Path(name), options.cells, options.quick, rng)
        print(f"{options.cells:,} cells: lists of neighbours made in {seconds:.0f} s", flush=True)
        asked = rng.integers(0, options.cells, QUESTIONS)
        times = [1000 * timed(index, int(cell), options.number) for cell in asked]
        print(
            f"{options.number} similar cells: median {np.median(times):.1f} ms, 95th percentile "
            f"{np.percentile(times, 95):.1f} ms, slowest {max(times):.1f} ms"
        )
        if not options.quick:
            shares = [recall(index, int(cell), options.number) for cell in asked[:CHECKED]]
            print(f"of those of an exact search: {100 * np.mean(shares):.1f} %")
        del index


def make(
    place: Path, cells: int, quick: bool, rng: np.random.Generator
) -> tuple[SimilarIndex, float]:
    """Store the arrays of an index; return it memory-mapped, with the seconds of its lists."""
    scale = np.linspace(2, 0.2, COMPONENTS, dtype=np.float32)  # as of principal components
    middles = rng.normal(size=(GROUPS, COMPONENTS)).astype(np.float32)
    groups = np.sort(rng.integers(0, GROUPS, cells))
    places = middles[groups]
    for block in np.array_split(places, max(1, cells // 50_000)):
        block += rng.normal(size=block.shape).astype(np.float32)
        block *= scale
    begin = time.perf_counter()
    nearest = by_chance(groups, rng) if quick else neighbour_lists(places, Progress())
    seconds = time.perf_counter() - begin
    arrays = (np.arange(cells, dtype=np.uint64), places, nearest)
    for number, array in enumerate(arrays):
        np.save(place / f"{number}.npy", array)
    mapped = [np.load(place / f"{number}.npy", mmap_mode="r") for number in range(len(arrays))]
    return SimilarIndex(*mapped), seconds


def by_chance(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """List 30 cells of the same group for each, and itself; groups rise."""
    first = np.searchsorted(groups, groups)
    size = np.searchsorted(groups, groups, "right") - first
    lists = first[:, None] + (rng.random((len(groups), 31), np.float32) * size[:, None])
    lists = np.minimum(lists.astype(np.int32), len(groups) - 1)
    lists[:, 0] = np.arange(len(groups))
    return lists


def timed(index: SimilarIndex, cell: int, number: int) -> float:
    """Return the seconds of an answer, from the key of the cell on."""
    begin = time.perf_counter()
    index.nearest(index.position(cell), number)
    return time.perf_counter() - begin


def recall(index: SimilarIndex, cell: int, number: int) -> float:
    """Return which share of the truly nearest cells is among the answers."""
    exact = np.argpartition(index.distances(cell), number)[: number + 1]
    return len({*exact.tolist()} & {*index.nearest(cell, number)[0].tolist()}) / number


if __name__ == "__main__":
    main()
