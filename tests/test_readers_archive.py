"""Reading images and other files in .zip files, in place."""

from __future__ import annotations

import io
import os
import shutil
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepometry.cells.dataset import open_cells as open_parsed
from deepometry.cells.parse import parse
from deepometry.core.errors import DeepometryError, Question
from deepometry.core.options.parse import InfoOptions, ParseOptions
from deepometry.images.info import info
from deepometry.images.readers import archive
from deepometry.images.readers.archive_file import ArchiveError
from deepometry.images.readers.base import Problem, UnreadableSource
from deepometry.images.readers.find import find_sources
from tests.builders import random_cells, write_channel_tiffs, write_cif
from tests.kinds import discs, write_rtdc
from tests.parsing import ParseRun, tree
from tests.reading import PIXELS, assert_same, cells_of, patch, touch

IMAGES, MASKS, GROUNDS = discs(3)


def pack(folder: Path, target: Path, **how: Any) -> Path:
    """Pack what lies in a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", how.pop("method", zipfile.ZIP_DEFLATED)) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder).as_posix())
    return target


def packed(target: Path, **files: bytes) -> Path:
    """Pack bytes under names."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return target


def everything(folder: Path) -> None:
    """Write images of every kind below two classes."""
    for number, name in enumerate(("Class A", "Class B")):
        write_channel_tiffs(folder / name, "cell_1", PIXELS + number, (1, 2, 3))
        write_channel_tiffs(folder / name, "cell_2", PIXELS + number, (1, 2, 3))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_folders_in_an_archive_are_folders_below_it(tmp_path: Path, method: int) -> None:
    everything(tmp_path / "files")
    path = pack(tmp_path / "files", tmp_path / "Demo.zip", method=method)
    shutil.rmtree(tmp_path / "files")
    first, second = find_sources(path)
    assert (first.folder, second.folder) == (("Class A",), ("Class B",))
    assert (first.stem, list(first.objects)) == ("Class A", ["cell_1", "cell_2"])
    assert cells_of(second)[0].source == "Class B/cell_1_Ch1.ome.tif"
    for source, more in ((first, 0), (second, 1)):
        for cell in cells_of(source):
            assert_same(cell.pixels, PIXELS + more)


def test_archives_beside_each_other_are_like_folders(tmp_path: Path) -> None:
    for name in ("Class A", "Class B", "Class C"):
        write_channel_tiffs(tmp_path / "one", "cell", PIXELS[:, :, :2], (1, 2))
        pack(tmp_path / "one", tmp_path / "in" / "Day 1" / f"{name}.ZIP")
    touch(tmp_path / "in", "Day 1/Class C/x.tif", "loose.tif")
    parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out", channels=(1,), frame=16))
    (target,) = open_parsed(tmp_path / "out").targets()
    assert (target.name, dict(target.labels)) == ("Class", {"A": 1, "B": 1, "C": 1, "C.ZIP": 1})
    folders = [source.folder for source in find_sources(tmp_path / "in")]
    assert folders == [
        (),
        ("Day 1", "Class A"),
        ("Day 1", "Class B"),
        ("Day 1", "Class C"),
        ("Day 1", "Class C.ZIP"),
    ]
    assert info(InfoOptions(input=tmp_path / "in")).files == {".tif": 8}


def test_files_of_many_cells_are_read_from_a_private_place_that_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = random_cells([(12, 14), (10, 10)])
    (tmp_path / "files" / "Day 1").mkdir(parents=True)
    write_cif(tmp_path / "files" / "Day 1" / "a.cif", cells)
    write_rtdc(tmp_path / "files" / "b.rtdc", IMAGES, {"mask": MASKS})
    np.save(tmp_path / "files" / "c.npy", IMAGES[:, :, :, np.newaxis])
    path = pack(tmp_path / "files", tmp_path / "in" / "all.zip")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    before = tree(tmp_path)
    sources = find_sources(path)
    assert [source.stem for source in sources] == ["b", "c", "a"]
    assert [cell.source for cell in cells_of(sources[2])] == ["Day 1/a.cif"] * 2
    for cell, pixels in zip(cells_of(sources[2]), cells, strict=True):
        assert_same(cell.pixels, pixels)
    for source in sources[:2]:
        assert np.array_equal([cell.pixels[:, :, 0] for cell in cells_of(source)], IMAGES)
    unpacked = list((tmp_path / "temporary").iterdir())
    assert len(unpacked) == 3
    if os.name != "nt":
        assert all(place.stat().st_mode & 0o077 == 0 for place in unpacked)
    del sources, source, cell
    assert not list((tmp_path / "temporary").iterdir())
    assert tree(tmp_path) == before


