"""The command line: exit status, one sentence for each mistake, nothing half-written."""

from __future__ import annotations

import errno
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner

from deepometry import cli
from deepometry.cells import stack_writer as stacks
from deepometry.classical import boosting, permutation_importance
from deepometry.core.errors import Choice, DeepometryError, Question
from deepometry.core.step_options import command_words
from deepometry.core.text import quoted
from deepometry.images.info_statistics import IntensityTally
from deepometry.training import train
from tests.builders import random_cells, write_channel_tiffs
from tests.features_table import features_of, write_features
from tests.parsed import write_classes


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command as from a shell; give exit status, output and errors."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["deepometry", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return call


@pytest.fixture
def images(tmp_path):
    """Three cells of two channels as .tif files, in a folder a class."""
    root = tmp_path / "images"
    for number, pixels in enumerate(random_cells([(20, 18)] * 3)):
        write_channel_tiffs(root / f"Class {'AB'[number % 2]}", f"c{number}", pixels, (1, 2))
    return root


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def refused(outcome: tuple[int, str, str]) -> str:
    """Check that a mistake ended in one sentence and status 2; give the sentence."""
    code, _, errors = outcome
    (line,) = [line for line in errors.splitlines() if line.strip()]
    assert code == 2
    assert line.startswith("Error: ")
    assert "Traceback" not in errors
    return line


def test_a_question_names_the_option_and_lists_its_answers(run, monkeypatch):
    def ask(options, progress):
        choices = [
            Choice("true", "Replace it", "76 cells"),
            Choice("no way", "Keep it"),
        ]
        raise Question("resume", "Resume: expected one, found two; choose.", choices)

    monkeypatch.setattr(train, "train", ask)
    code, _, errors = run("train", "in", "out", "--target", "Class")
    assert code == 2
    assert errors.splitlines() == [
        "Error: --resume: expected one, found two; choose.",
        "  --resume           Replace it: 76 cells",
        f"  {quoted(['--resume', 'no way'])}  Keep it",
    ]


