"""Starting from an earlier model: what is kept, what is new, and that a resumed start goes on."""

import dataclasses
import shutil

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.network.build import HEAD, STEM, build_network
from deepometry.network.model_file import load_model
from deepometry.training.gather import gather_cells
from deepometry.training.leakage import leakage_warnings
from deepometry.training.train import train
from deepometry.training.transfer import begin, fit_channels, match_channels, settle, take_over
from tests.conftest import short_training
from tests.parsed import blobs, write_classes, write_record, write_stack
from tests.test_train import StopAt

pytestmark = pytest.mark.slow


def described(trained, **more):
    return dataclasses.replace(trained.description, **more)


def network(classes=3, channels=2, frame=16, scaling="channel"):
    return build_network(
        "small10", frame, classes, scaling, [100.0] * channels, [20.0] * channels, 9
    )


def started(trained, wanted, model):
    """Start a network from `trained`; give what was said and the weights of both by layer."""
    _, start = begin(short_training("cells", "out", start_from=trained.model, network="auto"))
    images = blobs(20, 1, frame=wanted.frame, channels=wanted.depth)
    said = take_over(start, model, wanted, images)
    return said, weights_of(load_model(trained.model)[0]), weights_of(model)


def weights_of(model):
    return {layer.name: layer.get_weights() for layer in model.layers[-1].layers if layer.weights}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# --- channels --------------------------------------------------------------------------------


def test_channels_match_by_name_then_by_number_each_once(trained):
    earlier = described(trained, channels=(1, 3, 6), depth=3, channel_names={"1": "Brightfield"})
    names = {"9": "brightfield ", "1": "CD45"}
    wanted = described(trained, channels=(6, 9, 1, 4), depth=4, channel_names=names)
    assert match_channels(earlier, wanted) == [2, 0, None, None]
    unnamed = described(trained, channels=(6, 1), channel_names={})
    assert match_channels(earlier, unnamed) == [2, 0]


def test_channels_without_numbers_match_in_order_where_they_are_as_many(trained):
    nameless = described(trained, channels=None)
    assert match_channels(nameless, trained.description) == [0, 1]
    assert match_channels(nameless, described(trained, channels=(3,), depth=1)) == [None]


def test_new_channels_begin_as_strong_as_the_others():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 5))
    found = fit_channels(kernel, [1, None])
    assert np.array_equal(found[:, :, 0], kernel[:, :, 1])
    strength = np.sqrt(np.square(kernel).sum((0, 1)).mean(0))
    assert np.allclose(np.sqrt(np.square(found[:, :, 1]).sum((0, 1))), strength)
    ratio = found[:, :, 1] / kernel.mean(2)
    assert np.allclose(ratio, ratio[0, 0])
    assert np.isfinite(fit_channels(np.zeros((3, 3, 2, 5)), [None])).all()


def test_what_comes_out_of_the_first_layers_keeps_its_spread():
    model = network(channels=3)
    body = model.layers[-1]
    body.get_layer("conv1").set_weights([10 * body.get_layer("conv1").get_weights()[0] + 1])
    images = blobs(40, 1, channels=3)
    settle(model, images)
    from deepometry.network.backend import keras

    first = keras().Model(body.inputs[0], body.get_layer("bn_conv1").output)
    seen = keras().ops.convert_to_numpy(first(model.get_layer("scale")(images.astype(np.float32))))
    assert np.allclose(seen.mean((0, 1, 2)), 0, atol=1e-3)
    assert np.allclose(seen.std((0, 1, 2)), 1, atol=1e-2)


# --- what is kept ----------------------------------------------------------------------------


def test_all_filters_are_kept_and_the_last_layer_where_labels_are_the_same(trained):
    wanted = described(trained, labels=("C", "A", "B"), frame=20)
    said, before, after = started(trained, wanted, network(frame=20))
    for name in set(before) - {HEAD, "bn_conv1"}:
        assert same(before[name], after[name]), name
    assert same(before["bn_conv1"][:2], after["bn_conv1"][:2])
    kernel, bias = before[HEAD]
    assert same([kernel[:, [2, 0, 1]], bias[[2, 0, 1]]], after[HEAD])
    assert said.endswith("channels 3,6 with the filters it has for them; last layer kept.")


