"""A sample of an Imaging FlowCytobot (IFCB): .adc, .roi and .hdr file of one name.

The .adc is a table without a header, one line for every trigger; the .roi has the pixels of their
regions, 8 bit, row by row, one behind the other; the .hdr of newer instruments names the columns
of the .adc. Source of the facts: pyifcb and its successors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.file_types import IFCB
from deepometry.core.text import counted
from deepometry.images.cif.cell import find_columns
from deepometry.images.cif.codec import CifError
from deepometry.images.readers.base import Cell, Problem
from deepometry.images.readers.cif import as_sentence

_CHANNEL, _NAME = 1, "Brightfield"
_ADC, _ROI, _HDR = IFCB
_MOST_TEXT = 2**26
_LARGEST_CELL = 2**26
_FORMAT = re.compile(r"^\s*ADCFileFormat\s*:(.*)$", re.IGNORECASE | re.MULTILINE)
_OLD = (  # of the instruments 1 to 6, whose files are called such as IFCB5_2010_264_134735
    "trigger ADC_time fluorescence_low fluorescence_high scattering_low scattering_high "
    "comparator_pulse trigger_open_time frame_grab_time ROIx ROIy ROIwidth ROIheight start_byte "
    "valve_status"
)
_NEW = (
    "trigger ADC_time PMTA PMTB PMTC PMTD PeakA PeakB PeakC PeakD TimeOfFlight GrabTimeStart "
    "GrabTimeEnd ROIx ROIy ROIwidth ROIheight start_byte comparator_out STartPoint SignalLength "
    "status runTime inhibitTime"
)
_WANTED = (  # other names are of other readers of these files
    ("roiwidth", "width"),
    ("roiheight", "height"),
    ("startbyte", "byteoffset", "roistartbyte"),
)


class IfcbError(DeepometryError):
    """A sample that cannot be read."""


class _Region(NamedTuple):
    """One line of the .adc with a region: its number from 1, and where its pixels are."""

    number: int
    width: int
    height: int
    start: int


class IfcbSource:
    """The cells of one sample; objects are the numbers of their lines in the .adc, from 1.

    Triggers without a region, of size 0, are no cells. Columns of the .adc are the features.

    Raises
    ------
    DeepometryError
        One of the files is missing, or the table is not one of these instruments.
    """

    def __init__(self, path: Path, folder: tuple[str, ...], stem: str) -> None:
        self.folder, self.stem = folder, stem
        self.path = _beside(path, _ADC)
        self._roi = _beside(path, _ROI)
        lines = _read_text(self.path).splitlines()
        self._rows = {n: line.split(",") for n, line in enumerate(lines, 1) if line.strip()}
        self._columns = self._find_columns(_declared(path))
        regions = [_region(number, row, self._columns) for number, row in self._rows.items()]
        odd = zip(self._rows, regions, strict=True)
        self._unreadable = [number for number, region in odd if region is None]
        known = [region for region in regions if region is not None]
        self._regions = [region for region in known if region.width * region.height]
        empty = len(known) - len(self._regions)
        if not self._regions:
            raise IfcbError(
                f"{self.path} has {counted(len(self._rows), 'trigger')} but not one region with "
                "an image; choose another sample."
            )
        self.channels: tuple[int, ...] = (_CHANNEL,)
        self.channel_names = {_CHANNEL: _NAME}
        self.brightfield: tuple[int, ...] = (_CHANNEL,)
        self.has_masks = False
        self.details = {"Triggers without an image": f"{empty:,}"} if empty else {}

    def _find_columns(self, declared: Sequence[str]) -> list[str]:
        """Return the names of the columns: of the declared and the known ones, those that fit."""
        size, rows = self._roi.stat().st_size, list(self._rows.values())
        readable = [n for n in (declared, _NEW.split(), _OLD.split()) if _reads(n, rows)]
        best = next((names for names in readable if _leads_inside(names, rows, size)), None)
        if best is None and not readable:
            raise IfcbError(
                f"{self.path}: expected a table of an Imaging FlowCytobot, whose lines name "
                f"regions in {self._roi.name}, found another; copy the sample again."
            )
        return list(best or readable[0])

    @property
    def name(self) -> str:
        """Path below the input folder, with forward slashes."""
        return "/".join((*self.folder, self.path.name))

    @cached_property
    def objects(self) -> Sequence[str]:
        """Numbers of the lines, those that cannot be read at the end."""
        return [*(str(region.number) for region in self._regions), *map(str, self._unreadable)]

    @property
    def keys(self) -> Sequence[str]:
        """File and number of every cell."""
        return [f"{self.name}#{number}" for number in self.objects]

    @cached_property
    def features(self) -> Mapping[str, np.ndarray]:
        """The columns of the .adc that are numbers."""
        rows = [self._rows[int(number)] for number in self.objects]
        columns = {name: _numbers(rows, place) for place, name in enumerate(self._columns)}
        return {name: values for name, values in columns.items() if np.isfinite(values).any()}

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield every cell in the order of `objects`, or a `Problem` with the reason."""
        try:
            find_columns(channels, self.channels)
            with self._roi.open("rb") as file:
                for region in self._regions:
                    yield self._read_cell(file, region)
        except CifError as error:
            yield from (Problem(self.name, name, as_sentence(error)) for name in self.objects)
            return
        for number in self._unreadable:
            reason = f"Line {number} of {self.path.name} is not one of numbers like the others."
            yield Problem(self.name, str(number), reason)

    def _read_cell(self, file: BinaryIO, region: _Region) -> Cell | Problem:
        name, length = str(region.number), region.width * region.height
        if length > _LARGEST_CELL or region.start < 0:
            size = f"{region.width:,} x {region.height:,} pixels from byte {region.start:,}"
            return Problem(self.name, name, f"Expected the place of an image, found {size}.")
        file.seek(region.start)
        data = file.read(length)
        if len(data) < length:
            reason = f"{self._roi.name} ends before its pixels do: copy the sample again."
            return Problem(self.name, name, reason)
        pixels = np.frombuffer(data, np.uint8).reshape(region.height, region.width, 1)
        return Cell(self.name, name, pixels)


