"""Groups of cells that must not be parted, such as all cells of a sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deepometry.errors import DeepometryError
from deepometry.names import Levels, label_of, parse_name


def group_values(folders: Sequence[Levels], by: str, field: str, instead: str) -> list[str]:
    """Give the group of every folder.

    Parameters
    ----------
    folders : sequence of tuple of str
        Folder names below the input folder, outermost first.
    by : str
        A folder prefix such as `Sample`, or `Folder level N`.
    field : str
        The option, as its users know it, for messages.
    instead : str
        What they can do without groups, such as `split by cells`.

    Returns
    -------
    list of str
        In lower case: values that differ in case alone are one. This keeps together a sample
        that was spelled in two ways, where the opposite mistake would test on cells of a
        training sample.

    Raises
    ------
    DeepometryError
        No folder, or not every folder, has the prefix.
    """
    found = [label_of(folder, by) for folder in folders]
    if not any(value is not None for value in found):
        raise DeepometryError(
            f"{field}: expected folders named {by}, found {_prefixes(folders)}; "
            f"name one of these or {instead}."
        )
    for value, folder in zip(found, folders, strict=True):
        if value is None:
            name = "/".join(folder) or "the input folder itself"
            raise DeepometryError(
                f"{field}: expected every cell in a folder named {by}, found cells in {name} "
                f"without one; move them below a {by} folder or {instead}."
            )
    return [value.casefold() for value in found if value is not None]


def _prefixes(folders: Iterable[Levels]) -> str:
    names = dict.fromkeys(name for folder in folders for name in folder)
    parsed = [found[0] for name in names if (found := parse_name(name))]
    distinct = {prefix.casefold(): prefix for prefix in reversed(parsed)}
    return ", ".join(sorted(distinct.values())) or "no folder with a prefix"
