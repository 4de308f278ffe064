"""The output folder of a training: whether it can be used, and what lay there before."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deepometry.core.errors import DeepometryError
from deepometry.core.files import (
    check_not_among_cells,
    check_writable,
    files_below,
    free_earlier,
    move_within,
)
from deepometry.core.progress import Progress
from deepometry.core.result_files import (
    CROSS_VALIDATION_RECORD,
    LAST_EPOCH,
    LOSS_PLOT,
    MODEL_PATTERN,
    TRAIN_RECORD,
    TRAINING_TABLE,
    VALIDATION_TABLE,
)
from deepometry.core.run_records import earlier_files

OF_TRAINING = (MODEL_PATTERN, TRAINING_TABLE, LOSS_PLOT, VALIDATION_TABLE, TRAIN_RECORD)
"""What every training leaves, a fold too."""

_KEPT = (*OF_TRAINING, LAST_EPOCH, "fold_[0-9]*")


def check_output(output: Path, cells: Path) -> None:
    """Check before long work that the results can be written, and that no cells lie there."""
    check_writable(output)
    if found := next(output.glob("*.npy"), None):
        raise DeepometryError(
            f"Output location {output}: expected a folder for the model, found parsed cells "
            f"({found.name}); choose another folder."
        )
    check_not_among_cells(output, cells)


def check_there(output: Path) -> None:
    """Check during long work that the output was not taken away, with what was written to it."""
    if not output.is_dir():
        raise DeepometryError(
            f"Output location {output} was deleted, renamed or moved while the training ran: put "
            "it back and go on with --resume, or train again."
        )


def fold_folder(output: Path, number: int) -> Path:
    """Return the folder of a fold, numbered from 1."""
    return output / f"fold_{number}"


def set_aside(output: Path, progress: Progress) -> None:
    """Move what an earlier training left in the output folder out of the way, whole."""
    earlier = training_files(output)
    if not earlier:
        return
    place = free_earlier(output)
    move_within(output, [(name, f"{place.name}/{name}") for name in earlier])
    progress.say(f"The earlier training in {output} was moved to {place}.")


def training_files(output: Path) -> list[str]:
    """List all files that a training wrote to a folder, relative to it."""
    written = [path for pattern in _KEPT for path in output.glob(pattern)]
    pooled = earlier_files(output / CROSS_VALIDATION_RECORD, "cross-validation")
    written += [output / name for name in pooled if (output / name).is_file()]
    return _files(output, written)


def _files(output: Path, places: Iterable[Path]) -> list[str]:
    """List files, and all files below folders, relative to the output."""
    names = []
    for place in places:
        below = files_below(place) if place.is_dir() else [""]
        names += [(place / name).relative_to(output).as_posix() for name in below]
    return list(dict.fromkeys(names))
