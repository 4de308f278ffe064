"""Cells on another scale, inverted or in another focus are recognised; others of a kind are not."""

import json
import re
import zipfile

import numpy as np
import pytest

from deepometry.cells.appearance import (
    MEASURES,
    Appearance,
    appearance_of,
    distribution,
    measure,
    measure_cells,
    read_appearance,
)
from deepometry.cells.dataset import open_dataset
from deepometry.cells.model_description import Description, read_description
from deepometry.cells.unlike import differences, plain_factor, usual_factor
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.predict import ExtractOptions, PredictOptions
from deepometry.core.progress import Progress
from deepometry.inference.likeness_verdict import Sample, Verdict
from tests.parsed import write_classes, write_record, write_stack

FRAME, CLASSES = 24, 3


def cells_of(count, kind, seed=0, gain=1.0):
    """16-bit cells in two channels: a bright field at 600 counts, a fluorescence at about 20."""
    rng = np.random.default_rng([seed, kind])
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    size = rng.normal(5 + kind, 0.5, (count, 1, 1))
    radius = np.hypot(x, y)[None]
    ring = np.exp(-((radius - size) ** 2) / 2)
    spot = np.exp(-((radius / (size * 0.6)) ** 2))
    stain = rng.lognormal(np.log(400 + 200 * kind), 0.3, (count, 1, 1))
    bright = 600 - 120 * ring + rng.normal(0, 8, ring.shape)
    fluorescent = 20 + stain * spot + rng.normal(0, 3, ring.shape)
    counts = gain * np.stack([bright, fluorescent], -1)
    return counts.round().clip(0, 65535).astype(np.uint16)


def known_of(images, codes):
    measures = measure(images)
    channels = tuple(
        {name: distribution(measures[name][:, place], codes) for name in MEASURES}
        for place in range(images.shape[-1])
    )
    return Appearance(len(images), str(images.dtype), channels)


@pytest.fixture(scope="module")
def known():
    images = np.concatenate([cells_of(60, kind) for kind in range(CLASSES)])
    return known_of(images, np.repeat(range(CLASSES), 60))


@pytest.fixture(scope="module")
def others():
    return np.concatenate([cells_of(30, kind, seed=1) for kind in range(CLASSES)])


