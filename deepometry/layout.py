"""Where the cells of each source go, decided and checked before a single one is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.errors import DeepometryError, OptionsError
from deepometry.files import earlier_files, existing_folder, lies_in
from deepometry.kinds import is_text
from deepometry.names import PARSE_RECORD, SIDES
from deepometry.options import ParseOptions
from deepometry.readers import Source
from deepometry.split import split_cells
from deepometry.stacks import safe_name, unique_name
from deepometry.words import joined

PROBLEMS = "problems.csv"


def choose_channels(sources: Sequence[Source], options: ParseOptions) -> tuple[int, ...]:
    """Check the wanted channels, or take those that most cells have.

    Raises
    ------
    DeepometryError
        There are no cells, or no source has one of the wanted channels.

    Notes
    -----
    Where no source at all can be opened there is nothing to check: reading says why.
    """
    if not sources:
        raise DeepometryError(
            f"Input location {options.input}: expected .cif or .tif images of cells, found none; "
            "check the path."
        )
    votes: Counter[tuple[int, ...]] = Counter()
    for source in filter(_opens, sources):
        votes[tuple(source.channels)] += len(source.objects)
    if options.channels is None:
        return max(votes, key=lambda channels: (votes[channels], len(channels)), default=())
    known = sorted({number for channels in votes for number in channels})
    if known and (missing := [n for n in options.channels if n not in known]):
        message = (
            f"Channels: expected channels that the images have ({joined(known)}), found "
            f"{joined(missing)}; choose among those."
        )
        raise OptionsError({"channels": message})
    return options.channels


def check_masks(sources: Sequence[Source], options: ParseOptions) -> None:
    """Check that there are masks, where they are wanted.

    Raises
    ------
    OptionsError
        Not one source has any.
    """
    if options.masked and not any(source.has_masks for source in sources):
        message = (
            "Masked: expected .cif files with masks, found no mask in any file; parse without it."
        )
        raise OptionsError({"masked": message})


def _opens(source: Source) -> bool:
    """Tell a source with cells from one that stands for an unreadable file."""
    return bool(source.channels)


def check_places(options: ParseOptions) -> None:
    """Keep the output out of the input, where its montages would be read as cells next time."""
    if not options.input.is_file():
        existing_folder(options.input, "Input location")
    if lies_in(options.output, options.input):
        raise DeepometryError(
            f"Output location {options.output} lies in the input {options.input}; "
            "choose a folder outside it."
        )


def check_earlier(options: ParseOptions) -> list[str]:
    """Keep parsed cells from being mixed with others, or read as images.

    Returns
    -------
    list of str
        The files of an earlier parse in the output, which the new one replaces.

    Raises
    ------
    DeepometryError
        The output holds arrays that no parse.json there accounts for, or the input holds what an
        earlier parse wrote.
    """
    earlier = earlier_files(options.output / PARSE_RECORD, "parse")
    known = {options.output / name for name in earlier}
    for array in options.output.rglob("*.npy"):
        hidden = any(part.startswith(".") for part in array.relative_to(options.output).parts)
        if array not in known and not hidden:
            raise DeepometryError(
                f"Output location {options.output}: expected no arrays but those that a "
                f"{PARSE_RECORD} in it lists, found {array}; choose an empty folder."
            )
    place = options.input.resolve()
    for folder in (place, *place.parents):
        for name in earlier_files(folder / PARSE_RECORD, "parse"):
            if (folder / name).is_relative_to(place):
                raise DeepometryError(
                    f"Input location {options.input}: expected images of cells, found parsed "
                    f"ones ({folder / name}); give the folder of the .cif or .tif files."
                )
    return earlier


@dataclass(frozen=True)
class Plan:
    """Where the cells of one source go."""

    source: Source
    folder: tuple[str, ...]
    stem: str
    montage: str
    held: np.ndarray

    @property
    def name(self) -> str:
        return "/".join((*self.folder, self.stem))


def plan_sources(sources: Sequence[Source], options: ParseOptions) -> list[Plan]:
    """Decide the side of every cell and the names of every stack and montage.

    Raises
    ------
    DeepometryError
        The cells cannot be split as wanted, or the arrays would go into the input.
    """
    good = [source for source in sources if _opens(source)]
    held = [np.zeros(len(source.objects), bool) for source in sources]
    if options.split is not None and good:
        chosen = iter(split_cells(good, options.split, options.seed, options.split_by))
        held = [
            next(chosen) if _opens(source) else none
            for source, none in zip(sources, held, strict=True)
        ]
    shared = Counter(tuple(source.folder) for source in good)
    # At the root, a source named `problems` would have the table of the problem cells.
    used: dict[tuple[str, ...], set[str]] = {(): {Path(PROBLEMS).stem}}
    plans = []
    for source, sides in zip(sources, held, strict=True):
        folder = tuple(source.folder)
        _check_folder(folder, options)
        stem = unique_name(safe_name(source.stem), used.setdefault(folder, set()))
        names = [*folder, stem] if not folder or shared[folder] > 1 else list(folder)
        plans.append(Plan(source, folder, stem, safe_name("_".join(names)), sides))
    return plans


def _check_folder(folder: tuple[str, ...], options: ParseOptions) -> None:
    """Check that the arrays of a folder do not go into the input, when that lies in the output."""
    name = "/".join(folder)
    if not is_text(name):
        raise DeepometryError(f"The folder name {name!a} is not valid text; rename the folder.")
    for side in SIDES if options.split is not None else ("",):
        target = (options.output / side).joinpath(*folder).resolve()
        if target.is_relative_to(options.input.resolve()):
            raise DeepometryError(
                f"Output location {options.output}: the arrays of {name or 'its files'} "
                f"would go into the input folder {options.input}; choose another output."
            )
