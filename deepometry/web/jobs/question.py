"""What a step asks the user: as JSON of its job, and as the page shows it."""

from __future__ import annotations

import base64
from typing import Any

from deepometry.core.errors import Question

ONCE = ("overwrite", "rescale", "despite_scale")
"""Options whose answer holds for one run only."""


def plain_question(question: Question) -> dict[str, Any]:
    """Return a question as JSON can say it; pictures become addresses that hold them."""
    choices = [
        {
            "value": choice.value,
            "label": choice.label,
            "detail": choice.detail,
            "picture": _address(choice.picture),
        }
        for choice in question.choices
    ]
    return {"option": question.option, "choices": choices}


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}" if png else ""
