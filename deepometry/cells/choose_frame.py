"""The frame of a parse: a number of the user, or the one that the sizes of the cells suggest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from deepometry.cells.frame_fit import SizeCount
from deepometry.core.errors import DeepometryError
from deepometry.core.options.parse import ParseOptions
from deepometry.core.progress import Progress
from deepometry.core.text import counted
from deepometry.images.image_sizes import plain_images, sizes_of
from deepometry.images.info_statistics import suggest_frame
from deepometry.images.large_images import find_fields, question_of
from deepometry.images.readers.base import Source

SAMPLED = 200
"""Cells of every source whose sizes are looked at, where its files have no list of them."""

_MOST = 20_000  # cells of all such sources together


def choose_frame(
    sources: Sequence[Source], options: ParseOptions, progress: Progress
) -> tuple[int, str]:
    """Return the frame of a parse in pixels, and how it was chosen; blank if the user chose it.

    Raises
    ------
    Question
        The images are probably whole fields of view.
    DeepometryError
        It is to be chosen by the sizes of the cells, and not one cell can be read.
    Cancelled
        When asked to stop.
    """
    number = options.frame if isinstance(options.frame, int) else None
    if options.large_images == "ask":
        ask_about_fields(sources, number)
    if number is not None and options.large_images != "whole":
        return number, ""
    return _suggested(sources, options, progress)


def ask_about_fields(sources: Sequence[Source], number: int | None, fixed: bool = False) -> None:
    """Raise a `Question` if the images are probably whole fields of view.

    `number` is the frame, None where it is to be chosen; `fixed` if a model leaves no choice.
    """
    images = plain_images(sources)
    suggested = suggest_frame(Counter(max(image.shape) for image in images))[0]
    if fields := find_fields(images, number or suggested):
        raise question_of(fields, number, suggested, fixed)


def _suggested(
    sources: Sequence[Source], options: ParseOptions, progress: Progress
) -> tuple[int, str]:
    sizes, cells = SizeCount(), sum(len(source.objects) for source in sources)
    most = min(SAMPLED, max(1, _MOST // max(1, len(sources))))
    for number, source in enumerate(sources):
        progress.report(number, len(sources), "Looking at the sizes of cells")
        sizes.add(sizes_of(source, most))
    if not len(sizes):
        raise DeepometryError(
            f"Input location {options.input}: expected cells whose size can be read, to choose a "
            "frame by, found none; parse with a number as --frame, which lists the reasons."
        )
    frame = sizes.suggest()
    seen = counted(len(sizes), "cell")
    seen = f"all {seen}" if len(sizes) >= cells else f"{seen}, the first ones of each stack"
    return frame, f"Frame of {frame} pixels, chosen by the sizes of {seen}."
