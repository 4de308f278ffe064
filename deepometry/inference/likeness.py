"""Whether the cells that a model is to see look like those it learnt from, and what if they do not.

Another intensity scale, inverted pixels or another focus would give confident nonsense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from deepometry.cells.appearance import measure_cells, read_appearance, spread_over
from deepometry.cells.dataset import Dataset
from deepometry.core.errors import OptionsError
from deepometry.core.options.fields import AUTO
from deepometry.core.progress import Progress
from deepometry.inference.likeness_verdict import Sample, Verdict, offered_factor
from deepometry.inference.run import Inference

_ALL, _OF_FOLDERS = 1000, 1000  # cells that are measured: of the whole, and folder by folder
_MOST_FOLDERS = 100
_FEWEST = 5  # cells of a folder that stands for itself
_OLDER = "not compared: the model file has no statistics of the cells it learnt from"


class LikenessOptions(Protocol):
    """Options of the steps that apply a model."""

    @property
    def rescale(self) -> float | str | None:
        """Factor for every pixel, `auto`, or None."""

    @property
    def despite_scale(self) -> bool:
        """Whether cells of another scale are used as they are."""


def compared(
    inference: Inference, dataset: Dataset, options: LikenessOptions, progress: Progress
) -> Inference:
    """Compare cells with those that a model learnt from; return how the model is to see them.

    Of the result, `factor` is what pixels are multiplied by, and `warnings` and `likeness` tell
    the differences in words, for people and for the record.

    Raises
    ------
    Question
        The cells are on another intensity scale or inverted, beyond doubt, and the options do not
        say what to do.
    OptionsError
        A factor is to be found for a model that does not know its scale.
    """
    description = inference.description
    known = read_appearance(description.appearance, description.depth)
    factor = options.rescale if isinstance(options.rescale, float) else 1.0
    if known is None:
        if options.rescale == AUTO:
            raise OptionsError({"rescale": f"Rescale: expected a number, found auto; {_OLDER}."})
        return replace(inference, factor=factor, likeness=_OLDER)
    progress.report(0, 0, "Comparing the cells with those of the training")
    sample = _sample(dataset, inference.columns)
    if options.rescale == AUTO:
        factor = offered_factor(known, sample) or 1.0
    if factor != 1:
        progress.say(f"Every pixel is multiplied by {factor:.6g}.")
    verdict = Verdict(description, known, sample.multiplied(factor))
    if not options.despite_scale:
        verdict.refuse(options.rescale == 1, factor)
    for sentence in verdict.warnings:
        progress.say(f"Warning: {sentence}")
    return replace(
        inference, factor=factor, warnings=tuple(verdict.warnings), likeness=verdict.summary
    )


def _sample(dataset: Dataset, columns: Sequence[int]) -> Sample:
    """Measure cells evenly from the whole, and from each folder, the same ones every time."""
    total = len(dataset)
    even = np.linspace(0, total - 1, min(total, _ALL)).astype(np.int64)
    names, codes = _folder_of_each(dataset)
    shown = np.unique(np.linspace(0, len(names) - 1, min(len(names), _MOST_FOLDERS)).astype(int))
    here = np.flatnonzero(np.isin(codes, shown))
    chosen = np.union1d(even, spread_over(here, codes[here], _OF_FOLDERS))
    measures = measure_cells(dataset, chosen, columns)
    folders = {}
    for code in shown if len(names) > 1 else ():
        own = codes[chosen] == code
        if own.sum() >= _FEWEST:
            folders[names[code]] = {name: each[own] for name, each in measures.items()}
    whole = {name: each[np.isin(chosen, even)] for name, each in measures.items()}
    return Sample(str(dataset.dtype), whole, folders)


def _folder_of_each(dataset: Dataset) -> tuple[list[str], np.ndarray]:
    paths = ["/".join(part.levels) for part in dataset.parts]
    names, codes = np.unique(paths, return_inverse=True)
    sizes = [len(part.stored) for part in dataset.parts]
    return names.tolist(), np.repeat(codes, sizes)