def test_a_parse_of_an_archive_is_that_of_its_folder(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    everything(run.input)
    run(frame=16, split="50/50")
    expected = tree(tmp_path / "out")
    path = pack(run.input, tmp_path / "Demo.zip")
    run(frame=16, split="50/50", input=path, output=tmp_path / "zip")
    assert tree(tmp_path / "zip") == expected
    assert info(InfoOptions(input=path)).files == {".zip": 1}


def test_hidden_files_and_those_of_a_mac_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "files", "a.tif", ".b.tif", "__MACOSX/._a.tif", ".git/c.tif", "notes.txt")
    sources = find_sources(pack(tmp_path / "files", tmp_path / "a.zip"))
    assert [list(source.objects) for source in sources] == [["a"]]
    assert sources.left_out == "1 file of another kind was left out, such as notes.txt."


@pytest.mark.parametrize("name", ["Größe/ä.tif", "细胞/胞.tif", "plain/a b.tif", "back\\slash.tif"])
def test_names_are_read_in_every_alphabet(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "x.tif")
    path = tmp_path / "a.zip"
    packed(path, **{name: (tmp_path / "x.tif").read_bytes()})
    content = path.read_bytes()
    if not name.isascii():  # many programs do not say that the name is UTF-8
        for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = content.index(signature) + flags
            marks = struct.unpack("<H", content[at : at + 2])[0] & ~0x800
            patch(path, at, struct.pack("<H", marks))
    (source,) = find_sources(path)
    assert cells_of(source)[0].source == name.replace("\\", "/")


def test_a_name_in_the_old_character_set(tmp_path: Path) -> None:
    touch(tmp_path, "x.tif")
    path = packed(tmp_path / "a.zip", **{"Gr__e.tif": (tmp_path / "x.tif").read_bytes()})
    content = path.read_bytes().replace(b"Gr__e", "Größe".encode("cp437"))
    path.write_bytes(content)
    (source,) = find_sources(path)
    assert list(source.objects) == ["Größe"]


def damaged(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + b"nothing" * 99)


def cut_off(path: Path) -> None:
    packed(path, **{"a.tif": os.urandom(9999)})
    path.write_bytes(path.read_bytes()[:5000])


def encrypted(path: Path) -> None:
    packed(path, **{"a.tif": b"secret"})
    content = path.read_bytes()
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        patch(path, content.index(signature) + flags, b"\x01\x00")


def climbing(path: Path) -> None:
    packed(path, **{"../../evil.tif": b"x"})


def absolute(path: Path) -> None:
    packed(path, **{"C:/evil.tif": b"x"})


def nested(path: Path) -> None:
    inner = packed(path.with_name("inner.zip"), **{"a.tif": b"x"})
    packed(path, **{"Day 1/inner.zip": inner.read_bytes()})
    inner.unlink()


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("a.tif", "w") as one:
        for _ in range(300):
            one.write(bytes(2**20))


def overlapping(path: Path) -> None:
    packed(path, **{"a.tif": os.urandom(10_000), "b.tif": b"x"})
    content = path.read_bytes()
    second = content.rindex(b"PK\x01\x02")
    patch(path, second + 20, struct.pack("<II", 10_005, 10_005))


def parsed(path: Path) -> None:
    packed(path, **{"out/parse.json": b"{}", "out/a_ch1_1.tif": b"x"})


def deep(path: Path) -> None:
    packed(path, **{"a/" * 20_000 + "x.tif": b"x"})


def twice(path: Path) -> None:
    packed(path, **{"Day 1/a.tif": b"x", "Day 1/b.tif": b"y"})
    path.write_bytes(path.read_bytes().replace(b"Day 1/b.tif", b"Day 1/a.tif"))


def empty(path: Path) -> None:
    packed(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (damaged, "is damaged or not a .zip file"),
        (cut_off, "is damaged or not a .zip file"),
        (encrypted, "is encrypted; unpack it with its password"),
        (climbing, "would be written outside of it"),
        (absolute, "would be written outside of it"),
        (nested, r"holds another archive \(Day 1/inner.zip\), which is not read"),
        (bomb, "would unpack from .* to 314,572,800 bytes"),
        (overlapping, "its files overlap"),
        (parsed, "found parsed ones"),
        (twice, "holds two files called Day 1/a.tif"),
        (empty, "found nothing"),
        (deep, "holds folders in folders, 20,001 deep"),
    ],
)
def test_an_archive_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, make: Any, reason: str
) -> None:
    make(tmp_path / "a.zip")
    for place in (tmp_path / "a.zip", tmp_path):
        with pytest.raises(DeepometryError, match=reason) as caught:
            find_sources(place)
        assert "\n" not in str(caught.value)
        assert "a.zip" in str(caught.value) or make is empty


