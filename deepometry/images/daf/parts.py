"""What the XML of a .daf lists, as plain data."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from deepometry.core.errors import DeepometryError

ALL, GATE, COMBINATION, TAGGED = "B", "G", "C", "T"
OBJECT_NUMBER = "Object Number"
"""The feature that holds the number of each object."""


class DafError(DeepometryError):
    """An analysis of IDEAS, or a part of it, that cannot be read."""


@dataclass(slots=True)
class Region:
    """A shape that was drawn on a graph.

    Attributes
    ----------
    label : str
    type : str
        `line`, `rect`, `poly` or `oval`.
    x_range, y_range : str
        "P" for a linear axis; otherwise the axis is linear from minus this number to this number
        and logarithmic beyond.
    corners : list of (float, float)
        Its corners as values of the features; NaN where the file has no number.
    repeated : bool
        Another region has the same label, so that a gate could mean either.
    """

    label: str
    type: str
    x_range: str
    y_range: str
    corners: list[tuple[float, float]] = field(default_factory=list)
    repeated: bool = False


@dataclass(slots=True)
class Population:
    """A population as IDEAS defines it.

    Attributes
    ----------
    name : str
    type : str
        `ALL`, `GATE`, `COMBINATION` or `TAGGED`; others are unknown.
    base : str
        Of a gate: the population that it divides; empty for all objects.
    region, fx, fy : str
        Of a gate: label of its region, and its features; `fy` is empty for lines.
    definition : str
        Of a combination: names of populations, And, Or, Not and parentheses, separated by `|`.
    tagged : array of int64
        Numbers of the objects that were tagged.
    damage : str
        What is wrong with its entry; empty if nothing.
    """

    name: str
    type: str
    base: str = ""
    region: str = ""
    fx: str = ""
    fy: str = ""
    definition: str = ""
    tagged: array[int] = field(default_factory=lambda: array("q"))
    damage: str = ""

    @property
    def kind(self) -> str:
        """What it is, in a word or two."""
        if self.type == GATE and self.fx == OBJECT_NUMBER and not self.fy:
            return "object numbers"
        words = {ALL: "all", GATE: "gated", COMBINATION: "combined", TAGGED: "tagged"}
        return words.get(self.type, f"of the unknown type {self.type!r}")

    @property
    def by_hand(self) -> bool:
        """Whether a person chose its objects: tagged them, or gave a range of their numbers."""
        return self.kind in ("tagged", "object numbers")

    def described(self) -> str:
        """Return what it is made of, in one line."""
        if self.type == COMBINATION:
            return " ".join(filter(None, self.definition.split("|")))
        if self.type != GATE:
            return ""
        axes = " x ".join(filter(None, (self.fx, self.fy)))
        base = f", of {self.base}" if self.base not in ("", "All") else ""
        return f"{axes} in {self.region}{base}"


@dataclass(slots=True)
class Contents:
    """What the XML of a .daf lists.

    Attributes
    ----------
    software : str
        Version of IDEAS.
    cif : str
        Name of the .cif file, without folders.
    objects : int
        Number of objects that the file states; -1 where it states none.
    binary : bool
        Whether features and objects follow the XML as bytes.
    channels : dict of int to str
        Names of the channels, by their numbers as IDEAS shows them, from 1.
    features : list of str
        Names, in the order of their numbers.
    places : dict of int to (int, int)
        Where in the file the values of a feature are: position and length in bytes.
    ids, images, masks : array of int64
        Number of every object, and positions of its directories in the .cif; -1 where unknown.
    regions : dict of str to Region
    populations : list of Population
    counts : dict of str to int
        Objects of each population as IDEAS counted them.
    end : int
        Position of the first byte behind the XML.
    """

    software: str = ""
    cif: str = ""
    objects: int = -1
    binary: bool = False
    channels: dict[int, str] = field(default_factory=dict)
    features: list[str] = field(default_factory=list)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    ids: array[int] = field(default_factory=lambda: array("q"))
    images: array[int] = field(default_factory=lambda: array("q"))
    masks: array[int] = field(default_factory=lambda: array("q"))
    regions: dict[str, Region] = field(default_factory=dict)
    populations: list[Population] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    end: int = 0
