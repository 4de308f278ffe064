"""Measure what classical features and trees cost: milliseconds a cell, on one core.

    python tests/benchmarks/feature_speed.py
    python tests/benchmarks/feature_speed.py --against ../older     and an older version, in turns
    python tests/benchmarks/feature_speed.py --images cells.npz --columns 0,2

`--against` is a folder with another version's `deepometry`. Cells are drawn: mottled ellipses on
the noise of a camera; or read from `images` (n, height, width[, channels]) of a file, padded to
each of `--sizes`. Every round measures the cells once in each version, one after the other; printed
are medians and quartiles of the processor seconds, of the ratio within a round, and the largest
difference of a feature. Then the families one by one, how long trees take for 100,000 cells, and
with `--compile` what the first call costs where nothing is compiled yet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

SIZES = ("48x48x2", "64x64x1", "48x48x3", "100x100x4")
ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="folder of another version")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--columns", default="", help="channels of the images, such as 0,2")
    parser.add_argument("--sizes", nargs="+", default=SIZES)
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--compile", action="store_true", help="compile everything anew, too")
    options = parser.parse_args()
    folders = [ROOT, *([options.against.resolve()] if options.against else [])]
    for size in options.sizes:
        compare(size, images_of(size, options), folders, options.rounds)
    families(images_of(options.sizes[0], options), options.rounds)
    trees(folders, options.rounds)
    if options.compile:
        for folder in folders:
            print(f"{folder.name}: the first cell takes {compiling(folder):.0f} s, compiled anew")
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


def images_of(size: str, options: argparse.Namespace) -> np.ndarray:
    """Draw or read cells of a size, such as 48x48x2: (n, height, width, channels)."""
    high, wide, depth = map(int, size.split("x"))
    if options.images is None:
        return drawn(options.cells, high, wide, depth)
    images = np.load(options.images)["images"]
    images = images if images.ndim == 4 else images[..., None]
    if options.columns:
        images = images[..., [int(c) for c in options.columns.split(",")]]
    some = images[np.linspace(0, len(images) - 1, options.cells).astype(int)]
    more = [
        max(0, (want - have) // 2) for want, have in zip((high, wide), some.shape[1:3], strict=True)
    ]
    return np.pad(some, ((0, 0), *((n, n) for n in more), (0, 0)), mode="edge")


def drawn(count: int, high: int, wide: int, depth: int) -> np.ndarray:
    """Draw cells that fill about a quarter of the image."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:high, :wide]
    images = np.empty((count, high, wide, depth), np.uint16)
    for n in range(count):
        long, short = random.uniform(0.22, 0.36, 2) * min(high, wide)
        inside = ((y - high / 2) / long) ** 2 + ((x - wide / 2) / short) ** 2 < 1
        soft = ndimage.gaussian_filter(inside.astype(float), 1.5)[..., None]
        mottled = ndimage.gaussian_filter(random.normal(1, 3, (high, wide, depth)), (2, 2, 0))
        image = 200 + 300 * soft * (1 + mottled) + random.normal(0, 4, (high, wide, depth))
        images[n] = image.round().clip(0, 65535)
    return images


def compare(size: str, images: np.ndarray, folders: list[Path], rounds: int) -> None:
    """Measure the same cells in each version, in turns, and print both."""
    workers = [Worker(folder, MEASURING, images=images) for folder in folders]
    seconds = np.array([[worker.seconds() for worker in workers] for _ in range(rounds)])
    features = [worker.result() for worker in workers]
    shape = "x".join(map(str, images.shape[1:]))
    print(f"{len(images)} cells of {shape} ({size}), {features[0].shape[1]} features")
    print_turns(1000 * seconds / len(images), folders, "ms a cell")
    if len(folders) > 1:
        apart = np.abs(features[0] - features[1]) / (np.abs(features[1]).mean(0) + 1e-9)
        print(
            f"  largest difference, as a share of the feature's mean: {apart.max():.1e}", flush=True
        )


def print_turns(taken: np.ndarray, folders: list[Path], unit: str) -> None:
    """Print what each version took, (rounds, versions)."""
    print(f"  {spread(taken[:, 0])} {unit}", flush=True)
    if len(folders) > 1:
        ratio = spread(taken[:, 1] / taken[:, 0])
        print(f"  {folders[1].name}: {spread(taken[:, 1])} {unit}; ratio {ratio}", flush=True)


