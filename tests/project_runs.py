"""Hand-made runs of a project, for the tests of projects."""

from __future__ import annotations

from pathlib import Path

from deepometry.core.run_records import write_json
from deepometry.core.steps import STEPS
from deepometry.projects.project import Project, create_project
from deepometry.projects.runs import list_runs


def write_step(place: Path, step: str, at: int, options: dict, **facts) -> Path:
    """Write what a step leaves: its record, and a file that it lists."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "table.csv").write_text("source,object\n")
    record = {"step": step, "format_version": 1, "written": f"2026-01-0{at}T10:00:00+00:00"}
    record |= {"options": {"output": str(place), **options}, "files": ["table.csv"]}
    write_json(place / STEPS[step].record, record | facts)
    return place


def adopted(place: Path) -> Project:
    """Write a folder as the demo does, and make it a project."""
    images, parsed, model = place / "images", place / "parsed", place / "model"
    images.mkdir(parents=True)
    (images / "a.cif").write_bytes(b"cells")
    write_step(parsed, "parse", 1, {"input": str(images), "split": 0.2}, cells=1400)
    for part in ("Train", "Hold-out"):
        for label in ("A", "B"):
            (parsed / part / f"Class {label}").mkdir(parents=True)
            (parsed / part / f"Class {label}" / "x.npy").write_bytes(b"")
    trained = {"input": str(parsed / "Train"), "target": "Class"}
    write_step(model, "train", 2, trained, scores={"val_accuracy": 0.9})
    (model / "model_2-Class_categories.keras").write_bytes(b"weights")
    predicted = {"input": str(parsed / "Hold-out"), "model": str(model)}
    scores = {"accuracy": 0.8, "balanced_accuracy": 0.75}
    write_step(place / "predictions", "predict", 3, predicted, scores=scores, cells=280)
    return create_project(place, images=images)


def by_step(project):
    return {run.step: run for run in list_runs(project)}
