"""What `deepometry info` finds out, as plain data and as a page of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deepometry.core.channel_names import own_name
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.fields import LARGEST_FRAME
from deepometry.core.text import counted, joined, shortened, table
from deepometry.images.info_parts import ChannelInfo, ChannelSet, ProblemKind, SourceInfo, Span

LISTED = 10
"""Sources and kinds of problems that are listed; of more, only the number is given."""

_MOST_VALUES, _LONGEST = 3, 60


@dataclass(frozen=True, kw_only=True)
class InfoResult(ShowsInNotebook):
    """What is in a file, or in a folder of files.

    Attributes
    ----------
    input : str
        What was looked at.
    quick : bool
        Only the first cells of every source were looked at.
    files : dict of str to int
        Number of files by suffix.
    sources : tuple of SourceInfo
        Everything that becomes a stack of its own, in the order in which parse reads it.
    cells, looked_at : int
        Cells in all sources, and those of them that were read.
    channels : tuple of ChannelInfo
        All channels, rising.
    channel_sets : tuple of ChannelSet
        One if all sources have the same channels; the set of most cells first.
    height, width : Span
        Sizes of the cells, in pixels.
    dtypes : dict of str to int
        Cells of each type of pixels.
    frame : int
        Suggested frame size, in pixels.
    cropped : int
        Cells that were read and are larger than the frame in one direction or both.
    backgrounds, centres : int
        Cells that came with the background, and with the place in the stream, that their file has
        of them.
    masks : int
        Sources that have masks of cells.
    details : dict of str to dict of str to int
        Metadata of the files: for each name, its values, and how many files have each.
    problems : int
        Cells, files or folders that could not be used.
    problem_kinds : tuple of ProblemKind
        The problems, similar ones once; at most a thousand kinds.
    gallery : str or None
        The picture that was written.
    command : str
        The command to go on with.
    taken : str
        Which files were taken for channels of one cell, as a sentence; blank without such files.
    left_out : str
        A sentence on files that are of no kind that is read; blank if there are none.
    fields : str
        What parse will ask where images look like whole fields of view; blank where they do not.
    analyses : tuple of str
        Analyses of IDEAS beside .cif files, relative to the input.
    """

    input: str
    quick: bool
    files: dict[str, int]
    sources: tuple[SourceInfo, ...]
    cells: int
    looked_at: int
    channels: tuple[ChannelInfo, ...]
    channel_sets: tuple[ChannelSet, ...]
    height: Span
    width: Span
    dtypes: dict[str, int]
    frame: int
    cropped: int
    backgrounds: int
    centres: int
    masks: int
    details: dict[str, dict[str, int]]
    problems: int
    problem_kinds: tuple[ProblemKind, ...]
    gallery: str | None
    command: str
    taken: str = ""
    left_out: str = ""
    fields: str = ""
    analyses: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, text and numbers, ready for JSON."""
        return asdict(self)

    @property
    def beside(self) -> str:
        """A sentence on analyses of IDEAS beside .cif files; blank if there are none."""
        if not self.analyses:
            return ""
        lie, their = ("lies", "its") if len(self.analyses) == 1 else ("lie", "their")
        return (
            f"{counted(len(self.analyses), '.daf file')} of IDEAS {lie} beside the .cif files, "
            f"such as {self.analyses[0]}: parse takes {their} tagged populations as labels."
        )

    def __str__(self) -> str:
        """Write everything as lines of text, aligned in columns."""
        return _describe(self)

    def notebook_view(self) -> NotebookView:
        """Show all that was found, with the gallery where one was written."""
        title = f"{self.input}: {counted(self.cells, 'cell')}"
        picture = Path(self.gallery) if self.gallery else None
        return NotebookView(title, text=str(self), picture=picture)


def _describe(result: InfoResult) -> str:
    parts = (
        _head(result),
        _sources(result.sources),
        _sets(result),
        _channels(result.channels),
        _sizes(result),
        _facts(result),
        _problems(result),
        _next(result),
    )
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part)


def _head(result: InfoResult) -> Iterator[str]:
    files = ", ".join(f"{number:,} {suffix or 'other'}" for suffix, number in result.files.items())
    noun = "file" if sum(result.files.values()) == 1 else "files"
    stacks = counted(len(result.sources), "stack")
    cells = counted(result.cells, "cell")
    yield f"{result.input}: {cells} in {files} {noun}; parse makes {stacks} of them."
    if result.taken:
        yield result.taken
    if result.quick and result.looked_at + result.problems < result.cells:
        looked = counted(result.looked_at, "cell")
        yield f"A quick look: only {looked}, the first ones of each stack."
    if result.left_out:
        yield result.left_out
    if result.analyses:
        yield result.beside
    if result.fields:
        yield result.fields


def _sources(sources: Sequence[SourceInfo]) -> list[str]:
    if len(sources) < 2:
        return []
    head = ("File or folder", "Cells", "Channels", "Height", "Width")
    rows: list[tuple[str, ...]] = [head]
    for source in sources[:LISTED]:
        sizes = (_range(source.height), _range(source.width))
        name = _short(source.name)
        rows.append((name, f"{source.cells:,}", joined(source.channels) or "-", *sizes))
    lines = table(rows, "<><<<")
    if len(sources) > LISTED:
        lines.append(f"... and {len(sources) - LISTED:,} more (--json lists all).")
    return lines


