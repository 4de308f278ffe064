"""What is in an analysis of IDEAS: `deepometry info FILE.daf`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.progress import Progress, Report
from deepometry.core.text import counted, quoted, shortened, table
from deepometry.images.daf.belongs import compare_with_cif, find_cif
from deepometry.images.daf.evaluation import Members
from deepometry.images.daf.file import DafFile
from deepometry.images.daf.parts import DafError
from deepometry.images.readers.other_kinds import advice_on

_MOST_FEATURES = 6


@dataclass(frozen=True, kw_only=True)
class PopulationInfo:
    """One population.

    Attributes
    ----------
    name : str
    kind : str
        "tagged", "object numbers" (a range of them), "gated", "combined" or "all".
    by_hand : bool
        Whether a person chose its objects; such populations stand first.
    objects : int
        Number of its objects.
    counted : int or None
        What IDEAS counted; None where the file does not say.
    definition : str
        What it is made of.
    damage : str
        Why it cannot be used; empty if it can.
    """

    name: str
    kind: str
    by_hand: bool
    objects: int
    counted: int | None
    definition: str
    damage: str

    @property
    def note(self) -> str:
        """What is wrong with it; empty if nothing."""
        if self.damage:
            return f"cannot be used: {self.damage}"
        agree = self.counted in (None, self.objects)
        return "" if agree else f"IDEAS counted {self.counted:,}"


@dataclass(frozen=True, kw_only=True)
class DafInfo(ShowsInNotebook):
    """What is in an analysis of IDEAS.

    Attributes
    ----------
    input, software : str
        The file, and the version of IDEAS that wrote it.
    binary : bool
        Whether it is in the binary form.
    cif : str
        Name of the .cif file that it belongs to.
    cif_file : str or None
        That file, if it lies beside the analysis.
    mismatch : str
        Why they do not belong together, or the .cif cannot be read; empty if they do.
    objects : int
    channels : dict of int to str
        Names of the channels, by their numbers.
    features : tuple of str
    populations : tuple of PopulationInfo
        Those chosen by hand first.
    """

    input: str
    software: str
    binary: bool
    cif: str
    cif_file: str | None
    mismatch: str
    objects: int
    channels: dict[int, str]
    features: tuple[str, ...]
    populations: tuple[PopulationInfo, ...]

    def plain(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, text and numbers, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Write everything as lines of text, aligned in columns."""
        parts = (_head(self), _populations(self), _rest(self))
        return "\n\n".join("\n".join(part) for part in map(list, parts) if part)

    def notebook_view(self) -> NotebookView:
        """Show the same text."""
        return NotebookView(f"{self.input}: {counted(self.objects, 'object')}", text=str(self))


def daf_info(path: Path, progress: Progress | Report | None = None) -> DafInfo:
    """Read and evaluate an analysis of IDEAS, and compare it with its .cif if that lies beside it.

    Raises
    ------
    DafError
        It cannot be read.
    """
    try:
        daf = DafFile(path, progress)
    except DafError as error:
        raise DafError(f"{str(error).rstrip('.')}; {advice_on(path)}.") from error
    cif = find_cif(daf)
    populations = [_population(daf, members) for members in daf.evaluate()]
    return DafInfo(
        input=str(path),
        software=daf.software,
        binary=daf.binary,
        cif=daf.cif,
        cif_file=str(cif) if cif else None,
        mismatch=compare_with_cif(daf, cif) if cif else "",
        objects=len(daf),
        channels=daf.channels,
        features=daf.features,
        populations=tuple(sorted(populations, key=lambda each: not each.by_hand)),
    )


def _population(daf: DafFile, members: Members) -> PopulationInfo:
    population = members.population
    return PopulationInfo(
        name=population.name,
        kind=population.kind,
        by_hand=population.by_hand,
        objects=members.count,
        counted=daf.count_of(population.name),
        definition=population.described(),
        damage=members.damage,
    )


# --- as text ---------------------------------------------------------------------------------


def _head(result: DafInfo) -> Iterator[str]:
    software = f" by IDEAS {result.software}" if result.software else ""
    counts = (
        counted(result.objects, "object"),
        counted(len(result.features), "feature"),
        counted(len(result.populations), "population"),
    )
    yield f"{result.input}: analysis{software} with {', '.join(counts[:2])} and {counts[2]}."
    yield _about_cif(result)


def _about_cif(result: DafInfo) -> str:
    if not result.cif:
        return "It does not name the .cif file that it belongs to."
    if result.cif_file is None:
        return (
            f"It belongs to {result.cif}, which is not in the same folder; the images of the "
            "cells are in that file."
        )
    if result.mismatch:
        return (
            f"{result.cif}, in the same folder, is not the file it belongs to: {result.mismatch}."
        )
    return f"It belongs to {result.cif}, in the same folder, whose objects are at the same bytes."


def _populations(result: DafInfo) -> list[str]:
    rows: list[tuple[str, ...]] = [("Population", "Kind", "Objects", "Defined by", "")]
    for each in result.populations:
        number = "-" if each.damage else f"{each.objects:,}"
        rows.append((each.name, each.kind, number, each.definition, each.note))
    return table(rows, "<<><<") if len(rows) > 1 else ["It has no populations."]


def _rest(result: DafInfo) -> Iterator[str]:
    if result.channels:
        names = (f"{number} {name}" for number, name in result.channels.items())
        yield f"Channels: {', '.join(names)}"
    if result.features:
        more = " (--json lists all)" * (len(result.features) > _MOST_FEATURES)
        yield f"Features: {shortened(result.features, _MOST_FEATURES)}{more}"
    yield f"As labels of parsed cells: {quoted(['deepometry', 'label', 'PARSED', result.input])}"
