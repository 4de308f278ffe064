"""A model that goes by the background is caught; one that goes by the cell is not accused."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from deepometry.core.options.predict import PredictOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.inference.audit import run
from deepometry.inference.audit.audit import CLASSIFIER, audit, evenly
from deepometry.inference.audit.backgrounds import as_counts, backgrounds_of, replaced
from deepometry.inference.audit.cell_masks import cell_masks, has_background
from deepometry.inference.audit.result import Audit
from deepometry.inference.audit.run import other_class, same_class
from deepometry.inference.audit.scores import Judged, bootstrap_weights
from deepometry.inference.audit.variants import Cells, Variant, changed, variants_of
from deepometry.inference.predict import predict
from tests.parsed import blobs, write_record, write_stack

FRAME, CLASSES, EACH = 32, 3, 40
LABELS, CHANNELS = ("round", "small", "bright"), ("Ch1", "Ch2")
Model = Callable[[np.ndarray], np.ndarray]


def cells(seed: int = 0, offset: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """Round cells whose radius is their class, on a background that rises with it by `offset`."""
    rng = np.random.default_rng(seed)
    true = np.repeat(range(CLASSES), EACH)
    y, x = np.mgrid[:FRAME, :FRAME] - (FRAME - 1) / 2
    radius = (4 + 1.5 * true + rng.normal(0, 0.3, len(true)))[:, None, None]
    images = rng.normal(500, 10, (len(true), FRAME, FRAME, 2))
    images += 200 * (np.hypot(y, x) < radius)[..., None] + offset * true[:, None, None, None]
    return images.round().astype(np.uint16), true


def by_distance(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Probabilities that fall with the distance to the value of each class."""
    odds = np.exp(-((values[:, None] - wanted) ** 2) / 2)
    probabilities: np.ndarray = (odds + 1e-9) / (odds + 1e-9).sum(1, keepdims=True)
    return probabilities


def by_area(images: np.ndarray) -> np.ndarray:
    """A model that goes by how large the cell is, and by nothing else."""
    level = np.median(images[:, :3], (1, 2))[:, None, None]
    radius = np.sqrt(((images - level)[..., 0] > 100).sum((1, 2)) / np.pi)
    return by_distance(radius / 0.5, np.array([4, 5.5, 7]) / 0.5)


def by_level(images: np.ndarray) -> np.ndarray:
    """A model that goes by the background."""
    return by_distance(
        (np.median(images[:, :3, :, 0], (1, 2)) - 500) / 10, np.arange(CLASSES) * 2.0
    )


def level_where_a_cell_is(images: np.ndarray) -> np.ndarray:
    """The same, but a model that names one class wherever it sees no cell."""
    level = np.median(images[:, :3], (1, 2))[:, None, None]
    there = ((images - level)[..., 0] > 100).sum((1, 2)) > 10
    return np.where(there[:, None], by_level(images), [1.0, 0, 0])


def shifted(images: np.ndarray) -> np.ndarray:
    """The same, but a model that names one class for all images without a cell, by a little."""
    level = np.median(images[:, :3], (1, 2))[:, None, None]
    there = ((images - level)[..., 0] > 100).sum((1, 2)) > 10
    probabilities = by_level(images)
    probabilities[~there] = 0.1 * probabilities[~there] + [0.9, 0, 0]
    return probabilities


def audited(model: Model, offset: float = 0, seed: int = 0) -> Audit:
    images, true = cells(seed, offset)
    return audit(images, true, LABELS, CHANNELS, model, "Shape")


@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_goes_by_the_cell_is_not_accused(seed: int) -> None:
    found = audited(by_area, seed=seed)
    assert found["whole"].balanced_accuracy.value > 0.9
    assert found["background"].balanced_accuracy.value == pytest.approx(1 / 3, abs=0.1)
    assert not found.shortcut and not found.informative
    assert found.verdict.startswith("The model needs the cell: balanced accuracy 0.33 (")
    assert "from the background alone; guessing gives 0.33, whole images" in found.verdict
    assert found.cells == CLASSES * EACH


@pytest.mark.parametrize("model", [by_level, level_where_a_cell_is, shifted])
def test_a_model_that_goes_by_the_background_is_caught(model: Model) -> None:
    found = audited(model, offset=20)
    assert found.shortcut and found.doubtful
    assert found.verdict.startswith("The model goes by the background")
    assert found["other_class_background"].balanced_accuracy.value < 0.2
    assert found["own_class_background"].balanced_accuracy.value > 0.9


def test_what_the_background_gives_away_is_told_of_a_model_that_does_not_use_it() -> None:
    found = audited(by_area, offset=30)
    assert not found.shortcut and found.informative
    assert "The model needs the cell" in found.verdict
    assert "The background alone predicts Shape with a balanced accuracy of 1.00" in found.verdict
    assert found[CLASSIFIER].balanced_accuracy.low > 0.9


