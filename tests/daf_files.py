"""Small analyses of IDEAS for tests, in text and binary form."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np

from tests.builders import SHARED

REAL_DAF = SHARED / "ideas_populations.daf"
_RECORD = struct.Struct("<I3Q3d2I2d")

Corners = Sequence[tuple[object, object]]


def region(
    label: str, type: str, corners: Corners, x_range: object = "P", y_range: object = "P"
) -> str:
    """Write a region."""
    points = "".join(_element("axy", x=x, y=y) for x, y in corners)
    head = _element("Region", type=type, label=label, xlogrange=x_range, ylogrange=y_range)
    return head.replace(" />", f">{points}</Region>")


def everything() -> str:
    """Write the population of all objects."""
    return _element("Pop", name="All", type="B", base="")


def gate(name: str, region: str, fx: str, fy: str = "", base: str = "All") -> str:
    """Write a gated population."""
    second = {"fy": fy} if fy else {}
    return _element("Pop", name=name, type="G", base=base, region=region, fx=fx, **second)


def combination(name: str, definition: str) -> str:
    """Write a combined population."""
    return _element("Pop", name=name, type="C", base="All", definition=definition)


def tagged(name: str, numbers: Sequence[object]) -> str:
    """Write a population that was tagged by hand."""
    objects = "".join(_element("ob", O=number) for number in numbers)
    return _element("Pop", name=name, type="T", base="All").replace(" />", f">{objects}</Pop>")


def write_daf(
    path: Path,
    features: Mapping[str, np.ndarray],
    populations: Sequence[str] = (),
    regions: Sequence[str] = (),
    *,
    binary: bool = False,
    cif: str = "sample.cif",
    objects: int | None = None,
    ids: Sequence[int] | None = None,
    places: Sequence[tuple[int, int]] | None = None,
    counts: Mapping[str, int] | None = None,
) -> Path:
    """Write an analysis.

    Parameters
    ----------
    path : Path
    features : mapping of str to ndarray of float64, shape (objects,)
        At least one.
    populations, regions : sequence of str
        As XML, from the functions above.
    binary : bool
    cif : str
    objects : int, optional
        Number of objects that the file states; by default the true one.
    ids : sequence of int, optional
        By default from 0.
    places : sequence of (int, int), optional
        Positions of image and mask of every object in the .cif.
    counts : mapping of str to int, optional
        What IDEAS counted.
    """
    number = len(next(iter(features.values())))
    rows = [*zip(range(number) if ids is None else ids, places or [(8, 9)] * number, strict=True)]
    with path.open("wb") as file:
        file.write(b"\xef\xbb\xbf" + b'<?xml version="1.0" encoding="utf-8"?>\r\n')
        form = ' binaryfeatures="True"' if binary else ""
        file.write(f'<Assay date="1/1/2025" IDEAS_version="6.2"{form}>\n'.encode())
        stated = number if objects is None else objects
        file.write(_open("SOD", file=rf"D:\data\{cif}", objcount=stated))
        for line in _definitions(features):
            file.write(line.encode())
        if not binary:
            _write_text(file, features, rows)
        for line in _analysis(populations, regions, counts or {}):
            file.write(line.encode())
        file.write(b"</SOD><Displays><Pop name='Cells' /></Displays></Assay>")
        if binary:
            _write_bytes(file, features, rows)
    return path


def _element(element: str, /, **attributes: object) -> str:
    values = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    return f"<{element}{values} />\n"


def _open(element: str, **attributes: object) -> bytes:
    return _element(element, **attributes).replace(" />", ">").encode()


def _definitions(features: Mapping[str, np.ndarray]) -> Iterator[str]:
    yield '<ChannelPresets count="2" bits="12"></ChannelPresets><Images>'
    for number, name in enumerate(("BF", "PI")):
        yield _element("image", name=name, physicalChannel=2 * number)
    yield "</Images><DefinedFeatures>"
    for name in features:
        yield _element("UDF", name=name, type="single")
    yield "</DefinedFeatures>"


def _write_text(
    file: BinaryIO, features: Mapping[str, np.ndarray], rows: Sequence[tuple[int, tuple[int, int]]]
) -> None:
    file.write(b"<FeatureValues>")
    for number, values in enumerate(features.values()):
        text = "|".join("NaN" if value != value else f"{value!r}" for value in values.tolist())
        file.write(_element("UDFValues", fid=number, fv=text).encode())
    file.write(b"</FeatureValues>")
    for object_id, (image, mask) in rows:
        element = _element("SO", id=object_id, imgIFD=image, mskIFD=mask, bgmean="1|2")
        file.write(element.encode())


def _analysis(
    populations: Sequence[str], regions: Sequence[str], counts: Mapping[str, int]
) -> Iterator[str]:
    yield "<Regions>"
    yield from regions
    yield "</Regions><Pops>"
    yield from populations
    yield "</Pops><PopulationStatistics>"
    for name, count in counts.items():
        yield _element("PopStatistic", feature="Area", population=name, count=count)
    yield "</PopulationStatistics>"


def _write_bytes(
    file: BinaryIO, features: Mapping[str, np.ndarray], rows: Sequence[tuple[int, tuple[int, int]]]
) -> None:
    file.write(b"\n\x00\x1e" + struct.pack("<III", 1, len(features), len(rows)))
    for number, values in enumerate(features.values()):
        file.write(struct.pack("<I", number) + values.astype("<f8").tobytes())
    file.write(struct.pack("<I", len(rows)))
    lists = (struct.pack("<I", 2) + struct.pack("<2d", 1, 2)) * 4
    for object_id, (image, mask) in rows:
        file.write(_RECORD.pack(object_id, image, mask, 8, 1, 1, 1, 1, 1, 30, 40) + lists)
