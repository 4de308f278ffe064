"""Measure time and memory of a comparison of two predictions.

    python -m tests.benchmarks.compare_runs [CELLS]

Makes two tables of random predictions of the same cells, 1,000,000 by default, in another order,
and compares them in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.compared import two_classifiers, write_prediction

_RUN = """
import resource, sys
import deepometry
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = deepometry.compare(runs=sys.argv[1:3], output=sys.argv[3])
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(result)
print(f"peak memory {after / 1024:,.0f} MB, {before / 1024:,.0f} MB of it before")
"""


def main() -> None:
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    true, first, second = two_classifiers(cells)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        order = np.random.default_rng(1).permutation(cells)
        write_prediction(root / "one", true, first)
        names = [str(number) for number in order]
        write_prediction(root / "two", true[order], second[order], names=names)
        start = time.monotonic()
        words = [str(root / name) for name in ("one", "two", "out")]
        subprocess.run([sys.executable, "-c", _RUN, *words], check=True)
        print(f"{cells:,} cells: {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
