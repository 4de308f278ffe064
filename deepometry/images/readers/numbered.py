"""Names of cells that are numbered from 0, made when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload


@dataclass(frozen=True)
class Numbered(Sequence[str]):
    """The numbers from 0 as text; a million texts would take a hundred megabytes.

    Attributes
    ----------
    cells : int
        How many.
    blank : bool
        An empty one follows, which stands for cells that are lost.
    before : str
        Stands before each of them.
    """

    cells: int
    blank: bool = False
    before: str = ""

    def __len__(self) -> int:
        return self.cells + self.blank

    @overload
    def __getitem__(self, which: int) -> str: ...
    @overload
    def __getitem__(self, which: slice) -> list[str]: ...
    def __getitem__(self, which: int | slice) -> str | list[str]:
        places = range(len(self))[which]
        if isinstance(places, range):
            return [self[place] for place in places]
        return self.before + (str(places) if places < self.cells else "")