def test_an_archive_that_cannot_be_used_is_a_problem_beside_others(tmp_path: Path) -> None:
    touch(tmp_path, "good.tif")
    encrypted(tmp_path / "bad.zip")
    good, bad = find_sources(tmp_path)
    assert len(cells_of(good)) == 1
    assert isinstance(bad, UnreadableSource)
    assert "is encrypted" in bad.reason


def test_a_damaged_file_in_an_archive_is_a_problem_of_its_own(tmp_path: Path) -> None:
    touch(tmp_path / "files", "a.tif", "b.tif", "c.tif")
    path = pack(tmp_path / "files", tmp_path / "a.zip", method=zipfile.ZIP_STORED)
    place = path.read_bytes().index(PIXELS[:, :, 0].tobytes()) + 50
    patch(path, place, b"\xff\x00\xff")
    (source,) = find_sources(path)
    first, *others = source.read((1,))
    assert isinstance(first, Problem)
    assert "is not what was packed" in first.reason
    assert not any(isinstance(cell, Problem) for cell in others)


def test_an_unusual_compression_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path / "files", "a.tif")
    (source,) = find_sources(pack(tmp_path / "files", tmp_path / "a.zip", method=zipfile.ZIP_BZIP2))
    (cell,) = source.read((1,))
    assert isinstance(cell, Problem)
    assert "packed in an unusual way" in cell.reason


def test_a_larger_file_than_declared_is_not_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"a.tif": bytes(2**24)})
    at = path.read_bytes().rindex(b"PK\x01\x02") + 24
    patch(path, at, struct.pack("<I", 1000))
    with pytest.raises(ArchiveError, match="is not what was packed"):
        archive.read_file(path / "a.tif")


def test_an_archive_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"a.tif": b"one"})
    assert archive.read_file(f"{path}/a.tif") == b"one"
    packed(path, **{"a.tif": b"three"})
    assert archive.read_file(f"{path}/a.tif") == b"three"
    with pytest.raises(ArchiveError, match=r"There is no b\.tif"):
        archive.read_file(f"{path}/b.tif")
    path.unlink()  # nothing of it is open, which Windows would not allow
    assert archive.read_file(f"{path}/a.tif") is None


def test_a_folder_that_is_called_like_an_archive_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "Demo.zip/a.tif")
    (source,) = find_sources(tmp_path)
    assert source.folder == ("Demo.zip",)
    assert len(cells_of(source)) == 1


def test_what_does_not_fit_on_the_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO()
    np.save(content, IMAGES[:, :, :, np.newaxis])
    path = packed(tmp_path / "a.zip", **{"a.npy": content.getvalue()})
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(DeepometryError, match=r"bytes of temporary disk space, but .* has 1,000"):
        find_sources(path)


def test_an_archive_that_lies_unpacked_beside_itself_is_not_read_twice(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "Demo", "a.tif", "Class A/b.tif")
    path = pack(tmp_path / "in" / "Demo", tmp_path / "in" / "Demo.zip")
    left = "Left out, because the same files lie unpacked beside it: Demo.zip."
    sources = find_sources(tmp_path / "in")
    assert ([len(source.objects) for source in sources], sources.left_out) == ([1, 1], left)
    (tmp_path / "in" / "Demo").rename(tmp_path / "files")
    shutil.copytree(tmp_path / "files", tmp_path / "in", dirs_exist_ok=True)
    assert find_sources(tmp_path / "in").left_out == left
    assert len(find_sources(path)) == 2
    (tmp_path / "in" / "a.tif").write_bytes(b"another")
    assert find_sources(tmp_path / "in").left_out == ""


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    of_others = [f"deepometry-unpacked-{os.getpid()}-x", "deepometry-unpacked-", "deepometry-1-x"]
    for name in ("deepometry-unpacked-999999999-abc", *of_others):
        (tmp_path / "temporary" / name).mkdir(parents=True)
    path = packed(tmp_path / "a.zip", **{"a.npy": b"x"})
    place = archive.extract(path, ["a.npy"])
    assert place is not None
    left = {path.name for path in (tmp_path / "temporary").iterdir()}
    assert left == {place.name, *of_others}


def test_what_is_asked_about_a_packed_array_names_the_archive(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, IMAGES)
    path = packed(tmp_path / "a.zip", **{"b.npy": content.getvalue()})
    with pytest.raises(Question) as caught:
        find_sources(path)
    assert str(path / "b.npy") in str(caught.value)
    assert len(caught.value.choices) == 2
    (source,) = find_sources(path, pages="cells")
    assert len(cells_of(source)) == 3