def _sets(result: InfoResult) -> list[str]:
    if len(result.channel_sets) < 2:
        return []
    lines = ["Not all have the same channels, but parse takes the same ones of all:"]
    for each in result.channel_sets[:LISTED]:
        where = f"{counted(each.cells, 'cell')} in {counted(each.sources, 'stack')}"
        lines.append(f"  channels {joined(each.channels)}: {where}")
    if len(result.channel_sets) > LISTED:
        lines.append(f"  ... and {len(result.channel_sets) - LISTED:,} other sets.")
    return lines


def _channels(channels: Sequence[ChannelInfo]) -> list[str]:
    rows: list[tuple[str, ...]] = [("Channel", "Name", "Lowest", "Typical cell", "Highest", "")]
    for channel in channels:
        typical = f"{_count(channel.darkest)} to {_count(channel.brightest)}"
        ends = (_count(channel.lowest), typical, _count(channel.highest))
        rows.append((str(channel.number), _channel_name(channel), *ends, _note(channel)))
    if not any(row[1] for row in rows[1:]):
        return table([row[:1] + row[2:] for row in rows], ">>>><")
    return table(rows, "><>>><")


def _channel_name(channel: ChannelInfo) -> str:
    name = own_name(channel.number, channel.names)
    others = [other for other in channel.names if other != name] if name else []
    shown = shortened([name, *others], _MOST_VALUES) if others else name
    if not channel.brightfield or "bright" in shown.casefold():
        return shown
    return f"{shown} (brightfield)" if shown else "brightfield"


def _note(channel: ChannelInfo) -> str:
    if channel.lowest == channel.highest:
        return "empty: the same value in every pixel"
    return "no signal above the noise" if channel.faint else ""


def _sizes(result: InfoResult) -> list[str]:
    rows: list[tuple[str, ...]] = [("Size in pixels", "Smallest", "Median", "Largest")]
    for name, span in (("height", result.height), ("width", result.width)):
        rows.append((f"  {name}", *map(str, (span.minimum, span.median, span.maximum))))
    whole, cells = result.looked_at - result.cropped, counted(result.looked_at, "cell")
    share = f" ({_percent(whole, result.looked_at)})" if result.cropped else ""
    fitting = f"{whole:,} of {cells}" if result.cropped else f"all {cells}"
    fitting = "the one cell" if result.looked_at == 1 else fitting
    text = f"Suggested frame: {result.frame} pixels, which holds {fitting} whole{share}"
    if result.cropped:
        larger = "is" if result.cropped == 1 else "are"
        text += f"; {result.cropped:,} {larger} larger and would be cropped"
    text += " (it cannot be larger)." if result.frame == LARGEST_FRAME else "."
    return [*table(rows, "<>>>"), text]


def _facts(result: InfoResult) -> list[str]:
    facts = [("Pixels", _dtypes(result))]
    for name, cells in (("Background", result.backgrounds), ("Centre", result.centres)):
        everywhere = cells == result.looked_at
        if cells:
            facts.append((name, f"known of {'every cell' * everywhere or counted(cells, 'cell')}"))
    if result.masks:
        facts.append(("Masks", f"in {result.masks:,} of {counted(len(result.sources), 'stack')}"))
    for name, values in result.details.items():
        facts.append((name, shortened(list(values), _MOST_VALUES)))
    return table([(f"{name}:", text) for name, text in facts], "<<")


def _dtypes(result: InfoResult) -> str:
    if len(result.dtypes) == 1:
        return next(iter(result.dtypes))
    listed = ", ".join(f"{dtype} ({counted(n, 'cell')})" for dtype, n in result.dtypes.items())
    mixed = any(len(source.dtypes) > 1 for source in result.sources)
    return listed + "; parse leaves the rarer ones of a stack out" * mixed


def _problems(result: InfoResult) -> list[str]:
    if not result.problems:
        return []
    listed = result.problem_kinds[:LISTED]
    lines = [f"Problems with {counted(result.problems, 'cell')} or files:"]
    lines = ["1 problem:"] if result.problems == 1 else lines
    lines += [f"  {_problem(kind)}" for kind in listed]
    rest = result.problems - sum(kind.number for kind in listed)
    return lines + [f"  ... and {rest:,} for other reasons."] * (rest > 0)


def _problem(kind: ProblemKind) -> str:
    cell = f" {kind.object}" if kind.object else ""
    more = f" (and {kind.number - 1:,} more like it)" if kind.number > 1 else ""
    return f"{kind.source}{cell}: {kind.reason}{more}"


def _next(result: InfoResult) -> list[str]:
    lines = [f"Gallery: {result.gallery}"] if result.gallery else []
    whole = "Next, if every image is one cell" if result.fields else "Next"
    return [*lines, f"{whole}: {result.command}"]


# --- small things ----------------------------------------------------------------------------


def _short(name: str) -> str:
    """Leave out the beginning of a path that is too long for a line."""
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"


def _range(span: Span | None) -> str:
    if span is None:
        return "-"
    same = span.minimum == span.maximum
    return str(span.minimum) if same else f"{span.minimum}-{span.maximum}"


def _count(number: float) -> str:
    """Write a count: rounded if it is large, with four digits otherwise."""
    if abs(number) >= 1e15:
        return f"{number:.4g}"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.4g}"


def _percent(part: int, whole: int) -> str:
    """Write a share so that 100 % means all."""
    return f"{int(1000 * part / whole) / 10:g} %"