def test_a_single_class_that_a_line_gives_away() -> None:
    images, true = cells()
    images[true == 0, 0] += 300

    def by_line_and_area(images: np.ndarray) -> np.ndarray:
        line = images[:, 0, :, 0].mean(1) > 600
        others = by_area(images) * [0, 1, 1] + [0, 1e-6, 1e-6]
        return np.where(line[:, None], [1.0, 0, 0], others / others.sum(1, keepdims=True))

    found = audit(images, true, LABELS, CHANNELS, by_line_and_area, "Shape")
    assert found.shortcut
    assert found["border"].balanced_accuracy.value > 0.4


def test_a_model_that_guesses_has_no_shortcut_and_is_not_praised() -> None:
    found = audited(lambda images: np.tile([0.5, 0.3, 0.2], (len(images), 1)))
    assert not found.shortcut and "no better than guessing" in found.verdict
    assert found["whole"].guessing == pytest.approx(1 / 3)


def test_channels_that_a_model_uses_show() -> None:
    found = audited(by_area)
    rows = {(row.name, row.channel): row.balanced_accuracy.value for row in found.rows}
    assert rows["without_channel", "Ch1"] < 0.4 and rows["shuffled_channel", "Ch1"] < 0.1
    assert rows["without_channel", "Ch2"] == rows["shuffled_channel", "Ch2"] > 0.9


def test_the_audit_is_the_same_twice() -> None:
    assert audited(by_area) == audited(by_area)


def test_it_can_be_stopped() -> None:
    progress = Progress(lambda *_: progress.cancel())
    images, true = cells()
    with pytest.raises(Cancelled):
        audit(images, true, LABELS, CHANNELS, by_area, "Shape", progress=progress)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda images, true: (images, true * 0), "of a single one"),
        (lambda images, true: (np.full_like(images, 7), true), "nothing stands out"),
    ],
    ids=["one class", "no cell"],
)
def test_why_there_is_no_audit(change: Callable, told: str) -> None:  # type: ignore[type-arg]
    images, true = change(*cells())
    found = audit(images, true, LABELS, CHANNELS, by_area, "Shape")
    assert found.rows == () and not found.doubtful
    assert told in found.verdict and found.verdict.startswith("No shortcut audit: ")


def test_cells_that_fill_their_images_have_no_background(monkeypatch: pytest.MonkeyPatch) -> None:
    images, true = cells()
    full = np.ones(images.shape[:3], bool)
    full[:50] = False
    assert has_background(full).sum() == 50
    monkeypatch.setattr(run, "cell_masks", lambda images: (full, full.any((1, 2)) | True))
    found = audit(images, true, LABELS, CHANNELS, by_area, "Shape")
    assert found.rows == () and "hardly any background" in found.verdict


# --- images --------------------------------------------------------------------------------------


def test_the_cell_is_what_reaches_the_middle_and_lines_at_the_side_are_background() -> None:
    images, _ = cells()
    images[:, 0] += 400
    images[:, :, -2:] += 400
    masks, _ = cell_masks(images)
    assert masks[:, 12:20, 12:20].all()
    assert not masks[:, 0].any() and not masks[:, :, -2:].any()
    assert has_background(masks).all()


def test_where_nothing_stands_out_a_disc_stands_for_the_cell() -> None:
    images, _ = cells()
    images[5] = 500
    masks, found = cell_masks(images)
    assert masks[5, 15, 15] and not masks[5, 0].any()
    assert not found[5] and found.sum() == len(found) - 1
    assert cell_masks(np.full((2, FRAME, FRAME, 1), 7))[0][:, 15, 15].all()


def test_replaced_parts_look_like_the_background_around_them() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:FRAME, :FRAME]
    noise = rng.normal(0, 10, (50, FRAME, FRAME, 2))
    noise[..., 1] = (noise[..., 1] + np.roll(noise[..., 1], 1, 2)) / np.sqrt(2)  # correlated
    images = (1000 + 3.0 * x + 2.0 * y)[None, ..., None] + noise
    cell = np.hypot(y - 15.5, x - 15.5) < 8
    masks = np.broadcast_to(cell, images.shape[:3])
    bright = np.where(masks[..., None], 5000, images).round().astype(np.uint16)
    bright[:, :2, :2] = 9000  # debris
    found = as_counts(replaced(bright, masks, backgrounds_of(bright, ~masks), rng), bright)
    apart = (found - images)[:, cell]
    assert np.abs(apart.mean((0, 1))).max() < 0.5
    filled = found[:, 12:20, 12:20] - (1000 + 3.0 * x + 2.0 * y)[None, 12:20, 12:20, None]
    assert filled.std((0, 1, 2)) == pytest.approx([10, 10], rel=0.1)
    neighbours = (filled[:, :, 1:] * filled[:, :, :-1]).mean((0, 1, 2)) / 100
    assert neighbours == pytest.approx([0, 0.5], abs=0.15)
    assert (found[:, ~cell] == bright[:, ~cell]).all() and (found == found.round()).all()


