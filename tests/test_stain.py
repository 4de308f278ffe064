"""Labels of a stain: its intensity, thresholds, and the channel that trainings leave out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.classical.stain import find_thresholds, stain
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.stain import StainOptions
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.training.baseline import baseline
from deepometry.training.gather import gather_cells
from tests.parsed import blobs, write_record, write_stack

LEVELS = np.array([0, 10, 40, 100] * 20)  # counts above the background


def stained(levels, seed=0, bleed=0.0):
    """A disc in channel 3; in channel 6 a smaller one of a level of its own, on a background."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :16] - 7.5
    images = rng.normal(200, 1, (len(levels), 16, 16, 2))
    images[..., 0] += 60 * (np.hypot(x, y) < 5)
    light = levels[:, None, None] * (np.hypot(x, y) < 3)
    images[..., 1] += light
    images[..., 0] += bleed * light
    return images.round().astype(np.uint16)


@pytest.fixture
def cells(tmp_path):
    root = tmp_path / "parsed"
    write_record(root, names={"6": "PI"})
    write_stack(root / "Day 1", stained(LEVELS[:40]))
    write_stack(root / "Day 2", stained(LEVELS[40:], 1))
    return root


def run(cells, **more):
    return stain(StainOptions(input=cells, channel=6, **more))


def test_the_intensity_is_the_light_above_the_background_inside_of_the_cell(cells):
    result = run(cells)
    assert (result.name, result.kind, result.cells) == ("PI intensity", "number", 80)
    values = open_dataset(cells).values("PI intensity")
    pixels = (np.hypot(*(np.mgrid[:16, :16] - 7.5)) < 3).sum()
    assert np.allclose(values, LEVELS * pixels, atol=60)
    assert "Trainings of PI intensity leave channel 6 out." in result.message


def test_thresholds_make_classes(cells):
    result = run(cells, thresholds="150, 700,2000", class_names="none,G1,S,G2", name="Phase")
    assert dict(result.labels) == {"none": 20, "G1": 20, "S": 20, "G2": 20}
    codes = open_dataset(cells).codes("Phase", ["none", "G1", "S", "G2"])
    assert codes.tolist() == [0, 1, 2, 3] * 20
    (target,) = [t for t in open_dataset(cells).targets() if t.name == "Phase"]
    assert list(target.labels) == ["none", "G1", "S", "G2"]
    assert target.origin == "intensity of channel 6 (PI)"


@pytest.mark.parametrize("method", ["otsu", "mixture"])
def test_thresholds_are_found(cells, method):
    result = run(cells, classes=method, class_names="a,b,c,d")
    # Otsu's looks at a histogram, whose bins do not end where the classes do
    assert dict(result.labels) == pytest.approx({"a": 20, "b": 20, "c": 20, "d": 20}, abs=1)
    assert len(result.thresholds) == 3


@pytest.mark.parametrize("method", ["otsu", "mixture"])
def test_thresholds_of_intensities_that_spread_over_decades(method):
    rng = np.random.default_rng(0)
    light = np.concatenate([rng.lognormal(4, 0.5, 900), rng.lognormal(9, 0.5, 100)])
    (found,) = find_thresholds(light, StainOptions(input="a", channel=1, classes=method))
    assert np.exp(5) < found < np.exp(8)


def test_cells_that_do_not_divide():
    options = StainOptions(input="a", channel=1, classes="otsu")
    with pytest.raises(DeepometryError, match="expected intensities that divide into 2 classes"):
        find_thresholds(np.zeros(9), options)


def test_trainings_leave_the_channel_out(cells):
    run(cells, thresholds="700", name="Stained")
    said = []
    options = BaselineOptions(input=cells, output=cells.parent / "m", target="stained")
    gathered = gather_cells(options, Progress(on_say=said.append))
    assert gathered.columns == [0]
    assert "Channel 6 is what Stained was made of: left out." in said
    by_day = BaselineOptions(input=cells, output=cells.parent / "m", target="Day")
    assert gather_cells(by_day, Progress()).columns == [0, 1]


def test_a_training_that_asks_for_the_channel_is_refused(cells):
    run(cells, thresholds="700", name="Stained")
    asked = {"input": cells, "output": cells.parent / "m", "target": "Stained", "channels": "6,3"}
    with pytest.raises(OptionsError, match="expected others than 6, of which Stained was made"):
        gather_cells(BaselineOptions(**asked), Progress())


@pytest.mark.slow
def test_a_model_of_a_stain_needs_no_stain(cells, tmp_path):
    run(cells, thresholds="700", name="Stained")
    options = BaselineOptions(input=cells, output=tmp_path / "m", target="Stained")
    assert baseline(options).description.channels == (3,)


def test_bleed_into_another_channel_is_told(tmp_path):
    write_record(tmp_path)
    write_stack(tmp_path / "Day 1", stained(np.full(40, 100), bleed=2.0))
    result = run(tmp_path)
    assert "pixels go along with those of the stain in Ch3 (correlation 0.9" in result.message
    record = json.loads((tmp_path / "labels" / "Ch6 intensity.json").read_text("utf-8"))
    assert record["alike"]["Ch3"] > 0.9


def test_no_bleed_no_warning(tmp_path):
    write_record(tmp_path)
    images = blobs(40, 1)
    images[..., 1] = stained(np.full(40, 100))[..., 1]
    write_stack(tmp_path / "Day 1", images)
    assert "Warning" not in run(tmp_path).message


def test_all_cells_in_one_class_are_refused(cells, tmp_path):
    with pytest.raises(OptionsError, match="expected some between the intensities of the cells"):
        run(cells, thresholds="1e9, 2e9")
    assert "No cell is in high." in run(cells, thresholds="700, 1e9").message
    write_stack(tmp_path / "flat", np.full((4, 16, 16, 2), 100, np.uint16))
    with pytest.raises(OptionsError, match="that differ, found 0 in all cells in channel 2"):
        stain(StainOptions(input=tmp_path / "flat", channel=2))


def test_earlier_labels_are_asked_about(cells):
    run(cells)
    with pytest.raises(Question, match="have labels PI intensity already"):
        run(cells)
    assert run(cells, overwrite=True).cells == 80


def test_a_channel_that_is_not_there(cells):
    with pytest.raises(DeepometryError, match="expected channel 4 in the parsed cells, found 3, 6"):
        stain(StainOptions(input=cells, channel=4))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"thresholds": "9,3"}, "expected rising numbers"),
        ({"thresholds": "a"}, "expected rising numbers"),
        ({"thresholds": "1,2", "classes": "otsu"}, "expected none beside Thresholds, found otsu"),
        ({"thresholds": "1,2", "class_names": "a,b"}, "expected 3, one more than there are"),
        ({"class_names": "a,b"}, "expected thresholds, or a way to find them"),
        ({"class_names": "a,a", "classes": "otsu"}, "each once, with commas between them"),
        ({"name": "source"}, "that no other column has"),
    ],
)
def test_options_that_do_not_go_together(more, said):
    with pytest.raises(OptionsError, match=said):
        StainOptions(input="a", channel=1, **more)
