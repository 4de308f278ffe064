"""All that a folder of results says of its cells, joined by identity and read piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.errors import DeepometryError
from deepometry.export.files import COORDINATE, CellFile, numbered, repeats
from deepometry.names import natural_key
from deepometry.progress import Progress
from deepometry.stored import IDENTITY

if TYPE_CHECKING:
    import pandas as pd

_BYTES = 32 << 20  # of features in a piece
_FEWEST_ROWS, _MOST_ROWS = 64, 16384
UNNAMED = ("label", "predicted", "prediction")


@dataclass(frozen=True)
class Piece:
    """Some cells.

    Attributes
    ----------
    first : int
        How many cells were before.
    cells : DataFrame
        Identity, words and numbers. A cell that a table does not have has `""` and NaN there.
    features : ndarray of float32, shape (n, features)
    """

    first: int
    cells: pd.DataFrame
    features: np.ndarray


@dataclass(frozen=True)
class CellTable:
    """Cells with all that is known of them.

    Attributes
    ----------
    folder : Path
        What was given.
    files : tuple of CellFile
        The first has every cell; the others some or all of them, in any order.
    records : dict of str to dict
        Of the steps that wrote them, by verb.
    wanted : ndarray of bool, shape (cells of the first file,), or None
        Which cells are meant; None means all.
    """

    folder: Path
    files: tuple[CellFile, ...]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    wanted: np.ndarray | None = None

    def __len__(self) -> int:
        wanted = self.wanted
        return len(self.files[0].keys) if wanted is None else int(np.count_nonzero(wanted))

    # --- columns -----------------------------------------------------------------------------

    @cached_property
    def texts(self) -> list[str]:
        """Columns of words; where two files have the same, the first one's is taken."""
        return list(dict.fromkeys(name for file in self.files for name in file.texts))

    @cached_property
    def numbers(self) -> list[str]:
        """Columns of numbers: probabilities, coordinates."""
        found = dict.fromkeys(name for file in self.files for name in file.numbers)
        return [name for name in found if name not in self.texts]

    @cached_property
    def features(self) -> list[str]:
        """Names of the features."""
        return [name for file in self.files for name in file.features]

    @cached_property
    def probabilities(self) -> dict[str, str]:
        """For each class, the column of its probability."""
        begin = "probability_"
        return {n.removeprefix(begin): n for n in self.numbers if n.startswith(begin)}

    @cached_property
    def embeddings(self) -> dict[str, list[str]]:
        """For each method, such as umap, its columns of coordinates."""
        found: dict[str, list[str]] = {}
        for name in self.numbers:
            if parts := COORDINATE.fullmatch(name):
                found.setdefault(parts["method"], []).append(name)
        return found

    @cached_property
    def label(self) -> str | None:
        """The column that says which class a cell was given."""
        known = [name for name in UNNAMED if name in self.texts]
        known += [name for name in self.texts if name.startswith("predicted ")]
        return known[0] if known else None

    @cached_property
    def classes(self) -> list[str]:
        """The classes in the order of the model, then other labels, such as unsure."""
        given = self.values(self.label) if self.label else []
        if "true_label" in self.texts:
            given = [*given, *self.values("true_label")]
        return list(dict.fromkeys([*self.probabilities, *filter(None, given)]))

    @cached_property
    def sources(self) -> list[str]:
        """All source files, in natural order."""
        return self.values("source")

    def values(self, column: str) -> list[str]:
        """Give the values of a column of words, in natural order."""
        file = next(file for file in self.files if column in file.values)
        found = dict.fromkeys(file.values[column])
        if len(file.keys) < len(self.files[0].keys):
            found[""] = None
        return sorted(found, key=natural_key)

    # --- cells -------------------------------------------------------------------------------

    @property
    def keys(self) -> np.ndarray:
        """A key of each cell, which no other has."""
        keys = numbered(self.files[0].keys)
        return keys if self.wanted is None else keys[self.wanted]

    @property
    def repeats(self) -> np.ndarray:
        """For each cell, how many of the same source and object stand before it."""
        found = repeats(self.files[0].keys)
        return found if self.wanted is None else found[self.wanted]

    def chosen(self, wanted: np.ndarray) -> CellTable:
        """Give the same for some of the cells."""
        if self.wanted is not None:
            every = self.wanted.copy()
            every[every] = wanted
            wanted = every
        return replace(self, wanted=wanted)

    def having(self, column: str, value: str) -> CellTable:
        """Give the cells that have a value in a column."""
        parts = [np.empty(0, bool)]
        with self.pieces(features=False) as pieces:
            parts += [(piece.cells[column] == value).to_numpy() for piece in pieces]
        return self.chosen(np.concatenate(parts))

    @contextmanager
    def pieces(
        self, progress: Progress | None = None, told: str = "", features: bool = True
    ) -> Iterator[Iterator[Piece]]:
        """Go through all cells in order, piece by piece.

        Parameters
        ----------
        progress : Progress, optional
            Told about the cells; may cancel.
        told : str
            What is done.
        features : bool
            Whether features are wanted, too.

        Raises
        ------
        DeepometryError
            A file changed, or is about other cells than the first.
        """
        files = [file for file in self.files if features or not file.features or file.texts]
        width = sum(len(file.features) for file in files) if features else 0
        size = max(_FEWEST_ROWS, min(_MOST_ROWS, _BYTES // (4 * max(1, width))))
        with ExitStack() as stack:
            others = [_follow(stack, self.files[0], file, size) for file in files[1:]]
            yield self._joined(files[0].pieces(size), others, progress, told)

    def _joined(
        self,
        first: Iterator[tuple[pd.DataFrame, np.ndarray]],
        others: Sequence[_Follower],
        progress: Progress | None,
        told: str,
    ) -> Iterator[Piece]:
        done = seen = 0
        for cells, features in first:
            here = slice(seen, seen + len(cells))
            beside = [other(here) for other in others]
            seen += len(cells)
            found = self._one(cells, features, beside)
            if self.wanted is not None:
                mask = self.wanted[here]
                found = Piece(0, found.cells[mask], found.features[mask])
            if len(found.cells):
                yield Piece(done, found.cells.reset_index(drop=True), found.features)
            done += len(found.cells)
            if progress is not None:
                progress.report(seen, len(self.files[0].keys), told)
        for other in others:
            other(slice(seen, seen))  # a file that has gone on says so

    def _one(self, cells: pd.DataFrame, features: np.ndarray, beside: Sequence[_Part]) -> Piece:
        import pandas as pd

        frames = [cells, *(frame for frame, _ in beside)]
        columns = {n: frame[n] for frame in reversed(frames) for n in frame.columns}
        order = [*IDENTITY, *self.texts, *self.numbers]
        joined = pd.DataFrame({n: columns[n].to_numpy() for n in order if n in columns})
        return Piece(0, joined, np.concatenate([features, *(found for _, found in beside)], axis=1))


_Part = tuple["pd.DataFrame", np.ndarray]
_Follower = Callable[[slice], _Part]


def places_of(keys: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Find keys among others.

    Returns
    -------
    ndarray of int64, shape (keys,)
        Where each is; -1 where it is not.
    """
    if not len(among):
        return np.full(len(keys), -1)
    order = np.argsort(among, kind="stable")
    spots = np.searchsorted(among[order], keys).clip(max=len(among) - 1)
    found = order[spots]
    return np.where(among[found] == keys, found, -1)


def _follow(stack: ExitStack, first: CellFile, file: CellFile, size: int) -> _Follower:
    """Give what reads the rows of a file that belong to the next rows of the first."""
    if np.array_equal(first.keys, file.keys):
        return _beside(file, size)
    places = places_of(numbered(first.keys), numbered(file.keys))
    missing = np.setdiff1d(np.arange(len(file.keys)), places)
    if len(missing):
        raise _of_others(first, file, int(missing[0]))
    place = stack.enter_context(TemporaryDirectory(prefix="deepometry-"))
    return _sorted_out(file, places, Path(place), size, stack)


def _of_others(first: CellFile, file: CellFile, row: int) -> DeepometryError:
    return DeepometryError(
        f"{file.path}: expected the cells of {first.path}, found another in row {row + 1:,}; give "
        "a folder whose tables are of the same cells."
    )


def _beside(file: CellFile, size: int) -> _Follower:
    """Read a file that is in the same order."""
    parts = file.pieces(size)

    def read(rows: slice) -> _Part:
        found = next(parts, None)
        count = rows.stop - rows.start
        if (0 if found is None else max(len(found[0]), len(found[1]))) != count:
            raise DeepometryError(
                f"{file.path}: expected {len(file.keys):,} rows, found another number; make the "
                "table anew."
            )
        return found if found is not None else _nothing(file)

    return read


def _nothing(file: CellFile) -> _Part:
    import pandas as pd

    return pd.DataFrame(), np.empty((0, len(file.features)), np.float32)


def _sorted_out(
    file: CellFile, places: np.ndarray, folder: Path, size: int, stack: ExitStack
) -> _Follower:
    """Write a file down in the order in which it is needed, outside memory, and read that."""
    import pandas as pd

    cells, width = len(places), max(1, len(file.features) + len(file.numbers))
    numbers = np.memmap(folder / "numbers", np.float32, "w+", shape=(max(1, cells), width))
    stack.callback(_let_go, numbers)
    codes = {name: np.full(cells, -1, np.int32) for name in file.texts}
    known = {n: {value: code for code, value in enumerate(file.values[n])} for n in file.texts}
    targets = np.full(len(file.keys), -1)
    targets[places[places >= 0]] = np.flatnonzero(places >= 0)
    numbers[...] = np.nan
    done = 0
    for found, features in file.pieces(size):
        here = targets[done : done + max(len(found), len(features))]
        done += len(here)
        beside = found[file.numbers].to_numpy(np.float32) if file.numbers else features[:, :0]
        numbers[here, : len(file.numbers) + len(file.features)] = np.hstack([beside, features])
        for name in file.texts:
            codes[name][here] = [known[name][value] for value in found[name]]
    texts = {n: np.array([*file.values[n], ""], object) for n in file.texts}

    def read(rows: slice) -> _Part:
        own = np.array(numbers[rows])
        columns: dict[str, Any] = {n: texts[n][codes[n][rows]] for n in file.texts}
        columns |= {n: own[:, place] for place, n in enumerate(file.numbers)}
        until = len(file.numbers) + len(file.features)
        return pd.DataFrame(columns), own[:, len(file.numbers) : until]

    return read


def _let_go(numbers: np.memmap) -> None:
    """Close a mapped file: Windows could not delete it else."""
    numbers._mmap.close()  # type: ignore[attr-defined]


def digest_of(path: Path) -> str:
    """Give the fingerprint of a file, as `extract` notes it of metadata.tsv."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