def test_a_cell_on_another_background_stands_out_as_before() -> None:
    images, _ = cells()
    darker = images - np.uint16(300)
    own, donors = Cells(images, cell_masks(images)[0]), Cells(darker, cell_masks(darker)[0])
    way = [Variant("own_class_background")]
    (moved,) = changed(way, own, donors, donors, np.random.default_rng(0))
    assert np.median(moved[:, :3]) == pytest.approx(200, abs=2)
    assert moved[:, 14:18, 14:18].mean() == pytest.approx(400, abs=5)


def test_donors_are_of_the_class_that_is_asked_for() -> None:
    true, rng = np.repeat([0, 2, 5], [30, 1, 20]), np.random.default_rng(0)
    alike, other = same_class(true, rng), other_class(true, rng)
    assert (true[alike] == true).all() and (true[other] != true).all()
    assert (alike[true != 2] != np.arange(len(true))[true != 2]).all()
    assert set(true[other[true == 0]]) == {2, 5}


def test_cells_are_chosen_evenly_by_class_and_always_the_same() -> None:
    true = np.repeat([0, 1, 3], [1000, 50, 400])
    among = np.arange(len(true)) % 2 == 0
    chosen = evenly(true, among, 2)
    assert np.bincount(true[chosen]).tolist() == [133, 25, 0, 133]
    assert among[chosen].all() and (chosen == evenly(true, among, 2)).all()
    assert len(evenly(true, among, 12)) == 66 + 25 + 66
    assert len(variants_of(CHANNELS)) == 10 and len(variants_of(CHANNELS[:1])) == 6


# --- scores --------------------------------------------------------------------------------------


def test_scores_agree_with_scikit_learn() -> None:
    from sklearn import metrics

    rng = np.random.default_rng(0)
    true = np.repeat([0, 1, 2], [50, 20, 30])
    probabilities = rng.random((100, 3)).round(1) + 0.3 * np.eye(3)[true]
    found = Judged(probabilities, true, bootstrap_weights(true, rng), np.array([0.5, 0.2, 0.3]))
    chosen = probabilities.argmax(1)
    expected = metrics.balanced_accuracy_score(true, chosen)
    assert found.balanced_accuracy.value == pytest.approx(expected)
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(true, chosen))
    areas = [metrics.roc_auc_score(true == k, probabilities[:, k]) for k in range(3)]
    assert found.areas[0] == pytest.approx(areas)
    assert found.roc_area.low < np.mean(areas) < found.roc_area.high
    drawn = np.repeat(np.arange(100), found.weights[7].astype(int))
    again = [metrics.roc_auc_score(true[drawn] == k, probabilities[drawn, k]) for k in range(3)]
    assert found.areas[8] == pytest.approx(again)


# --- as a part of Predict ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Cells of two classes that the model of the tests has not seen."""
    root = tmp_path_factory.mktemp("shapes")
    write_record(root)
    for kind, name in enumerate("AB"):
        write_stack(root / f"Class {name}", blobs(16, kind, seed=5))
    return root


def test_predict_audits_annotated_cells(shapes, trained, tmp_path) -> None:
    told: list[str] = []
    options = PredictOptions(input=shapes, output=tmp_path / "out", model=trained.model)
    found = predict(options, Progress(on_say=told.append))
    assert found.audit is not None and found.audit.cells == 32
    assert found.audit.verdict in str(found)
    assert any(found.audit.verdict in text for text in told)
    table = pd.read_csv(tmp_path / "out" / "audit.csv")
    assert table["variant"].tolist() == [row.name for row in found.audit.rows]
    assert table["balanced_accuracy"][0] == pytest.approx(
        found.audit["whole"].balanced_accuracy.value, abs=1e-5
    )
    record = json.loads((tmp_path / "out" / "predict.json").read_text("utf-8"))
    assert record["audit"]["verdict"] == found.audit.verdict
    assert "audit.csv" in record["files"]
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<h2>Shortcut audit</h2>" in page and "Border of the frame alone" in page


@pytest.mark.parametrize("more", [{"audit": "no"}, {"unannotated": True}])
def test_predict_without_an_audit(shapes, trained, tmp_path, more) -> None:
    options = PredictOptions(input=shapes, output=tmp_path, model=trained.model, **more)
    found = predict(options)
    assert found.audit is None and not (tmp_path / "audit.csv").exists()
    assert "<h2>Shortcut audit</h2>" not in (tmp_path / "report.html").read_text("utf-8")