def blurred(images, sigma=2.0):
    """Convolve with a Gaussian, as a lens out of focus does."""
    reach = np.arange(-8, 9)
    kernel = np.exp(-(reach**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = np.pad(images.astype(float), ((0, 0), (8, 8), (8, 8), (0, 0)), "edge")
    rows = sum(w * padded[:, n : n + images.shape[1]] for n, w in enumerate(kernel))
    return sum(w * rows[:, :, n : n + images.shape[2]] for n, w in enumerate(kernel))


def description(scaling="background", **more):
    facts = {"labels": ("A", "B", "C"), "target": "Class", "channels": (1, 2), "depth": 2}
    facts |= {"channel_names": {"1": "BF"}, "frame": FRAME, "network": "small18"}
    return Description(**(facts | {"fingerprint": "", "cells": {}, "scaling": scaling} | more))


def verdict(known, images, scaling="background", folders=None):
    inside = {name: measure(own) for name, own in (folders or {}).items()}
    sample = Sample(str(images.dtype), measure(images), inside)
    return Verdict(description(scaling), known, sample)


def to_8_bit(images):
    return (images / 12).round().clip(0, 255).astype(np.uint8)


CHANGES = {
    "x16": (lambda images: images * 16, "another intensity scale", 1 / 16),
    "/256": (lambda images: images // 256, "another intensity scale", None),
    "/12 to 8 bit": (to_8_bit, "another intensity scale", 12),
    "/4": (lambda images: images // 4, "another intensity scale", 4),
    "0 to 1 of 16 bit": (lambda images: images / 65535, "another intensity scale", 65535),
    "0 to 1 of 12 bit": (
        lambda images: (images / 4095).astype("f4"),
        "another intensity scale",
        4095,
    ),
    "inverted": (lambda images: 65535 - images, "look inverted", None),
    "inverted about the maximum": (lambda images: images.max() - images, "look inverted", None),
    "inverted to 8 bit": (lambda images: 255 - to_8_bit(images), "look inverted", None),
    "blurred": (blurred, "another focus", None),
    "black": (np.zeros_like, "another intensity scale", None),
}


@pytest.mark.parametrize("scaling", ["background", "channel", "none", "image", "8bit"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_unlike_is_told_whatever_the_scaling(known, others, change, scaling):
    apply, said, factor = CHANGES[change]
    told = " ".join(verdict(known, apply(others), scaling).warnings)
    evened_out = scaling in ("image", "8bit") and "scale" in said
    assert "learnt from" in told
    assert said in told or evened_out
    assert factor is None or evened_out or f"A factor of {factor:.6g} explains it" in told


@pytest.mark.parametrize("change", [name for name in CHANGES if name != "blurred"])
def test_what_is_unlike_beyond_doubt_is_refused(known, others, change):
    apply, _, factor = CHANGES[change]
    with pytest.raises(Question) as refused:
        verdict(known, apply(others)).refuse(False, 1.0)
    assert "--despite-scale" in str(refused.value)
    chosen = [choice.value for choice in refused.value.choices]
    if change != "/256":  # of the two levels that remain, a factor may be found or not
        assert chosen == (["true"] if factor is None else [f"{factor:.6g}", "1"])


def test_a_warning_has_the_numbers_of_both(known, others):
    (sentence,) = verdict(known, to_8_bit(others)).warnings
    numbers = re.search(r"Ch1 BF median level (\d+), the model learnt from (\d+)", sentence)
    assert numbers is not None
    here, there = map(int, numbers.groups())
    assert there == pytest.approx(np.median(measure(others)["mean"][:, 0]), rel=0.02)
    assert here == pytest.approx(there / 12, abs=1)
    assert "uint8 here, uint16 in training" in sentence


def test_a_scaling_that_evens_a_factor_out_needs_no_refusal(known, others):
    found = verdict(known, others * 16, "image")
    found.refuse(False, 1.0)
    assert "evens out their level" in " ".join(found.warnings)


def test_another_focus_is_no_reason_to_refuse(known, others):
    verdict(known, blurred(others)).refuse(False, 1.0)


def test_cells_of_the_same_kind_are_never_warned_of():
    images = np.concatenate([cells_of(100, kind, seed=2) for kind in range(CLASSES)])
    codes = np.repeat(range(CLASSES), 100)
    for seed in range(20):
        mixed = np.random.default_rng(seed).permutation(len(images))
        training, rest = mixed[:100], mixed[100:]
        known = known_of(images[training], codes[training])
        one_class = [rest[codes[rest] == code] for code in range(CLASSES)]
        few = [rest[first : first + 5] for first in range(0, 50, 5)]
        for own in (rest, *one_class, *few, rest[:1]):
            assert differences(known, measure(images[own])) == []


@pytest.mark.parametrize("gain", [0.8, 0.9, 1.1, 1.25])
def test_a_lamp_of_another_day_is_not_warned_of(known, gain):
    day = np.concatenate([cells_of(20, kind, seed=3, gain=gain) for kind in range(CLASSES)])
    assert differences(known, measure(day)) == []


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.95])
def test_another_share_of_stained_cells_is_not_warned_of(share):
    def mixed(count, stained, seed):
        cells = cells_of(count, 0, seed)
        cells[int(stained * count) :, ..., 1] = cells_of(count, 0, seed + 9, gain=0.05)[
            int(stained * count) :, ..., 1
        ]
        return cells

    known = known_of(mixed(200, 0.6, 4), np.zeros(200, int))
    assert differences(known, measure(mixed(100, share, 5))) == []


def test_a_dimmer_stain_in_the_same_noise_is_no_other_focus():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    spot = np.exp(-(np.hypot(x, y) ** 2) / 18)[None, ..., None]

    def stained(stain):
        return 20 + stain * spot + rng.normal(0, 10, (100, FRAME, FRAME, 1))

    known = known_of(stained(60), np.zeros(100, int))
    assert differences(known, measure(stained(40))) == []
    assert differences(known, measure(stained(90))) == []
    assert [each.kind for each in differences(known, measure(blurred(stained(60), 1)))] != []


def test_a_class_of_very_few_cells_does_not_hide_a_difference(others):
    images = np.concatenate([*(cells_of(60, kind) for kind in range(CLASSES)), 12 * others[:2]])
    known = known_of(images, np.repeat(range(CLASSES + 1), [60] * CLASSES + [2]))
    assert {each.kind for each in differences(known, measure(4 * others))} >= {"spread", "level"}


def test_one_folder_of_another_scale_among_many_is_refused(known, others):
    folders = {f"Day {n}": others[n::8] for n in range(8)} | {"Day 9": to_8_bit(others)[::3]}
    with pytest.raises(Question, match="Day 9 is on another intensity scale, by a factor of 12"):
        verdict(known, others, folders=folders).refuse(False, 1.0)
    folders["Day 9"] = others[::3]
    assert verdict(known, others, folders=folders).warnings == []


def test_no_factor_is_offered_that_would_spoil_a_folder(known, others):
    mixed = np.concatenate([to_8_bit(others), others[:30].astype(np.uint8)])
    folders = {"Day 1": to_8_bit(others), "Day 2": others[:30]}
    with pytest.raises(Question) as refused:
        verdict(known, mixed, folders=folders).refuse(False, 1.0)
    assert refused.value.option == "despite_scale"


@pytest.mark.parametrize(
    ("estimate", "meant"),
    [
        (11.97, 12),
        (1 / 11.9, 1 / 12),
        (16.1, 16),
        (254, 255),
        (257, 256),
        (3.37, 3.4),
        (65000, 65535),
    ],
)
def test_a_factor_is_the_usual_one_nearby(estimate, meant):
    assert usual_factor(estimate) == pytest.approx(meant)


@pytest.mark.parametrize("factor", [1e30, 1e-30])
def test_absurd_scales_are_refused_without_a_factor(known, others, factor):
    with pytest.raises(Question) as refused:
        verdict(known, (others * factor).astype(np.float64)).refuse(False, 1.0)
    assert refused.value.option == "despite_scale"


def test_cells_on_the_scale_of_the_model_have_no_factor(known, others):
    assert plain_factor(known, measure(others)) is None


def test_constant_images_have_no_sharpness():
    measures = measure(np.full((3, 16, 16, 1), 7, np.uint8))
    assert np.isnan(measures["sharpness"]).all()
    assert distribution(measures["sharpness"][:, 0], np.zeros(3)) is None


def test_what_a_model_file_has_is_read_back_or_nothing(known):
    content = json.loads(json.dumps(known.plain()))
    assert read_appearance(content, 2) == known
    broken = [{}, None, [1], {**content, "channels": "x"}, {**content, "cells": "many"}]
    broken.append(json.loads(json.dumps(content).replace('"median":', '"middle":')))
    broken.append({**content, "channels": content["channels"][:1]})
    for name, value in (("median", 1e300), ("range", [0, float("nan")]), ("lows", [1, 2, 3])):
        spread = content["channels"][0]["spread"] | {name: value}
        changed = [content["channels"][0] | {"spread": spread}, content["channels"][1]]
        broken.append({**content, "channels": changed})
    less = {name: each for name, each in content["channels"][0].items() if name != "mean"}
    broken.append({**content, "channels": [less, content["channels"][1]]})
    for each in broken:
        assert read_appearance(each, 2) is None


def test_every_class_is_measured_though_there_are_many_cells(tmp_path):
    write_record(tmp_path, channels=(1, 2))
    write_stack(tmp_path / "Class A", cells_of(2500, 0))
    write_stack(tmp_path / "Class B", cells_of(5, 1))
    dataset = open_dataset(tmp_path)
    codes = dataset.codes("Class", ("A", "B"))
    found = appearance_of(dataset, np.arange(2505), codes, [0, 1])
    assert found.cells == 1005
    alone = measure(cells_of(5, 1))["spread"][:, 1]
    assert found.channels[1]["spread"].range[1] == pytest.approx(np.quantile(alone, 0.99))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("single", [False, True])
def test_a_pixel_that_is_no_number_is_refused_by_file_and_cell(tmp_path, value, single):
    pixels = cells_of(4, 0).astype(np.float32)
    pixels[2, 5, 5, 1] = value
    if single:
        for number, image in enumerate(pixels):
            np.save(tmp_path / f"{number}.npy", image)
    else:
        write_stack(tmp_path, pixels)
    named = r"2\.npy: expected a number.*cell 1 " if single else r"cells\.npy: expected.*cell 3 "
    with pytest.raises(DeepometryError, match=named):
        measure_cells(open_dataset(tmp_path), np.arange(4), [0, 1])


# --- by a model that was trained ------------------------------------------------------------------


@pytest.fixture(scope="module")
def times16(cells, tmp_path_factory):
    root = tmp_path_factory.mktemp("times16")
    write_classes(root, {"Class A": 10, "Class B": 10}, seed=1)
    for path in root.rglob("*.npy"):
        np.save(path, np.load(path) * np.uint16(16))
    return root


def test_a_prediction_on_another_scale_asks_for_the_factor(trained, times16, tmp_path):
    options = {"input": times16, "output": tmp_path / "out", "model": trained.model}
    with pytest.raises(Question, match=r"--rescale 0\.0625, or auto"):
        predict_with(options)
    assert not (tmp_path / "out").exists()


def predict_with(options):
    from deepometry.inference.predict import predict

    said = []
    result = predict(PredictOptions(views=1, **options), Progress(on_say=said.append))
    record = json.loads((result.output / "predict.json").read_text("utf-8"))
    return result, record, said


def test_a_rescaled_prediction_is_that_of_the_original_cells(cells, trained, times16, tmp_path):
    model = {"model": trained.model}
    there = {"input": times16, "output": tmp_path / "there", "rescale": "auto"}
    rescaled, record, _ = predict_with(model | there)
    here = {"input": cells / "Hold-out", "output": tmp_path / "here"}
    original, other, _ = predict_with(model | here)
    assert rescaled.warnings == original.warnings == ()
    assert rescaled.confusion.tolist() == original.confusion.tolist()
    assert (record["factor"], other["factor"]) == (0.0625, 1)
    assert other["likeness"].startswith("like 7")
    tables = [(tmp_path / side / "predicted.csv").read_text("utf-8") for side in ("here", "there")]
    assert tables[0] == tables[1]


def test_despite_the_scale_a_prediction_has_its_warning_everywhere(trained, times16, tmp_path):
    options = {"input": times16, "output": tmp_path, "model": trained.model}
    result, record, said = predict_with(options | {"despite_scale": True})
    (sentence,) = result.warnings
    assert "another intensity scale" in sentence
    assert record["warnings"] == [sentence]
    assert f"Warning: {sentence}" in said
    assert "another intensity scale" in (tmp_path / "report.html").read_text("utf-8")


def test_features_of_another_scale_are_refused_as_well(trained, times16, tmp_path):
    from deepometry.inference.extract import extract

    options = {"input": times16, "output": tmp_path / "out", "model": trained.model}
    with pytest.raises(Question, match="another intensity scale"):
        extract(ExtractOptions(**options))


@pytest.mark.parametrize("kind", ["predict", "train"])
def test_a_pixel_that_is_no_number_stops_the_step_by_name(cells, trained, tmp_path, kind):
    write_classes(tmp_path / "in", {"Class A": 8, "Class B": 8}, seed=1)
    path = tmp_path / "in/Class B/cells.npy"
    pixels = np.load(path).astype(np.float32)
    pixels[5, 3, 3, 1] = np.nan
    np.save(path, pixels)
    with pytest.raises(DeepometryError, match=r"Class B.cells\.npy: expected a number.*in cell 6"):
        if kind == "predict":
            predict_with(
                {"input": tmp_path / "in", "output": tmp_path / "out"} | {"model": trained.model}
            )
        else:
            from deepometry.core.options.train import BaselineOptions
            from deepometry.training.baseline import baseline

            options = {"input": tmp_path / "in", "output": tmp_path / "out", "target": "Class"}
            baseline(BaselineOptions(**options))


def older(model, path):
    """Copy a model file as a version before these statistics would have written it."""
    with zipfile.ZipFile(model) as source, zipfile.ZipFile(path, "w") as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename == "deepometry.json":
                plain = json.loads(content)
                del plain["appearance"]
                content = json.dumps(plain).encode()
            target.writestr(item, content)
    return path


def test_an_older_model_compares_nothing_and_its_record_says_so(trained, times16, tmp_path):
    model = older(trained.model, tmp_path / trained.model.name)
    options = {"input": times16, "output": tmp_path / "out", "model": model}
    result, record, _ = predict_with(options)
    assert result.warnings == ()
    assert record["likeness"].startswith("not compared")
    with pytest.raises(OptionsError, match="expected a number, found auto"):
        predict_with(options | {"rescale": "auto", "output": tmp_path / "other"})


def test_a_baseline_knows_its_scale_too(tmp_path):
    from deepometry.core.options.train import BaselineOptions
    from deepometry.training.baseline import baseline

    write_classes(tmp_path / "in", {"Class A": 12, "Class B": 12})
    model = baseline(
        BaselineOptions(input=tmp_path / "in", output=tmp_path / "model", target="Class")
    ).model
    assert read_description(model).appearance["dtype"] == "uint16"
    path = tmp_path / "in/Class A/cells.npy"
    np.save(path, (np.load(path) / 65535).astype(np.float32))
    (tmp_path / "in/Class A").rename(tmp_path / "Class A")
    write_record(tmp_path / "Class A")
    options = {"input": tmp_path / "Class A", "output": tmp_path / "out", "unannotated": True}
    with pytest.raises(Question, match="A factor of 65535 explains it"):
        predict_with(options | {"model": model})