def _beside(path: Path, suffix: str) -> Path:
    """Return the file of a sample with a suffix in lower or upper case."""
    for name in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if name.is_file():
            return name
    raise IfcbError(
        f"{path}: expected the {suffix} file of this sample beside it, found none; copy all three "
        "files of an Imaging FlowCytobot (.adc, .roi and .hdr) to one folder."
    )


def _declared(path: Path) -> list[str]:
    """Return the names of columns that the .hdr declares, if there is one and it does."""
    try:
        match = _FORMAT.search(_read_text(_beside(path, _HDR)))
    except IfcbError:
        return []
    return [name.strip() for name in match[1].split(",")] if match else []


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_TEXT:
            raise IfcbError(f"{path} is larger than the table of a sample can be; check the file.")
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise IfcbError(str(explain_os_error(error, path))) from error


def _places(names: Sequence[str]) -> list[int] | None:
    """Return the columns of width, height and first byte; None where one is not named."""
    plain = [re.sub(r"[^a-z]", "", name.lower()) for name in names]
    found = [[plain.index(name) for name in names if name in plain] for names in _WANTED]
    return [places[0] for places in found] if all(found) else None


def _whole(text: str) -> int | None:
    """Read a whole number, also one that is written as 12.0; None for all else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None


def _region(number: int, row: Sequence[str], names: Sequence[str]) -> _Region | None:
    places = _places(names)
    if places is None or len(row) <= max(places):
        return None
    width, height, start = (_whole(row[place]) for place in places)
    if width is None or height is None or start is None or width < 0 or height < 0:
        return None
    return _Region(number, width, height, start)


def _reads(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether most lines name a region in these columns."""
    return 2 * sum(_region(0, row, names) is not None for row in rows) > len(rows)


def _leads_inside(names: Sequence[str], rows: Sequence[Sequence[str]], size: int) -> bool:
    """Return whether a region lies in a .roi of some bytes."""
    regions = (_region(0, row, names) for row in rows)
    return any(r is not None and 0 < r.width * r.height <= size - r.start for r in regions)


def _numbers(rows: Sequence[Sequence[str]], place: int) -> np.ndarray:
    """Return one column, NaN where it has no number; whole numbers as such."""
    values = np.full(len(rows), np.nan)
    for number, row in enumerate(rows):
        with suppress(ValueError):
            values[number] = float(row[place]) if place < len(row) else np.nan
    whole = np.isfinite(values).all() and (abs(values) < 2**53).all()
    return values.astype(np.int64) if whole and (values == np.rint(values)).all() else values
