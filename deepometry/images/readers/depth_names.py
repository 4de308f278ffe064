"""Files of one z plane each: recognised by their names, and put together as one cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from deepometry.core.options.fields import Z_PAGES
from deepometry.core.text import counted
from deepometry.images.readers.base import Cell, Problem, Source, WithoutFeatures
from deepometry.images.readers.file_images import project
from deepometry.images.readers.tiff_folder import TiffSource

_PLANE = re.compile(
    r"[-_ .]*(?<![^\W\d_])(?:z[-_ ]?(?:slice|plane|stack|pos)?|slice|plane)[-_= ]?\d{1,4}(?!\d)",
    re.IGNORECASE,
)


def planes_in_names(names: Sequence[str]) -> dict[str, list[int]]:
    """Find names that differ in the number of a z plane alone, such as `a_z0`, `a_z1`.

    Returns
    -------
    dict of str to list of int
        Names without the number, and the places of those that have it; empty unless most names
        belong to others.
    """
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        found = list(_PLANE.finditer(name))
        end = found[-1] if found else None
        stem = name[: end.start()] + name[end.end() :] if end else name
        groups.setdefault(stem.strip("-_ .") or stem, []).append(place)
    several = sum(len(places) for places in groups.values() if len(places) > 1)
    return groups if 2 * several > len(names) else {}


def project_planes(sources: Sequence[Source], pages: str | None) -> list[Source]:
    """Put files of one z plane each together, where `pages` projects planes."""
    if pages not in Z_PAGES:
        return list(sources)
    return [
        DepthSource(source, groups, pages)
        if isinstance(source, TiffSource) and (groups := planes_in_names(source.names))
        else source
        for source in sources
    ]


def describe_planes(sources: Sequence[Source]) -> str:
    """Describe what was put together: `20 files of a z plane each = 5 cells.`; or blank."""
    found = [source for source in sources if isinstance(source, DepthSource)]
    if not found:
        return ""
    files, cells = (sum(n) for n in zip(*(each.counts for each in found), strict=True))
    return f"{counted(files, 'file')} of a z plane each = {counted(cells, 'cell')}."


class DepthSource(WithoutFeatures):
    """Cells of which every z plane is a file of its own, or one of each channel.

    Parameters
    ----------
    source : TiffSource
        Which takes every plane for a cell.
    groups : dict of str to list of int
        Names of the cells, and the places of their planes in the source.
    pages : {"z-max", "z-mean"}
    """

    def __init__(self, source: TiffSource, groups: dict[str, list[int]], pages: str) -> None:
        self._source, self._groups, self._pages = source, groups, pages
        self.folder, self.stem = source.folder, source.stem
        self.brightfield, self.details = source.brightfield, source.details
        self.has_masks = source.has_masks
        self.objects: Sequence[str] = list(groups)

    @property
    def counts(self) -> tuple[int, int]:
        """Number of planes and of cells."""
        return sum(map(len, self._groups.values())), len(self._groups)

    @property
    def keys(self) -> Sequence[str]:
        """Folder and name of every cell."""
        return ["/".join((*self.folder, name)) for name in self._groups]

    @property
    def channels(self) -> tuple[int, ...]:
        """As the source has them."""
        return self._source.channels

    @property
    def channel_names(self) -> dict[int, str]:
        """As the source has them."""
        return self._source.channel_names

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield every cell in the order of `objects`, or a `Problem` with the reason."""
        for name, places in self._groups.items():
            read = [cell for place in places for cell in self._source.read_at(place, channels)]
            yield _projected(name, read, self._pages)


def _projected(name: str, planes: Sequence[Cell | Problem], pages: str) -> Cell | Problem:
    """Project the planes of a cell, or return why that is not possible."""
    cells = [plane for plane in planes if isinstance(plane, Cell)]
    for problem in planes:
        if isinstance(problem, Problem):
            return Problem(problem.source, name, problem.reason)
    looks = {(cell.pixels.shape, cell.pixels.dtype) for cell in cells}
    if len(looks) > 1:
        reason = "Expected z planes of one size and type, found several; export them alike."
        return Problem(cells[0].source, name, reason)
    pixels = project(np.stack([cell.pixels for cell in cells]), (0,), pages)
    return Cell(cells[0].source, name, pixels, note=cells[0].note)
