"""Compare our reader of .cif files with Bio-Formats: the same pixels, and how fast.

    python tests/benchmarks/cif_against_bioformats.py --real genuine.cif
    python tests/benchmarks/cif_against_bioformats.py --cells 20000 100000

Needs python-bioformats and Java, as docs/how-to/other-formats.md explains. First the pixels: a
genuine file of IDEAS, if one is given, and written ones with noise are read through both, and
encoding the genuine pixels anew has to give the bytes of the file. Then the speed, on cells of
about 100 x 60 pixels with the noise of a camera, in 2 channels: Bio-Formats is used as the original
program uses it, one `ImageReader.read` for each channel of every second series. As that takes
minutes, it reads a sample of cells, spread evenly over the file, again and again in turns with our
reading of the whole file; the medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.images.cif.batches import read_batches
from deepometry.images.cif.codec import encode_grey, encode_mask
from deepometry.images.cif.directory import STRIP_LENGTHS, STRIP_OFFSETS, read_directory
from deepometry.images.cif.reader import CifReader
from deepometry.images.cif.writer import CifWriter
from deepometry.images.readers import jvm as java
from deepometry.images.readers.bioformats_file import PlaneFile, read_contents

POOL = 500
SAMPLE = 400
TURNS = 5


# --- the pixels ------------------------------------------------------------------------------


def read_theirs(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read image and mask of every cell through Bio-Formats."""
    found = read_contents(path, amnis=True).cells.tolist()
    file = java.run(lambda: PlaneFile(path, True))

    def both(image: int, channels: int, mask: int) -> tuple[np.ndarray, np.ndarray]:
        wanted = range(channels)
        return file.read((image, 0, 0), wanted), file.read((mask, 0, 0), wanted)

    try:
        return [java.run(lambda c=cell: both(c[0], c[3], c[4])) for cell in found]
    finally:
        file.close()


def count_equal(path: Path) -> tuple[int, int]:
    """Give how many images and masks there are, and how many are equal in both readers."""
    equal = total = 0
    with CifReader(path) as ours:
        for cell, theirs in zip(ours, read_theirs(path), strict=True):
            for own, other in zip((cell.image, cell.mask), theirs, strict=True):
                equal += own.dtype == other.dtype and np.array_equal(own, other)
                total += 1
    return equal, total


def count_encoded(path: Path) -> tuple[int, int]:
    """Give how many images and masks there are, and how many are encoded to the same bytes."""
    equal = total = 0
    with CifReader(path) as ours:
        chain = ours.catalogue.chain
        for place, cell in enumerate(ours):
            positions = (int(chain.images[place]), int(chain.masks[place]))
            for at, pixels, encode in zip(
                positions, (cell.image, cell.mask), (encode_grey, encode_mask), strict=True
            ):
                equal += encode(wide(pixels)) == strip(ours, at)
                total += 1
    return equal, total


def strip(reader: CifReader, position: int) -> bytes:
    """Give the data of one image or mask as it stands in the file."""
    directory = read_directory(reader.file, reader.catalogue.order, position)
    (at,), (length,) = directory.values(STRIP_OFFSETS), directory.values(STRIP_LENGTHS)
    return reader.file.read(int(at), int(length))


def wide(pixels: np.ndarray) -> np.ndarray:
    """Put the channels (height, width, channels) side by side."""
    return pixels.transpose(0, 2, 1).reshape(pixels.shape[0], -1)


def count_written(path: Path, channels: int, cells: int = 300) -> tuple[int, int]:
    """Write cells, a third of them full-range noise; count what both readers give back."""
    rng = np.random.default_rng(channels)
    images = [made_up(rng, channels, noise=i % 3 == 0) for i in range(cells)]
    masks = [rng.choice([0, 0, 1, 2, 3], image.shape).astype(np.uint8) for image in images]
    with CifWriter(path, range(1, channels + 1)) as writer:
        for image, mask in zip(images, masks, strict=True):
            writer.add(image, mask)
    with CifReader(path) as reader:
        ours = [(cell.image, cell.mask) for cell in reader]
    equal = 0
    for written in zip(zip(images, masks, strict=True), ours, read_theirs(path), strict=True):
        equal += all(np.array_equal(*pair) for pair in zip(written[0], written[1], strict=True))
        equal += all(np.array_equal(*pair) for pair in zip(written[0], written[2], strict=True))
    return equal, 2 * cells


