"""What is in image files of cells, before they are parsed: `deepometry info`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.file_types import suffix_of
from deepometry.core.numba_cache import compile_message
from deepometry.core.options.fields import settings
from deepometry.core.options.parse import InfoOptions, ParseOptions
from deepometry.core.progress import Progress, Report, Ticker, as_progress
from deepometry.core.text import counted, joined, quoted
from deepometry.images.daf_info import DafInfo, daf_info
from deepometry.images.gallery import check_gallery, gallery_image, write_gallery
from deepometry.images.image_sizes import plain_images
from deepometry.images.info_parts import ChannelInfo, ChannelSet, SourceInfo, Span
from deepometry.images.info_result import InfoResult
from deepometry.images.info_statistics import (
    IntensityTally,
    ProblemTally,
    SizeTally,
    channel_sets,
    details_of,
    span,
    suggest_frame,
)
from deepometry.images.large_images import Fields, find_fields, question_of
from deepometry.images.readers.base import Cell, Problem, Source, unusable
from deepometry.images.readers.cif import CifSource
from deepometry.images.readers.find import Sources, find_sources
from deepometry.images.readers.tiff_folder import TiffSource
from deepometry.images.source_names import Place, count_files
from deepometry.images.strips import read_strips

QUICK = 200
"""Cells of every source that a quick look takes in."""

NOISE = 7.0
"""Contrast below which a channel shows nothing but noise: noise of any size gives 4 to 6."""


def info(options: InfoOptions, progress: Progress | Report | None = None) -> InfoResult | DafInfo:
    """Find out what is in a file of cells, in a folder of files, or in an analysis of IDEAS.

    Parameters
    ----------
    options : InfoOptions
        What to look at, and how thoroughly.
    progress : Progress or callable, optional
        Receives the number of cells done; may cancel.

    Returns
    -------
    InfoResult or DafInfo
        The latter of a .daf file.

    Raises
    ------
    DeepometryError
        As `image_info`, or the .daf cannot be read.
    Cancelled
        When asked to stop.
    """
    if suffix_of(options.input.name) == ".daf" and options.input.is_file():
        return daf_info(options.input, progress)
    return image_info(options, progress)


def image_info(options: InfoOptions, progress: Progress | Report | None = None) -> InfoResult:
    """Find out what is in a file of cells, or in a folder of files; parameters as of `info`.

    Returns
    -------
    InfoResult

    Raises
    ------
    Question
        There is a file of the gallery's name, and nobody has said that it may be replaced.
    DeepometryError
        There is nothing to read, not one cell can be read, or the gallery cannot be written.
    Cancelled
        When asked to stop.
    """
    progress = as_progress(progress)
    if options.gallery is not None:
        check_gallery(options.gallery, options.overwrite)
    if message := compile_message():
        progress.say(message)
    how = (options.reader, options.pages, options.pattern)
    sources = read_strips(find_sources(options.input, progress, *how), options.tiles)
    survey = _Survey(options, sources, progress)
    for source in sources:
        survey.look(source)
    result = survey.finish()
    if options.gallery is not None:
        title = f"{_name(options.input)}, {counted(result.cells, 'cell')}"
        picture = gallery_image(sources, result.frame, title=title, progress=progress)
        write_gallery(picture, options.gallery)
    return result


class _Survey:
    """One look at work: what is counted so far."""

    def __init__(self, options: InfoOptions, sources: Sources, progress: Progress) -> None:
        self._options, self._sources = options, sources
        self._most = QUICK if options.quick else None
        self._ticker = Ticker(progress, self._count(progress))
        self._sizes, self._intensities = SizeTally(), IntensityTally()
        self._problems = ProblemTally()
        self._summaries: list[SourceInfo] = []
        self._files: list[str] = []

    def _count(self, progress: Progress) -> int:
        """Count the entries to look at; files are walked through for it."""
        total = 0
        for done, source in enumerate(self._sources):
            progress.report(done, len(self._sources), f"Opening {_label(source)}", "files")
            entries = len(source.objects)
            total += min(entries, self._most or entries)
        return total

    def look(self, source: Source) -> None:
        """Look at the cells of one source."""
        sizes, before, place = SizeTally(), self._problems.number, Place(source)
        for cell in islice(_read(source), self._most):
            self._ticker.tick(f"Looking at {_label(source)}")
            place.add(cell.source)
            self._add(cell, tuple(source.channels), sizes)
        self._add_lost(source)
        self._sizes.merge(sizes)
        joined = source.joined_folders() if isinstance(source, TiffSource) else []
        self._files += joined or [place.file]
        problems = self._problems.number - before
        self._summaries.append(_source_info(source, place.name, sizes, problems))

    def _add(self, cell: Cell | Problem, channels: tuple[int, ...], sizes: SizeTally) -> None:
        if isinstance(cell, Cell) and (reason := unusable(cell)):
            cell = Problem(cell.source, cell.object, reason)
        if isinstance(cell, Problem):
            self._problems.add(cell)
            return
        sizes.add(cell)
        self._intensities.add(channels, cell.pixels)

    def _add_lost(self, source: Source) -> None:
        """Add lost cells to a quick look: they stand behind all others."""
        if self._most is None or not isinstance(source, CifSource):
            return
        reported = max(0, self._most - len(source.numbers))
        for problem in islice(source.lost(), reported, None):
            self._problems.add(problem)

    def finish(self) -> InfoResult:
        """Sum up; raise `DeepometryError` if not one cell could be read."""
        sizes, height, width = self._sizes, span(self._sizes.heights), span(self._sizes.widths)
        if height is None or width is None:
            raise DeepometryError(self._nothing())
        frame, cropped = suggest_frame(sizes.sides)
        sets = channel_sets(self._summaries)
        fields = _fields(self._sources, frame)
        self._ticker.last(f"{counted(sizes.cells, 'cell')} looked at")
        return InfoResult(
            input=str(self._options.input),
            quick=self._options.quick,
            files=count_files(self._options.input, self._files),
            sources=tuple(self._summaries),
            cells=sum(source.cells for source in self._summaries),
            looked_at=sizes.cells,
            channels=_channels(self._intensities, self._sources),
            channel_sets=sets,
            height=height,
            width=width,
            dtypes=dict(sizes.dtypes.most_common()),
            frame=frame,
            cropped=cropped,
            backgrounds=sizes.backgrounds,
            centres=sizes.centres,
            masks=sum(source.masks for source in self._summaries),
            details=details_of(self._summaries),
            problems=self._problems.number,
            problem_kinds=self._problems.kinds(),
            gallery=str(self._options.gallery) if self._options.gallery else None,
            command=_command(self._options, frame, sets[0].channels, fields is not None),
            fields=str(question_of(fields, None, frame)) if fields else "",
            taken=self._sources.taken,
            left_out=self._sources.left_out,
            analyses=self._sources.analyses,
        )

    def _nothing(self) -> str:
        kinds, number = self._problems.kinds(), self._problems.number
        if not kinds:
            return (
                f"Input location {self._options.input}: expected images of cells, found files "
                "without a single cell; choose others."
            )
        first = kinds[0]
        if self._options.input.is_file() and number == 1:
            return first.reason
        named = f"{first.source} {first.object}".rstrip()
        return (
            f"Input location {self._options.input}: none of {number:,} cells or files can be "
            f"read; the first, {named}: {first.reason}"
        )


def _read(source: Source) -> Iterator[Cell | Problem]:
    """Read all channels; what the system reports ends this source, not the whole look."""
    try:
        yield from source.read(source.channels)
    except OSError as error:
        reason = str(explain_os_error(error, error.filename or _label(source)))
        yield Problem(_label(source), "", reason)


def _label(source: Source) -> str:
    return "/".join((*source.folder, source.stem))


def _name(path: Path) -> str:
    """Return the name of a file or folder, that of the folder itself for `.`."""
    return path.name or path.resolve().name or str(path)


def _source_info(source: Source, name: str, sizes: SizeTally, problems: int) -> SourceInfo:
    objects = source.objects
    nameless = len(objects) > 0 and not objects[-1]  # stands for what is lost
    return SourceInfo(
        name=name,
        stem=source.stem,
        cells=len(objects) - nameless,
        looked_at=sizes.cells,
        problems=problems,
        channels=tuple(map(int, source.channels)),
        masks=bool(source.has_masks),
        height=span(sizes.heights),
        width=span(sizes.widths),
        dtypes=dict(sizes.dtypes.most_common()),
        details=dict(source.details),
    )


def _channels(tally: IntensityTally, sources: Sequence[Source]) -> tuple[ChannelInfo, ...]:
    names: dict[int, Counter[str]] = {}
    lit: dict[int, bool] = {}
    for source in sources:
        for number, name in source.channel_names.items():
            names.setdefault(number, Counter())[name] += len(source.objects)
        for number in source.channels if source.brightfield else ():
            lit[number] = lit.get(number, False) or number in source.brightfield
    return tuple(
        ChannelInfo(
            number=number,
            names=tuple(name for name, _ in names.get(number, Counter()).most_common()),
            brightfield=lit.get(number),
            faint=values["contrast"] < NOISE,
            **values,
        )
        for number, values in tally.channels().items()
    )


def _fields(sources: Sources, suggested: int) -> Fields | None:
    """Find out whether parse would ask about fields of view, by its own frame or this one."""
    images, own = plain_images(sources), settings(ParseOptions)["frame"][1]
    found = find_fields(images, own)
    return found if found and (found.objects or find_fields(images, suggested)) else None


def _command(
    options: InfoOptions, frame: int, channels: tuple[int, ...], fields: bool = False
) -> str:
    """Return the command that parses these cells, or fields of view, as it can be typed here."""
    input = options.input
    here, place = Path.cwd(), input.resolve()
    inside = here == place or place in here.parents
    output = place.parent / "parsed" if inside else Path("parsed")
    words = ["deepometry", "parse", str(input), str(output)]
    words += ["--large-images", "whole"] if fields else ["--frame", str(frame)]
    words += ["--channels", joined(channels)]
    read_by = {"--pages": options.pages, "--pattern": options.pattern}
    words += [word for flag, value in read_by.items() if value for word in (flag, value)]
    return quoted(words)


__all__ = ["ChannelInfo", "ChannelSet", "DafInfo", "InfoResult", "SourceInfo", "Span", "info"]
