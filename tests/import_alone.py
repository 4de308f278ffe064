"""Import modules, each the first of ours in a process of its own: `python -m tests.import_alone`.

A program of its own, since libraries can be loaded in advance only into the first server of
processes that a process starts. Prints the names of the modules that could be imported.
"""

from __future__ import annotations

import importlib
import multiprocessing
import sys
import traceback

LIBRARIES = ["flask", "matplotlib.figure", "numba", "pandas", "scipy.ndimage", "sklearn.metrics"]


def import_alone(name: str) -> str:
    """Import a module; return what went wrong."""
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001 - whatever it is, the test shows it
        return f"{name}: {traceback.format_exc()}"
    return ""


def main(names: list[str]) -> int:
    """Import all modules; return how many could not be."""
    fork = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if fork else "spawn")
    context.set_forkserver_preload(LIBRARIES)
    with context.Pool(2, maxtasksperchild=1) as pool:
        errors = pool.map(import_alone, names, chunksize=1)
    for name, error in zip(names, errors, strict=True):
        sys.stderr.write(error) if error else sys.stdout.write(f"{name}\n")
    return len([*filter(None, errors)])


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
