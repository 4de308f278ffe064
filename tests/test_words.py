"""Pieces of sentences."""

from deepometry.core.text import counted, joined, shortened


def test_numbers_and_nouns():
    assert [counted(n, "cell") for n in (0, 1, 2731)] == ["0 cells", "1 cell", "2,731 cells"]


def test_channels_are_written_as_they_are_typed():
    assert joined((12, 1)) == "12,1"


def test_long_lists_are_shortened():
    assert shortened(["a", "b"]) == "a, b"
    assert shortened([str(n) for n in range(300)], 2) == "0, 1 and 298 more"
