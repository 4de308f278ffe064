"""Files that are not read: the message says what to give instead, and how many there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from deepometry.core.errors import DeepometryError
from deepometry.core.file_types import IMAGES
from deepometry.core.options.parse import InfoOptions
from deepometry.core.run_records import provenance, write_json
from deepometry.images.info import info
from deepometry.images.readers.find import find_sources, open_cells
from deepometry.images.readers.other_kinds import BIOFORMATS, advice_on
from tests.builders import random_cells
from tests.parsing import CifInput, ParseRun, TiffInput, record

ADVICE = {
    "a.daf": "give the .cif file",
    "a.cpm": "give the .cif file",
    "a.iclass": "give the .cif or .tif files",
    "a.fcs": "the images that the instrument exported",
    "a.cvw": "BD CellView Image Extractor",
    "a.acs": "change its ending to .zip",
    "a.wsp": "workspaces without images",
    "a.xlsx": "text or tables, without images",
    "a.zarr": "in a .npy file",
    "a.h5": "in a .npy file",
    "a.mat": "in a .npy file",
    "a.tdms": "convert it to .rtdc",
    "a.gif": "save them as .tif or .png",
    "a.webp": "save them as .tif or .png",
    "a.mp4": "videos",
    "a.7z": "pack it again as .zip",
    "a.czi": "choose the reader bioformats or export the images as .tif files",
    "A.ND2": "choose the reader bioformats or export the images as .tif files",
    "a.qptiff": "choose the reader bioformats or export the images as .tif files",
    "a.cxd": "choose the reader bioformats or export the images as .tif files",
    "a.nii": "choose the reader bioformats or export the images as .tif files",
    "a.b16": "export the images as .tif files",
    "a.lif": "choose the reader bioformats or export the images as .tif files",
}


@pytest.mark.parametrize(("name", "advice"), ADVICE.items())
def test_the_message_says_what_to_give_instead(tmp_path: Path, name: str, advice: str) -> None:
    (tmp_path / name).write_bytes(b"something")
    for search in (find_sources, open_cells):
        with pytest.raises(DeepometryError) as caught:
            search(tmp_path if search is find_sources else tmp_path / name)
        message = str(caught.value)
        assert advice in message
        assert name in message
        assert "\n" not in message
        assert ("bioformats" in message) == (Path(name).suffix.lower() in BIOFORMATS)


@pytest.mark.parametrize("suffix", [".ffr", ".xyz9"])
def test_a_kind_in_no_list_has_advice_too(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"something")
    with pytest.raises(DeepometryError) as caught:
        find_sources(tmp_path)
    assert (
        f"a{suffix}; if {suffix} files are images, export the images as .tif files, or choose "
        "the reader bioformats; if not, choose the folder that holds the images."
    ) in str(caught.value)
    with pytest.raises(DeepometryError, match=r"; export the images as \.tif files, or choose"):
        open_cells(tmp_path / f"a{suffix}")


def test_no_kind_that_is_read_has_such_advice() -> None:
    assert not any(advice_on(Path(f"a{suffix}")) for suffix in IMAGES)
    assert not BIOFORMATS & set(IMAGES)


@pytest.mark.parametrize(
    "content",
    [
        b"<Assay><SampleFile>sample 1.cif</SampleFile></Assay>",
        b'\xef\xbb\xbf<Assay IDEAS_version="6"><SOD file="sample 1.cif" objcount="420">',
        rb'<Assay><SOD file="D:\Data\Day 1\sample 1.cif" objcount="420">',
    ],
)
def test_an_analysis_of_ideas_names_its_images(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.daf").write_bytes(content)
    with pytest.raises(DeepometryError, match=r"found 1 other file.*a\.daf.* folder of sam"):
        find_sources(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "b.txt").touch()
    with pytest.raises(DeepometryError, match=r"give the folder of sample 1\.cif"):
        find_sources(tmp_path)


def test_a_folder_of_arrays_counts_as_one_file(tmp_path: Path) -> None:
    for name in ("0.0.0", ".zarray", "0.0.1"):
        (tmp_path / "a.zarr" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "a.zarr" / name).touch()
    with pytest.raises(DeepometryError, match=r"found 1 other file, such as a\.zarr"):
        find_sources(tmp_path)


def test_results_of_earlier_steps_are_not_taken_for_images(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    run.write(TiffInput("Day 1", random_cells([(20, 20)] * 3, 4)))
    results = run.input / "predictions"
    results.mkdir()
    Image.new("L", (64, 64)).save(results / "confusion_matrix_plot.png")
    assert len(find_sources(run.input)) == 2
    record = provenance("predict", InfoOptions(input=run.input)) | {"files": ["new_plot.png"]}
    write_json(results / "predict.json", record)
    for name in ("new_plot.png", "a cell.png"):
        Image.new("L", (64, 64)).save(results / name)
    sources = find_sources(run.input)
    assert [source.folder for source in sources] == [("Day 1",), ("predictions",)]
    assert list(sources[1].objects) == ["a cell"]
    assert sources.left_out.startswith("3 files of other kinds were left out")


def test_files_left_out_beside_images_are_told(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    run.write(CifInput("Day 1"))
    assert find_sources(run.input).left_out == ""
    for name in ("Day 1/b.daf", "Day 1/a.fcs", "Thumbs.db", ".hidden", "notes.txt", "more.txt"):
        (run.input / name).touch()
    told = "3 files of other kinds were left out, such as Day 1/a.fcs."
    found = find_sources(run.input)
    assert (found.left_out, found.analyses) == (told, ("Day 1/b.daf",))
    assert (
        "1 .daf file of IDEAS lies beside the .cif files, such as Day 1/b.daf: parse takes its"
        in str(info(InfoOptions(input=run.input)))
    )
    assert told in str(info(InfoOptions(input=run.input)))
    result = run()
    assert told in str(result)
    assert told in record(tmp_path / "out")["remarks"]
    assert "Not used:" in str(result) and "b.daf: it is empty: copy it again." in str(result)
    for name in ("Day 1/a.fcs", "notes.txt"):
        (run.input / name).unlink()
    assert find_sources(run.input).left_out == (
        "1 file of another kind was left out, such as more.txt."
    )
