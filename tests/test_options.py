"""Options: every field is read from text or values, and every mistake is told at once."""

from dataclasses import MISSING, FrozenInstanceError
from pathlib import Path

import pytest

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.example import DemoOptions, ExampleOptions
from deepometry.core.options.fields import settings
from deepometry.core.options.gradcam import GradcamOptions
from deepometry.core.options.learning_curve import LearningCurveOptions
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.options.train import BaselineOptions, TrainOptions

ALL = (
    ParseOptions,
    TrainOptions,
    BaselineOptions,
    LearningCurveOptions,
    PredictOptions,
    ExtractOptions,
    EmbedOptions,
    SubsetOptions,
    GradcamOptions,
    DemoOptions,
    ExampleOptions,
)


def parse_options(**fields):
    return ParseOptions(**({"input": "in", "output": "out"} | fields))


@pytest.mark.parametrize(
    "given", ["1,9,12", "[1,9,12]", "1, 9, 12", "1 9 12", "(1;9;12)", [1, 9, 12], (1, 9, 12)]
)
def test_channels_are_read_in_the_users_order(given):
    assert parse_options(channels=given).channels == (1, 9, 12)


def test_single_channels_and_other_orders():
    assert parse_options(channels=9).channels == (9,)
    assert parse_options(channels="12,1").channels == (12, 1)
    assert parse_options(channels="").channels is None


@pytest.mark.parametrize("given", ["0", "-1", "1,1", "a", "1.5", [0], "1-3"])
def test_bad_channels_are_refused(given):
    with pytest.raises(OptionsError, match="Channels: expected"):
        parse_options(channels=given)


@pytest.mark.parametrize(
    ("given", "held"), [("80/20", 0.2), ("90:10", 0.1), (" 75 / 25 ", 0.25), (0.2, 0.2)]
)
def test_split(given, held):
    assert parse_options(split=given).split == pytest.approx(held)


@pytest.mark.parametrize("given", ["80", "80/30", "100/0", "0/100", "a/b", "-80/180", "80/20/0"])
def test_bad_splits_are_refused(given):
    with pytest.raises(OptionsError, match="add up to 100"):
        parse_options(split=given)


@pytest.mark.parametrize("given", ["0", 15, "large", 48.5, True, "1e3", 10**6])
def test_bad_frames_are_refused(given):
    with pytest.raises(OptionsError, match="Frame size: expected a whole number from 16 to 1024"):
        parse_options(frame=given)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(OptionsError) as caught:
        ParseOptions(input="", output="out", frame="big", split="80")
    assert set(caught.value.fields) == {"input", "frame", "split"}
    assert isinstance(caught.value, DeepometryError)


def test_pasted_paths():
    options = parse_options(input='"C:/My data"', output="~/out")
    assert options.input == Path("C:/My data")
    assert options.output == Path.home() / "out"


@pytest.mark.parametrize(
    "given", ["\u201c/My data\u201d", "\u202a/My data", " '/My data' ", "file:///My%20data"]
)
def test_paths_as_other_programs_copy_them(given):
    assert parse_options(input=given).input == Path("/My data")


def test_what_no_path_holds_is_refused():
    with pytest.raises(OptionsError, match="a character that no path has"):
        parse_options(input="a\0b")


def test_the_limit_of_a_number_is_told_and_long_entries_are_cut():
    with pytest.raises(OptionsError, match="0 or more, at most 2147483647, found 99"):
        parse_options(seed="9999999999999")
    with pytest.raises(OptionsError) as caught:
        parse_options(seed="9" * 5000)
    assert len(str(caught.value)) < 150


def test_split_by_needs_a_split():
    with pytest.raises(OptionsError, match="Split by"):
        parse_options(split_by="Sample")


def test_options_cannot_change():
    with pytest.raises(FrozenInstanceError):
        parse_options().frame = 32


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("network", "resnet20"),
        ("epochs", 0),
        ("learning_rate", "fast"),
        ("learning_rate", 0),
        ("shifts", 0.6),
        ("flips", "maybe"),
        ("validation", 1),
        ("seed", -1),
        ("target", " "),
        ("batch_size", "32.0"),
    ],
)
def test_bad_training_options_name_their_field(field, value):
    fields = {"input": "i", "output": "o", "target": "Class"} | {field: value}
    with pytest.raises(OptionsError) as caught:
        TrainOptions(**fields)
    assert list(caught.value.fields) == [field]


@pytest.mark.parametrize("options", ALL)
def test_every_option_has_a_label_and_a_help_sentence(options):
    for name, (setting, default) in settings(options).items():
        assert setting.label and setting.help.endswith("."), name
        if default not in (MISSING, None):
            assert setting.read(default) == default, name


def test_intervals_by_groups_need_true_classes():
    with pytest.raises(OptionsError, match=r"Group by: expected annotated cells.*leave it blank"):
        PredictOptions(input="i", output="o", model="m", group_by="Day", unannotated=True)