@pytest.mark.parametrize(("typed", "opened"), [(None, []), ("y\n", [()]), ("n\n", [])])
def test_the_demo_offers_the_page_with_its_results(run, tmp_path, monkeypatch, typed, opened):
    from deepometry import protocol, web
    from deepometry.core.options.example import ExampleOptions
    from deepometry.images.synthetic.dataset import ExampleResult
    from deepometry.web.jobs.queue import Jobs

    made = protocol.Run(ExampleOptions(output=tmp_path), ExampleResult(tmp_path, 70), 1.0, 2.0)
    shown = []
    monkeypatch.setattr(protocol, "demo", lambda options, progress: SimpleNamespace(runs=[made]))
    monkeypatch.setattr(web, "main", lambda *given: shown.append(given))
    monkeypatch.setenv("DEEPOMETRY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(cli, "has_terminal", lambda: typed is not None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    code, out, _ = run("demo", "--output", tmp_path / "demo")
    assert code == 0 and shown == opened
    assert ("deepometry gui" in out) == (typed is None)
    (job,) = Jobs(tmp_path / "home" / "jobs").list()
    assert (job.verb, job.state, job.output) == ("example", "done", tmp_path)


def test_parse_says_what_it_wrote(run, images, tmp_path):
    code, out, _ = run("parse", images, tmp_path / "out", "--frame", "24", "--channels", "2,1")
    assert code == 0
    assert "Parsed 3 cells of channels 2,1 into 2 files." in out
    assert np.load(tmp_path / "out/Class A/Class A.npy").shape == (2, 24, 24, 2)


def test_targets_as_text_and_as_json(run, tmp_path):
    root = write_classes(tmp_path, {"Class A": 3, "Class B": 2})
    assert run("targets", root)[1].splitlines() == ["Class (2 labels, 5 cells)", "  A: 3", "  B: 2"]
    (plain,) = json.loads(run("targets", root, "--json")[1])
    assert (plain["name"], plain["labels"], plain["unlabelled"]) == ("Class", {"A": 3, "B": 2}, 0)
    assert (plain["kind"], plain["origin"]) == ("classes", "folder names")


def test_info_as_text_and_as_json(run, images, tmp_path):
    code, out, errors = run("info", images, "--gallery", tmp_path / "look.png")
    assert (code, errors) == (0, "")
    assert "3 cells in 6 .tif files; parse makes 2 stacks of them." in out
    assert f"Gallery: {tmp_path / 'look.png'}" in out
    assert (tmp_path / "look.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = run("info", images, "--quick", "--json")
    told = json.loads(out)
    assert (code, told["cells"], told["quick"], told["gallery"]) == (0, 3, True, None)
    assert [channel["number"] for channel in told["channels"]] == [1, 2]


def test_info_that_cannot_be_had(run, images, tmp_path):
    before = tree(tmp_path)
    said = refused(run("info", images, "--gallery", tmp_path / "look.jpg"))
    assert "--gallery: expected a file name that ends in .png" in said
    assert "--gallery" in refused(run("info", images, "--gallery", images / "Class A"))
    assert "does not exist" in refused(run("info", tmp_path / "none"))
    (tmp_path / "bad.cif").write_bytes(b"a text, not a .cif")
    assert "bad.cif" in refused(run("info", tmp_path / "bad.cif", "--json"))
    assert tree(tmp_path) == before | {"bad.cif"}


def test_stopping_info_is_no_error_message(run, images, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(IntensityTally, "add", interrupted)
    before = tree(tmp_path)
    code, _, errors = run("info", images, "--gallery", tmp_path / "look.png")
    assert code == 130
    assert "Traceback" not in errors
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--frame", "0"], "--frame: expected a whole number from 16 to 1024, found 0"),
        (["--frame", "big"], "--frame: expected a whole number from 16 to 1024, found 'big'"),
        (["--split", "80"], "--split: expected two percentages"),
        (["--channels", "9"], "--channels: expected channels that the images have (1,2), found 9"),
        (["--channels", "0"], "--channels: expected channel numbers from 1 up"),
        (["--split", "50/50", "--split-by", "Sample"], "Sample"),
        (["--montage", "-1"], "--montage: expected a whole number from 0 to 100"),
    ],
)
def test_bad_parse_options(run, images, tmp_path, options, words):
    before = tree(tmp_path)
    assert words in refused(run("parse", images, tmp_path / "out", *options))
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: None, "does not exist"),
        (lambda root: root.mkdir(), "found nothing"),
        (lambda root: write(root / "notes.txt", b"text"), "notes.txt"),
        (lambda root: write(root / "cell_Ch1.tif", b""), "cell_Ch1.tif"),
        (lambda root: write(root / "cell_Ch1.tif", b"a text, not a picture"), "cell_Ch1.tif"),
        (lambda root: write(root / "cells.cif", b"a text, not a .cif"), "cells.cif"),
    ],
)
def test_bad_input(run, tmp_path, make, words):
    make(tmp_path / "in")
    before = tree(tmp_path)
    assert words in refused(run("parse", tmp_path / "in", tmp_path / "out"))
    assert tree(tmp_path) == before


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def test_output_that_cannot_be_written(run, images, tmp_path):
    (tmp_path / "file").write_text("x")
    assert "file" in refused(run("parse", images, tmp_path / "file" / "out"))
    assert (tmp_path / "file").read_text() == "x"


def test_disk_full(run, images, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stacks.StackWriter, "add", full)
    before = tree(tmp_path)
    assert "the disk is full" in refused(run("parse", images, tmp_path / "out"))
    assert tree(tmp_path) == before


def test_targets_that_cannot_be_learnt(run, tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 3})
    before = tree(tmp_path)
    said = refused(run("train", root, tmp_path / "out", "--target", "Class"))
    assert "two labels or more, found one, A" in said
    said = refused(run("train", root, tmp_path / "out", "--target", "Day"))
    assert "found none of that name" in said
    said = refused(run("train", tmp_path / "none", tmp_path / "out", "--target", "Day"))
    assert "does not exist" in said
    assert tree(tmp_path) == before


def test_embed_from_the_command_line(run, tmp_path):
    folder = write_features(tmp_path / "features", features_of(40))
    words = (
        "embed",
        folder,
        tmp_path / "map",
        "--method",
        "pca",
        "--dims",
        "3",
        "--color",
        "Class",
    )
    code, out, _ = run(*words)
    assert code == 0
    assert "Mapped 40 cells by PCA in 3 dimensions." in out and "map_pca_Class.png" in out
    assert "--dims: expected one of 2, 3, found '4'" in refused(run(*words[:3], "--dims", "4"))
    said = refused(run("embed", tmp_path / "none", tmp_path / "map"))
    assert said.endswith("none does not exist: check the path.")