def check_pixels(real: Path | None) -> None:
    """Print how many planes are the same."""
    if real:
        equal, total = count_equal(real)
        print(f"{real.name}: {equal} of {total} images and masks are the same in both readers")
        equal, total = count_encoded(real)
        print(f"{real.name}: {equal} of {total} images and masks are encoded to the same bytes")
    with tempfile.TemporaryDirectory() as folder:
        for channels in (2, 12):
            equal, total = count_written(Path(folder) / f"{channels}.cif", channels)
            print(
                f"written, {channels} channels, {total // 2} cells: {equal} of {total} readings "
                "through ours and Bio-Formats give back what was written"
            )


# --- the speed -------------------------------------------------------------------------------


def made_up(rng: np.random.Generator, channels: int, noise: bool = False) -> np.ndarray:
    """Draw a cell: camera noise around a background, and a brighter blob; or full-range noise."""
    height, width = rng.integers(92, 109), rng.integers(54, 67)
    if noise:
        return rng.integers(0, 65536, (height, width, channels)).astype(np.uint16)
    y, x = np.mgrid[:height, :width]
    far = ((y - height / 2) ** 2 + (x - width / 2) ** 2) / 144
    image = rng.normal(np.linspace(30, 45, channels), 0.8, (height, width, channels))
    return np.rint(image + 300 * np.exp(-far)[..., None]).astype(np.uint16)


def write(path: Path, cells: int) -> None:
    """Write cells of 2 channels from a pool, over and over."""
    rng = np.random.default_rng(0)
    with CifWriter(path, (1, 2)) as writer:
        images = [made_up(rng, 2) for _ in range(POOL)]
        pool = [writer.encode(image, image > 60) for image in images]
        for number in range(cells):
            writer.add_encoded(pool[number % POOL])


def read_ours(path: Path) -> int:
    """Open a file and make arrays of all its cells; give their number."""
    with CifReader(path) as reader:
        batches = read_batches(reader, reader.channels)
        return sum(len(batch) - len(batch.odd) for batch in batches)


def open_as_original(path: Path) -> tuple[Any, float]:
    """Open a file in python-bioformats; give the reader and the seconds."""
    import bioformats

    start = time.perf_counter()
    reader = java.run(lambda: bioformats.ImageReader(str(path), perform_init=True))
    return reader, time.perf_counter() - start


def read_as_original(reader: Any, cells: range) -> None:
    """Read all channels of some cells, one by one."""
    for cell in cells:
        for channel in range(2):
            reader.read(c=channel, series=2 * cell)


def compare(path: Path, cells: int) -> None:
    """Print the speed of both, in turns."""
    read_ours(path)  # compiles, and brings the file into the disk cache
    reader, opening = open_as_original(path)
    sample = range(0, cells, max(1, cells // SAMPLE))
    java.run(lambda: read_as_original(reader, sample))
    ours, theirs = [], []
    for _ in range(TURNS):
        start = time.perf_counter()
        assert read_ours(path) == cells
        between = time.perf_counter()
        java.run(lambda: read_as_original(reader, sample))
        ours.append((between - start) / cells)
        theirs.append((time.perf_counter() - between) / len(sample))
    java.run(reader.close)
    own, other = statistics.median(ours), statistics.median(theirs)
    packed = path.stat().st_size / cells / (100 * 60 * 2)
    print(f"\n{cells:,} cells of 2 channels, {path.stat().st_size / 1e6:,.0f} MB, about", end=" ")
    print(f"{packed:.2f} bytes a pixel; medians of {TURNS} turns")
    print(f"ours, all cells, with opening: {1 / own:>10,.0f} cells/s  ({own * cells:.2f} s)")
    print(f"Bio-Formats, {len(sample)} cells:       {1 / other:>10,.0f} cells/s", end="  ")
    print(f"(opening {opening:.1f} s; all cells would take {other * cells:,.0f} s more)")
    whole = (other * cells + opening) / (own * cells)
    print(f"ours is {other / own:,.0f} times as fast, and {whole:,.0f} times with their opening")


def main() -> None:
    """Read the arguments, compare pixels and speed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--real", type=Path, help="a genuine .cif file")
    parser.add_argument("--cells", type=int, nargs="*", default=[20_000], help="for the speed")
    chosen = parser.parse_args()
    check_pixels(chosen.real)
    for cells in chosen.cells:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cells.cif"
            write(path, cells)
            compare(path, cells)


if __name__ == "__main__":
    main()
