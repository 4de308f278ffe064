"""Which populations of analyses of IDEAS are the classes, and which cells are in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from deepometry.cells.label_import.ideas_match import Analysed
from deepometry.cells.label_import.overlaps import Given
from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.text import counted, shortened
from deepometry.images.daf.combinations import names_in
from deepometry.images.daf.evaluation import Members
from deepometry.images.daf.parts import ALL, COMBINATION, GATE, Population

_MOST_NAMED = 12
_OTHER = "Other"
"""The class of cells that are in none of the other populations."""


@dataclass
class Populations:
    """The populations of several analyses, put together by their names.

    Attributes
    ----------
    analysed : list of Analysed
    members : list of dict of str to Members
        For each analysis, its populations by name.
    counts : dict of str to int
        For each name, in the order of the files, the number of parsed cells.
    damage : dict of str to str
        Names of populations that cannot be evaluated, with the first reason.
    """

    analysed: list[Analysed]
    members: list[dict[str, Members]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    damage: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.analysed:
            evaluated = each.daf.evaluate()
            self.members.append({m.name: m for m in reversed(evaluated)})
            for found in evaluated:
                number = int(np.count_nonzero(found.mask()[each.rows]))
                self.counts[found.name] = self.counts.get(found.name, 0) + number
                if found.damage:
                    self.damage.setdefault(found.name, found.damage)

    @property
    def definitions(self) -> dict[str, Population]:
        """For each name its first definition."""
        every = [m for each in self.members for m in each.values()]
        return {m.name: m.population for m in reversed(every)}

    @property
    def by_hand(self) -> list[str]:
        """Names of those that were chosen by hand and have parsed cells."""
        kinds = self.definitions
        return [name for name, number in self.counts.items() if number and kinds[name].by_hand]

    @property
    def leaves(self) -> list[str]:
        """Names of gates and combinations with parsed cells that no other population refers to."""
        kinds = self.definitions
        used = {name for each in kinds.values() for name in _refers_to(each)}
        return [
            name
            for name, number in self.counts.items()
            if number and name not in used and kinds[name].type in (GATE, COMBINATION)
        ]

    @property
    def everything(self) -> str:
        """Name of the population of all objects; empty where there is none."""
        kinds = self.definitions
        return next((name for name in self.counts if kinds[name].type == ALL), "")

    def given(self, names: Sequence[str]) -> Given:
        """Return the cells of populations, one row for each cell and population.

        The population of all objects stands for those that are in none of the others.
        """
        rest = self.everything if len(names) > 1 and self.everything in names else ""
        cells, codes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for each, members in zip(self.analysed, self.members, strict=True):
            masks = {n: members[n].mask()[each.rows] for n in names if n in members}
            if rest in masks:
                others = [mask for name, mask in masks.items() if name != rest]
                masks[rest] = ~np.any(others, axis=0) if others else masks[rest]
            for name, mask in masks.items():
                cells.append(each.cells[mask])
                codes.append(np.full(np.count_nonzero(mask), names.index(name)))
        classes = [_OTHER if name == rest and _OTHER not in names else name for name in names]
        return Given(np.concatenate(cells), np.concatenate(codes), tuple(classes))

    def doubts(self, names: Sequence[str]) -> list[str]:
        """Return a sentence on each population that a file lacks, or whose count differs."""
        sentences = []
        for each, members in zip(self.analysed, self.members, strict=True):
            file = each.title
            for name in names:
                counted_by_ideas = each.daf.count_of(name)
                if name not in members:
                    sentences.append(f"{file} has no population {name}.")
                elif members[name].damage:
                    sentences.append(f"{name} of {file} cannot be used: {members[name].damage}.")
                elif counted_by_ideas not in (None, members[name].count):
                    sentences.append(
                        f"IDEAS counted {counted_by_ideas:,} objects in {name} of {file}, its "
                        f"definition gives {members[name].count:,}."
                    )
        return sentences

    def objects(self, names: Sequence[str]) -> Iterator[tuple[Analysed, np.ndarray, np.ndarray]]:
        """Yield for each analysis which objects are in populations, and which were parsed."""
        for each, members in zip(self.analysed, self.members, strict=True):
            chosen = np.zeros(len(each.daf), bool)
            for name in names:
                chosen |= members[name].mask() if name in members else False
            parsed = np.zeros(len(each.daf), bool)
            parsed[each.rows] = True
            yield each, chosen, parsed


def _refers_to(population: Population) -> list[str]:
    """Return the populations that one is a part of, or is combined of."""
    if population.type == COMBINATION:
        return names_in(population.definition)
    return [population.base] if population.type == GATE else []


def choose_populations(found: Populations, wanted: str | None, what: str) -> list[str]:
    """Choose the populations that are the classes.

    Parameters
    ----------
    found : Populations
    wanted : str or None
        Names with commas between them, which names may contain, too; None for those that were
        chosen by hand, where there are two or more.
    what : str
        The file or folder, for messages.

    Raises
    ------
    OptionsError
        There is no such population, or it cannot be evaluated or has no parsed cells.
    Question
        Nobody has named populations, and fewer than two were chosen by hand.
    """
    if wanted is None:
        if len(found.by_hand) > 1:
            return found.by_hand
        raise _question(found, what)
    names = _split(wanted, [*found.counts])
    for name in names:
        if reason := _unusable(found, name):
            listed = shortened([f"{n} ({c:,})" for n, c in found.counts.items() if c], _MOST_NAMED)
            raise OptionsError(
                {"populations": f"Populations: {what}: expected names of populations with parsed "
                 f"cells ({listed}), found {name!r}, {reason}; choose others."}
            )  # fmt: skip
    return names


def _unusable(found: Populations, name: str) -> str:
    if name not in found.counts:
        return "of which there is none"
    if found.counts[name]:
        return ""
    reason = found.damage.get(name)
    return f"which cannot be used ({reason})" if reason else "which has no parsed cells"


def _split(text: str, known: Sequence[str]) -> list[str]:
    """Split names at commas, but for those inside of a name that is known, in whatever case."""
    pieces, names = text.split(","), list[str]()
    spelled = {name.casefold(): name for name in reversed(known)} | {name: name for name in known}
    while pieces:
        ends = range(len(pieces), 0, -1)
        tried = ((",".join(pieces[:end]).strip(), end) for end in ends)
        found = ((spelled.get(n) or spelled.get(n.casefold()), e) for n, e in tried)
        name, end = next(((n, e) for n, e in found if n), (pieces[0].strip(), 1))
        names += [name] if name else []
        pieces = pieces[end:]
    return list(dict.fromkeys(names))


def _question(found: Populations, what: str) -> Question | OptionsError:
    """Ask which populations are meant, and propose some."""
    counts = {n: c for n, c in found.counts.items() if c and n != found.everything}
    listed = shortened([f"{name} ({number:,})" for name, number in counts.items()], _MOST_NAMED)
    hand = found.by_hand
    tagged = f"only {hand[0]} was" if hand else "none was"
    message = (
        f"Populations: {what}: expected two populations or more that were tagged by hand, found "
        f"that {tagged}, among {listed or 'no populations with parsed cells'}; name the "
        "populations that are the classes."
    )
    choices = []
    if hand and found.everything:
        pair = [hand[0], found.everything]
        choices.append(_choice(f"{hand[0]}, and all other cells", pair, found))
    if len(found.leaves) > 1:
        title = "Gates and combinations that no other population refers to"
        choices.append(_choice(title, found.leaves, found))
    if not choices:
        return OptionsError({"populations": message})
    return Question("populations", message, choices)


def _choice(title: str, names: Sequence[str], found: Populations) -> Choice:
    detail = shortened([f"{name} {counted(found.counts[name], 'cell')}" for name in names], 6)
    return Choice(",".join(names), title, detail)
