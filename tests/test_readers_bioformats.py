"""The second reader, through Bio-Formats: a reference for ours, and for files of other kinds."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepometry.cells.parse import parse
from deepometry.core.errors import DeepometryError, Question
from deepometry.core.options.parse import ParseOptions
from deepometry.images.cif.reader import CifReader
from deepometry.images.readers import bioformats_file
from deepometry.images.readers.base import Cell, Problem, Source
from deepometry.images.readers.find import find_sources, open_cells
from tests.builders import REAL_CIF, random_cells, write_channel_tiffs, write_cif
from tests.foreign import write_ics, write_nrrd, write_ome_xml
from tests.reading import assert_same, patch, random_masks

INSTALLED = find_spec("bioformats") is not None and find_spec("javabridge") is not None
REQUIRED = os.environ.get("DEEPOMETRY_REQUIRE_BIOFORMATS") == "1"
needs_bioformats = pytest.mark.skipif(
    not INSTALLED and not REQUIRED,
    reason="Bio-Formats is not installed (see docs/how-to/other-formats.md)",
)
# javabridge's own: from its compiled part, which NumPy declares harmless, and when it starts Java
pytestmark = [
    pytest.mark.filterwarnings("ignore:numpy.ndarray size changed:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:setName\\(\\) is deprecated:DeprecationWarning"),
]

SIZES = [(10, 12), (13, 9), (1, 1), (40, 31), (17, 64)]
CELLS = random_cells(SIZES, 3, top=65536)
MASKS = random_masks(CELLS)


def second(path: Path, pages: str | None = None) -> Source:
    """Open what there is to read at a place, all in one source, through Bio-Formats."""
    (source,) = find_sources(path, reader="bioformats", pages=pages)
    return source


def cells_of(source: Source, channels: Sequence[int] = (), masked: bool = False) -> list[Cell]:
    cells = list(source.read(channels or source.channels, masked))
    assert [cell.object for cell in cells] == list(source.objects)
    assert all(isinstance(cell, Cell) for cell in cells), cells
    return [cell for cell in cells if isinstance(cell, Cell)]


# --- .cif files: the very pixels that our own reader gives -----------------------------------


@needs_bioformats
@pytest.mark.parametrize("count", [1, 2, 12])
@pytest.mark.parametrize("name", ["a.cif", "Zellen äöü 細胞.rif"])
def test_full_range_noise_is_the_same_through_both_readers(
    tmp_path: Path, count: int, name: str
) -> None:
    cells = random_cells(SIZES, count, seed=count, top=65536)
    write_cif(tmp_path / name, cells, random_masks(cells))
    (own,), foreign = find_sources(tmp_path), second(tmp_path)
    assert foreign.channels == own.channels
    assert foreign.channel_names == own.channel_names
    assert (foreign.folder, foreign.stem) == (own.folder, own.stem)
    assert list(foreign.keys) == list(own.keys)
    pairs = zip(cells_of(foreign, masked=True), own.read(own.channels, True), strict=True)
    for (theirs, ours), pixels in zip(pairs, cells, strict=True):
        assert isinstance(ours, Cell)
        assert (theirs.source, theirs.object) == (ours.source, ours.object)
        assert_same(theirs.pixels, pixels)
        assert_same(theirs.pixels, ours.pixels)
        assert theirs.mask is not None and ours.mask is not None
        assert_same(theirs.mask, ours.mask)


@needs_bioformats
@pytest.mark.parametrize("without", [set(range(5)), {1}, {0}, {4}])
def test_cells_without_a_mask_are_neither_lost_nor_swapped(
    tmp_path: Path, without: set[int]
) -> None:
    path = tmp_path / "a.cif"
    masks = [None if i in without else mask for i, mask in enumerate(MASKS)]
    write_cif(path, CELLS, masks, channels=(1, 9, 12), ids=(4, 7, 2, 9, 11), order=">")
    source = second(tmp_path)
    assert list(source.objects) == ["4", "7", "2", "9", "11"]
    assert source.has_masks == (len(without) < 5)
    for cell, pixels in zip(cells_of(source, (12, 1)), CELLS, strict=True):
        assert_same(cell.pixels, np.ascontiguousarray(pixels[:, :, [2, 0]]))
    for i, cell in enumerate(source.read((1,), masked=True)):
        assert isinstance(cell, Problem if i in without else Cell)


@needs_bioformats
@pytest.mark.skipif(not REAL_CIF.exists(), reason="no genuine file beside the checkout")
def test_every_plane_of_a_genuine_file_is_the_same() -> None:
    cells = cells_of(open_cells(REAL_CIF, "bioformats"), masked=True)
    assert len(cells) == 111
    with CifReader(REAL_CIF) as reader:
        for theirs, ours in zip(cells, reader, strict=True):
            assert_same(theirs.pixels, ours.image)
            assert theirs.mask is not None and ours.mask is not None
            assert_same(theirs.mask, ours.mask != 0)


@needs_bioformats
def test_parsed_arrays_are_byte_for_byte_the_same(tmp_path: Path) -> None:
    for day, count in ((1, 40), (2, 25)):
        folder = tmp_path / "in" / f"Day {day}"
        folder.mkdir(parents=True)
        cells = random_cells([(20 + i % 7, 22 + i % 5) for i in range(count)], 2, seed=day)
        write_cif(folder / "cells.cif", cells)
        write_channel_tiffs(folder, "one", cells[0], (1, 2))
    made = {}
    for reader in ("own", "bioformats"):
        output = tmp_path / reader
        parse(
            ParseOptions(
                input=tmp_path / "in", output=output, frame=16, split="80/20", reader=reader
            )
        )
        files = (path for path in output.rglob("*") if path.suffix in (".npy", ".csv", ".tif"))
        made[reader] = {path.relative_to(output): path.read_bytes() for path in files}
    own = made["own"]
    assert len([path for path in own if path.suffix == ".npy"]) > 4
    assert made["bioformats"].keys() == own.keys()
    for path, content in own.items():
        if path.suffix != ".csv":  # which tells the place in the stream, unknown to Bio-Formats
            assert made["bioformats"][path] == content, path


# --- what cannot be read ---------------------------------------------------------------------


@needs_bioformats
def test_a_plane_that_java_cannot_read_is_a_problem_and_the_others_are_saved(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS, MASKS)
    patch(path, places[1].strip, b"\xff" * 12)
    first, problem, *others = second(tmp_path).read((1, 2, 3))
    for cell, pixels in zip([first, *others], [CELLS[0], *CELLS[2:]], strict=True):
        assert isinstance(cell, Cell)
        assert_same(cell.pixels, pixels)
    assert isinstance(problem, Problem)
    assert (problem.source, problem.object) == ("a.cif", "1")
    assert problem.reason.startswith("Bio-Formats cannot read it: ")
    assert capfd.readouterr() == ("", "")  # no stack traces of Java


@needs_bioformats
def test_uncompressed_cells_are_refused(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS, compression=1)
    for problem in second(tmp_path).read((1,)):
        assert isinstance(problem, Problem)
        assert "Unknown compression code: 1" in problem.reason


@needs_bioformats
def test_cells_lost_without_a_word_of_bioformats_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS)
    path.write_bytes(path.read_bytes()[: places[3].image])
    source = second(tmp_path)
    *whole, fourth, fifth = source.read((1,))
    assert len(whole) == 3
    assert all(isinstance(cell, Cell) for cell in whole)
    for problem in (fourth, fifth):
        assert isinstance(problem, Problem)
        assert "damaged" in problem.reason


@needs_bioformats
def test_other_numbers_of_channels_than_ours_are_refused(tmp_path: Path) -> None:
    background = [np.ones((3, 2))] * len(CELLS)
    write_cif(tmp_path / "a.cif", CELLS, background=background, xml="<a><Imaging>")
    with pytest.raises(DeepometryError, match="expected 3 channels, but Bio-Formats finds 1"):
        find_sources(tmp_path, reader="bioformats")


@needs_bioformats
def test_amnis_files_beyond_4_gib_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cif(tmp_path / "a.cif", CELLS)
    monkeypatch.setattr(bioformats_file, "LARGEST_AMNIS", 1000)
    with pytest.raises(DeepometryError, match="choose the reader own"):
        open_cells(tmp_path / "a.cif", "bioformats")


@needs_bioformats
def test_files_that_cannot_be_opened_do_not_stop_the_others(tmp_path: Path) -> None:
    write_nrrd(tmp_path / "good.nrrd", CELLS[0][:, :, 0])
    for name in ("bad.czi", "bad.cif", "empty.nd2"):
        (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"text")
    cif, czi, empty, good = find_sources(tmp_path, reader="bioformats")
    assert len(cells_of(good)) == 1
    for source, name in ((cif, "bad.cif"), (czi, "bad.czi"), (empty, "empty.nd2")):
        (problem,) = source.read((1,))
        assert isinstance(problem, Problem)
        assert (problem.source, problem.object) == (name, "")
        assert "Bio-Formats cannot open it" in problem.reason
    with pytest.raises(DeepometryError, match=r"bad\.czi: Bio-Formats cannot open it"):
        open_cells(tmp_path / "bad.czi", "bioformats")


@needs_bioformats
def test_a_file_that_goes_away_is_a_problem_for_every_cell(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS)
    source = second(tmp_path)
    (tmp_path / "a.cif").unlink()
    problems = list(source.read((1,)))
    assert [cell.object for cell in problems] == list(source.objects)
    assert all(isinstance(cell, Problem) for cell in problems)


# --- kinds of files that only Bio-Formats knows ----------------------------------------------


@needs_bioformats
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_all_types_of_pixels_in_series_of_several_sizes(
    tmp_path: Path, kind: str, order: str
) -> None:
    rng = np.random.default_rng(1)
    noise = [rng.normal(0, 2**59, (*size, 2)) for size in SIZES]
    dtype = np.dtype(order + kind)
    series = [cell.astype(dtype if kind[0] == "f" else "i8").astype(dtype) for cell in noise]
    write_ome_xml(tmp_path / "a.ome.xml", series, ["Dapi", "Green"])
    source = second(tmp_path)
    assert source.channel_names == {1: "Dapi", 2: "Green"}
    assert list(source.objects) == ["0", "1", "2", "3", "4"]
    for cell, pixels in zip(cells_of(source, (2, 1)), series, strict=True):
        assert_same(cell.pixels, pixels[:, :, ::-1].astype(dtype.newbyteorder("=")))


@needs_bioformats
def test_every_time_point_and_z_plane_is_a_cell_or_planes_are_projected(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (2, 3, 9, 7, 4)).astype(np.uint8)
    write_ics(tmp_path / "a.ics", pixels)
    with pytest.raises(Question, match="3 z planes of 2 time points"):
        second(tmp_path)
    source = second(tmp_path, "z-max")
    assert list(source.objects) == ["0", "1"]
    for cell, expected in zip(cells_of(source), pixels.max(axis=1), strict=True):
        assert_same(cell.pixels, expected)
    source = second(tmp_path, "cells")  # one: a.ids belongs to a.ics
    assert source.channels == (1, 2, 3, 4)
    assert source.objects[:4] == ["z0_t0", "z1_t0", "z2_t0", "z0_t1"]
    for cell, expected in zip(cells_of(source), pixels.reshape(-1, 9, 7, 4), strict=True):
        assert_same(cell.pixels, expected)


@needs_bioformats
@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif"])
def test_colours_are_channels(tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    picture = Image.fromarray(pixels)
    if name.endswith("gif"):
        picture = picture.quantize(8)
        pixels = np.asarray(picture.convert("RGB"))
    picture.save(tmp_path / name)
    (cell,) = cells_of(second(tmp_path), (1, 2, 3))
    assert_same(cell.pixels, np.ascontiguousarray(pixels))


@needs_bioformats
def test_other_files_beside_images_are_left_alone(tmp_path: Path) -> None:
    write_nrrd(tmp_path / "a.nrrd", CELLS[0][:, :, 0])
    write_channel_tiffs(tmp_path, "b", CELLS[0], (1, 2, 3))
    for name in ("notes.txt", "table.csv", "run.log", "setup.xml", "a.json", "Thumbs.db"):
        (tmp_path / name).write_text("1,2\n3,4\n")
    nrrd, tiffs = find_sources(tmp_path, reader="bioformats")
    assert (nrrd.stem, tiffs.stem) == ("a", tmp_path.name)
    assert list(tiffs.objects) == ["b"]  # .tif files stay with our own reader
    (tmp_path / "a.nrrd").unlink()
    assert open_cells(tmp_path / "b_Ch2.ome.tif", "bioformats").channels == (2,)


@needs_bioformats
@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_folder_linked_twice_is_read_twice(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write_ics(tmp_path / "real" / "a.ics", np.ones((1, 1, 4, 5, 1), np.uint8))
    write_cif(tmp_path / "real" / "b.cif", CELLS)
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    places = [
        (source.folder, source.stem) for source in find_sources(tmp_path, reader="bioformats")
    ]
    assert places == [((name,), stem) for name in ("linked", "real") for stem in "ab"]


@needs_bioformats
def test_a_missing_channel_is_named_for_the_cells_without_it(tmp_path: Path) -> None:
    series = [cell[:, :, :count] for cell, count in zip(CELLS, (2, 2, 3, 1, 2), strict=True)]
    write_ome_xml(tmp_path / "a.ome.xml", series)
    source = second(tmp_path)
    assert source.channels == (1, 2)  # which most cells have
    cells = list(source.read((1, 3)))
    assert [isinstance(cell, Cell) for cell in cells] == [False, False, True, False, False]
    assert isinstance(cells[0], Problem)
    assert "3" in cells[0].reason


def test_our_own_reader_tells_that_there_is_another(tmp_path: Path) -> None:
    (tmp_path / "a.czi").touch()
    with pytest.raises(DeepometryError, match="choose the reader bioformats or export the"):
        find_sources(tmp_path)
    with pytest.raises(DeepometryError, match="Reader: expected own or bioformats, found 'java'"):
        find_sources(tmp_path, reader="java")


# --- the Java machine ------------------------------------------------------------------------


@needs_bioformats
def test_several_threads_and_unfinished_reads(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS, MASKS)
    source = pickle.loads(pickle.dumps(second(tmp_path)))
    next(iter(source.read((1,))))  # a file that is closed before its end
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: cells_of(source), range(12)))
    for cells in results:
        for cell, pixels in zip(cells, CELLS, strict=True):
            assert_same(cell.pixels, pixels)
    (tmp_path / "a.cif").unlink()  # Windows would refuse if it were still open


WITHOUT = """
import sys, types
from pathlib import Path
from deepometry.images.readers.find import find_sources, open_cells

