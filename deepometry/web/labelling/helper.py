"""The classifier that helps to label: it learns beside the requests, and orders the cells."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deepometry.web.browse.background import Task
from deepometry.web.labelling.board import Board, Look
from deepometry.web.labelling.orders import Asked, Ordered

if TYPE_CHECKING:
    import numpy as np

    from deepometry.training.assisted.assistant import Assistant, Labels, Progression

DOUBTFUL = "doubtful"
"""The order of labelled cells by how likely their label is wrong."""

EVERY = 5
"""Labels that change before the classifier learns anew."""

_PATIENCE = 1.5  # seconds for which a request waits for what is learnt just now


@dataclass(frozen=True)
class _Learnt:
    """What the orders are made of: the labels, the numbers of their classes, and which time."""

    labels: Labels
    ids: tuple[int, ...]
    round: int


class Helper:
    """Follows the labels of a board.

    Attributes
    ----------
    features : str
        What the classifier looks at, in words.
    progression : Progression or None
        The running estimate; None until it was computed once.
    """

    def __init__(self, assistant: Assistant, features: str) -> None:
        import numpy as np

        from deepometry.training.assisted.assistant import Labels

        self._assistant, self.features = assistant, features
        self.progression: Progression | None = None
        nothing = np.zeros(0, np.int64)
        self._learnt = _Learnt(Labels(nothing, nothing, ()), (), 0)
        self._task: Task | None = None
        self._lock = threading.Lock()  # of the assistant
        self._starting = threading.Lock()
        self._ready = threading.Event()
        self._ready.set()
        self._orders: dict[tuple[str, int], Ordered] = {}

    # --- learning --------------------------------------------------------------------------------

    @property
    def labels(self) -> int:
        """Labels that the classifier has learnt from."""
        return len(self._learnt.labels.rows)

    @property
    def busy(self) -> bool:
        """Whether it learns just now, or estimates its accuracy."""
        return self._task is not None and not self._task.over

    @property
    def error(self) -> str:
        """Why it could not learn; empty if it could."""
        return self._task.error if self._task is not None and self._task.over else ""

    def follow(self, look: Look) -> None:
        """Begin to learn from the labels as they stand, if enough of them have changed."""
        labels, ids = _labels_of(look)
        with self._starting:
            if self.busy or not self._differ(labels, ids):
                return
            self._ready.clear()
            self._task = Task(lambda task: self._learn(labels, ids))
            self._task.start()

    def _differ(self, labels: Labels, ids: tuple[int, ...]) -> bool:
        """Return whether labels are others than those that were learnt, by enough cells."""
        import numpy as np

        old = self._learnt
        changed = len(np.setxor1d(_pairs(old.labels, old.ids), _pairs(labels, ids)))
        known = len(np.unique(old.labels.codes)) > 1
        return changed >= EVERY or (changed > 0 and not known)

    def _learn(self, labels: Labels, ids: tuple[int, ...]) -> None:
        try:
            with self._lock:
                self._assistant.learn(labels)
                self._learnt = _Learnt(labels, ids, self._learnt.round + 1)
                self._orders = {}
        finally:
            self._ready.set()
        self.progression = self._assistant.progression()

    # --- orders ----------------------------------------------------------------------------------

    def ordered(self, name: str, asked: Asked) -> Ordered:
        """Order the cells by the labels as they stand, or as they stood a moment ago."""
        self.follow(asked.look)
        self._ready.wait(_PATIENCE)
        with self._lock:
            key = (name, asked.label)
            if key not in self._orders:
                self._orders[key] = self._order(name, asked.label)
            return self._orders[key]

    def _order(self, name: str, id: int) -> Ordered:
        learnt = self._learnt
        if name == DOUBTFUL:
            stamp = f"{name} {learnt.round}"
            return Ordered(self._assistant.doubtful(), stamp, False, _ABOUT_DOUBTS)
        code = learnt.ids.index(id) if id in learnt.ids else 0
        rows = self._assistant.order(name, _BATCH, code)
        stamp = f"{name} {id} {learnt.round}"
        begun = self._assistant.probabilities is not None
        return Ordered(rows, stamp, False, "" if begun else _UNBEGUN)


_BATCH = 48  # cells: a screenful
_ABOUT_DOUBTS = (
    "Labelled cells that a classifier predicts as another class than their label, which it had not "
    "seen: the most doubtful first."
)
_UNBEGUN = (
    "Cells that are unlike each other: the classifier begins to learn when two classes have labels."
)


def _labels_of(look: Look) -> tuple[Labels, tuple[int, ...]]:
    """Return the labels that count, in the order in which they were given."""
    import numpy as np

    from deepometry.training.assisted.assistant import Labels

    rows, classes = look.in_order()
    ids = tuple(each.id for each in look.classes)
    index = {id: code for code, id in enumerate(ids)}
    codes = np.array([index[id] for id in classes.tolist()], np.int64)
    return Labels(rows, codes, tuple(each.name for each in look.classes)), ids


def _pairs(labels: Labels, ids: tuple[int, ...]) -> np.ndarray:
    """Return labelled cells and their classes as one number each."""
    import numpy as np

    numbers = np.array(ids or (0,), np.int64)[labels.codes]
    pairs: np.ndarray = labels.rows.astype(np.int64) * (1 << 20) + numbers
    return pairs


def make_helper(board: Board, progress: Any) -> Helper | str:
    """Read the features of the cells of a board; return why they cannot be used, if so."""
    from deepometry.cells.cell_features import find_cell_features
    from deepometry.classical.cleaning.measure import stamp
    from deepometry.training.assisted.assistant import Assistant

    dataset, keys = board.places.cells.dataset, board.places.rows.identities
    features = find_cell_features(board.places.root)
    if features is None or not features.fits(keys, stamp(dataset)):
        return "The cells have changed since their features were measured."
    assistant = Assistant(features, dataset.gated_out.cells, progress)
    return Helper(assistant, f"{len(features.names):,} {features.origin}")
