"""Options of a step as a command line and as JSON, which both lead back to the same."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from deepometry.core.options.example import ExampleOptions
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.train import TrainOptions
from deepometry.core.step_options import command_line, command_words, plain, restored
from deepometry.core.steps import step_of

OPTIONS = [
    ParseOptions(input="in", output="out dir"),
    ParseOptions(
        input="/a 'b' \"c\"/$d",
        output="-o",
        frame=64,
        channels="9,1",
        montage=0,
        split=0.125,
        split_by="Sample",
        seed=7,
        masked=True,
        one_file_per_cell=True,
        reader="bioformats",
    ),
    ParseOptions(input="ä", output="ü", split="66.6/33.4"),
    TrainOptions(input="in", output="out", target="Class"),
    TrainOptions(
        input="in",
        output="out",
        target="-Class x",
        epochs=3,
        learning_rate=3.3e-7,
        flips=False,
        rotation=False,
        shifts=0.0,
        validation=0.1,
        resume=True,
        network="resnet18",
        channels=(1,),
    ),
    PredictOptions(input="in", output="out", model="m.keras", unannotated=True, batch_size=3),
    ExtractOptions(input="in", output="out", model="m", layer="res4a_relu"),
]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_command_line_gives_the_same_options(options, monkeypatch):
    from deepometry import cli

    given = {}
    verb = step_of(options)
    monkeypatch.setattr(
        cli.cli.commands[verb.name], "callback", lambda **fields: given.update(fields)
    )
    first, *words = command_words(options)
    assert first == "deepometry"
    cli.cli.main(words, standalone_mode=False)
    assert given.pop("project", None) is given.pop("run_name", None) is None
    again = verb.options(**given)
    assert plain(again) == plain(options)
    if sys.platform != "win32":
        assert shlex.split(command_line(options)) == [first, *words]


def test_the_command_line_of_the_example_is_one_that_works(tmp_path):
    from deepometry.cli import cli

    options = ExampleOptions(output=tmp_path / "a b", cells=350, seed=3)
    words = command_words(options)
    assert words[:2] == ["deepometry", "example"]
    context = cli.commands["example"].make_context("example", words[2:])
    assert ExampleOptions(**context.params) == options


def test_the_command_line_tells_only_what_differs(tmp_path):
    options = ParseOptions(input=tmp_path / "in", output=tmp_path / "out", frame=64, channels="1,9")
    words = command_words(options)
    assert words[:2] + words[4:] == ["deepometry", "parse", "--frame", "64", "--channels", "1,9"]


@pytest.mark.parametrize("options", OPTIONS)
def test_options_come_back_from_json(options):
    content = json.loads(json.dumps(plain(options)))
    assert plain(restored(step_of(options), content)) == content


def test_a_path_keeps_its_quotes_and_its_bytes(tmp_path):
    options = ParseOptions(input=Path("/'x' "), output=Path("/\udcff"))
    content = json.loads(json.dumps(plain(options)))
    again = restored(step_of(options), content)
    assert (again.input, again.output) == (options.input, options.output)