def test_other_labels_get_a_new_last_layer(trained):
    model = network(classes=2)
    fresh = weights_of(model)[HEAD]
    said, before, after = started(trained, described(trained, labels=("A", "X")), model)
    assert same(fresh, after[HEAD])
    assert same(before["res5a_branch2b"], after["res5a_branch2b"])
    assert "new last layer, because the labels differ" in said


def test_other_channels_keep_what_they_share(trained):
    wanted = described(trained, channels=(6, 9, 3), depth=3)
    said, before, after = started(trained, wanted, network(channels=3))
    assert np.array_equal(after["conv1"][0][:, :, [2, 0]], before["conv1"][0])
    assert "channels 6,3 with" in said
    assert "new channel 9 with the mean" in said


# --- training --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Cells with other classes, one other channel and a larger frame."""
    root = tmp_path_factory.mktemp("others")
    write_record(root, (6, 9))
    for kind, name in enumerate(("Day 1", "Day 2")):
        write_stack(root / name, blobs(24, kind, frame=20))
    return root


def restart(others, output, trained, **more):
    given = {"target": "Day", "network": "auto", "schedule": "auto", "start_from": trained.model}
    return short_training(others, output, **(given | more))


@pytest.fixture(scope="module")
def whole(others, trained, tmp_path_factory):
    """A training of an epoch in the first phase and two in the second, and what it said."""
    folder, said = tmp_path_factory.mktemp("whole"), []
    return train(restart(others, folder, trained, epochs=3), Progress(on_say=said.append)), said


def test_stopped_in_either_phase_and_resumed_is_the_same_as_never_stopped(
    others, trained, whole, tmp_path
):
    whole, said = whole
    assert [text for text in said if text.startswith("Epochs")] == [
        "Epochs 1 to 1: only the last layer learns.",
        "Epochs 2 to 3: all layers learn.",
    ]
    assert whole.description.record["options"]["freeze"] == "two-phase"
    assert whole.description.network == "small10"
    for stop, resume in ((2, False), (3, True), (4, True)):
        given = restart(others, tmp_path, trained, epochs=3, resume=resume)
        again = train(given, StopAt(f"Epoch {stop} of 3"))
        assert len(again.history) == stop - 1
    found = [[row[n] for n in ("loss", "val_loss")] for row in again.history]
    assert found == [[row[n] for n in ("loss", "val_loss")] for row in whole.history]


@pytest.mark.parametrize("freeze", ["all-but-head", "stem"])
def test_frozen_layers_stay_as_they_were_and_others_move(others, trained, tmp_path, freeze):
    before = weights_of(load_model(trained.model)[0])
    result = train(restart(others, tmp_path, trained, freeze=freeze, epochs=1))
    after = weights_of(load_model(result.model)[0])
    # the first layers are fitted to other channels; of the others statistics count, too
    kept = {n for n in set(before) - {*STEM, HEAD} if same(before[n], after[n])}
    assert kept == (set() if freeze == "stem" else set(before) - {*STEM, HEAD})
    assert same(before["bn_conv1"][:2], after["bn_conv1"][:2])
    assert np.array_equal(before["conv1"][0][:, :, 1], after["conv1"][0][:, :, 0])


def test_a_longer_training_keeps_the_phases_it_began_with(others, trained, whole, tmp_path):
    shutil.copytree(whole[0].model.parent, tmp_path / "out")
    said = []
    progress = StopAt("Epoch 4 of 20")
    progress.say = said.append
    train(restart(others, tmp_path / "out", trained, epochs=20, resume=True), progress)
    assert "Epochs 2 to 20: all layers learn." in said


