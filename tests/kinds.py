"""Builders of small files of other kinds than .cif and .tif."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def discs(cells: int, height: int = 20, width: int = 40, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Make dark cells on a bright ground: images, masks (uint8, 0 or 255) and backgrounds.

    The cells lie at rows and columns that differ; all arrays are (cells, height, width).
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:height, :width]
    middles = np.column_stack(
        [rng.integers(7, height - 6, cells), rng.integers(7, width - 6, cells)]
    )
    masks = np.stack([(rows - y) ** 2 + (columns - x) ** 2 < 25 for y, x in middles.tolist()])
    backgrounds = rng.normal(180, 2, (cells, height, width)).astype(np.uint8)
    images = np.where(masks, rng.integers(20, 90, masks.shape), backgrounds).astype(np.uint8)
    return images, masks.astype(np.uint8) * 255, backgrounds


def write_rtdc(
    path: Path,
    images: np.ndarray | None,
    extra: Mapping[str, Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
    **how: Any,
) -> Path:
    """Write an .rtdc file: images, further arrays by name, and attributes; `how` is for h5py."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        events = file.create_group("events")
        if images is not None:
            events.create_dataset("image", data=images, **how)
        for name, values in (extra or {}).items():
            events.create_dataset(name, data=values, **(how if np.ndim(values) == 3 else {}))
        file.attrs.update(attributes or {})
    return path


IFCB_NEW = (
    "trigger#, ADC_time, PMTA, PMTB, PMTC, PMTD, PeakA, PeakB, PeakC, PeakD, TimeOfFlight, "
    "GrabTimeStart, GrabTimeEnd, ROIx, ROIy, ROIwidth, ROIheight, start_byte, comparator_out, "
    "STartPoint, SignalLength, status, runTime, inhibitTime"
)
"""The columns that the .hdr of an instrument from 7 up declares."""


def write_ifcb(
    folder: Path,
    name: str,
    images: Sequence[np.ndarray | None],
    new: bool = True,
    header: str | None = "",
) -> Path:
    """Write the three files of a sample of an Imaging FlowCytobot; return the path of the .adc.

    Parameters
    ----------
    images : sequence of ndarray of uint8, shape (height, width), or None
        The regions in the order of the triggers; None for a trigger without one.
    new : bool
        Columns as of the instruments from 7 up, or as of 1 to 6.
    header : str or None
        Content of the .hdr; by default the declaration of columns, where the instrument has one;
        None for no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines, content = [], b"\x00" if new else b""  # the first byte is not always 0
    for number, image in enumerate(images, 1):
        height, width = (0, 0) if image is None else image.shape
        place = [7, 9, width, height, len(content)]
        before = [number, *(round(number + i / 8, 6) for i in range(12 if new else 8))]
        after = [0, 1, 2, 2, 10.5, 0.25] if new else [1]
        lines.append(",".join(map(str, [*before, *place, *after])))
        content += b"" if image is None else image.tobytes()
    (folder / f"{name}.adc").write_text("\n".join(lines) + "\n")
    (folder / f"{name}.roi").write_bytes(content)
    if header is not None:
        declared = f"softwareVersion: 4.3\nADCFileFormat: {IFCB_NEW}\nruntime: 10\n" if new else ""
        (folder / f"{name}.hdr").write_text(header or declared or "Imaging FlowCytobot\n")
    return folder / f"{name}.adc"
