"""The cells that a model has seen are recognised wherever their files went; others are not."""

import shutil
import zipfile

import numpy as np
import pytest

from deepometry.cells.dataset import open_dataset
from deepometry.cells.known_cells import (
    TRAINING,
    VALIDATION,
    KnownCells,
    fingerprints_of,
    read_known,
    recognise,
    write_known,
)
from deepometry.cells.parse import parse
from deepometry.core.errors import DeepometryError
from deepometry.core.options.parse import ParseOptions
from deepometry.core.progress import Progress
from tests.builders import write_channel_tiffs
from tests.parsed import write_record, write_stack

CELLS = 60
CHANNELS = (1, 2, 3)
FRAME = 24
QUIET = Progress()


def cell_images(seed=0, count=CELLS):
    """Cells of all sizes, odd and even, smaller and larger than the frame, with a shot noise."""
    rng = np.random.default_rng(seed)
    images = []
    for height, width in rng.integers(9, 40, (count, 2)):
        y, x = np.mgrid[:height, :width]
        disc = np.hypot(y - height / 2, x - width / 2) < min(height, width) / 3
        images.append(rng.poisson(100 + 400 * disc[..., None], (height, width, 3)).astype("u2"))
    return images


def write_tiffs(folder, images, name="cell_{:03}"):
    for number, pixels in enumerate(images):
        place = folder / f"Class {'AB'[number % 2]}"
        write_channel_tiffs(place, name.format(number), pixels, CHANNELS)


@pytest.fixture(scope="module")
def images():
    return cell_images()


@pytest.fixture(scope="module")
def raw(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    write_tiffs(folder / "Day 1", images)
    return folder


def parsed(source, output, **how):
    parse(ParseOptions(**{"input": source, "output": output, "frame": FRAME, "montage": 0} | how))
    return open_dataset(output)


@pytest.fixture(scope="module")
def learnt(raw, tmp_path_factory):
    """The fingerprints of all cells, with their names."""
    dataset = parsed(raw, tmp_path_factory.mktemp("learnt"))
    return fingerprints_of(dataset, QUIET), [name for _, _, name in dataset.identities()]


OTHER_PARSES = {
    "the same": {},
    "smaller frame": {"frame": 17},
    "larger frame": {"frame": 57},
    "even frame": {"frame": 32},
    "odd frame": {"frame": 25},
    "other channels": {"channels": (3, 1)},
    "one channel": {"channels": (2,)},
    "another seed": {"seed": 9, "frame": 40},
    "one file a cell": {"one_file_per_cell": True, "frame": 31},
    "a hold-out": {"split": 0.5, "seed": 3},
}


@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("how", OTHER_PARSES)
def test_leaked_cells_are_found_after_another_parse(raw, learnt, tmp_path, how, share):
    prints, names = learnt
    chosen = np.random.default_rng(1).permutation(CELLS)[: max(1, round(share * CELLS))]
    known = KnownCells.of(prints, chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :])
    dataset = parsed(raw, tmp_path, **OTHER_PARSES[how])
    found = recognise(dataset, known, QUIET)
    leaked = {
        name for (_, _, name), code in zip(dataset.identities(), found.codes, strict=True) if code
    }
    assert leaked == {names[n] for n in chosen}  # every one, and no other
    assert (found.codes == TRAINING).sum() == len(chosen) // 2
    assert (found.codes == VALIDATION).sum() == len(chosen) - len(chosen) // 2
    assert found.only_named == 0