def test_resuming_from_another_start_is_refused(others, trained, whole, tmp_path):
    begun = whole[0].model.parent
    copy = shutil.copy(trained.model, tmp_path / "other.keras")
    with pytest.raises(DeepometryError, match=r"start_from: expected .*other"):
        train(restart(others, begun, trained, epochs=3, start_from=copy, resume=True))
    with pytest.raises(DeepometryError, match="freeze: expected 'two-phase'"):
        train(restart(others, begun, trained, epochs=3, freeze="stem", resume=True))


def test_a_start_in_the_output_folder_may_be_resumed_though_it_was_moved(cells, trained, tmp_path):
    shutil.copy(trained.model, tmp_path / trained.model.name)
    given = {"start_from": tmp_path, "network": "auto", "freeze": "all-but-head"}
    train(short_training(cells / "Train", tmp_path, epochs=1, **given))
    assert (tmp_path / "earlier_1" / trained.model.name).is_file()
    again = train(short_training(cells / "Train", tmp_path, epochs=2, resume=True, **given))
    assert len(again.history) == 2


def test_folds_that_start_from_a_model_are_gone_on_with(others, trained, tmp_path):
    given = {"folds": 2, "epochs": 1, "freeze": "all-but-head", "views": 1}
    with pytest.raises(Cancelled, match="--resume"):
        train(restart(others, tmp_path, trained, **given), StopAt("Fold 2 of 2: Epoch 1"))
    said: list[str] = []
    again = restart(others, tmp_path, trained, resume=True, **given)
    result = train(again, Progress(on_say=said.append))
    assert len(result.cross_validation.folds) == 2
    assert "Fold 1 of 2 is done already." in said


# --- mistakes --------------------------------------------------------------------------------


def test_a_start_of_another_network_is_refused_before_long_work(trained, tmp_path):
    with pytest.raises(DeepometryError, match=r"Network: expected small10.*found resnet50"):
        train(restart(tmp_path / "no cells", tmp_path / "out", trained, network="resnet50"))
    (tmp_path / "notes.keras").write_text("no model")
    with pytest.raises(DeepometryError, match=r"notes\.keras: expected a model file"):
        train(restart("cells", tmp_path / "out", trained, start_from=tmp_path / "notes.keras"))
    with pytest.raises(DeepometryError, match="does not exist"):
        train(restart("cells", tmp_path / "out", trained, start_from=tmp_path / "none"))


def test_a_start_that_the_folds_would_move_is_refused(others, trained, tmp_path):
    shutil.copy(trained.model, tmp_path / trained.model.name)
    with pytest.raises(DeepometryError, match="expected a model outside the output"):
        train(restart(others, tmp_path, trained, folds=2, start_from=tmp_path))


def test_a_start_that_knows_the_cells_which_judge_is_told_or_refused(cells, trained, tmp_path):
    known = {"start_from": trained.model, "network": "auto", "epochs": 1}
    same = short_training(cells / "Train", tmp_path, **known)
    gathered = gather_cells(same, Progress())
    assert leakage_warnings(same, gathered) == ()
    reseeded = dataclasses.replace(same, seed=7)
    (told,) = leakage_warnings(reseeded, gather_cells(reseeded, Progress()))
    assert "it has seen some of the validation cells" in told
    with pytest.raises(DeepometryError, match="a model that was not trained on these cells"):
        train(dataclasses.replace(same, folds=2))
    new = short_training(
        write_classes(tmp_path / "new", {"Class A": 9, "Class B": 9}, seed=5), tmp_path, **known
    )
    assert leakage_warnings(new, gather_cells(new, Progress())) == ()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"start_from": "m", "weights": "imagenet"}, "weights"),
        ({"freeze": "stem"}, "freeze"),
        ({"freeze": "half", "weights": "imagenet"}, "freeze"),
    ],
)
def test_options_that_do_not_go_together(given, field):
    with pytest.raises(OptionsError) as caught:
        TrainOptions(input="i", output="o", target="Class", **given)
    assert list(caught.value.fields) == [field]
