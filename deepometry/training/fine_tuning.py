"""Which layers learn in which epochs, when a training starts from earlier weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deepometry.network.build import HEAD, STEM

_HEAD_SHARE = 0.1
_TOLD = {"none": "all layers learn", "stem": "all but the first layers learn"}


@dataclass(frozen=True)
class Phase:
    """Epochs, from 1, in which the same layers are frozen: `none`, `stem` or `all-but-head`."""

    first: int
    last: int
    frozen: str

    @property
    def epochs(self) -> int:
        """How many they are."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        layers = _TOLD.get(self.frozen, "only the last layer learns")
        return f"Epochs {self.first} to {self.last}: {layers}."


def phases_of(freeze: str, epochs: int, head: int) -> tuple[Phase, ...]:
    """Divide the epochs of a training.

    Parameters
    ----------
    freeze : str
        `none`, `stem`, `all-but-head`, or `two-phase`: first the last layer alone, then all.
    epochs : int
        Of the whole training.
    head : int
        Epochs of the first of two phases.

    Notes
    -----
    A new last layer sends random gradients through all others: until it has settled, they would
    lose what they have learnt (Kumar et al., Fine-tuning can distort pretrained features, ICLR
    2022). Two phases have a cycle of the learning rate each. A lower rate in the second one, as is
    usual for photographs, leaves few cells too few steps (tests/benchmarks/transfer.py).
    """
    if freeze != "two-phase":
        return (Phase(1, epochs, freeze),)
    both = (Phase(1, head, "all-but-head"), Phase(head + 1, epochs, "none"))
    return tuple(phase for phase in both if phase.epochs > 0)


def head_epochs(epochs: int) -> int:
    """Return the epochs in which the last layer learns alone; a single epoch is for all layers."""
    return max(1, round(_HEAD_SHARE * epochs)) if epochs > 1 else 0


def phase_at(phases: tuple[Phase, ...], epoch: int) -> Phase:
    """Find the phase of an epoch."""
    return next((phase for phase in phases if epoch <= phase.last), phases[-1])


def freeze(model: Any, what: str) -> None:
    """Freeze some layers of a network, with the statistics of their normalisations.

    It must be compiled after this. `what` is `none`, `stem` or `all-but-head`.
    """
    for layer in model.layers[-1].layers:
        is_frozen = layer.name in STEM if what == "stem" else layer.name != HEAD
        layer.trainable = what == "none" or not is_frozen
