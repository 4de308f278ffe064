"""Small images, for tests, of kinds that only Bio-Formats reads, written in plain Python."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_OME_TYPES = {"float32": "float", "float64": "double"}


def write_ics(path: Path, pixels: np.ndarray) -> None:
    """Write a pair .ics and .ids.

    Parameters
    ----------
    path : Path
        Of the .ics file, which describes the pixels; the .ids file beside it holds them.
    pixels : ndarray of uint8, shape (times, depth, height, width, channels)
    """
    times, depth, height, width, channels = pixels.shape
    header = [
        ("ics_version", "1.0"),
        ("filename", path.stem),
        ("layout", "parameters", 6),
        ("layout", "order", "bits", "x", "y", "z", "t", "ch"),
        ("layout", "sizes", 8, width, height, depth, times, channels),
        ("layout", "significant_bits", 8),
        ("representation", "format", "integer"),
        ("representation", "sign", "unsigned"),
        ("representation", "compression", "uncompressed"),
    ]
    lines = ["\t", *("\t".join(map(str, line)) for line in header), ""]
    path.write_bytes("\n".join(lines).encode())
    data = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    path.with_suffix(".ids").write_bytes(data.tobytes())


def write_nrrd(path: Path, pixels: np.ndarray) -> None:
    """Write a .nrrd file of one uint16 image (height, width)."""
    height, width = pixels.shape
    header = f"NRRD0004\ntype: uint16\ndimension: 2\nsizes: {width} {height}\nendian: little\n"
    path.write_bytes(f"{header}encoding: raw\n\n".encode() + pixels.astype("<u2").tobytes())


def write_ome_xml(
    path: Path, series: Sequence[np.ndarray], names: Sequence[str] | None = None
) -> None:
    """Write an OME-XML file.

    Parameters
    ----------
    path : Path
    series : sequence of ndarray, shape (height, width, channels)
        One image each.
    names : sequence of str, optional
        Of the channels.
    """
    images = "".join(_ome_image(i, pixels, names) for i, pixels in enumerate(series))
    text = f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{_OME}">{images}</OME>'
    path.write_text(text, "utf-8")


def _ome_image(number: int, pixels: np.ndarray, names: Sequence[str] | None) -> str:
    height, width, channels = pixels.shape
    kind = _OME_TYPES.get(pixels.dtype.name, pixels.dtype.name)
    big = "true" if pixels.dtype.byteorder == ">" else "false"
    listed, data = "", ""
    for c in range(channels):
        name = f' Name="{names[c]}"' if names else ""
        listed += f'<Channel ID="Channel:{number}:{c}"{name} SamplesPerPixel="1"/>'
        plane = np.ascontiguousarray(pixels[:, :, c]).tobytes()
        length, text = len(plane), base64.b64encode(plane).decode()
        data += f'<BinData BigEndian="{big}" Length="{length}">{text}</BinData>'
    return (
        f'<Image ID="Image:{number}"><Pixels ID="Pixels:{number}" DimensionOrder="XYZTC" '
        f'Type="{kind}" BigEndian="{big}" SizeX="{width}" SizeY="{height}" SizeZ="1" SizeT="1" '
        f'SizeC="{channels}">{listed}{data}</Pixels></Image>'
    )
