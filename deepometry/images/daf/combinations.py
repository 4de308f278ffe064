"""Populations that combine others: `Focused|And|Not|(|G1|Or|S|)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from deepometry.images.daf.parts import DafError

_AND, _OR, _NOT, _OPEN, _CLOSE = "And", "Or", "Not", "(", ")"
_BINDS = {_OR: 1, _AND: 2, _NOT: 3}
_WORDS = {*_BINDS, _OPEN, _CLOSE}


def names_in(definition: str) -> list[str]:
    """Return the names of the populations in a definition."""
    return [token for token in _tokens(definition) if token not in _WORDS]


def combine(definition: str, members: Callable[[str], np.ndarray]) -> np.ndarray:
    """Return which objects are in a combination.

    Not binds closer than And, and And closer than Or.

    Parameters
    ----------
    definition : str
    members : callable
        Returns which objects are in the population of a name: bool, shape (objects,).

    Raises
    ------
    DafError
        The definition is damaged.
    """
    stack: list[np.ndarray] = []
    for token in _postfix(_tokens(definition), definition):
        if token == _NOT:
            stack.append(~stack.pop())
        elif token in (_AND, _OR):
            right, left = stack.pop(), stack.pop()
            stack.append(left & right if token == _AND else left | right)
        else:
            stack.append(members(token))
    return stack.pop()


def _tokens(definition: str) -> list[str]:
    tokens = definition.split("|")
    return [word if (word := token.strip()) in _WORDS else token for token in tokens if token]


def _postfix(tokens: Sequence[str], definition: str) -> list[str]:
    """Write operators behind their operands (Dijkstra's shunting-yard algorithm)."""
    output: list[str] = []
    waiting: list[str] = []
    complete = False  # whether an operand stands before this token
    for token in tokens:
        begins = token in (_NOT, _OPEN) or token not in _WORDS
        if begins == complete:
            raise _damaged(definition)
        if token == _CLOSE:
            _close(waiting, output, definition)
        elif token in _WORDS:
            if token in (_AND, _OR):
                _move(waiting, output, _BINDS[token])
            waiting.append(token)
        else:
            output.append(token)
        complete = token not in _WORDS or token == _CLOSE
    _move(waiting, output, 0)
    if waiting or not complete:
        raise _damaged(definition)
    return output


def _move(waiting: list[str], output: list[str], least: int) -> None:
    """Move the operators that bind as closely as this, back to the last open parenthesis."""
    while waiting and waiting[-1] != _OPEN and _BINDS[waiting[-1]] >= least:
        output.append(waiting.pop())


def _close(waiting: list[str], output: list[str], definition: str) -> None:
    _move(waiting, output, 0)
    if not waiting:
        raise _damaged(definition)
    waiting.pop()


def _damaged(definition: str) -> DafError:
    return DafError(f"its definition {definition!r} is not names joined by And, Or and Not")
