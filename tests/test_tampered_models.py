"""A model file that somebody changed is refused in one sentence that names it, and nothing runs."""

import io
import json
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest

from deepometry.cells.known_cells import Fingerprints, read_known
from deepometry.cells.model_description import Description, find_model, read_description
from deepometry.classical.model_file import load_baseline, save_baseline
from deepometry.classical.tree_file import Trees
from deepometry.core.errors import DeepometryError
from deepometry.network.build import build_network
from deepometry.network.hdf5_weights import read_hdf5
from deepometry.network.imagenet_weights import read_weights
from deepometry.network.model_file import load_model, save_model
from tests.test_known_cells import KnownCells

pytestmark = pytest.mark.slow

DESCRIPTION = Description(
    labels=("A", "B"),
    target="Class",
    channels=(3, 6),
    depth=2,
    channel_names={"3": "Brightfield"},
    frame=16,
    network="small18",
    scaling="channel",
    fingerprint="f",
    cells={"A": 3, "B": 4},
    views=8,
    temperature=1.5,
    confusion=((2, 1), (0, 4)),
    scores={"val_accuracy": 0.8},
    record={"step": "train", "options": {}},
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    network = build_network("small18", 16, 2, "channel", [100.0, 90.0], [9.0, 8.0], 0)
    prints = Fingerprints(np.arange(8, dtype="u8").reshape(4, 2), *2 * [np.arange(4, dtype="u8")])
    known = KnownCells.of(prints, np.arange(3), np.arange(3, 4))
    return save_model(network, DESCRIPTION, tmp_path_factory.mktemp("model"), known)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    from deepometry.classical.features import feature_names

    names = feature_names(2, (3, 6), {3: "Brightfield"})
    trees = Trees(
        feature=np.array([0, -1, -1], "i4"),
        threshold=np.array([0.5, 1.0, -1.0]),
        left=np.array([1, 0, 1], "i4"),
        right=np.array([2, 0, 0], "i4"),
        roots=np.array([0], "i4"),
        start=np.zeros(2),
        gains=np.full(len(names), 1 / len(names)),
    )
    prints = Fingerprints(np.arange(8, dtype="u8").reshape(4, 2), *2 * [np.arange(4, dtype="u8")])
    known = KnownCells.of(prints, np.arange(3), np.arange(3, 4))
    described = replace(DESCRIPTION, network="baseline", scaling="none")
    return save_baseline(trees, described, tmp_path_factory.mktemp("baseline"), known)


def changed(path, folder, **members):
    """Copy a model file with other members; None leaves one out."""
    copy = folder / path.name
    names = {name.replace(".", "_"): name for name in zipfile.ZipFile(path).namelist()}
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for key, name in names.items():
            content = members.get(key, old.read(name))
            if content is not None:
                small = name not in ("model.weights.h5", "known_cells.bin")
                how = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
                new.writestr(name, content, how)
    return copy


def described(path, folder, **entries):
    content = json.loads(zipfile.ZipFile(path).read("deepometry.json")) | entries
    return changed(path, folder, deepometry_json=json.dumps(content))


def refused(call, path, match=None):
    with pytest.raises(DeepometryError, match=match) as caught:
        call(path)
    told = str(caught.value)
    assert path.name in told
    assert "\n" not in told
    assert len(told) < 700
    return told


def test_the_files_that_are_changed_here_can_be_opened(model, baseline):
    assert load_model(model)[1].labels == ("A", "B")
    assert load_baseline(baseline).description.labels == ("A", "B")
    assert read_known(model) is not None


WRONG = [
    ("channels", [1, 1]),
    ("channels", [0, 1]),
    ("channels", [1]),
    ("channels", ["1", "2"]),
    ("channels", [True, 2]),
    ("channels", 3),
    ("temperature", 0),
    ("temperature", -1),
    ("temperature", float("nan")),
    ("temperature", float("inf")),
    ("temperature", 1e-300),
    ("temperature", 10**400),
    ("temperature", "1"),
    ("temperature", None),
    ("temperature", True),
    ("views", 1_000_000),
    ("views", 0),
    ("views", 2),
    ("views", "8"),
    ("views", 8.0),
    ("labels", [1, 2]),
    ("labels", ["A", "A"]),
    ("labels", ["A", ""]),
    ("labels", ["A"]),
    ("labels", []),
    ("labels", "AB"),
    ("labels", {"A": 1, "B": 2}),
    ("labels", ["A", "\ud800"]),
    ("labels", ["A", "x" * 5000]),
    ("labels", ["A", "B\0"]),
    ("frame", 0),
    ("frame", -16),
    ("frame", 10**9),
    ("frame", 16.5),
    ("frame", "16"),
    ("depth", 3),
    ("depth", 0),
    ("depth", 10**12),
    ("cells", {"A": -1}),
    ("cells", {"A": 1.5}),
    ("cells", {"C": 1}),
    ("cells", [3, 4]),
    ("confusion", [[1, 2]]),
    ("confusion", [[1, 2], [3]]),
    ("confusion", [[1, -2], [3, 4]]),
    ("confusion", [1, 2]),
    ("confusion", {"A": 1}),
    ("confusion", None),
    ("scores", {"val_accuracy": "high"}),
    ("scores", {"val_accuracy": None}),
    ("scores", {"val_accuracy": 10**400}),
    ("scores", [1]),
    ("channel_names", {"3": 7}),
    ("channel_names", {"three": "x"}),
    ("channel_names", ["x"]),
    ("network", "vgg"),
    ("network", None),
    ("network", ["small18"]),
    ("scaling", "log"),
    ("target", 7),
    ("target", " "),
    ("fingerprint", 7),
    ("record", []),
    ("record", {"options": [1]}),
    ("record", {"step": 7}),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_entry_of_the_description_is_named(model, tmp_path, name, value):
    told = refused(read_description, described(model, tmp_path, **{name: value}))
    assert f"whose {name} is" in told or "whose channels is" in told  # depth says how many


@pytest.mark.parametrize("name", ["labels", "target", "depth", "frame", "network", "cells"])
def test_a_missing_entry_of_the_description_is_named(model, tmp_path, name):
    content = json.loads(zipfile.ZipFile(model).read("deepometry.json"))
    del content[name]
    path = changed(model, tmp_path, deepometry_json=json.dumps(content))
    refused(read_description, path, f"a description without {name}")


def test_entries_of_later_versions_are_left_alone(model, tmp_path):
    assert read_description(described(model, tmp_path, novelty=[1])) == read_description(model)


TEXTS = {
    "not JSON": b"{",
    "no text": b"\xff\xfe\x00",
    "a list": b"[1]",
    "a number": b"3",
    "nothing": b"null",
    "nested": b"[" * 200_000 + b"]" * 200_000,
    "nested inside": b'{"labels":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a long number": b'{"frame":' + b"1" * 100_000 + b"}",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_description_that_is_none_is_refused(model, tmp_path, text):
    refused(read_description, changed(model, tmp_path, deepometry_json=TEXTS[text]))


@pytest.mark.parametrize("member", ["deepometry.json", "known_cells.bin", "config.json"])
def test_a_member_that_unpacks_to_gigabytes_is_refused_by_its_size(model, tmp_path, member):
    path = changed(model, tmp_path, **{member.replace(".", "_"): None})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, bytes(600 << 20), zipfile.ZIP_DEFLATED, compresslevel=1)
    read = {"known_cells.bin": read_known, "config.json": load_model}.get(member, read_description)
    refused(read, path, "bytes in it")


def test_a_size_that_is_a_lie_is_not_believed(model, tmp_path):
    path = changed(model, tmp_path, deepometry_json=b" " * (1 << 25))
    content = bytearray(path.read_bytes())
    size = (1 << 25).to_bytes(4, "little")
    while (place := content.find(size)) >= 0:
        content[place : place + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(content)
    refused(read_description, path)


def test_a_password_and_an_unknown_compression_are_refused(model, tmp_path):
    content = bytearray(model.read_bytes())
    place = content.rfind(b"PK\x01\x02")
    for offset, value in ((8, 1), (10, 99)):  # flags; method
        changed_file = bytearray(content)
        for entry in (place, content.find(b"PK\x01\x02")):
            changed_file[entry + offset] = value
        while (entry := changed_file.find(b"PK\x01\x02", entry + 4)) >= 0:
            changed_file[entry + offset] = value
        path = tmp_path / "locked.keras"
        path.write_bytes(changed_file)
        refused(read_description, path)


@pytest.mark.parametrize("kept", [0, 10, 1000, -1000, -20, -1])
def test_a_file_that_was_cut_is_refused(model, tmp_path, kept):
    path = tmp_path / "cut.keras"
    path.write_bytes(model.read_bytes()[:kept])
    refused(load_model, path, "expected a model file")


def test_a_folder_of_that_name_is_no_model(tmp_path):
    (tmp_path / "model_2-Class_categories.keras").mkdir()
    with pytest.raises(DeepometryError, match="found none"):
        find_model(tmp_path)
    with pytest.raises(DeepometryError, match="found none"):
        load_model(tmp_path / "model_2-Class_categories.keras")


def test_another_ending_says_what_to_rename_it_to(model, baseline, tmp_path):
    (tmp_path / "mailed.txt").write_bytes(model.read_bytes())
    refused(load_model, tmp_path / "mailed.txt", r"rename it to mailed\.keras")
    (tmp_path / "mailed.keras").write_bytes(baseline.read_bytes())
    refused(load_model, tmp_path / "mailed.keras", r"a baseline, whose name must end with")
    (tmp_path / "mailed.baseline").write_bytes(model.read_bytes())
    refused(load_baseline, tmp_path / "mailed.baseline", "damaged file")


# --- the network ----------------------------------------------------------------------------------


def config_with(model, change):
    config = json.loads(zipfile.ZipFile(model).read("config.json"))
    change(config["config"]["layers"])
    return json.dumps(config)


def layer(kind, module, **config):
    node = {"class_name": kind, "module": module, "registered_name": None, "name": "x"}
    return node | {"config": {"name": "x"} | config, "inbound_nodes": []}


def set_in_body(name, value):
    def change(layers):
        body = layers[-1]["config"]["layers"]
        next(each for each in body if name in each["config"])["config"][name] = value

    return change


CONFIGS = {
    "Lambda": lambda layers: layers.append(layer("Lambda", "keras.layers", function="x")),
    "a module of Python": lambda layers: layers.append(layer("system", "os")),
    "a function": lambda layers: layers.append(layer("get_file", "keras.utils")),
    "another layer": lambda layers: layers.append(layer("TFSMLayer", "keras.layers")),
    "a registered name": lambda layers: layers.append(layer("Evil", None)),
    "a kind that is a list": lambda layers: layers.append(layer(["Conv2D"], "keras.layers")),
    "absurd filters": set_in_body("filters", 10**9),
    "no filters": set_in_body("filters", -5),
    "absurd kernels": set_in_body("kernel_size", [100_000, 100_000]),
    "a text for a number": set_in_body("strides", "many"),
    "an activation": set_in_body("activation", "os.system"),
    "no layers": lambda layers: layers.clear(),
    "layers of numbers": lambda layers: layers.__setitem__(0, 7),
    "no body": lambda layers: layers.pop(),
    "NaN": lambda layers: layers[1]["config"].update(mean=float("nan")),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_network_that_is_not_of_this_program_is_not_opened(model, tmp_path, kind):
    path = changed(model, tmp_path, config_json=config_with(model, CONFIGS[kind]))
    refused(load_model, path, "expected a model file")


@pytest.mark.parametrize("shape", [[-1, 10**9], [-5, 48], [10**9], "many", [[-1], 48]])
def test_the_shape_of_an_equivariant_network_is_checked(tmp_path, shape):
    network = build_network("equivariant15", 16, 2, "channel", [100.0, 90.0], [9.0, 8.0], 0)
    described = replace(DESCRIPTION, network="equivariant15", views=1)
    path = save_model(network, described, tmp_path)
    load_model(path)
    config = config_with(path, set_in_body("target_shape", shape))
    (tmp_path / "changed").mkdir()
    refused(load_model, changed(path, tmp_path / "changed", config_json=config), "target_shape")


@pytest.mark.parametrize("text", ["{", "[]", "{}", "null", "[" * 200_000])
def test_a_config_that_is_none_is_refused(model, tmp_path, text):
    refused(load_model, changed(model, tmp_path, config_json=text), "expected a model file")


def weights_with(model, change):
    file = io.BytesIO(zipfile.ZipFile(model).read("model.weights.h5"))
    with h5py.File(file, "a") as weights:
        change(weights)
    return file.getvalue()


def first(weights):
    found = []
    weights.visititems(lambda name, each: found.append(name) if hasattr(each, "shape") else None)
    return found[0]


def replaced(weights, **how):
    name = first(weights)
    del weights[name]
    weights.create_dataset(name, **how)


def linked(weights, link):
    name = first(weights)
    del weights[name]
    weights[name] = link


WEIGHTS = {
    "NaN": lambda file: file[first(file)].__setitem__(..., np.nan),
    "infinite": lambda file: file[first(file)].__setitem__(..., np.inf),
    "absurd shape": lambda file: replaced(file, shape=(1 << 40,), dtype="f4", chunks=(1 << 20,)),
    "another shape": lambda file: replaced(file, data=np.zeros((2, 3), "f4")),
    "text": lambda file: replaced(file, data=b"x"),
    "nothing": lambda file: replaced(file, dtype="f4"),
    "external link": lambda file: linked(file, h5py.ExternalLink("/etc/passwd", "/x")),
    "soft link": lambda file: linked(file, h5py.SoftLink("/nowhere")),
    "external storage": lambda file: replaced(
        file, shape=(4,), dtype="f4", external=[("/etc/passwd", 0, 16)]
    ),
    "a circle": lambda file: (
        file.__setitem__("round", file["/"]) or linked(file, h5py.SoftLink("/"))
    ),
    "missing": lambda file: file.__delitem__(first(file)),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_that_cannot_be_are_refused(model, tmp_path, kind):
    path = changed(model, tmp_path, model_weights_h5=weights_with(model, WEIGHTS[kind]))
    refused(load_model, path, "expected a model file")


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(99), None])
def test_weights_that_are_none_are_refused(model, tmp_path, content):
    refused(load_model, changed(model, tmp_path, model_weights_h5=content), "expected a model file")


@pytest.mark.parametrize(
    "entries",
    [
        {"labels": ["A", "B", "C"], "confusion": []},
        {"frame": 24},
        {"depth": 3, "channels": [1, 2, 3]},
    ],
)
def test_a_network_unlike_its_description_is_refused(model, tmp_path, entries):
    refused(load_model, described(model, tmp_path, **entries), "unlike its description")


# --- weights of the original program, and of photographs ------------------------------------------


def legacy(folder, change):
    path = folder / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        group = file.create_group("conv1")
        group.attrs["weight_names"] = [b"conv1/kernel:0"]
        group["conv1/kernel:0"] = np.ones((7, 7, 2, 4), "f4")
        change(file)
    return path


LEGACY = {name: WEIGHTS[name] for name in WEIGHTS if name not in ("another shape", "nothing")} | {
    "no names": lambda file: file.attrs.__delitem__("layer_names"),
    "names of nothing": lambda file: file.attrs.__setitem__("layer_names", [b"conv9"]),
    "a group for an array": lambda file: (
        file.__delitem__(first(file)),
        file.create_group("conv1/conv1/kernel:0"),
    ),
}


def test_the_weights_that_are_changed_here_can_be_read(tmp_path):
    assert set(read_hdf5(legacy(tmp_path, lambda file: None))) == {"conv1"}


@pytest.mark.parametrize("kind", LEGACY)
def test_legacy_weights_that_cannot_be_are_refused(tmp_path, kind):
    path = legacy(tmp_path, LEGACY[kind])
    refused(read_hdf5, path)
    refused(lambda place: read_weights(str(place)), path)


@pytest.mark.parametrize("kind", ["external link", "absurd shape", "a circle"])
def test_weights_of_photographs_that_cannot_be_are_refused(tmp_path, kind):
    path = tmp_path / "photographs.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0"] = np.ones(3, "f4")
        WEIGHTS[kind](file)
    refused(lambda place: read_weights(str(place)), path)


# --- the baseline ---------------------------------------------------------------------------------


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


HEADER = npy(np.zeros(3))
ARRAYS = {
    "NaN votes": ("threshold_npy", npy(np.array([0.5, np.nan, 1.0]))),
    "no numbers": ("threshold_npy", npy(np.array(["a", "b", "c"]))),
    "pickle": ("threshold_npy", npy(np.array([{}, 1, 2], object))),
    "an impossible shape": ("threshold_npy", HEADER.replace(b"(3,), }", b"(3000000000000,), }")),
    "a negative shape": ("threshold_npy", HEADER.replace(b"(3,), }", b"(-3,), }")),
    "cut": ("threshold_npy", HEADER[:-4]),
    "two axes": ("threshold_npy", npy(np.zeros((3, 1)))),
    "another type": ("left_npy", npy(np.zeros(3))),
    "a loop": ("left_npy", npy(np.array([0, 0, 1], "i4"))),
    "an unknown feature": ("feature_npy", npy(np.array([10**6, -1, -1], "i4"))),
    "a root outside": ("roots_npy", npy(np.array([99], "i4"))),
    "too few gains": ("gains_npy", npy(np.zeros(1))),
    "infinite start": ("start_npy", npy(np.array([np.inf, 0]))),
    "missing": ("start_npy", None),
    "empty": ("start_npy", b""),
    "names that are none": ("features_json", b"{"),
    "nested names": ("features_json", b"[" * 200_000),
    "other names": ("features_json", b'["a"]'),
    "a number for names": ("features_json", b"3"),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_a_changed_baseline_is_refused(baseline, tmp_path, kind):
    name, content = ARRAYS[kind]
    refused(load_baseline, changed(baseline, tmp_path, **{name: content}))


def test_an_array_of_gigabytes_in_a_baseline_is_refused_by_its_size(baseline, tmp_path):
    path = changed(baseline, tmp_path, threshold_npy=bytes(300 << 20))
    refused(load_baseline, path, "bytes in it")


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0), ("channels", [1, 1]), ("views", 9)]
)
def test_the_description_of_a_baseline_is_checked_as_well(baseline, tmp_path, name, value):
    refused(load_baseline, described(baseline, tmp_path, **{name: value}), f"whose {name} is")
