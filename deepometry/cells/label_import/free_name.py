"""The name of new labels: none that folders or other labels have."""

from __future__ import annotations

from deepometry.cells.dataset import Dataset
from deepometry.cells.labels.label_table import LabelTable
from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.options.label import read_target_name


def free_name(wanted: str, overwrite: bool, dataset: Dataset) -> str:
    """Return the name of a target, if it is free or may be replaced.

    Raises
    ------
    OptionsError
        It is no name, or that of folders, or of labels that are not made by importing.
    Question
        There are such labels, and nobody has said that they may be replaced.
    """
    try:
        name = read_target_name(wanted)
    except ValueError as error:
        raise OptionsError({"name": f"Name: {error}"}) from error
    there = dataset.labels(name)
    if there.from_folders and there.classes:
        raise OptionsError(
            {"name": f"Name: expected one that folders do not have, found {name}, a folder prefix "
             "of these cells; choose another."}
        )  # fmt: skip
    sources = {source.name.casefold(): source for source in dataset.label_sources}
    earlier = sources.get(name.casefold())
    if earlier and not isinstance(earlier, LabelTable):
        raise OptionsError(
            {"name": f"Name: expected one that no other labels have, found {name}, {there.origin}, "
             "which a table does not replace; choose another."}
        )  # fmt: skip
    if earlier and not overwrite:
        raise Question(
            "overwrite",
            f"Overwrite: these cells have labels {earlier.name} already ({earlier.origin}): allow "
            "that they are replaced, or choose another Name.",
            [Choice("true", "Replace the earlier labels", earlier.origin)],
        )
    return name
