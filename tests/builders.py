"""Small input for tests: trees of .tif files and .cif files, whole or damaged on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from deepometry.images.cif import metadata_writer as acquisition
from deepometry.images.cif.cell_encoder import Coding, EncodedCell, encode_cell
from deepometry.images.cif.cell_encoder import wide as wide
from deepometry.images.cif.codec import GREY
from deepometry.images.cif.directory_writer import ASCII, DOUBLE, LONG, DirectoryWriter, Tags
from deepometry.images.cif.metadata import CifMetadata

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL_CIF = SHARED / "imagestream_example.cif"

OddTags = dict[int, tuple[int, Any] | None]


def random_cells(
    sizes: Sequence[tuple[int, int]], channels: int = 2, seed: int = 0, top: int = 1024
) -> list[np.ndarray]:
    """Make noise: one uint16 array (height, width, channels) for each size, below `top`."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, top, (*size, channels)).astype(np.uint16) for size in sizes]


def write_channel_tiffs(
    folder: Path,
    name: str,
    pixels: np.ndarray,
    channels: Sequence[int],
    pattern: str = "{name}_Ch{channel}.ome.tif",
    **how: Any,
) -> list[Path]:
    """Write a cell as one file a channel, as IDEAS exports it.

    Parameters
    ----------
    folder : Path
        Made if need be.
    name : str
        Of the cell.
    pixels : ndarray, shape (height, width, channels)
    channels : sequence of int
        Numbers of the channels, in the order of the last axis.
    pattern : str
        File name, with `{name}` and `{channel}`.
    **how
        For `tifffile.imwrite`.

    Returns
    -------
    list of Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / pattern.format(name=name, channel=channel) for channel in channels]
    for path, plane in zip(paths, np.moveaxis(pixels, -1, 0), strict=True):
        settings = {"photometric": "minisblack", "metadata": None} | how
        tifffile.imwrite(path, np.ascontiguousarray(plane), **settings)
    return paths


@dataclass
class CifPlace:
    """Where a cell of a written .cif file is: positions and lengths in bytes."""

    image: int
    strip: int
    length: int
    mask: int = 0
    mask_strip: int = 0
    mask_length: int = 0


def acquisition_xml(channels: Sequence[int], flags: int = 12, magnification: float = 40) -> str:
    """Return the acquisition XML for channels of made-up names."""
    names = {number: f"Dye {number}" for number in channels}
    metadata = CifMetadata(tuple(channels), names, magnification, None)
    return acquisition.acquisition_xml(metadata, flags)


def write_cif(
    path: Path,
    cells: Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None] | None = None,
    *,
    channels: Sequence[int] | None = None,
    ids: Sequence[int | None] | None = None,
    background: Sequence[np.ndarray] | None = None,
    xml: str | bytes | None = None,
    object_count: int | None = -1,
    first_tags: Mapping[int, tuple[int, Any]] | None = None,
    image_tags: Mapping[int, tuple[int, Any] | None] | None = None,
    order: str = "<",
    compression: int = GREY,
    strips: int = 1,
    at: Mapping[int, int] | None = None,
) -> list[CifPlace]:
    """Write a minimal .cif file.

    Parameters
    ----------
    path : Path
    cells : sequence of ndarray of uint16, shape (height, width, channels)
    masks : sequence of ndarray of uint8 or None, optional
        Of the same shapes; None leaves the mask of a cell out.
    channels : sequence of int, optional
        Numbers of the channels, rising; by default from 1.
    ids : sequence of int or None, optional
        Object numbers; by default from 0.
    background : sequence of ndarray, shape (channels, 2), optional
        Mean and standard deviation for every cell.
    xml : str or bytes, optional
        In place of `acquisition_xml(channels)`; an empty one leaves the tag out.
    object_count : int or None
        Number of objects that the file states; by default the true one, None leaves it out.
    first_tags, image_tags : dict of int to (type, value), optional
        More tags for the first directory, and for that of every image; None leaves one out.
    order : {"<", ">"}
        Byte order.
    compression : int
        30817, or 1 for none.
    strips : int
        Number of strips that the data of an image is cut into.
    at : dict of int to int, optional
        Position at which the directory of a cell starts, by its place.

    Returns
    -------
    list of CifPlace
    """
    count = cells[0].shape[2] if len(cells) else 1
    coding = Coding(count, compression == GREY, order)
    object_count = len(cells) if object_count == -1 else object_count
    text = acquisition_xml(channels or range(1, count + 1)) if xml is None else xml
    first = _changed(_first_tags(text, object_count), first_tags)
    places = []
    with path.open("wb") as file:
        writer = DirectoryWriter(file, order)
        writer.add(first, [b""])
        for i, pixels in enumerate(cells):
            if at and i in at:
                writer.skip_to(at[i])
            cell = encode_cell(pixels, masks[i] if masks else None, None, (30.5, 72.0), coding)
            odd: OddTags = {33003: _number(i if ids is None else ids[i])}
            if background is not None:
                odd |= {33052 + k: (DOUBLE, list(background[i][:, k])) for k in (0, 1)}
            tags = _changed(_changed(cell.image_tags, odd), image_tags)
            places.append(_write_cell(writer, cell, tags, strips))
        writer.finish()
    return places


def _write_cell(writer: DirectoryWriter, cell: EncodedCell, tags: Tags, strips: int) -> CifPlace:
    place = CifPlace(*writer.add(tags, _split(cell.image, strips)), len(cell.image))
    if cell.mask_tags is not None:
        place.mask, place.mask_strip = writer.add(cell.mask_tags, [cell.mask])
        place.mask_length = len(cell.mask)
    return place


def _first_tags(xml: str | bytes, object_count: int | None) -> Tags:
    data = xml.encode() if isinstance(xml, str) else xml
    plain = acquisition.first_tags(CifMetadata((1,), {}, None, None), 12)
    return _changed(plain, {33018: _number(object_count), 33027: (ASCII, data) if data else None})


def _number(number: int | None) -> tuple[int, Any] | None:
    return None if number is None else (LONG, [number])


def _changed(tags: Tags, changes: Mapping[int, tuple[int, Any] | None] | None) -> Tags:
    """Put other tags in, and leave those out that are to be None."""
    return {tag: value for tag, value in {**tags, **(changes or {})}.items() if value is not None}


def _split(data: bytes, parts: int) -> list[bytes]:
    size = -(-len(data) // parts)
    return [data[i : i + size] for i in range(0, len(data), size)]
