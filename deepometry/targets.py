"""What can be learnt from a folder of parsed cells."""

from __future__ import annotations

from pathlib import Path

from deepometry.dataset import open_dataset
from deepometry.names import Target
from deepometry.progress import Progress, Report


def targets(root: Path | str, progress: Progress | Report | None = None) -> list[Target]:
    """List what can be learnt from the parsed cells below a folder.

    Parameters
    ----------
    root : path-like
        Folder that Parse wrote.
    progress : Progress or callable, optional
        Told about the search.

    Returns
    -------
    list of Target
        Each with its labels and the number of cells of every label.

    Raises
    ------
    DeepometryError
        As `open_dataset`.
    """
    return open_dataset(root, progress).targets()