def test_baseline_from_the_command_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr(boosting, "ROUNDS", 5)
    monkeypatch.setattr(permutation_importance, "MOST_FEATURES", 3)
    root = write_classes(tmp_path / "in", {"Class A": 12, "Class B": 12})
    code, out, _ = run("baseline", root, tmp_path / "out", "--target", "Class", "--channels", "3")
    assert code == 0
    assert "Warning: Too few validation cells" in out
    assert "What separates the classes most:\n  Ch3: " in out
    assert (tmp_path / "out" / "baseline_importance.csv").is_file()
    said = refused(run("baseline", root, tmp_path / "out", "--target", "Class", "--method", "x"))
    assert "--method: expected one of boosting, rusboost" in said


def test_a_file_that_is_not_a_model(run, tmp_path):
    root = write_classes(tmp_path / "in", {"Class A": 3})
    (tmp_path / "model.keras").write_text("no model")
    before = tree(tmp_path)
    for verb in ("predict", "extract"):
        said = refused(run(verb, root, tmp_path / "out", "--model", tmp_path / "model.keras"))
        assert "model.keras: expected a model file" in said
    assert tree(tmp_path) == before


def test_several_mistakes_are_told_at_once(run, images, tmp_path):
    code, _, errors = run("parse", images, tmp_path / "out", "--frame", "x", "--split", "y")
    assert code == 2
    assert "--frame: expected" in errors
    assert "--split: expected" in errors


def test_words_that_the_command_line_does_not_know(run, tmp_path):
    assert run("parse", "in", "out", "--fram", "3")[0] == 2
    assert run("guess")[0] == 2
    assert run("train", "in", "out")[0] == 2


def test_cancelling_is_no_error_message(run, images, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(stacks.StackWriter, "add", interrupted)
    before = tree(tmp_path)
    code, _, errors = run("parse", images, tmp_path / "out")
    assert code == 130
    assert "Stopped" in errors
    assert "Traceback" not in errors
    assert tree(tmp_path) == before


def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys, deepometry, deepometry.cli; sys.argv = ['deepometry', '--help']\n"
        "try: deepometry.cli.main()\n"
        "finally: print(sorted({m.split('.')[0] for m in sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ended.stdout.splitlines()[-1]
    for heavy in (
        "keras",
        "tensorflow",
        "numpy",
        "pandas",
        "matplotlib",
        "scipy",
        "skimage",
        "sklearn",
        "imblearn",
    ):
        assert f"'{heavy}'" not in loaded
    assert "Usage" in ended.stdout


@pytest.mark.parametrize(
    "walk, heavy",
    [
        (
            "pkgutil.walk_packages(deepometry.__path__, 'deepometry.')",
            ["keras", "tensorflow", "sklearn"],
        ),
        # without the page, which stands on Flask
        (
            "[m for m in pkgutil.iter_modules(deepometry.__path__, 'deepometry.') "
            "if m.name != 'deepometry.web']",
            ["flask"],
        ),
    ],
)
def test_no_module_loads_keras_and_only_the_page_flask_when_imported(walk, heavy):
    code = (
        "import importlib, pkgutil, sys, deepometry\n"
        f"for m in {walk}:\n"
        "    m.name.endswith('__main__') or importlib.import_module(m.name)\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_flag_may_have_another_name_than_its_field(run, monkeypatch):
    given = []

    def stop(options, progress):
        given.append(options)
        raise DeepometryError("enough")

    monkeypatch.setattr(train, "train", stop)
    words = ("train", "in", "out", "--target", "Class", "--from", "earlier")
    assert refused(run(*words)) == "Error: enough"
    assert (given[0].start_from, given[0].freeze) == (Path("earlier"), "auto")
    assert command_words(given[0])[-2:] == ["--from", str(Path("earlier").absolute())]
    both = refused(run(*words, "--weights", "imagenet"))
    assert both.startswith("Error: --weights: expected these or an earlier model, found both")


def test_the_help_of_many_options_is_in_groups():
    shown = CliRunner().invoke(cli.cli, ["train", "--help"]).output
    titles = re.findall(r"^(\w[\w ]*):$", shown, re.MULTILINE)
    own = ["Images", "Network", "Training", "Validation", "Speed and memory", "Other options"]
    assert titles == own
    for parameter in cli.cli.commands["train"].params:
        if isinstance(parameter, click.Option):
            assert shown.count(f"\n  {parameter.opts[0]}") == 1, parameter.name
    assert "\nOptions:\n" in CliRunner().invoke(cli.cli, ["targets", "--help"]).output
