"""How many cells files make, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from deepometry.core.text import counted, joined
from deepometry.images.file_names.naming import WHOLE_CELL, Folders, Naming


def count_cells(naming: Naming, folders: Folders) -> str:
    """Describe how many cells the files make, as `describe_cells` does."""
    counts: Counter[tuple[int, ...]] = Counter()
    others = 0
    for folder, names in naming.regrouped(folders).items():
        cells, unmatched = naming.cells(names, "".join(folder[-1:]))
        others += len(unmatched)
        for layout, number in Counter(cells.values()).items():
            counts[tuple(channel for channel, _ in layout)] += number
    return describe_cells(counts, naming.channel_names, others)


def describe_cells(
    counts: Mapping[tuple[int, ...], int], names: Mapping[int, str], others: int = 0
) -> str:
    """Describe how the files were taken: `36 files = 12 cells x BF, DAPI, PE (channels 1 to 3)`.

    Parameters
    ----------
    counts : mapping of tuple of int to int
        How many cells have these channels, a file each, or `WHOLE_CELL` alone.
    names : mapping of int to str
        Of the channels.
    others : int
        Files that match no pattern.
    """
    apart = {channels: n for channels, n in counts.items() if WHOLE_CELL not in channels}
    whole = sum(counts.values()) - sum(apart.values())
    files = sum(len(channels) * n for channels, n in apart.items())
    parts = []
    if apart:
        cells = counted(sum(apart.values()), "cell")
        numbers = sorted({channel for channels in apart for channel in channels})
        parts.append(f"{counted(files, 'file')} = {cells} x {_channels(numbers, names)}")
        if lacking := sum(n for each, n in apart.items() if set(each) != set(numbers)):
            parts[-1] += f", of which {lacking:,} lack{'s' * (lacking == 1)} a channel"
    if whole:
        parts.append(f"{counted(whole, 'file')}, {'each' if whole > 1 else 'a cell'} by itself")
    if others:
        verb = "does" if others == 1 else "do"
        parts.append(f"{counted(others, 'file')} {verb} not match the pattern")
    return "; ".join(parts)


def _channels(numbers: Sequence[int], names: Mapping[int, str]) -> str:
    in_turn = list(numbers) == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2
    listed = f"{numbers[0]} to {numbers[-1]}" if in_turn else joined(numbers)
    text = f"channel{'s' * (len(numbers) > 1)} {listed}"
    if not any(number in names for number in numbers):
        return text
    return f"{', '.join(names.get(n, str(n)) for n in numbers)} ({text})"
