"""An analysis of IDEAS, of which features are read when asked for."""

from __future__ import annotations

import warnings
from functools import cached_property, lru_cache
from os import PathLike
from pathlib import Path

import numpy as np

from deepometry.core.errors import explain_os_error
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.images.daf.binary import BinaryBlock
from deepometry.images.daf.evaluation import Evaluation, Members
from deepometry.images.daf.markup import read_attributes, read_contents
from deepometry.images.daf.parts import OBJECT_NUMBER, DafError, Population

_CACHED = 4  # features, while populations are evaluated: neighbours often share them


class DafFile:
    """An analysis of IDEAS (.daf), in text or binary form.

    Parameters
    ----------
    path : Path
        The file.
    progress : Progress or callable, optional
        Receives the megabytes that were read; may cancel.

    Attributes
    ----------
    path : Path
    software : str
        Version of IDEAS that wrote it; empty where unknown.
    cif : str
        Name of the .cif that it belongs to, without folders.
    channels : dict of int to str
        Names of the channels, by their numbers as IDEAS shows them, from 1.
    features : tuple of str
        Names of the features, in the order of their numbers.
    populations : tuple of Population
        Definitions, in the order of the file.
    ids, images, masks : ndarray of int64, shape (objects,)
        Number of every object, and byte positions of its two directories in the .cif; -1 where
        the file has none.

    Raises
    ------
    DafError
        It cannot be opened, is no analysis of a .cif, or is damaged.

    Notes
    -----
    The file is passed once, in pieces; only what is listed here stays in memory. Source of the
    format: two genuine files of IDEAS 6.0 and 6.2.
    """

    def __init__(self, path: Path, progress: Progress | Report | None = None) -> None:
        self.path = Path(path)
        try:
            self._open(as_progress(progress))
        except DafError as error:
            raise self._named(error) from error
        except OSError as error:
            raise DafError(str(explain_os_error(error, self.path))) from error

    def _open(self, progress: Progress) -> None:
        if self.path.exists() and not self.path.is_file():  # a pipe would wait for ever
            raise DafError("expected a file, found a folder or a device")
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            contents = read_contents(file, size, progress)
        self._places, self._regions, self._counts = (
            contents.places,
            contents.regions,
            contents.counts,
        )
        self.software, self.cif = contents.software, contents.cif
        self.channels = dict(sorted(contents.channels.items()))
        self.features = tuple(contents.features)
        self.populations: tuple[Population, ...] = tuple(contents.populations)
        self._block: BinaryBlock | None = None
        if contents.binary:
            self._block = BinaryBlock(self.path, contents.end, contents.objects)
            columns = self._block.read_objects()
        else:
            columns = np.array([contents.ids, contents.images, contents.masks], np.int64)
        _check_objects(columns[0], contents.objects)
        self.ids, self.images, self.masks = columns

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.ids)

    @property
    def binary(self) -> bool:
        """Whether it is in the binary form."""
        return self._block is not None

    def count_of(self, population: str) -> int | None:
        """Return how many objects IDEAS counted in a population; None where it counted none."""
        return self._counts.get(population)

    def feature(self, name: str) -> np.ndarray:
        """Read the values of a feature.

        Parameters
        ----------
        name : str
            One of `features`, or "Object Number".

        Returns
        -------
        ndarray of float64, shape (objects,)

        Raises
        ------
        DafError
            There is no such feature, or its values are damaged.
        """
        try:
            return self._values(name)
        except DafError as error:
            raise self._named(error) from error

    def evaluate(self) -> list[Members]:
        """Find the objects of all populations, in the order of the file.

        Returns
        -------
        list of Members
            Those that are damaged have the reason in place of objects.
        """
        values = lru_cache(_CACHED)(self._values)
        return Evaluation(self.populations, self._regions, values, self.ids).run()

    def members(self, population: str) -> np.ndarray:
        """Find the objects of a population.

        Parameters
        ----------
        population : str
            Name of one of `populations`.

        Returns
        -------
        ndarray of bool, shape (objects,)

        Raises
        ------
        DafError
            There is no such population, or it cannot be evaluated.
        """
        found = next((each for each in self._evaluated if each.name == population), None)
        if found is None:
            raise self._named(DafError(f"the population {population!r} does not exist"))
        if found.damage:
            reason = f"the population {population!r} cannot be used: {found.damage}"
            raise self._named(DafError(reason))
        return found.mask()

    @cached_property
    def _evaluated(self) -> list[Members]:
        return self.evaluate()

    def _values(self, name: str) -> np.ndarray:
        if name not in self.features:
            if name == OBJECT_NUMBER:
                return self.ids.astype(np.float64)
            raise DafError(f"the feature {name!r} does not exist")
        number = self.features.index(name)
        try:
            values = self._block.values(number) if self._block else self._text_values(number)
        except DafError as error:
            raise DafError(f"the feature {name!r} cannot be used: {error}") from error
        except OSError as error:
            raise DafError(str(explain_os_error(error, self.path)).rstrip(".")) from error
        return values

    def _text_values(self, number: int) -> np.ndarray:
        if number not in self._places:
            raise DafError("it has no values in this file")
        with self.path.open("rb") as file:
            text = read_attributes(file, *self._places[number]).get("fv", "")
        values = _read_numbers(text)
        if len(values) != len(self):
            raise DafError(f"expected {len(self):,} values, found {len(values):,}")
        return values

    def _named(self, error: DafError) -> DafError:
        return DafError(f"{self.path}: {error}.")


def read_daf(path: str | PathLike[str]) -> DafFile:
    """Open an analysis of IDEAS (.daf): its features and populations.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    DafFile
        `features` and `populations` list what there is; `feature` and `members` read one of them
        for all objects, whose numbers are `ids`.

    Raises
    ------
    DafError
        As `DafFile`.

    Examples
    --------
    >>> daf = deepometry.read_daf("sample7.daf")  # doctest: +SKIP
    >>> areas = daf.feature("Area_M01")[daf.members("Mitotic")]  # doctest: +SKIP
    """
    return DafFile(Path(path))


def _check_objects(ids: np.ndarray, stated: int) -> None:
    if stated not in (-1, len(ids)):
        raise DafError(
            f"it states {stated:,} objects, but lists {len(ids):,}: save it again in IDEAS"
        )
    if not len(ids):
        raise DafError("it lists no objects")
    if ids.min() < 0:
        raise DafError(f"the object at place {int(ids.argmin()):,} has no number")
    if np.unique(ids).size != ids.size:
        raise DafError("several of its objects have the same number")


def _read_numbers(text: str) -> np.ndarray:
    """Read numbers with `|` between them: float64."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # before NumPy 2.3 no error
            return np.fromstring(text, np.float64, sep="|")
    except (ValueError, DeprecationWarning):
        raise DafError("a value is not a number") from None
