"""The XML of a .daf, read in pieces: hundreds of megabytes pass, only an index stays.

No entity but the five of XML itself is resolved and no document type is accepted, so that a file
can neither load others nor grow in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat

from deepometry.core.progress import Progress
from deepometry.images.daf.parts import Contents, DafError, Population, Region

_CHUNK = 8 << 20  # large, because each chunk that ends in a tag makes expat begin that tag again
_WRAP = 2**32  # Windows gives positions in the file modulo this number
_MEGABYTE = 1 << 20

Attributes = Mapping[str, str]


def read_contents(file: BinaryIO, size: int, progress: Progress) -> Contents:
    """Read everything but the values of features, in one pass.

    Parameters
    ----------
    file : binary file
        At its beginning.
    size : int
        Its length in bytes, for `progress`.
    progress : Progress
        Receives the megabytes that were read; may cancel.

    Raises
    ------
    DafError
        It is no analysis of a .cif, or its XML is damaged.
    """
    index = _Index()
    name = Path(file.name).name
    while not index.ended and (chunk := file.read(_CHUNK)):
        index.feed(chunk)
        done, total = (1 + count // _MEGABYTE for count in (file.tell(), size))
        progress.report(done, total, f"Reading {name}", "megabytes")
    index.close()
    return index.contents


def read_attributes(file: BinaryIO, position: int, length: int) -> dict[str, str]:
    """Read the attributes of the one tag that begins at a position.

    Parameters
    ----------
    file : binary file
    position, length : int
        Of the tag, in bytes; the length may be a little too small.
    """
    attributes: dict[str, str] = {}

    def start(_: str, values: dict[str, str]) -> None:
        attributes.update(values)

    parser = _make_parser(start)
    file.seek(position)
    step = length + 1024
    try:
        while not attributes and (chunk := file.read(step)):
            parser.Parse(chunk, False)
            step = _CHUNK
    except expat.ExpatError:  # what follows the tag is no document of its own
        pass
    return attributes


def _make_parser(start: Callable[[str, Any], None]) -> expat.XMLParserType:
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = _refuse_document_type
    return parser


def _refuse_document_type(*_: object) -> None:
    raise DafError(
        "its XML declares a document type, which analyses of IDEAS do not have and which could "
        "load other files"
    )


class _Index:
    """What is gathered while the XML passes."""

    def __init__(self) -> None:
        self.contents, self.ended = Contents(), False
        self._open: list[str] = []
        self._fed, self._sod = 0, False
        self._region, self._population = Region("", "", "", ""), Population("", "")
        self._parser = _make_parser(self._start)
        self._parser.EndElementHandler = self._end
        # by the element around it and its own name: others may have children of the same names
        self._readers = {
            ("Assay", "SOD"): self._file,
            ("Assay", "FCS"): self._refuse_tables,
            ("Images", "image"): self._channel,
            ("DefinedFeatures", "UDF"): self._feature,
            ("FeatureValues", "UDFValues"): self._values,
            ("SOD", "SO"): self._object,
            ("Regions", "Region"): self._begin_region,
            ("Region", "axy"): self._corner,
            ("Pops", "Pop"): self._begin_population,
            ("Pop", "ob"): self._tag,
            ("PopulationStatistics", "PopStatistic"): self._count,
        }

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self._fed += len(chunk)
        try:
            self._parser.Parse(chunk, False)
        except expat.ExpatError as error:
            if not self.ended:  # else: the bytes of the binary form
                raise DafError(_damage(error)) from error

    def close(self) -> None:
        """Check that the end was reached, and that it is about a .cif."""
        if not self._fed:
            raise DafError("it is empty: copy it again")
        if not self.ended and not self._open:
            raise DafError("it is no analysis of IDEAS: expected XML, found none")
        if not self.ended:
            raise DafError(
                "it ends before </Assay>, because it was cut off: copy it again, or save it again "
                "in IDEAS"
            )
        if not self._sod:
            raise DafError("it does not say to which .cif it belongs (element SOD)")

    def _position(self) -> int:
        """Return where in the file the current tag begins."""
        return self._fed - (self._fed - self._parser.CurrentByteIndex) % _WRAP

    def _start(self, name: str, attributes: Attributes) -> None:
        around = self._open[-1] if self._open else ""
        self._open.append(name)
        if not around:
            self._root(name, attributes)
        elif reader := self._readers.get((around, name)):
            reader(attributes)

    def _end(self, _: str) -> None:
        self._open.pop()
        if not self._open:
            self.ended, self.contents.end = True, self._position() + len("</Assay>")

    # --- elements ---------------------------------------------------------------------------

    def _root(self, name: str, attributes: Attributes) -> None:
        if name != "Assay":
            raise DafError(f"it is no analysis of IDEAS: expected the element Assay, found {name}")
        self.contents.software = attributes.get("IDEAS_version", "")
        self.contents.binary = attributes.get("binaryfeatures", "").casefold() == "true"

    def _refuse_tables(self, _: Attributes) -> None:
        raise DafError("it is the analysis of an .fcs file, without images")

    def _file(self, attributes: Attributes) -> None:
        if self._sod:
            raise DafError("it is about more than one .cif, of which none can be chosen")
        self._sod = True
        self.contents.cif = attributes.get("file", "").replace("\\", "/").rpartition("/")[2]
        self.contents.objects = _whole(attributes.get("objcount"))

    def _channel(self, attributes: Attributes) -> None:
        number = _whole(attributes.get("physicalChannel")) + 1
        if number > 0:
            self.contents.channels.setdefault(number, attributes.get("name", ""))

    def _feature(self, attributes: Attributes) -> None:
        self.contents.features.append(attributes.get("name", ""))

    def _values(self, attributes: Attributes) -> None:
        place = (self._position(), len(attributes.get("fv", "")))
        self.contents.places[_whole(attributes.get("fid"))] = place

    def _object(self, attributes: Attributes) -> None:
        contents = self.contents
        contents.ids.append(_whole(attributes.get("id")))
        contents.images.append(_whole(attributes.get("imgIFD")))
        contents.masks.append(_whole(attributes.get("mskIFD")))

    def _begin_region(self, attributes: Attributes) -> None:
        label = attributes.get("label", "")
        axes = (attributes.get("xlogrange", "P"), attributes.get("ylogrange", "P"))
        self._region = Region(label, attributes.get("type", ""), *axes)
        first = self.contents.regions.setdefault(label, self._region)
        first.repeated = first is not self._region

    def _corner(self, attributes: Attributes) -> None:
        corner = (_decimal(attributes.get("x")), _decimal(attributes.get("y")))
        self._region.corners.append(corner)

    def _begin_population(self, attributes: Attributes) -> None:
        of = defaultdict(str, attributes)
        self._population = Population(
            of["name"], of["type"], of["base"], of["region"], of["fx"], of["fy"], of["definition"]
        )
        self.contents.populations.append(self._population)

    def _tag(self, attributes: Attributes) -> None:
        value = next(iter(attributes.values()), "")
        number = _whole(value)
        if number < 0:
            self._population.damage = f"{value!r} stands for a number of a tagged object"
        self._population.tagged.append(number)

    def _count(self, attributes: Attributes) -> None:
        count = _whole(attributes.get("count"))
        if count >= 0:
            self.contents.counts.setdefault(attributes.get("population", ""), count)


def _whole(text: str | None) -> int:
    """Read a whole number from 0; -1 where there is none."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > len("9" * 18):
        return -1
    return int(text)


def _decimal(text: str | None) -> float:
    """Read a number; NaN where there is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _damage(error: expat.ExpatError) -> str:
    message = expat.errors.messages.get(error.code, str(error))
    return f"its XML is damaged in line {error.lineno}, column {error.offset + 1} ({message})"
