"""A file open in Bio-Formats: what it holds, and the pixels of one plane."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.images.readers import jvm as java
from deepometry.images.readers.jvm import TEXT, JavaError, JavaObject

# Pixel types of loci.formats.FormatTools, by their numbers; bits come as one byte each.
_TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "u1")
LARGEST_AMNIS = 2**32 - 1
_MASK = 1  # the pixel type of the masks of an Amnis file, which stand among its images
_INTERFACE = "loci/formats/IFormatReader"
_WRAPPED = f"(L{_INTERFACE};)V"
_AMNIS_READER = "loci/formats/in/FlowSightReader"  # asked for by name: it does not know .rif
# Suffixes that Bio-Formats declares, of files which beside images of cells are something else:
# notes and tables, documents, archives, thumbnails, sound, settings, its own test pictures.
_NOT_IMAGES = (
    *("cfg", "csv", "dat", "db", "dv.log", "env", "eps", "epsi", "fake", "htm", "html", "inf"),
    *("log", "mdb", "par", "pattern", "ps", "pst", "r3d.log", "set", "thm", "top", "txt", "wav"),
    *("xlog", "xml", "zip"),
)
_ELSEWHERE = ("cif", "tif", "tiff")  # ends of suffixes that are found without Bio-Formats


@dataclass(frozen=True)
class Contents:
    """What Bio-Formats finds in a file.

    Attributes
    ----------
    cells : ndarray of int32, shape (cells, 5)
        Series, z plane, time point and number of channels of every cell, and the series of its
        mask, -1 where it has none.
    names : dict of int to str
        Names of the channels that have one, numbered from 1.
    files : frozenset of str
        The file itself and all others that its images are spread over.
    """

    cells: np.ndarray
    names: dict[int, str]
    files: frozenset[str]


def image_suffixes() -> tuple[str, ...]:
    """Return the ends of file names of images, such as `.czi`, in lower case.

    Those of .tif and .cif files are not among them.

    Raises
    ------
    OptionsError
        There is no Bio-Formats, or no Java.
    """

    def ask() -> list[str]:
        reader = JavaObject(java.new("loci/formats/ImageReader"), _INTERFACE)
        return java.read_strings(reader.call("getSuffixes", f"()[{TEXT}"))

    suffixes = {suffix.lower() for suffix in java.run(ask)}.difference(_NOT_IMAGES)
    images = (s for s in suffixes if s and " " not in s and not s.endswith(_ELSEWHERE))
    return tuple(f".{suffix}" for suffix in sorted(images))


def read_contents(path: Path, *, amnis: bool = False) -> Contents:
    """Find all cells of a file, without their pixels.

    Raises
    ------
    DeepometryError
        Bio-Formats cannot open it, finds no images in it, or would return wrong ones.
    """
    if amnis:
        _check_size(path)
    try:
        file = java.run(lambda: PlaneFile(path, amnis))
        try:
            contents = java.run(file.contents)
        finally:
            file.close()
    except JavaError as error:
        raise DeepometryError(f"{path}: Bio-Formats cannot open it: {error}.") from error
    if not len(contents.cells):
        raise DeepometryError(f"{path}: Bio-Formats finds no images in it.")
    return contents


def _check_size(path: Path) -> None:
    """Refuse what Bio-Formats reads wrongly and does not say so: strips behind the first 4 GiB."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise explain_os_error(error, path) from error
    if size > LARGEST_AMNIS:
        raise DeepometryError(
            f"{path}: expected less than 4 GiB, found {size:,} bytes, of which Bio-Formats reads "
            "the cells behind the first 4 GiB wrongly; choose the reader own."
        )


