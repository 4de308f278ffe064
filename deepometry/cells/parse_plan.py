"""Where the cells of each source go, decided and checked before a single one is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.hold_out import split_cells
from deepometry.core.earlier_results import earlier_results
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.file_types import is_text
from deepometry.core.files import check_outside, existing_folder
from deepometry.core.folder_names import SIDES
from deepometry.core.options.parse import ParseOptions
from deepometry.core.result_files import PARSE_RECORD, PROBLEMS_TABLE
from deepometry.core.run_records import earlier_files
from deepometry.core.safe_names import safe_name, unique_name
from deepometry.core.text import joined
from deepometry.images.readers.base import Source


def choose_channels(sources: Sequence[Source], options: ParseOptions) -> tuple[int, ...]:
    """Return the wanted channels, or those that most cells have; raise an error if one is missing.

    Notes
    -----
    Where no source at all can be opened there is nothing to check: reading will report why.
    """
    votes: Counter[tuple[int, ...]] = Counter()
    for source in filter(_opens, sources):
        votes[tuple(source.channels)] += len(source.objects)
    if options.channels is None:
        return max(votes, key=lambda channels: (votes[channels], len(channels)), default=())
    present = sorted({number for channels in votes for number in channels})
    if present and (missing := [n for n in options.channels if n not in present]):
        message = (
            f"Channels: expected channels that the images have ({joined(present)}), found "
            f"{joined(missing)}; choose among those."
        )
        raise OptionsError({"channels": message})
    return options.channels


def check_masks(sources: Sequence[Source], options: ParseOptions) -> None:
    """Raise `OptionsError` if masks are wanted, and not one source has any."""
    if options.masked and not any(source.has_masks for source in sources):
        message = (
            "Masked: expected .cif or .rtdc files with masks, found no mask in any file; parse "
            "without it."
        )
        raise OptionsError({"masked": message})


def _opens(source: Source) -> bool:
    """Return whether a source has cells, and does not stand for an unreadable file."""
    return bool(source.channels)


def check_places(options: ParseOptions) -> None:
    """Check that the output is not in the input: its montages would be read as cells next time."""
    if not options.input.is_file():
        existing_folder(options.input, "Input location")
    check_outside(options.output, options.input, "in the input")


def check_earlier(options: ParseOptions) -> list[str]:
    """Return the files of an earlier parse in the output, which the new one may replace.

    Parsed cells are neither mixed with others nor read as images.

    Raises
    ------
    Question
        There are some, and nobody has said that they may be replaced.
    DeepometryError
        The output holds arrays that no parse.json there accounts for, or the input holds what an
        earlier parse wrote.
    """
    earlier = earlier_results(options)
    listed = {options.output / name for name in earlier}
    for array in options.output.rglob("*.npy"):
        hidden = any(part.startswith(".") for part in array.relative_to(options.output).parts)
        if array not in listed and not hidden:
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
        The cells cannot be split as wanted, or the name of a folder is not valid text.
    """
    good = [source for source in sources if _opens(source)]
    held = [np.zeros(len(source.objects), bool) for source in sources]
    if options.split is not None and good:
        chosen = iter(split_cells(good, options.split, options.seed, options.split_by))
        held = [
            next(chosen) if _opens(source) else none
            for source, none in zip(sources, held, strict=True)
        ]
    shared = Counter(names_of_folders(source.folder) for source in good)
    # At the root, a source named `problems` would have the table of the problem cells.
    used: dict[tuple[str, ...], set[str]] = {(): {Path(PROBLEMS_TABLE).stem}}
    plans = []
    for source, sides in zip(sources, held, strict=True):
        folder = names_of_folders(source.folder)
        _check_text(folder)
        stem = unique_name(safe_name(source.stem), used.setdefault(folder, set()))
        names = [*folder, stem] if not folder or shared[folder] > 1 else list(folder)
        plans.append(Plan(source, folder, stem, safe_name("_".join(names)), sides))
    return plans


def names_of_folders(folder: Sequence[str], windows: bool = os.name == "nt") -> tuple[str, ...]:
    """Return the names of the folders to write; a .zip may have some that Windows forbids."""
    return tuple(map(safe_name, folder)) if windows else tuple(folder)


def _check_text(folder: tuple[str, ...]) -> None:
    name = "/".join(folder)
    if not is_text(name):
        raise DeepometryError(f"The folder name {name!a} is not valid text; rename the folder.")


def check_folders(plans: Sequence[Plan], options: ParseOptions) -> None:
    """Check that no array goes into the input, when that lies in the output."""
    places = SIDES if options.split is not None else ("",)
    for folder in dict.fromkeys(plan.folder for plan in plans):
        for side in places:
            target = (options.output / side).joinpath(*folder).resolve()
            if target.is_relative_to(options.input.resolve()):
                name = "/".join(folder)
                raise DeepometryError(
                    f"Output location {options.output}: the arrays of {name or 'its files'} "
                    f"would go into the input folder {options.input}; choose another output."
                )
