"""Options of the step that compares annotators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.options.fields import Options, option, parsed_cells, read_text


@dataclass(frozen=True, kw_only=True)
class AgreementOptions(Options):
    """Options of `deepometry.cells.labels.agreement.agreement`; every field also accepts text."""

    input: Path = parsed_cells("")
    name: str = option(
        "Labels", "Name of labels given by hand, such as Phase.", read_text, positional=True
    )
