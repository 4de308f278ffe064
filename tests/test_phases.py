"""Phases: which layers learn when, at what rate."""

import pytest

from deepometry.network.build import HEAD, STEM, build_network
from deepometry.training.fine_tuning import freeze, head_epochs, phase_at, phases_of


@pytest.mark.parametrize("what", ["none", "stem", "all-but-head"])
def test_one_phase_is_the_whole_training(what):
    (phase,) = phases_of(what, 10, 2)
    assert (phase.first, phase.last, phase.epochs, phase.frozen) == (1, 10, 10, what)


def test_two_phases_the_last_layer_first_then_all():
    head, whole = phases_of("two-phase", 20, head_epochs(20))
    assert (head.first, head.last, head.frozen) == (1, 2, "all-but-head")
    assert (whole.first, whole.last, whole.frozen) == (3, 20, "none")
    assert [phase_at((head, whole), epoch) for epoch in (1, 2, 3, 20)] == [head] * 2 + [whole] * 2


def test_few_epochs():
    assert head_epochs(2) == 1
    (only,) = phases_of("two-phase", 1, head_epochs(1))
    assert (only.first, only.last, only.frozen) == (1, 1, "none")
    (only,) = phases_of("two-phase", 2, 5)  # resumed with fewer epochs than the first phase had
    assert only.frozen == "all-but-head"


def test_frozen_layers_are_those_that_are_named():
    model = build_network("small18", 16, 3, "channel", [100.0], [10.0], 0)
    layers = {layer.name: layer for layer in model.layers[-1].layers}
    for what, learning in (
        ("stem", set(layers) - set(STEM)),
        ("all-but-head", {HEAD}),
        ("none", set(layers)),
    ):
        freeze(model, what)
        assert {name for name, layer in layers.items() if layer.trainable} == learning
    freeze(model, "all-but-head")
    assert len(model.trainable_variables) == 2
