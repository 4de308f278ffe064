"""Planted bad images among real cells: how many of them does a proposed gate leave out?

    python tests/benchmarks/gates.py jurkat_cell_cycle.npz mitocheck_nuclei.npz some.cif
    python tests/benchmarks/gates.py some.cif --channel 5

Prints of each set of cells, for three seeds, the share of planted images of each kind that is gated
out, and that of all other cells; and how long that takes. Planted are 2 % each, but at least five,
of blurred cells (Gaussian, 2.5 pixels), two halves of cells side by side, debris (a cell shrunk to
a quarter of its side), and empty images. An .npz has `images` (cells, side, side, channels or
none) and `label`; any other file is parsed, and its cells are of one folder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from deepometry.cells.dataset import open_dataset
from deepometry.cells.parse import parse
from deepometry.classical.cleaning.gate import gate
from deepometry.core.options.gate import GateOptions
from deepometry.core.options.parse import ParseOptions
from tests.parsed import write_record, write_stack

KINDS = ("blurred", "two cells", "debris", "empty")
SHARE, FEWEST = 0.02, 5


def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill an image with the pixels of its border, in random order."""
    high, wide, channels = image.shape
    border = np.concatenate([image[:3].reshape(-1, channels), image[-3:].reshape(-1, channels)])
    return border[rng.integers(len(border), size=(high, wide))]


def pasted(image: np.ndarray, factor: float, places, rng: np.random.Generator) -> np.ndarray:
    """Paste a smaller copy of an image at places of an empty one."""
    small = zoom(image.astype(float), (factor, factor, 1), order=1)
    empty = noise(image, rng).astype(float)
    for y, x in places:
        empty[y : y + small.shape[0], x : x + small.shape[1]] = small
    return empty


def plant(image: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Make a bad image of a cell."""
    side = image.shape[0]
    if kind == "blurred":
        return gaussian_filter(image.astype(float), (2.5, 2.5, 0))
    if kind == "two cells":
        whole = noise(image, rng).astype(float)
        rows, half = slice(side // 8, side - side // 8), side // 2
        middle = image[rows, side // 4 : side // 4 + half]
        whole[rows, :half], whole[rows, side - half :] = middle, middle
        return whole
    if kind == "debris":
        return pasted(image, 0.25, [(side * 3 // 8, side * 3 // 8)], rng)
    return noise(image, rng)


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images and labels."""
    if path.suffix == ".npz":
        content = np.load(path)
        images = content["images"]
        return images if images.ndim == 4 else images[..., None], content["label"]
    with tempfile.TemporaryDirectory() as place:
        parse(ParseOptions(input=path, output=Path(place) / "parsed"))
        dataset = open_dataset(Path(place) / "parsed")
        return dataset[:], np.zeros(len(dataset), int)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser()
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--channel", type=int, help="in which size, shape and focus are judged")
    options = parser.parse_args()
    for path in options.paths:
        images, labels = read(path)
        print(path.name, images.shape, images.dtype)
        for seed in range(3):
            measure(images, labels, options.channel, np.random.default_rng(seed))


def measure(
    images: np.ndarray, labels: np.ndarray, channel: int | None, rng: np.random.Generator
) -> None:
    """Plant bad images, gate all, and print what is left out."""
    number = max(FEWEST, round(SHARE * len(images)))
    chosen = rng.permutation(len(images))[: number * len(KINDS)].reshape(len(KINDS), -1)
    planted = images.copy()
    for kind, cells in zip(KINDS, chosen, strict=True):
        for cell in cells:
            bad = plant(images[cell], kind, rng)
            planted[cell] = bad.round().clip(0, np.iinfo(images.dtype).max)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "parsed"
        write_record(home, tuple(range(1, images.shape[3] + 1)))
        order = []
        for label in np.unique(labels):
            write_stack(home / f"Class {label}", planted[labels == label])
            order.append(np.flatnonzero(labels == label))
        started = time.perf_counter()
        result = gate(GateOptions(input=home, output=Path(place) / "out", channel=channel))
        seconds = time.perf_counter() - started
        out = np.zeros(len(images), bool)
        out[np.concatenate(order)] = open_dataset(home).gated_out.cells
    found = [f"{kind} {out[cells].mean():.1%}" for kind, cells in zip(KINDS, chosen, strict=True)]
    rest = np.setdiff1d(np.arange(len(images)), chosen)
    print(result.gate, f"({seconds:.1f} s)")
    print(", ".join([*found, f"other cells {out[rest].mean():.2%}"]), flush=True)


if __name__ == "__main__":
    main()
