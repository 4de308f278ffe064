"""What `deepometry info` prints: a page for the people who measured the cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from unicodedata import combining, east_asian_width

from deepometry.info_result import ChannelInfo, InfoResult, ProblemKind, SourceInfo, Span
from deepometry.options import LARGEST_FRAME
from deepometry.words import counted, joined, shortened

LISTED = 10
"""Sources and kinds of problems that are listed; of more, only the number is told."""

_GENERIC = ("ch", "channel", "channel ")
_MOST_VALUES, _LONGEST = 3, 60


def describe(result: InfoResult) -> str:
    """Write all that was found as lines of text, aligned in columns."""
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


def own_name(number: int, names: Sequence[str]) -> str:
    """Give the name of a channel, blank where it says no more than the number: `Ch05`."""
    name = names[0].strip() if names else ""
    generic = {f"{word}{spelled}" for word in _GENERIC for spelled in (number, f"{number:02}")}
    return "" if name.casefold() in generic else name


def _head(result: InfoResult) -> Iterator[str]:
    files = ", ".join(f"{number:,} {suffix or 'other'}" for suffix, number in result.files.items())
    noun = "file" if sum(result.files.values()) == 1 else "files"
    stacks = counted(len(result.sources), "stack")
    cells = counted(result.cells, "cell")
    yield f"{result.input}: {cells} in {files} {noun}; parse makes {stacks} of them."
    if result.quick and result.looked_at + result.problems < result.cells:
        looked = counted(result.looked_at, "cell")
        yield f"A quick look: only {looked}, the first ones of each stack."


def _sources(sources: Sequence[SourceInfo]) -> list[str]:
    if len(sources) < 2:
        return []
    head = ("File or folder", "Cells", "Channels", "Height", "Width")
    rows: list[tuple[str, ...]] = [head]
    for source in sources[:LISTED]:
        sizes = (_range(source.height), _range(source.width))
        name = _short(source.name)
        rows.append((name, f"{source.cells:,}", joined(source.channels) or "-", *sizes))
    lines = _table(rows, "<><<<")
    if len(sources) > LISTED:
        lines.append(f"... and {len(sources) - LISTED:,} more (--json lists all).")
    return lines


def _sets(result: InfoResult) -> list[str]:
    if len(result.channel_sets) < 2:
        return []
    lines = ["Not all have the same channels, but parse takes the same ones of all:"]
    for found in result.channel_sets[:LISTED]:
        where = f"{counted(found.cells, 'cell')} in {counted(found.sources, 'stack')}"
        lines.append(f"  channels {joined(found.channels)}: {where}")
    if len(result.channel_sets) > LISTED:
        lines.append(f"  ... and {len(result.channel_sets) - LISTED:,} other sets.")
    return lines


def _channels(channels: Sequence[ChannelInfo]) -> list[str]:
    rows: list[tuple[str, ...]] = [("Channel", "Name", "Lowest", "Typical cell", "Highest", "")]
    for found in channels:
        typical = f"{_count(found.darkest)} to {_count(found.brightest)}"
        ends = (_count(found.lowest), typical, _count(found.highest))
        rows.append((str(found.number), _channel_name(found), *ends, _note(found)))
    if not any(row[1] for row in rows[1:]):
        return _table([row[:1] + row[2:] for row in rows], ">>>><")
    return _table(rows, "><>>><")


def _channel_name(channel: ChannelInfo) -> str:
    name = own_name(channel.number, channel.names)
    others = [other for other in channel.names if other != name] if name else []
    shown = shortened([name, *others], _MOST_VALUES) if others else name
    if not channel.brightfield or "bright" in shown.casefold():
        return shown
    return f"{shown} (brightfield)" if shown else "brightfield"


def _note(channel: ChannelInfo) -> str:
    if channel.lowest == channel.highest:
        return "empty: one and the same count everywhere"
    return "no signal: nothing stands out from the noise" if channel.faint else ""


def _sizes(result: InfoResult) -> list[str]:
    rows: list[tuple[str, ...]] = [("Size in pixels", "Smallest", "Median", "Largest")]
    for name, found in (("height", result.height), ("width", result.width)):
        rows.append((f"  {name}", *map(str, (found.minimum, found.median, found.maximum))))
    whole, cells = result.looked_at - result.cropped, counted(result.looked_at, "cell")
    share = f" ({_percent(whole, result.looked_at)})" if result.cropped else ""
    kept = f"{whole:,} of {cells}" if result.cropped else f"all {cells}"
    kept = "the one cell" if result.looked_at == 1 else kept
    text = f"Suggested frame: {result.frame} pixels, which holds {kept} whole{share}"
    if result.cropped:
        larger = "is" if result.cropped == 1 else "are"
        text += f"; {result.cropped:,} {larger} larger and would be cropped"
    text += " (it cannot be larger)." if result.frame == LARGEST_FRAME else "."
    return [*_table(rows, "<>>>"), text]


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
    return _table([(f"{name}:", text) for name, text in facts], "<<")


def _dtypes(result: InfoResult) -> str:
    if len(result.dtypes) == 1:
        return next(iter(result.dtypes))
    told = ", ".join(f"{dtype} ({counted(n, 'cell')})" for dtype, n in result.dtypes.items())
    mixed = any(len(source.dtypes) > 1 for source in result.sources)
    return told + "; parse leaves the rarer ones of a stack out" * mixed


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
    return [*lines, f"Next: {result.command}"]


# --- small things ----------------------------------------------------------------------------


def _table(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Set rows in columns; `sides` says for each column to which side."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_set(row, widths, sides)).rstrip() for row in rows]


def _set(row: Iterable[str], widths: Sequence[int], sides: str) -> Iterator[str]:
    for text, width, side in zip(row, widths, sides, strict=True):
        blank = " " * (width - _width(text))
        yield blank + text if side == ">" else text + blank


def _width(text: str) -> int:
    """Tell how many places a text takes on the screen: East Asian letters take two."""
    places = (2 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return sum(places) - sum(map(bool, map(combining, text)))


def _short(name: str) -> str:
    """Leave out the beginning of a path that is too long for a line."""
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"


def _range(found: Span | None) -> str:
    if found is None:
        return "-"
    same = found.minimum == found.maximum
    return str(found.minimum) if same else f"{found.minimum}-{found.maximum}"


def _count(number: float) -> str:
    """Write a count: rounded if it is large, with four digits otherwise."""
    if abs(number) >= 1e15:
        return f"{number:.4g}"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.4g}"


def _percent(part: int, whole: int) -> str:
    """Write a share so that 100 % means all."""
    return f"{int(1000 * part / whole) / 10:g} %"
