"""The one number that stands for a run: in the list, on the home page, in the terminal, and where
runs are chosen to be compared.
"""

from __future__ import annotations

import html
import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from deepometry.cli import cli
from deepometry.core.options.predict import PredictOptions
from deepometry.projects.recent import remember_project
from deepometry.projects.score import main_number, main_score
from deepometry.web import create_app
from tests.project_runs import by_step

SPACE = "\N{NO-BREAK SPACE}"
CROSSED = {"scores": {"accuracy": 0.7}}


@dataclass(frozen=True)
class Kept:
    """What a job says of its results."""

    output: Path


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (
            {"step": "predict", "scores": {"balanced_accuracy": 0.7, "accuracy": 0.8}},
            "accuracy 80.0",
        ),
        ({"step": "predict", "cells": 1400, "scores": None}, "1,400 cells"),
        ({"step": "gate", "cells": 1400, "gated_out": 8}, "8 of 1,400 cells gated out"),
        ({"step": "classify", "cells": 3, "problems": 1, "scores": {}}, "3 cells, 1 problem"),
        (
            {"step": "predict", "scores": {"accuracy": 1}, "seen": {"training_scores": True}},
            "training accuracy 100.0",
        ),
        ({"step": "train", "scores": {"val_accuracy": 0.9}}, "validation accuracy 90.0"),
        ({"step": "train", "so_far": {"val_accuracy": 0.5}}, "validation accuracy 50.0"),
        (
            {"step": "train", "cross_validation": CROSSED, "scores": {"val_accuracy": 0.9}},
            "cross-validated accuracy 70.0",
        ),
        (
            {"step": "baseline", "scores": {"accuracy": 0.7}, "cells": {"validation": 2}},
            "validation accuracy 70.0",
        ),
        (
            {"step": "baseline", "scores": {"accuracy": 0.7}, "cross_validation": CROSSED},
            "cross-validated accuracy 70.0",
        ),
        ({"step": "learning-curve", "forecast": {"now": 0.6}}, "accuracy with all cells 60.0"),
        ({"step": "parse", "cells": 2, "problems": 2}, "2 cells, 2 problems"),
        ({"step": "summary", "cells": 9, "rows": [{}, {}]}, "2 groups"),
        ({"step": "compare", "runs": [{}]}, "1 run"),
        ({"step": "predict", "scores": {"accuracy": float("nan")}, "cells": 1}, "1 cell"),
        ({"step": "predict", "scores": 3, "seen": [], "cells": True}, ""),
        ({}, ""),
    ],
)
def test_every_step_has_one_main_number(record, text):
    assert main_number(record) == (f"{text}{SPACE}%" if main_score(record) else text)


def test_all_places_show_the_same_number(made, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    app = create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})
    remember_project(tmp_path / "home", made)
    run = by_step(made)["predict"]
    record = run.record() | {
        "written": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}+00:00"
    }
    (run.folder / "predict.json").write_text(json.dumps(record), "utf-8")
    options = PredictOptions(input=run.folder, output=run.folder, model=run.folder / "m.keras")
    now = time.time()
    job = app.extensions["jobs"].record(options, Kept(run.folder), now - 1, now + 1)

    browser, number = app.test_client(), f"accuracy 80.0{SPACE}%"
    home = html.unescape(browser.get(f"/runs/{job.id}/line").text)
    assert f"<b>{number}</b>" in home
    assert f"<td>{number}</td>" in html.unescape(browser.get("/runs").text)
    assert f"<td>{number}</td>" in html.unescape(browser.get("/compare").text)
    listed = CliRunner().invoke(cli, ["project", "runs", str(made.folder)]).output
    assert f"  {number}" in listed
    told = CliRunner().invoke(cli, ["project", "runs", str(made.folder), "--json"]).output
    assert number in {each["number"] for each in json.loads(told)}
