"""What `deepometry info` finds out about sources, channels and problems, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


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
        Metadata of the file.
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
        Whether it was lit by the brightfield lamp; None where unknown.
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
