"""What `deepometry info` finds out, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """Smallest, middle and largest of many sizes, in pixels."""

    minimum: int
    median: int
    maximum: int


@dataclass(frozen=True, kw_only=True)
class SourceInfo:
    """One stack-to-be: a .cif file, or the .tif files of a folder.

    Attributes
    ----------
    name : str
        The file, or the folder of .tif files, relative to the input; `.` for the input itself.
    stem : str
        Name of the stack that parse makes of it.
    cells, looked_at, problems : int
        Cells in it, those of them that were read, and entries that could not be used.
    channels : tuple of int
        Numbers of its channels, as IDEAS counts them.
    masks : bool
        Whether the file has masks of cells.
    height, width : Span or None
        Sizes of the cells that were read.
    dtypes : dict of str to int
        Cells of each type of pixels.
    details : dict of str to str
        What the file tells of itself.
    """

    name: str
    stem: str
    cells: int
    looked_at: int
    problems: int
    channels: tuple[int, ...]
    masks: bool
    height: Span | None
    width: Span | None
    dtypes: dict[str, int]
    details: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ChannelInfo:
    """One channel, over all cells that have it.

    Attributes
    ----------
    number : int
        As IDEAS counts, from 1.
    names : tuple of str
        Its names in the files, that of most cells first; empty where none has one.
    brightfield : bool or None
        Whether it was lit by the brightfield lamp; None where no file says.
    cells : int
        Cells that were read and have it.
    lowest, highest : int or float
        Darkest and brightest count of all cells.
    darkest, brightest : int or float
        Medians over the cells of their darkest and their brightest count.
    contrast : float
        How far the darkest or brightest pixel stands out from the background, in standard
        deviations of the background: the 95th percentile over the cells. Noise alone gives 4 to 6.
    faint : bool
        The contrast is that of noise alone: a channel that was off, or a stain that is absent.
    """

    number: int
    names: tuple[str, ...]
    brightfield: bool | None
    cells: int
    lowest: float
    highest: float
    darkest: float
    brightest: float
    contrast: float
    faint: bool


@dataclass(frozen=True)
class ChannelSet:
    """Channels that some sources have in common, with the sources and cells that have them."""

    channels: tuple[int, ...]
    sources: int
    cells: int


@dataclass(frozen=True)
class ProblemKind:
    """Problems that are alike: the first of them, and how many there are."""

    source: str
    object: str
    reason: str
    number: int


@dataclass(frozen=True, kw_only=True)
class InfoResult:
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
        What the files tell of themselves: for each name, the values, and how many files give each.
    problems : int
        Cells, files or folders that could not be used.
    problem_kinds : tuple of ProblemKind
        The problems, those that are alike told once; at most a thousand kinds.
    gallery : str or None
        The picture that was written.
    command : str
        The command to go on with.
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

    def plain(self) -> dict[str, Any]:
        """Give everything as dictionaries, lists, text and numbers, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        from deepometry.info_text import describe

        return describe(self)
