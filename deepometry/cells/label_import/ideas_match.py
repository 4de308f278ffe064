"""Which analysis of IDEAS is about which parsed cells: by name, and by what the files hold."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.label_import.match_cells import Files
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress
from deepometry.core.text import shortened
from deepometry.images.daf.belongs import compare_with_cif, find_cif
from deepometry.images.daf.file import DafFile

SUFFIX = ".daf"
_LONGEST = 18  # digits of an object number


@dataclass(frozen=True)
class Analysed:
    """The parsed cells of one .cif file, and its analysis.

    Attributes
    ----------
    daf : DafFile
    source : str
        The .cif file, as parsed cells name it.
    cells : ndarray of int64, shape (n,)
        Which of all parsed cells are in the analysis.
    rows : ndarray of int64, shape (n,)
        Which object of the analysis each is.
    checked : bool
        Whether the .cif was there to be compared with.
    """

    daf: DafFile
    source: str
    cells: np.ndarray
    rows: np.ndarray
    checked: bool

    @property
    def title(self) -> str:
        """The file in words, with the folders of the .cif."""
        return "".join(self.source.rpartition("/")[:2]) + self.daf.path.name


@dataclass(frozen=True)
class Matched:
    """Analyses, by what they are about.

    Attributes
    ----------
    analysed : list of Analysed
        One for each .cif file.
    others : list of Path
        Those of files that are not among the parsed cells.
    copies : list of Path
        Further ones of the same file: that which is called like the file is taken.
    """

    analysed: list[Analysed]
    others: list[Path]
    copies: list[Path]


def analyses_in(place: Path, below: bool = True) -> list[Path]:
    """List an analysis, or all analyses in a folder and, if wanted, in those below."""
    if place.is_file():
        return [place] if place.suffix.lower() == SUFFIX else []
    every = place.rglob("*") if below else place.iterdir()
    found = (path for path in every if path.suffix.lower() == SUFFIX and path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


class AnalysisFinder:
    """Finds the cells that analyses are about.

    Parameters
    ----------
    identities : iterable of (str, str)
        Source and object of all parsed cells.
    images : Path or None
        Folder that was parsed, or the only file, where it is known.
    """

    def __init__(self, identities: Iterable[tuple[str, str]], images: Path | None) -> None:
        self._cells: dict[str, tuple[array[int], array[int]]] = {}
        for cell, (source, name) in enumerate(identities):
            cells, numbers = self._cells.setdefault(source, (array("q"), array("q")))
            cells.append(cell)
            numbers.append(int(name) if name.isdecimal() and len(name) < _LONGEST else -1)
        self._images, self._files = images, Files(self._cells)

    @property
    def sources(self) -> list[str]:
        """Files of the parsed cells."""
        return [*self._cells]

    def match(
        self, paths: Iterable[Path], progress: Progress, faults: list[str] | None = None
    ) -> Matched:
        """Find the cells of all analyses.

        With `faults`, analyses that cannot be used are left out, and the reason is added to it.

        Raises
        ------
        DeepometryError
            An analysis cannot be read or does not belong to its .cif, or it is not certain which
            one to take.
        """
        found: dict[str, list[Analysed]] = {}
        matched = Matched([], [], [])
        for path in paths:
            with _collecting(faults):
                each = self.find(DafFile(path, progress))
                if each is None:
                    matched.others.append(path)
                else:
                    found.setdefault(each.source, []).append(each)
        for source, several in found.items():
            with _collecting(faults):
                only = _only(source, several)
                matched.analysed.append(only)
                matched.copies.extend(each.daf.path for each in several if each is not only)
        return matched

    def find(self, daf: DafFile) -> Analysed | None:
        """Find the cells of an analysis; None where its .cif is not among the parsed cells.

        Raises
        ------
        DeepometryError
            Its objects are others than those of the .cif file or of the parsed cells, or it could
            belong to several files.
        """
        named = self._files.find((daf.path.parent / daf.cif).as_posix()) if daf.cif else []
        if not named:
            return None
        images = {source: self._image(source, daf, len(named) == 1) for source in named}
        reasons = {s: compare_with_cif(daf, cif) if cif else "" for s, cif in images.items()}
        fitting = [source for source in named if not reasons[source]]
        if not fitting:
            source, reason = next(iter(reasons.items()))
            raise DeepometryError(
                f"{daf.path}: expected the analysis of {source}, found that of another file: "
                f"{reason}; give the .daf that belongs to the parsed file."
            )
        if len(fitting) > 1:
            raise DeepometryError(
                f"{daf.path}: expected the analysis of one of the parsed files, found that of a "
                f"{daf.cif} that may be any of {shortened(fitting, 4)}; put it beside its .cif."
            )
        return self._with_rows(daf, fitting[0], images[fitting[0]] is not None)

    def _image(self, source: str, daf: DafFile, only: bool) -> Path | None:
        """Find the .cif of a source: where it was parsed, or else beside its analysis."""
        if self._images is not None:
            base = self._images if self._images.is_dir() else self._images.parent
            if (base / source).is_file():
                return base / source
        return find_cif(daf) if only else None

    def _with_rows(self, daf: DafFile, source: str, checked: bool) -> Analysed:
        cells, numbers = (np.array(column, np.int64) for column in self._cells[source])
        cells, numbers = cells[numbers >= 0], numbers[numbers >= 0]
        order = np.argsort(daf.ids)
        rows = order[np.searchsorted(daf.ids, numbers, sorter=order).clip(max=len(daf) - 1)]
        if (apart := daf.ids[rows] != numbers).any():
            raise DeepometryError(
                f"{daf.path}: expected the analysis of {source}, found one of {len(daf):,} objects "
                f"without object {numbers[apart][0]}, which was parsed; give the .daf that belongs "
                "to the parsed file."
            )
        return Analysed(daf, source, cells, rows, checked)


@contextmanager
def _collecting(faults: list[str] | None) -> Iterator[None]:
    """Add what goes wrong to a list, where there is one."""
    try:
        yield
    except DeepometryError as error:
        if faults is None:
            raise
        faults.append(str(error))


def _only(source: str, several: Sequence[Analysed]) -> Analysed:
    """Choose among the analyses of a file: the only one, or the one that is called like it."""
    stem = Path(source).stem.casefold()
    same = [each for each in several if each.daf.path.stem.casefold() == stem]
    if len(several) == 1 or len(same) == 1:
        return (several if len(several) == 1 else same)[0]
    names = shortened([each.daf.path.name for each in several], 4)
    raise DeepometryError(
        f"{source}: expected one analysis of it, found {len(several)}: {names}; give one of them."
    )