@pytest.mark.parametrize("layout", ["sub-folder", "moved", "renamed", "subset"])
def test_leaked_cells_are_found_wherever_their_files_went(raw, learnt, images, tmp_path, layout):
    known = KnownCells.of(learnt[0], np.arange(CELLS), np.arange(0))
    source = raw
    if layout == "sub-folder":
        source = raw / "Day 1"
    elif layout == "moved":
        source = shutil.copytree(raw, tmp_path / "disk" / "Experiment 7").parent
    elif layout == "renamed":
        source = tmp_path / "renamed"
        write_tiffs(source, images, "my favourite {}")
    dataset = parsed(source, tmp_path / "out", frame=30)
    if layout == "subset":
        shutil.rmtree(tmp_path / "out" / "Day 1" / "Class A")
        dataset = open_dataset(tmp_path / "out")
    assert (recognise(dataset, known, QUIET).codes == TRAINING).all()


def test_leaked_cells_are_found_without_the_tables_of_parse(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 999, (9, 21, 21, 2)).astype("u2")
    for place in ("a", "b/c"):
        (tmp_path / place).mkdir(parents=True)
        for number, image in enumerate(pixels):
            np.save(tmp_path / place / f"{place[-1]}{number}.npy", image)
    prints = fingerprints_of(open_dataset(tmp_path / "a"), QUIET)
    known = KnownCells.of(prints, np.arange(3), np.arange(3, 5))
    found = recognise(open_dataset(tmp_path / "b"), known, QUIET).codes
    assert found.tolist() == [1, 1, 1, 2, 2, 0, 0, 0, 0]


def test_cells_of_other_files_are_not_taken_for_known_ones_by_their_names(learnt, tmp_path):
    known = KnownCells.of(learnt[0], np.arange(CELLS), np.arange(0))
    write_tiffs(tmp_path / "raw" / "Day 1", cell_images(seed=7))
    found = recognise(parsed(tmp_path / "raw", tmp_path / "out"), known, QUIET)
    assert not found.codes.any()
    assert found.only_named == CELLS


CHANGES = {
    "x16": lambda pixels: pixels * 16,
    "plus 500": lambda pixels: pixels + 500,
    "float": lambda pixels: pixels.astype("f4"),
    "inverted": lambda pixels: 65535 - pixels,
    "float32 x 0.5": lambda pixels: pixels.astype("f4") * np.float32(0.5),
}


@pytest.mark.parametrize("change", CHANGES)
def test_level_scale_and_type_do_not_hide_a_cell(tmp_path, change):
    pixels = np.random.default_rng(2).integers(0, 3000, (20, 20, 20, 2)).astype("u2")
    write_stack(tmp_path / "a" / "x", pixels, source="one.cif")
    write_stack(tmp_path / "b" / "y", CHANGES[change](pixels), source="other.cif")
    prints = fingerprints_of(open_dataset(tmp_path / "a"), QUIET)
    known = KnownCells.of(prints, np.arange(20), np.arange(0))
    assert (recognise(open_dataset(tmp_path / "b"), known, QUIET).codes == TRAINING).all()


FLAT = {
    "zeros": lambda shape: np.zeros(shape, "u2"),
    "one level": lambda shape: np.full(shape, 4095, "u2"),
    "a hot pixel": lambda shape: np.where(
        np.arange(np.prod(shape)).reshape(shape) % 400 == 210, 9, 0
    ),
    "masks": lambda shape: np.broadcast_to(
        (np.hypot(*np.mgrid[-10:10, -10:10]) < 5)[None, :, :, None] * 255, shape
    ),
}


@pytest.mark.parametrize("kind", FLAT)
def test_images_without_contrast_are_no_evidence(tmp_path, kind):
    pixels = FLAT[kind]((10, 20, 20, 2)).astype("u2")
    for place in "ab":
        write_stack(tmp_path / place / "x", pixels, source=f"{place}.cif")
    prints = fingerprints_of(open_dataset(tmp_path / "a"), QUIET)
    assert not prints.pixels.any()
    known = KnownCells.of(prints, np.arange(10), np.arange(0))
    assert not recognise(open_dataset(tmp_path / "b"), known, QUIET).codes.any()
    # of these the name of the file and the number are all there is
    assert recognise(open_dataset(tmp_path / "a"), known, QUIET).codes.all()