class Machine(types.ModuleType):
    JARS = ()

    def start_vm(self, *_, **how):
        raise Exception("Error finding javahome")  # as javabridge does

sys.modules["bioformats"] = sys.modules["javabridge"] = {modules}
try:
    {call}(Path(sys.argv[1]), reader="bioformats")
except ValueError as error:
    print(type(error).__name__, error)
"""


def refusal(path: Path, modules: str, call: str) -> str:
    """Return what a process says that has these modules in place of Bio-Formats and javabridge."""
    command = [sys.executable, "-c", WITHOUT.format(modules=modules, call=call), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_without_bioformats_it_says_what_to_install(tmp_path: Path) -> None:
    message = refusal(tmp_path, "None", "find_sources")
    assert message.startswith("OptionsError Reader: expected python-bioformats")
    assert 'pip install "deepometry[bioformats]"' in message
    assert "JDK" in message


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    message = refusal(_nrrd(tmp_path), "Machine('machine')", "open_cells")
    assert message.startswith("OptionsError")
    assert re.search(r"found none \(Error finding.*install a JDK", message)


def _nrrd(folder: Path) -> Path:
    write_nrrd(folder / "a.nrrd", CELLS[0][:, :, 0])
    return folder / "a.nrrd"


READ = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # started in the background, it has none
from pathlib import Path
from deepometry.images.readers.find import open_cells
cells = open_cells(Path(sys.argv[1]), "bioformats").read((1,))
print(next(cells).pixels.shape, flush=True)
"""


@needs_bioformats
@pytest.mark.parametrize("last", ["", "raise SystemExit(3)"])
def test_a_program_that_has_read_ends_at_once_and_quietly(tmp_path: Path, last: str) -> None:
    command = [sys.executable, "-c", READ + last, str(_nrrd(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("(10, 12, 1)\n", "")
    assert done.returncode == (3 if last else 0)


@needs_bioformats
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal on Windows")
def test_ctrl_c_is_left_to_the_program(tmp_path: Path) -> None:
    wait = "import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: print('stopped')"
    command = [sys.executable, "-c", READ + wait, str(_nrrd(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "(10, 12, 1)\n"
        time.sleep(0.5)
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == "stopped\n"
        assert program.wait(timeout=30) == 0
