"""The preview of intensity scalings in the form Model training."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepometry.core.options.scalings import ScalingsOptions
from deepometry.web.browse.background import Task

if TYPE_CHECKING:
    from deepometry.training.scalings import ScalingsResult


@dataclass(frozen=True)
class Preview:
    """What the page shows: the result, and its picture as the address of an image."""

    result: ScalingsResult
    picture: str


def scaling_preview(options: ScalingsOptions, task: Task) -> Preview:
    """Show what each scaling makes of some cells.

    Raises
    ------
    DeepometryError
        As `scalings`.
    """
    from deepometry.training.scalings import scalings  # NumPy takes long to load

    result = scalings(options, task.progress)
    picture = base64.b64encode(result.picture()).decode("ascii")
    return Preview(result, f"data:image/png;base64,{picture}")
