"""Who is held out: counts, stability, and whole groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from deepometry.cells.hold_out import held_out_number, split_cells
from deepometry.core.errors import DeepometryError
from deepometry.images.readers.base import Source


@dataclass
class Listed:
    """As much of a source as the split may look at."""

    folder: tuple[str, ...]
    keys: Sequence[str]


def listed(path: str, cells: int, start: int = 0) -> Source:
    folder = tuple(path.split("/")) if path else ()
    keys = [f"{path}/{number}" for number in range(start, start + cells)]
    return cast(Source, Listed(folder, keys))


def held_keys(sources: Sequence[Source], *how: Any) -> set[str]:
    split = split_cells(sources, *how)
    return {
        key
        for source, held in zip(sources, split, strict=True)
        for key, out in zip(source.keys, held, strict=True)
        if out
    }


@pytest.mark.parametrize(
    ("cells", "share", "expected"),
    [
        (100, 0.2, 20),
        (1001, 0.333, 333),
        (7, 0.2, 1),
        (3, 0.01, 1),
        (10, 0.999, 9),
        (2, 0.5, 1),
        (2, 0.99, 1),
        (1, 0.2, 0),
        (1, 0.9, 1),
        (0, 0.5, 0),
    ],
)
def test_the_share_is_rounded_with_a_cell_on_each_side(
    cells: int, share: float, expected: int
) -> None:
    assert held_out_number(cells, share) == expected
    assert sum(split_cells([listed("Class A", cells)], share, 0)[0]) == expected


def test_every_folder_has_the_same_share() -> None:
    sources = [listed("Class A", 100), listed("Class B", 10), listed("Day 1/Class A", 55)]
    assert [held.sum() for held in split_cells(sources, 0.2, 0)] == [20, 2, 11]


def test_sources_of_one_folder_are_ranked_together() -> None:
    whole = [listed("Class A", 100)]
    parts = [listed("Class A", 30), listed("Class B", 8), listed("Class A", 70, start=30)]
    split = split_cells(parts, 0.2, 0)
    assert [len(held) for held in split] == [30, 8, 70]
    assert split[0].sum() + split[2].sum() == 20
    together = {key for key in held_keys(parts, 0.2, 0) if key.startswith("Class A")}
    assert together == held_keys(whole, 0.2, 0)


def test_nothing_moves_on_a_second_parse_in_another_order() -> None:
    sources = [listed("Class A", 100), listed("Class B", 50)]
    backwards = [cast(Source, Listed(s.folder, s.keys[::-1])) for s in sources[::-1]]
    assert held_keys(sources, 0.2, 0) == held_keys(backwards, 0.2, 0)


def test_a_larger_share_only_adds_cells() -> None:
    sources = [listed("Class A", 100)]
    assert held_keys(sources, 0.2, 0) < held_keys(sources, 0.4, 0)


def test_another_seed_makes_another_choice() -> None:
    sources = [listed("Class A", 100)]
    assert held_keys(sources, 0.2, 0) != held_keys(sources, 0.2, 1)


def test_the_choice_is_the_same_on_every_computer() -> None:
    held = split_cells([listed("Class A", 10)], 0.3, 0)[0]
    assert np.flatnonzero(held).tolist() == [4, 5, 8]


def days(*cells: int) -> list[Source]:
    """Return samples of so many cells, each on two days and in two classes."""
    return [
        listed(f"Day {day}/Sample {name}/Class {kind}", number)
        for day in (1, 2)
        for name, number in zip("ABCDEFGHIJ", cells, strict=False)
        for kind in ("x", "y")
    ]


@pytest.mark.parametrize("seed", range(20))
def test_a_sample_is_never_on_both_sides_even_across_days(seed: int) -> None:
    sources = days(10, 10, 10, 10, 10)
    sides: dict[str, set[bool]] = {}
    for source, held in zip(sources, split_cells(sources, 0.2, seed, "Sample"), strict=True):
        sides.setdefault(source.folder[1], set()).update(held.tolist())
    assert all(len(side) == 1 for side in sides.values())
    assert list(sides.values()).count({True}) == 1


def test_all_samples_get_their_turn_over_the_seeds() -> None:
    chosen = {
        next(iter(held_keys(days(10, 10, 10), 0.3, seed, "Sample"))).split("/")[1]
        for seed in range(40)
    }
    assert chosen == {"Sample A", "Sample B", "Sample C"}


@pytest.mark.parametrize("seed", range(20))
def test_a_huge_sample_is_not_held_out_for_a_small_share(seed: int) -> None:
    sources = days(1000, 50, 60, 40, 30)
    share = sum(held.sum() for held in split_cells(sources, 0.1, seed, "Sample")) / 4720
    assert 0.01 < share < 0.2


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("seed", range(5))
def test_there_is_a_group_on_each_side(share: float, seed: int) -> None:
    sources = days(5, 100)
    held = [bool(held.all()) for held in split_cells(sources, share, seed, "Sample")]
    assert set(held) == {True, False}


def test_the_prefix_and_the_spelling_of_values_are_compared_without_case() -> None:
    sources = [listed("Sample A", 9), listed("sample a", 9), listed("SAMPLE-B", 9)]
    for seed in range(10):
        first, second, third = split_cells(sources, 0.5, seed, "sAMPLE")
        assert first.all() == second.all() != third.all()


def test_values_are_whole() -> None:
    sources = [listed("Sample 1", 10), listed("Sample 10", 10)]
    first, second = split_cells(sources, 0.5, 0, "Sample")
    assert first.all() != second.all()


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["Day 1/Class A", "Day 2/Class B"], ["Sample", "Class, Day", "by cells"]),
        ([""], ["Sample", "no folder with a prefix"]),
        (["Sample A/x", "Sample B/x", "Other/x"], ["Other/x", "Sample"]),
        (["Sample A", ""], ["the input folder itself"]),
        (["Day 1/Sample A", "Day 2/Sample A"], ["only A", "two or more"]),
        (["Sample A/Sample B", "Sample C"], ["Sample A/Sample B", "A and B"]),
    ],
)
def test_groups_that_cannot_be_split_are_one_sentence(paths: list[str], words: list[str]) -> None:
    sources = [listed(path, 4) for path in paths]
    with pytest.raises(DeepometryError) as caught:
        split_cells(sources, 0.2, 0, "Sample")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
