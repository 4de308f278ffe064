"""Show that tables of a million cells are written, summarised and exported in bounded memory.

    python tests/benchmarks/large_tables.py              10,000 against 1,000,000 cells

Makes tiny cells, and a model that answers at once without looking, so that what is measured is
the writing: predict with its report of counts, extract (16 features), and every export. Prints
seconds and the peak of anonymous memory beyond what the program needs for 100 cells, whose
figures stand in the first line.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
from watching import anonymous_memory

LABELS = ("A", "B", "C", "D", "E")
FEATURES, FRAME = 16, 16
FORMATS = ("csv", "parquet", "h5ad", "fcs", "clr", "ideas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--child", nargs=3, metavar=("WHAT", "PLACE", "OUTPUT"))
    options = parser.parse_args()
    if options.child:
        what, place, output = options.child
        run(what, Path(place), Path(output))
        return
    with tempfile.TemporaryDirectory() as name:
        first = dict(measured(Path(name) / "first", 100))
        print(
            "100 cells:", ", ".join(f"{w} {m >> 20} MiB" for w, (_, m) in first.items()), flush=True
        )
        for cells in options.cells:
            for what, (seconds, peak) in measured(Path(name) / str(cells), cells):
                more = max(0, peak - first[what][1]) / 2**20
                print(f"{what:10} {cells:9,} cells  {more:6.0f} MiB  {seconds:6.1f} s", flush=True)


def measured(place: Path, cells: int) -> Iterator[tuple[str, tuple[float, int]]]:
    """Run everything on some cells; give seconds and peak memory of each."""
    write_cells(place / "cells", cells)
    for what in ("predict", "extract", "page", *FORMATS):
        yield what, watched(what, place, place / "out")


def write_cells(root: Path, cells: int) -> None:
    """Write stacks of empty images, 100,000 cells at most in each, and their tables."""
    for number, first in enumerate(range(0, cells, 100_000)):
        folder, count = root / f"Day {number}", min(100_000, cells - first)
        folder.mkdir(parents=True)
        shape = (count, FRAME, FRAME, 1)
        pixels = np.lib.format.open_memmap(folder / "cells.npy", "w+", np.uint8, shape)
        pixels.flush()
        source = f"Day {number}/cells.cif"
        rows = (f"{source},{n},40,40,\n" for n in range(count))
        text = "source,object,height,width,note\n" + "".join(rows)
        (folder / "cells.csv").write_text(text, "utf-8")


def watched(what: str, place: Path, output: Path) -> tuple[float, int]:
    """Run one thing in a process of its own."""
    line = [sys.executable, __file__, "--child", what, str(place), str(output)]
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                peak = max(peak, anonymous_memory(process.pid))
            except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{what} ended with {process.returncode}")
    return time.perf_counter() - start, peak


# --- in the other process ------------------------------------------------------------------------


def run(what: str, place: Path, output: Path) -> None:
    """Run one thing here."""
    if what in ("predict", "extract"):
        fake(what, place / "cells", place / what)
    elif what == "page":
        look(place / "predict")
    else:
        from deepometry.core.options.export import ExportOptions
        from deepometry.exports import export

        folder = place / ("predict" if what in ("clr", "ideas") else "extract")
        ending = f".{what}" if what not in ("clr", "ideas") else f"_{what}.zip"
        target = output.with_name(f"out{ending}")
        export(ExportOptions(input=folder, output=target, format=what))
        target.unlink()


class Model:
    """Answers at once, differently from call to call."""

    def __init__(self, features: bool) -> None:
        self._random, self._features = np.random.default_rng(0), features

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        chances = self._random.dirichlet(np.ones(len(LABELS)), len(images)).astype(np.float32)
        if not self._features:
            return (chances,)
        wide = self._random.normal(size=(len(images), FEATURES)).astype(np.float32)
        return wide, chances


def fake(what: str, cells: Path, output: Path) -> None:
    """Run predict or extract with the model that does not look."""
    from deepometry.core.options.predict import ExtractOptions, PredictOptions
    from deepometry.inference import extract, predict
    from deepometry.inference import run as inference

    said = SimpleNamespace(
        labels=LABELS, target="Class", views=1, channels=None, record={}, frame=FRAME,
        columns=lambda dataset, path: [0],
    )  # fmt: skip
    model: Any = Model(what == "extract")
    inference._load = lambda _: (model, said, cells / "none.keras")
    inference.predict_views = lambda model, images, views: model(images)
    inference._device = lambda _: "none"
    extract.with_layer = lambda model, layer: model
    where = {"input": cells, "output": output, "model": cells}
    if what == "predict":
        predict.predict(PredictOptions(**where, unannotated=True))
    else:
        extract.extract(ExtractOptions(**where))


def look(folder: Path) -> None:
    """Open a prediction as the page does, and ask for its surest cells."""
    from deepometry.core.run_records import read_json
    from deepometry.web.cells.cell_rows import open_rows
    from deepometry.web.cells.choose import order_of, page_of
    from deepometry.web.results.output import Output

    record = read_json(folder / "predict.json")
    files = tuple(record["files"])
    output = Output("x", "predict", record["options"], folder, record, files, "")
    rows = open_rows(output)
    page_of(rows, order_of(rows.sure, len(rows), True), 1)


if __name__ == "__main__":
    main()
