"""The files and the part of the report on the most novel cells of a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deepometry.evaluation.write import write_novel
from deepometry.inference.prediction_table import Prediction


def novelty_page(prediction: Prediction, stage: Path) -> dict[str, Any]:
    """Write the most novel cells to the folder `stage`; return what the report says of them."""
    novelties = prediction.seen.novelties
    top = novelties.most.top
    if top:
        write_novel(stage, top, prediction.inference.description.channel_labels)
    return {"novelty": novelties.tally(), "novel": top}
