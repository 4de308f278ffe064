"""How soon the pages of a project with very many runs are made.

    python -m tests.benchmarks.run_list               3,000 runs
    python -m tests.benchmarks.run_list --runs 500

Half of the runs are trainings, half predictions by them. Prints the seconds, and those of processor
time, of the first answer, which reads every record, and the median of later ones.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from deepometry.projects.project import Project, create_project
from deepometry.projects.recent import remember_project
from deepometry.projects.runs import list_runs
from deepometry.web import create_app
from tests.project_runs import write_step


def write_project(root: Path, runs: int) -> Project:
    """Write a project of one parse, trainings, and predictions by them."""
    (root / "images").mkdir(parents=True)
    parsed = write_step(root / "parsed" / "parsed_1", "parse", 1, {"input": str(root / "images")})
    for number in range(runs // 2):
        score, read = number / runs, {"input": str(parsed), "target": "Class"}
        model = root / "models" / f"model_{number}"
        write_step(model, "train", 2, read, scores={"val_accuracy": score})
        read = {"input": str(parsed), "model": str(model)}
        place = root / "predictions" / f"predictions_{number}"
        write_step(place, "predict", 3, read, scores={"accuracy": score}, cells=280)
    return create_project(root, images=root / "images")


def measure(what: str, work: Callable[[], object], times: int = 5) -> None:
    """Do some work several times, and print how long it took."""
    taken = []
    for _ in range(1 + times):
        start, worked = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - start, time.process_time() - worked))
    (first, first_work), (later, later_work) = taken[0], np.median(taken[1:], axis=0)
    print(
        f"{what:10} first {first:.2f} s (processor {first_work:.2f} s), then {later:.2f} s "
        f"({later_work:.2f} s); load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        home.mkdir()
        project = write_project(Path(place) / "project", options.runs)
        remember_project(home, project)
        browser = create_app({"HOME": home, "TESTING": True}).test_client()
        measure("list", lambda: list_runs(project))
        for path in ("/runs", "/runs?sort=score&page=9", "/runs?q=model_77", "/"):
            measure(path, lambda path=path: browser.get(path).data)


if __name__ == "__main__":
    main()
