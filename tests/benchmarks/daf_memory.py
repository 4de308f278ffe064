"""Read analyses of IDEAS (.daf) with up to a million objects: time and peak memory.

    python tests/benchmarks/daf_memory.py                 10,000 against 1,000,000 objects
    python tests/benchmarks/daf_memory.py --objects 100000 --features 196

Writes a .daf of random features in text and binary form, with populations of every kind, and runs
`deepometry info` on it, which evaluates all populations, and `deepometry label`, which gives them
and all features to as many parsed cells. Memory is that of the process without the pages of mapped
files.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from watching import run_watched

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.daf_files import combination, everything, gate, region, tagged, write_daf

GATES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--features", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for objects in options.objects:
            cells = write_cells(Path(name) / str(objects), objects)
            for binary in (True, False):
                path = write(Path(name) / "a.daf", objects, options.features, binary)
                form, size = "binary" if binary else "text", path.stat().st_size
                print(f"{form} form, {objects:,} objects, {size / 2**20:.0f} MiB", flush=True)
                words = ("--populations", "tagged,All", "--overwrite")
                for command in (("info", path, "--json"), ("label", cells, path, *words)):
                    seconds, peak = run_watched(*command)
                    told = f"{seconds:6.1f} s  peak {peak / 2**20:5.0f} MiB"
                    print(f"  {command[0]:6} {told}", flush=True)


def write_cells(root: Path, cells: int) -> Path:
    """Write parsed cells of one source, without anything in their images."""
    root.mkdir()
    pixels = np.lib.format.open_memmap(root / "sample.npy", "w+", np.uint8, (cells, 16, 16, 1))
    pixels.flush()
    rows = "".join(f"sample.cif,{n}\n" for n in range(cells))
    (root / "sample.csv").write_text("source,object\n" + rows, "utf-8")
    return root


def write(path: Path, objects: int, features: int, binary: bool) -> Path:
    """Write an analysis with gates on all features, combinations, and a tagged half."""
    random = np.random.default_rng(0)
    values = {f"feature {n}": random.normal(size=objects) for n in range(features)}
    octagon = [(np.cos(angle), np.sin(angle)) for angle in np.linspace(0, 6.28, 9)[:-1]]
    regions = [
        region("line", "line", [(-1, 0), (1, 0)]),
        region("poly", "poly", octagon, 0.1),
        region("oval", "oval", [(-1, -1), (1, 1)]),
    ]
    names = list(values)
    gates = [
        gate(f"gate {n}", shape, names[n % features], names[(n + 1) % features])
        for n, shape in zip(range(GATES), ["line", "poly", "oval"] * GATES, strict=False)
    ]
    rest = [
        everything(),
        combination("both", "gate 0|And|Not|gate 1"),
        tagged("tagged", range(0, objects, 2)),
    ]
    return write_daf(path, values, [*rest, *gates], regions, binary=binary)


if __name__ == "__main__":
    main()
