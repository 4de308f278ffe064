"""The targets that a folder of parsed cells offers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from deepometry.cells.dataset import open_dataset
from deepometry.cells.gates.gate import Gate
from deepometry.cells.labels.remove import remove_labels
from deepometry.core.folder_names import Target
from deepometry.core.options.parse import TargetsOptions
from deepometry.core.progress import Progress, Report

NONE = (
    "No targets: no prefix of a folder name has two values or more. Put the images of each class "
    "into a folder of their own below the input, such as Class A and Class B, and parse again."
)


class Targets(tuple[Target, ...]):
    """The targets of parsed cells, each with its labels and the number of cells of every label.

    Attributes
    ----------
    gates : tuple of Gate
        That leave cells out of all of them.
    """

    gates: tuple[Gate, ...] = ()

    def __str__(self) -> str:
        lines = [] if self else [NONE]
        for target in self:
            lines += [str(target), *(f"  {name}: {n:,}" for name, n in target.labels.items())]
        return "\n".join([*lines, *(f"Gate {gate} ({gate.origin})" for gate in self.gates)])

    def plain(self) -> list[dict[str, Any]]:
        """Return the targets as JSON has them."""
        return [asdict(target) for target in self]


def targets(options: TargetsOptions, progress: Progress | Report | None = None) -> Targets:
    """List the targets that parsed cells can be classified by.

    Parameters
    ----------
    options : TargetsOptions
        The folder that Parse wrote, and labels to remove first.
    progress : Progress or callable, optional
        Reports the search.

    Returns
    -------
    Targets
        Those that are left, if labels are to be removed.

    Raises
    ------
    DeepometryError
        As `open_dataset`, or there are no such labels.
    """
    if options.remove:
        remove_labels(options.input, options.remove)
    dataset = open_dataset(options.input, progress)
    found = Targets(dataset.targets())
    found.gates = dataset.gated_out.gates
    return found
