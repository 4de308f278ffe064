"""Read thousands of damaged .cif files: no crash, no hang, no memory out of proportion.

    python tests/benchmarks/fuzz_cif.py                          20,000 files made from small ones
    python tests/benchmarks/fuzz_cif.py --real cells.cif         and from a genuine file
    python tests/benchmarks/fuzz_cif.py --seed 7 --files 1000    the same files for the same seed

Bytes are flipped, overwritten, put in and taken out, files are cut, and odd numbers are put into
the fields of directories. Every file is read in a process that may die without harm, cell by cell
and in one go, and both must give the same. Fails (exit code 1) on any error that is not one of
Deepometry's own sentences, on a file that takes more than 10 seconds, and on one that takes more
than 1 GiB of memory.
"""

from __future__ import annotations

import argparse
import faulthandler
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SECONDS, BYTES, BATCH = 10.0, 2**30, 1000


def work(seed: int, first: int, last: int, real: Path | None) -> None:
    """Read files `first` to `last` of a seed; tell of each before and after."""
    from tests.mutations import mutate, originals, read_everything

    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        whole = originals(Path(folder), *([real] if real else []))
        path = Path(folder) / "damaged.cif"
        for original in whole:  # compiles what has to be compiled
            path.write_bytes(original.data)
            read_everything(path)
        tracemalloc.start()
        print("ready", flush=True)
        for number in range(first, last):
            random = np.random.default_rng([seed, number])
            original = whole[random.integers(len(whole))]
            path.write_bytes(mutate(original, random))
            print(f"start {number} {original.name}", flush=True)
            tracemalloc.reset_peak()
            before, start = tracemalloc.get_traced_memory()[0], time.perf_counter()
            try:
                good, bad = read_everything(path)
            except Exception:  # noqa: BLE001 (whatever it is, it is what is looked for)
                print(f"failed {traceback.format_exc()!r}", flush=True)
                continue
            seconds = time.perf_counter() - start
            memory = tracemalloc.get_traced_memory()[1] - before
            print(f"done {good} {bad} {seconds} {memory}", flush=True)


def lines_of(process: subprocess.Popen[str]) -> Iterator[str | None]:
    """Give the lines of a process; None when it is silent for too long."""
    told: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        assert process.stdout
        for line in process.stdout:
            told.put(line)
        told.put("")

    threading.Thread(target=listen, daemon=True).start()
    patience = 300.0  # to compile
    while True:
        try:
            line = told.get(timeout=patience)
        except queue.Empty:
            yield None
            return
        if not line:
            return
        patience = SECONDS + 5
        yield line.strip()


def run(seed: int, files: int, real: Path | None) -> int:
    """Read all files, a batch in each process; give the number of failures."""
    failures, number = 0, 0
    cells, damaged, slowest, largest = 0, 0, 0.0, 0
    while number < files:
        last = min(files, number + BATCH)
        command = [sys.executable, __file__, "--work", str(number), str(last), "--seed", str(seed)]
        command += ["--real", str(real)] if real else []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        now = "before the first file"
        for line in lines_of(process):
            word, _, rest = (line or "hang").partition(" ")
            if word == "start":
                now, number = rest, int(rest.split()[0]) + 1
            elif word == "done":
                good, bad, seconds, memory = map(float, rest.split())
                cells, damaged = cells + int(good), damaged + int(bad)
                slowest, largest = max(slowest, seconds), max(largest, int(memory))
                if seconds > SECONDS or memory > BYTES:
                    failures += 1
                    print(f"file {now}: {seconds:.1f} s, {memory / 2**20:.0f} MiB")
            elif word in ("failed", "hang"):
                failures += 1
                print(f"file {now}: {word} {rest}")
        process.kill()
        if process.wait() not in (0, -9) and number < last:
            failures += 1
            print(f"file {now}: the process died with {process.returncode}")
        if now == "before the first file":
            break
        print(f"{number:,} files, {failures} failures", flush=True)
    print(
        f"seed {seed}: {number:,} files, {cells:,} cells read, {damaged:,} told as damaged; "
        f"slowest file {slowest:.2f} s, most memory {largest / 2**20:.1f} MiB; {failures} failures"
    )
    return failures


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--real", type=Path, help="a genuine file")
    parser.add_argument("--work", type=int, nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work(chosen.seed, *chosen.work, chosen.real)
        return
    print(f"seed {chosen.seed}", flush=True)
    sys.exit(run(chosen.seed, chosen.files, chosen.real) > 0)


if __name__ == "__main__":
    main()