def spread(values: np.ndarray) -> str:
    """Return median and quartiles as text."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


class Worker:
    """A process that does the same work with the version of a folder whenever it is asked to."""

    def __init__(self, folder: Path, work: str, **arrays: np.ndarray) -> None:
        self._place = tempfile.TemporaryDirectory()
        self._home = Path(self._place.name)
        np.savez(self._home / "arrays.npz", **arrays)
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER.replace("WORK", work), str(self._home)],
            cwd=folder,  # from where Python imports first
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        source = Path(self._process.stdout.readline().strip())
        if not source.is_relative_to(folder):
            raise SystemExit(f"{folder}: expected a version of deepometry, found that of {source}")
        self.seconds()  # compiled now, not while the clock runs

    def seconds(self) -> float:
        """Do the work once."""
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def result(self) -> np.ndarray:
        """End the process; return what came out."""
        self._process.communicate("")
        result = np.load(self._home / "result.npy")
        self._place.cleanup()
        return result


WORKER = """
import sys, time
from pathlib import Path
import numpy as np
import deepometry
from deepometry.classical.features import measure
from deepometry.classical.tree_file import Trees
print(deepometry.__file__, flush=True)
home = Path(sys.argv[1])
arrays = dict(np.load(home / "arrays.npz"))
for _ in sys.stdin:
    start = time.thread_time()
    result = WORK
    print(time.thread_time() - start, flush=True)
np.save(home / "result.npy", result)
"""
MEASURING = "measure(arrays['images'])"
VOTING = "Trees(**{k: v for k, v in arrays.items() if k != 'cells'}).probabilities(arrays['cells'])"


def families(images: np.ndarray, rounds: int) -> None:
    """Print what each family costs beyond finding the cells."""
    from deepometry.classical.features import family_of, feature_names, measure

    depth = images.shape[3]
    names = np.array([family_of(n, depth) for n in range(len(feature_names(depth)))])
    kinds = list(dict.fromkeys(names))
    first = {kind: np.flatnonzero(names == kind) for kind in kinds}
    paces = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            start = time.thread_time()
            measure(images, first[kind])
            paces[kind].append(1000 * (time.thread_time() - start) / len(images))
    print("  one family alone, ms a cell, with finding the cell:")
    for kind in kinds:
        print(f"    {kind}: {spread(np.array(paces[kind]))}", flush=True)


def trees(folders: list[Path], rounds: int) -> None:
    """Print how long trees take for 100,000 cells of 326 features in seven classes."""
    from deepometry.classical.boosting import learn
    from deepometry.core.progress import Progress

    random = np.random.default_rng(0)
    codes = random.integers(0, 7, 2000)
    features = random.normal(size=(2000, 326)).astype(np.float32)
    features[:, :40] += random.normal(size=(7, 40))[codes]
    model = learn(features, codes, 7, "boosting", 0, Progress())
    arrays = model.arrays() | {"cells": np.tile(features, (50, 1))}
    workers = [Worker(folder, VOTING, **arrays) for folder in folders]
    seconds = np.array([[worker.seconds() for worker in workers] for _ in range(rounds)])
    print(f"{len(model.roots)} trees for {len(arrays['cells']):,} cells of 326 features")
    print_turns(seconds, folders, "s")
    same = all(np.array_equal(workers[0].result(), other.result()) for other in workers[1:])
    print(f"  the same probabilities: {same}" * (len(folders) > 1), flush=True)


def compiling(folder: Path) -> float:
    """Return the processor seconds of the first cell, where nothing is compiled yet."""
    program = (
        "import time, numpy as np; from deepometry.classical.features import measure; "
        "start = time.process_time(); measure(np.zeros((1, 16, 16, 2))); "
        "print(time.process_time() - start)"
    )
    with tempfile.TemporaryDirectory() as place:
        more, words = {"NUMBA_CACHE_DIR": place}, [sys.executable, "-c", program]
        result = subprocess.run(
            words, cwd=folder, env=os.environ | more, check=True, capture_output=True
        )
    return float(result.stdout)


if __name__ == "__main__":
    main()
