"""Small input for tests: trees of .tif files and .cif files, whole or damaged on purpose."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile

from deepometry.cif.codec import GREY, MASK, PLAIN, encode_grey, encode_mask

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL_CIF = SHARED / "imagestream_example.cif"

_BYTE, _ASCII, _SHORT, _LONG, _DOUBLE = 1, 2, 3, 4, 12
_LETTERS = {_BYTE: "B", _SHORT: "H", _LONG: "I", _DOUBLE: "d"}

Tags = dict[int, tuple[int, Any]]


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
    """Give as much of the acquisition XML as readers look at."""
    used = " ".join("1" if number in channels else "0" for number in range(1, flags + 1))
    names = "".join(f"<Channel{n}Name>Dye {n}</Channel{n}Name>" for n in channels)
    return (
        f'<?xml version="1.0"?><xq7><Imaging><Magnification>{magnification}</Magnification>'
        f"<ChannelInUseIndicators_0_11>{used} </ChannelInUseIndicators_0_11></Imaging>"
        f"<Display>{names}</Display></xq7>"
    )


def write_cif(
    path: Path,
    cells: Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None] | None = None,
    *,
    channels: Sequence[int] | None = None,
    ids: Sequence[int | None] | None = None,
    background: Sequence[np.ndarray] | None = None,
    xml: str | bytes | None = None,
    told: int | None = -1,
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
    told : int or None
        Number of objects that the file tells; by default the true one, None leaves it out.
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
    channels = list(range(1, count + 1)) if channels is None else channels
    told = len(cells) if told == -1 else told
    text = acquisition_xml(channels) if xml is None else xml
    data = text.encode() if isinstance(text, str) else text
    first = _first_tags(data, told) | dict(first_tags or {})
    places = []
    with path.open("wb") as file:
        writer = _Writer(file, order)
        writer.add(first, [b""])
        for i, cell in enumerate(cells):
            writer.seek((at or {}).get(i))
            tags = _image_tags(cell, i if ids is None else ids[i], compression)
            if background is not None:
                tags |= {
                    33052: (_DOUBLE, background[i][:, 0]),
                    33053: (_DOUBLE, background[i][:, 1]),
                }
            tags = {k: v for k, v in (tags | dict(image_tags or {})).items() if v is not None}
            stream = _encode(wide(cell), compression, order)
            place = CifPlace(*writer.add(tags, _split(stream, strips)), len(stream))
            mask = masks[i] if masks is not None else None
            if mask is not None:
                stream = encode_mask(wide(mask))
                found = writer.add(_mask_tags(mask), [stream])
                place.mask, place.mask_strip, place.mask_length = *found, len(stream)
            places.append(place)
    return places


def wide(cell: np.ndarray) -> np.ndarray:
    """Put the channels (height, width, channels) side by side: (height, channels x width)."""
    return cell.transpose(0, 2, 1).reshape(cell.shape[0], -1)


def _encode(picture: np.ndarray, compression: int, order: str) -> bytes:
    return picture.astype(order + "u2").tobytes() if compression == PLAIN else encode_grey(picture)


def _split(data: bytes, parts: int) -> list[bytes]:
    size = -(-len(data) // parts)
    return [data[i : i + size] for i in range(0, len(data), size)]


def _first_tags(xml: bytes, told: int | None) -> Tags:
    tags: Tags = {256: (_LONG, [1]), 257: (_LONG, [1]), 258: (_SHORT, [16]), 259: (_SHORT, [1])}
    tags |= {262: (_SHORT, [1]), 277: (_SHORT, [1]), 278: (_LONG, [1]), 33002: (_SHORT, [1])}
    if told is not None:
        tags[33018] = (_LONG, [told])
    if xml:
        tags[33027] = (_ASCII, xml)
    return tags


def _image_tags(cell: np.ndarray, number: int | None, compression: int) -> Tags:
    height, width, channels = cell.shape
    tags: Tags = {254: (_BYTE, [2, 0]), 256: (_LONG, [width * channels]), 257: (_LONG, [height])}
    tags |= {258: (_SHORT, [16]), 259: (_SHORT, [compression]), 262: (_SHORT, [1])}
    tags |= {277: (_SHORT, [1]), 278: (_LONG, [height]), 33002: (_SHORT, [2])}
    if number is not None:
        tags[33003] = (_LONG, [number])
    return tags | {33071: (_DOUBLE, [30.5]), 33072: (_DOUBLE, [72.0])}


def _mask_tags(mask: np.ndarray) -> Tags:
    tags = _image_tags(mask, None, MASK) | {254: (_BYTE, [6, 0]), 258: (_SHORT, [8])}
    tags |= {277: (_BYTE, [1, 0]), 33002: (_SHORT, [3])}
    return {tag: value for tag, value in tags.items() if tag < 33071}


class _Writer:
    """Writes directories one behind the other, each with its strips and values behind it."""

    def __init__(self, file: BinaryIO, order: str) -> None:
        self._file, self._order = file, order
        self._file.write(b"II*\0" if order == "<" else b"MM\0*")
        self._link = file.tell()
        self._file.write(bytes(4))

    def seek(self, position: int | None) -> None:
        if position is not None:
            self._file.seek(position)

    def add(self, tags: Tags, strips: list[bytes]) -> tuple[int, int]:
        """Write a directory; give where it and its first strip start."""
        start = self._file.tell()
        self._point(start)
        count = len(tags) + 2
        data = start + 2 + 12 * count + 4
        offsets = [data + sum(map(len, strips[:i])) for i in range(len(strips))]
        tags = tags | {
            273: (_LONG, [o % 2**32 for o in offsets]),
            279: (_LONG, list(map(len, strips))),
        }
        values = b"".join(strips)
        entries = struct.pack(self._order + "H", count)
        for tag, (kind, value) in sorted(tags.items()):
            raw = value if kind == _ASCII else self._pack(kind, value)
            field = raw.ljust(4, b"\0")
            if len(raw) > 4:
                field = struct.pack(self._order + "I", (data + len(values)) % 2**32)
                values += raw
            entries += struct.pack(self._order + "HHI", tag, kind, len(value)) + field
        self._file.write(entries + bytes(4) + values)
        self._link = data - 4
        return start, data

    def _pack(self, kind: int, value: Sequence[float]) -> bytes:
        return struct.pack(f"{self._order}{len(value)}{_LETTERS[kind]}", *value)

    def _point(self, start: int) -> None:
        """Make the directory before, or the header, point here."""
        self._file.seek(self._link)
        self._file.write(struct.pack(self._order + "I", start % 2**32))
        self._file.seek(start)
