"""Labels that people give to cells by hand: one file a set of labels, beside the parsed cells."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.cells.labels import hand_classes, hand_log
from deepometry.cells.labels.hand_log import Change, Identity
from deepometry.cells.labels.hand_schema import (
    CORRECTED,
    NONE,
    SCHEMA,
    TABLE_COLUMNS,
    LabelClass,
    signed,
)
from deepometry.cells.labels.standing import Standing
from deepometry.core.database import Database
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import CLASSES
from deepometry.core.text import shortened

if TYPE_CHECKING:
    import pandas as pd


class HandLabels:
    """A set of labels given by hand, such as those of `Phase`.

    Every change is on the disk when its method returns, and neither a kill nor a power cut loses
    it. Several programs and people may use a file at the same time. It is open only while a method
    works.

    Parameters
    ----------
    path : Path
        The file, which must exist; see `open_hand_labels`.

    Raises
    ------
    DeepometryError
        There is no such file, it is damaged, or a newer version wrote it.
    """

    kind = CLASSES

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened().close()  # or say what is wrong with it

    def _opened(self) -> Database:
        if not self.path.is_file():  # or an empty one would be made, of labels that were deleted
            raise DeepometryError(
                f"{self.path} does not exist: expected a file of labels given by hand; begin one "
                "on the page (Label cells by hand), or with open_hand_labels(..., make=True)."
            )
        return Database(self.path, SCHEMA)

    @property
    def name(self) -> str:
        """The name of the labels: what a model calls its target."""
        return self.path.stem

    @cached_property
    def first(self) -> int:
        """The annotator whose labels people correct here; 0 for none."""
        with self._opened() as database:
            (row,) = database.tuples("PRAGMA application_id")
        return int(row[0] == CORRECTED)

    # --- classes --------------------------------------------------------------------------------

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in their order."""
        return tuple(each.name for each in self.class_list)

    @property
    def class_list(self) -> tuple[LabelClass, ...]:
        """The classes with their ids, colours and keys, in their order."""
        with self._opened() as database:
            return hand_classes.list_classes(database)

    def add_class(self, name: str, colour: str = "", key: str | None = None) -> LabelClass:
        """Add a class behind the others.

        A class of this name that was deleted comes back with its labels.

        Parameters
        ----------
        name : str
            At most 60 letters; names that differ in capitals only are one.
        colour : str
            As in `#0072b2`; by default the one that the fewest classes have.
        key : str, optional
            The key that one presses for it, empty for none; by default the first free one.

        Raises
        ------
        DeepometryError
            The name or the key is taken, or cannot be used.
        """
        with self._opened() as database:
            return hand_classes.add_class(database, name, colour, key)

    def change_class(
        self, id: int, name: str | None = None, colour: str | None = None, key: str | None = None
    ) -> LabelClass:
        """Change name, colour or key of a class; raise `DeepometryError` as `add_class`."""
        with self._opened() as database:
            return hand_classes.change_class(database, id, name, colour, key)

    def order_classes(self, ids: Sequence[int]) -> None:
        """Put the classes in this order; raise `DeepometryError` unless each is there once."""
        with self._opened() as database:
            hand_classes.order_classes(database, ids)

    def delete_class(self, id: int) -> None:
        """Delete a class: its cells are unlabelled until a class of its name is added again."""
        with self._opened() as database:
            hand_classes.delete_class(database, id)

    # --- labels ---------------------------------------------------------------------------------

    def give(
        self,
        cells: Sequence[Identity],
        label: str | int | None,
        who: str,
        settles: bool = False,
        mark: str | None = None,
    ) -> Change:
        """Label cells.

        Parameters
        ----------
        cells : sequence of (source, object)
        label : str, int or None
            A class by name or id; None takes the label of this annotator away.
        who : str
            Name of the annotator, each of whom has labels of their own.
        settles : bool
            Whether this decides what the label is where annotators differ.
        mark : str, optional
            A text of the caller's own: a request with the mark of an earlier one changes nothing,
            so that it may be sent again if the answer was lost.

        Returns
        -------
        Change
            The cells that had another label.

        Raises
        ------
        DeepometryError
            There is no such class, or no name of the annotator.
        """
        with self._opened() as database:
            if isinstance(label, str):
                label = hand_classes.named_class(database, label).id
            return hand_log.give(database, cells, label, who, settles, mark)

    def undo(self, who: str, mark: str | None = None) -> Change:
        """Take back the last action of an annotator that was not taken back yet."""
        with self._opened() as database:
            return hand_log.undo(database, who, mark)

    def redo(self, who: str, mark: str | None = None) -> Change:
        """Make an action again that was undone; none once another action followed."""
        with self._opened() as database:
            return hand_log.redo(database, who, mark)

    def can_turn(self, who: str) -> tuple[bool, bool]:
        """Return whether an annotator has something to undo, and something to redo."""
        with self._opened() as database:
            return hand_log.can_turn(database, who)

    # --- what they say --------------------------------------------------------------------------

    @property
    def annotators(self) -> dict[int, str]:
        """The names of the annotators by their numbers."""
        with self._opened() as database:
            return _names(database)

    @property
    def origin(self) -> str:
        """Where the labels come from, in words."""
        standing, names = self.standing(), self.annotators
        who = shortened([names[number] for number in standing.annotators])
        corrected, confirmed = self.decisions(standing)
        if not corrected and not confirmed:
            return f"labels given by hand by {who or 'nobody yet'}"
        return f"labels of {who}, {corrected:,} corrected and {confirmed:,} confirmed by hand"

    def decisions(self, standing: Standing | None = None) -> tuple[int, int]:
        """Count labels that were corrected, and those that were confirmed."""
        standing = standing or self.standing()
        corrected, confirmed = standing.decisions([each.id for each in self.class_list])
        return int(corrected.sum()), int(confirmed.sum())

    def standing(self, before: Standing | None = None) -> Standing:
        """Read which labels hold now; `before`, if given, is brought up to date."""
        standing = Standing(self.first) if before is None else before
        with self._opened() as database:
            standing.follow(database)
        return standing

    def standing_of(self, keys: Sequence[int]) -> Standing:
        """Read which labels of some cells hold now; cells without any are left out.

        Parameters
        ----------
        keys : sequence of int
            As `deepometry.cells.identity.cell_key` makes them.
        """
        standing = Standing(self.first)
        with self._opened() as database:
            standing.read(database, signed(keys))
        return standing

    def in_order(self) -> tuple[np.ndarray, np.ndarray]:
        """Read the labels that count as `read`, in the order in which they were given."""
        return self._read(ordered=True)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Read the labels that count.

        Returns
        -------
        keys : ndarray of uint64, shape (labelled cells,)
            Of the cells, as `deepometry.cells.identity.cell_key` makes them.
        codes : ndarray of int64, shape (labelled cells,)
            Index into `classes`. Cells that annotators differ about are left out until settled.
        """
        return self._read(ordered=False)

    def _read(self, ordered: bool) -> tuple[np.ndarray, np.ndarray]:
        ids, standing = [each.id for each in self.class_list], self.standing()
        counted = standing.counted(ids)
        index = {id: code for code, id in enumerate(ids)}
        labelled = np.flatnonzero(counted != NONE)
        if ordered:
            labelled = labelled[np.argsort(standing.newest()[labelled], kind="stable")]
        codes = [index[id] for id in counted[labelled].tolist()]
        return standing.keys[labelled], np.array(codes, np.int64)

    def table(self, disputed: bool = False) -> pd.DataFrame:
        """Return the cells that have a label, in the order in which they were last labelled.

        Parameters
        ----------
        disputed : bool
            Only those that annotators label differently.

        Returns
        -------
        DataFrame
            `source`, `object`, `label` (the one that counts; empty for none), `settled`, and then a
            column an annotator.
        """
        import pandas as pd

        with self._opened() as database:
            classes = hand_classes.list_classes(database)
            standing, names = Standing(self.first), _names(database)
            standing.follow(database)
            cells = {key: named for key, *named in database.tuples("SELECT * FROM cells")}
        ids = [each.id for each in classes]
        words = {NONE: ""} | {each.id: each.name for each in classes}
        chosen = standing.differs(ids) if disputed else standing.labelled(ids)
        named = [cells[key] for key in standing.keys[chosen].view(np.int64).tolist()]
        numbers = dict(
            zip(TABLE_COLUMNS[2:], (standing.counted(ids), standing.settled(ids)), strict=True)
        )
        numbers |= {names[a]: standing.given_by(a, ids) for a in standing.annotators}
        texts = {name: [words[id] for id in all[chosen].tolist()] for name, all in numbers.items()}
        return pd.DataFrame(named, columns=[*TABLE_COLUMNS[:2]]).assign(**texts)


def _names(database: Database) -> dict[int, str]:
    rows = database.rows("SELECT id, name FROM annotators ORDER BY id")
    return {row["id"]: row["name"] for row in rows}
