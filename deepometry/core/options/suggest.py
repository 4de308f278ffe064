"""Options of the step that says which cells to label next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.errors import OptionsError
from deepometry.core.options.fields import (
    Options,
    one_of,
    option,
    overwrite_option,
    parsed_cells,
    read_path,
    read_text,
    whole,
)

UNCERTAIN, LIKELY, DIFFERENT = "uncertain", "likely", "different"
SUGGESTION_ORDERS = (UNCERTAIN, LIKELY, DIFFERENT)


@dataclass(frozen=True, kw_only=True)
class SuggestOptions(Options):
    """Options of `deepometry.training.assisted.suggest.suggest`; every field also accepts text."""

    input: Path = parsed_cells("")
    target: str = option(
        "Labels",
        "Labels given so far, by hand or from a table, such as Phase.",
        read_text,
        positional=True,
        metavar="TARGET",
    )
    output: Path = option(
        "Table",
        "Table to write (.csv): source and object of the cells to label next, with what they are "
        "predicted as.",
        read_path,
    )
    order: str = option(
        "Order",
        "uncertain: cells whose label teaches the classifier most; likely: those that are most "
        "likely of a class; different: those least like all labelled cells.",
        one_of(SUGGESTION_ORDERS),
        UNCERTAIN,
        choices=SUGGESTION_ORDERS,
    )
    label: str | None = option(
        "Class", "With the order likely: the class.", read_text, None, metavar="CLASS"
    )
    number: int = option("Cells", "How many to suggest.", whole(1, 10_000), 100, metavar="NUMBER")
    overwrite: bool = overwrite_option()

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.order == LIKELY) != (self.label is not None):
            message = "Class: expected one with the order likely, and none with other orders."
            raise OptionsError({"label": message})