def test_one_channel_with_contrast_is_enough(tmp_path):
    rng = np.random.default_rng(4)
    for place, level in (("a", 0), ("b", 7)):
        pixels = np.full((10, 20, 20, 6), level, "u2")
        pixels[..., 4] = np.random.default_rng(5).integers(0, 99, (10, 20, 20))
        pixels[..., 5] = rng.integers(0, 99, (10, 20, 20))
        write_record(tmp_path / place, range(1, 7))
        write_stack(tmp_path / place / "x", pixels, source=f"{place}.cif")
    known = KnownCells.of(
        fingerprints_of(open_dataset(tmp_path / "a"), QUIET), np.arange(10), np.arange(0)
    )
    assert recognise(open_dataset(tmp_path / "b"), known, QUIET).codes.all()


def test_odd_pixels_neither_stop_nor_match(tmp_path):
    pixels = np.random.default_rng(6).normal(size=(6, 20, 20, 1)).astype("f4")
    pixels[0] = np.nan
    pixels[1] = np.inf
    pixels[2, 9:11, 9:11] = np.inf
    pixels[3, 10, 10] = np.nan
    write_stack(tmp_path / "x", pixels)
    prints = fingerprints_of(open_dataset(tmp_path), QUIET)
    assert (prints.pixels > 0).ravel().tolist() == [False, False, False, True, True, True]


def test_a_table_without_sizes_or_with_odd_ones_is_read(tmp_path):
    pixels = np.random.default_rng(8).integers(0, 999, (4, 24, 24, 1)).astype("u2")
    table = write_stack(tmp_path / "a", pixels).with_suffix(".csv")
    before = fingerprints_of(open_dataset(tmp_path), QUIET).pixels
    table.write_text("source,object\n" + "".join(f"a.cif,{n}\n" for n in range(4)), "utf-8")
    assert (fingerprints_of(open_dataset(tmp_path), QUIET).pixels == before).all()
    rows = ["-4,40", "40,abc", "1e3,", "99999999999999999999,40"]
    lines = [f"a.cif,{n},{row}" for n, row in enumerate(rows)]
    table.write_text("\n".join(["source,object,height,width", *lines, ""]), "utf-8")
    assert (fingerprints_of(open_dataset(tmp_path), QUIET).pixels == before).all()


def stored(learnt, tmp_path):
    known = KnownCells.of(learnt[0], np.arange(40), np.arange(40, CELLS))
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        write_known(archive, known)
    return known, path


def test_a_model_file_keeps_them_in_a_few_bytes_a_cell(learnt, tmp_path):
    known, path = stored(learnt, tmp_path)
    again = read_known(path)
    for one, other in zip(
        (*known.training, *known.validation),
        (*again.training, *again.validation),
        strict=True,
    ):
        assert (one == other).all()
    assert path.stat().st_size < 300 + CELLS * 6 * (len(CHANNELS) + 1)


def test_a_model_of_an_earlier_version_keeps_none(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    assert read_known(tmp_path / "model.keras") is None


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 48, b"\1" + bytes(47), bytes(49)])
def test_damaged_ones_are_refused_in_one_sentence(tmp_path, content):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("known_cells.bin", content)
    with pytest.raises(DeepometryError, match=r"model\.keras: .*known_cells\.bin is not whole"):
        read_known(tmp_path / "model.keras")


def test_the_cells_of_an_earlier_model_count_too(learnt):
    prints = learnt[0]
    one = KnownCells.of(prints, np.arange(5), np.arange(5, 10))
    both = KnownCells.of(prints, np.arange(10, 15), np.arange(15, 20)).with_earlier(one)
    expected = [1] * 5 + [2] * 5 + [1] * 5 + [2] * 5 + [0] * (CELLS - 20)
    assert both.codes(prints).tolist() == expected
    assert one.with_earlier(None) is one