class PlaneFile:
    """A file open in Bio-Formats; for use on the thread of Java (`java.run`), but for `close`.

    Raises `JavaError` if Bio-Formats cannot open it.
    """

    def __init__(self, path: Path, amnis: bool) -> None:
        self._amnis = amnis
        reader = java.new(_AMNIS_READER if amnis else "loci/formats/ImageReader")
        if not amnis:  # colours of palettes, then of RGB, become channels
            for kind in ("loci/formats/ChannelFiller", "loci/formats/ChannelSeparator"):
                reader = java.new(kind, _WRAPPED, reader)
        self._call = JavaObject(reader, _INTERFACE).call
        self._call("setGroupFiles", "(Z)V", False)
        self._call("setFlattenedResolutions", "(Z)V", False)
        self._store = None if amnis else _open_store()
        if self._store:
            self._call(
                "setMetadataStore", "(Lloci/formats/meta/MetadataStore;)V", self._store.handle
            )
        try:
            self._call("setId", f"({TEXT})V", java.to_java(str(path.resolve())))
        except JavaError:
            self._call("close", "()V")  # or the file stays open
            raise

    def contents(self) -> Contents:
        """List the cells."""
        cells: list[tuple[int, ...]] = []
        for number in range(self._call("getSeriesCount", "()I")):
            self._call("setSeries", "(I)V", number)
            if not self._amnis or self._call("getPixelType", "()I") != _MASK:
                cells += self._series(number)
            elif cells:  # the mask of the image before it
                cells[-1] = (*cells[-1][:4], number)
        files = java.read_strings(self._call("getUsedFiles", f"()[{TEXT}"))
        return Contents(np.array(cells, np.int32).reshape(-1, 5), self._names(), frozenset(files))

    def _names(self) -> dict[int, str]:
        """Name the channels of the first series; colours of one channel have no names."""
        if self._store is None:
            return {}
        self._call("setSeries", "(I)V", 0)
        count = self._store.call("getChannelCount", "(I)I", 0)
        if count != self._call("getSizeC", "()I"):
            return {}
        asked = (self._store.call("getChannelName", f"(II){TEXT}", 0, i) for i in range(count))
        return {i: name for i, name in enumerate(map(java.from_java, asked), 1) if name}

    def _series(self, number: int) -> list[tuple[int, ...]]:
        if self._call("isThumbnailSeries", "()Z"):
            return []
        depth, times, channels = (self._call(f"getSize{axis}", "()I") for axis in "ZTC")
        return [(number, z, t, channels, -1) for t in range(times) for z in range(depth)]

    def read(self, plane: Sequence[int], columns: Sequence[int]) -> np.ndarray:
        """Read one z plane.

        Parameters
        ----------
        plane : sequence of three int
            Series, z plane and time point, each counted from 0.
        columns : sequence of int
            The wanted channels, counted from 0, in the wanted order.

        Returns
        -------
        ndarray, shape (height, width, channels)
            In the type of the file: uint8 to int32, float32 or float64.

        Raises
        ------
        JavaError
            Bio-Formats cannot read it.
        """
        series, z, t = plane
        self._call("setSeries", "(I)V", series)
        shape = self._call("getSizeY", "()I"), self._call("getSizeX", "()I")
        little = self._call("isLittleEndian", "()Z")
        dtype = np.dtype(_TYPES[self._call("getPixelType", "()I")])
        pixels = np.empty((*shape, len(columns)), dtype)
        for i, channel in enumerate(columns):
            index = self._call("getIndex", "(III)I", z, channel, t)
            data = java.read_bytes(self._call("openBytes", "(I)[B", index))
            if data.nbytes != pixels[:, :, i].nbytes:
                raise JavaError(f"{data.nbytes} bytes where {pixels[:, :, i].nbytes} are expected")
            pixels[:, :, i] = data.view(dtype.newbyteorder("<" if little else ">")).reshape(shape)
        return pixels

    def close(self) -> None:
        """Close the file, from any thread."""
        if not sys.is_finalizing():  # when the thread of Java no longer answers
            java.run(lambda: self._call("close", "()V"))


def _open_store() -> JavaObject:
    """Make what takes up the names of channels while a file is opened."""
    tools, kind = "loci/formats/MetadataTools", "loci/formats/meta/IMetadata"
    return JavaObject(java.call_static(tools, "createOMEXMLMetadata", f"()L{kind};"), kind)
