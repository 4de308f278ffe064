"""Which objects are in each population of a .daf."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np

from deepometry.images.daf.combinations import combine, names_in
from deepometry.images.daf.parts import (
    ALL,
    COMBINATION,
    GATE,
    TAGGED,
    DafError,
    Population,
    Region,
)
from deepometry.images.daf.regions import in_region

_CIRCLE = "it refers to itself, or to a population that does"


@dataclass(frozen=True, slots=True)
class Members:
    """The objects of one population.

    Attributes
    ----------
    population : Population
    count : int
        Number of its objects; 0 where it cannot be evaluated.
    damage : str
        Why it cannot be evaluated; empty if it can.
    """

    population: Population
    count: int
    damage: str
    _packed: np.ndarray
    _objects: int

    @property
    def name(self) -> str:
        """Name of the population."""
        return self.population.name

    def mask(self) -> np.ndarray:
        """Return which objects are in it: bool, shape (objects,); none where it is damaged."""
        return np.unpackbits(self._packed, count=self._objects).astype(bool)


class Evaluation:
    """Evaluates all populations, each after those that it refers to.

    Parameters
    ----------
    populations : sequence of Population
    regions : mapping of str to Region
    feature : callable
        Returns the values of the feature of a name: float64, shape (objects,).
    ids : ndarray of int64, shape (objects,)
        Number of every object.

    Notes
    -----
    A population that is damaged costs itself and those that refer to it. Results are held as one
    bit for each object.
    """

    def __init__(
        self,
        populations: Sequence[Population],
        regions: Mapping[str, Region],
        feature: Callable[[str], np.ndarray],
        ids: np.ndarray,
    ) -> None:
        self._populations, self._regions, self._ids = populations, regions, ids
        self._feature = feature
        self._named: dict[str, Population] = {}
        for population in populations:
            self._named.setdefault(population.name, population)
        self._members: dict[str, Members] = {}

    def run(self) -> list[Members]:
        """Return all populations, in the order of the file."""
        for name in self._order():
            if population := self._named.get(name):
                self._members[name] = self._evaluate(population)
        return [self._result(population) for population in self._populations]

    def _order(self) -> Iterator[str]:
        """Yield the names, each after those that it refers to; leave out what is circular."""
        sorter = TopologicalSorter({n: _refers_to(p) for n, p in self._named.items()})
        with suppress(CycleError):  # all that does not need the circle is still yielded
            sorter.prepare()
        while ready := sorter.get_ready():
            yield from ready
            sorter.done(*ready)

    def _result(self, population: Population) -> Members:
        if self._named[population.name] is not population:
            return self._damaged(population, "another population has the same name")
        return self._members.get(population.name) or self._damaged(population, _CIRCLE)

    def _evaluate(self, population: Population) -> Members:
        if population.damage:
            return self._damaged(population, population.damage)
        try:
            mask = self._mask(population)
        except DafError as error:
            return self._damaged(population, str(error))
        packed = np.packbits(mask)
        return Members(population, int(np.count_nonzero(mask)), "", packed, len(mask))

    def _damaged(self, population: Population, reason: str) -> Members:
        nothing = np.packbits(np.zeros(len(self._ids), bool))
        return Members(population, 0, reason, nothing, len(self._ids))

    def _mask(self, population: Population) -> np.ndarray:
        if population.type == ALL:
            return np.ones(len(self._ids), bool)
        if population.type == GATE:
            return self._gated(population)
        if population.type == COMBINATION:
            return combine(population.definition, self._mask_of)
        if population.type == TAGGED:
            return _find_tagged(population, self._ids)
        raise DafError(f"its type {population.type!r} is unknown")

    def _gated(self, gate: Population) -> np.ndarray:
        if gate.region not in self._regions:
            raise DafError(f"its region {gate.region!r} does not exist")
        x = self._feature(gate.fx)
        y = self._feature(gate.fy) if gate.fy else None
        inside = in_region(self._regions[gate.region], x, y)
        return inside & self._mask_of(gate.base) if gate.base else inside

    def _mask_of(self, name: str) -> np.ndarray:
        if name not in self._named:
            raise DafError(f"it refers to the population {name!r}, which does not exist")
        members = self._members[name]
        if members.damage:
            raise DafError(f"it refers to the population {name!r}, which cannot be evaluated")
        return members.mask()


def _refers_to(population: Population) -> list[str]:
    if population.type == COMBINATION:
        return names_in(population.definition)
    return [population.base] if population.type == GATE and population.base else []


def _find_tagged(population: Population, ids: np.ndarray) -> np.ndarray:
    """Return which objects have one of the tagged numbers."""
    numbers = np.array(population.tagged, np.int64)
    unknown = numbers[~np.isin(numbers, ids)]
    if unknown.size:
        raise DafError(f"object {unknown[0]:,} was tagged, but the file has no such object")
    return np.isin(ids, numbers)
