"""The classes of labels given by hand: added, changed, ordered, and hidden with their labels."""

from __future__ import annotations

from collections.abc import Sequence

from deepometry.cells.labels.hand_schema import (
    LabelClass,
    checked_colour,
    checked_key,
    checked_name,
    read_classes,
    same_name,
)
from deepometry.core.database import Database
from deepometry.core.errors import DeepometryError
from deepometry.core.text import shortened

_FIELD = "Name of the class"


def list_classes(database: Database, deleted: bool = False) -> tuple[LabelClass, ...]:
    """List the classes in their order, or those that were deleted."""
    query = "SELECT * FROM classes WHERE deleted = ? ORDER BY place, id"
    return read_classes(database.rows(query, int(deleted)))


def add_class(database: Database, name: str, colour: str, key: str | None) -> LabelClass:
    """Add a class behind the others, or bring a deleted one of this name back with its labels."""
    name = checked_name(name, _FIELD)
    with database.transaction() as connection:
        classes = list_classes(database)
        _check_free(name, classes)
        earlier = same_name(name, list_classes(database, deleted=True))
        if earlier:
            colour = colour or earlier.colour
        colour, key = checked_colour(colour, classes), checked_key(key, classes)
        place = connection.execute("SELECT COALESCE(MAX(place), 0) + 1 FROM classes").fetchone()[0]
        values = (name, colour, key, place)
        if earlier:
            change = "UPDATE classes SET (name, colour, key, place, deleted) = (?, ?, ?, ?, 0)"
            connection.execute(f"{change} WHERE id = ?", (*values, earlier.id))
            return LabelClass(earlier.id, name, colour, key)
        made = connection.execute(
            "INSERT INTO classes (name, colour, key, place) VALUES (?, ?, ?, ?)", values
        )
        return LabelClass(made.lastrowid or 0, name, colour, key)


def change_class(
    database: Database, id: int, name: str | None, colour: str | None, key: str | None
) -> LabelClass:
    """Change what is given of a class; its labels stay."""
    with database.transaction() as connection:
        old = find_class(database, id)
        others = [each for each in list_classes(database) if each.id != id]
        new = LabelClass(
            id,
            old.name if name is None else checked_name(name, _FIELD),
            old.colour if not colour else checked_colour(colour, others),
            old.key if key is None else checked_key(key, others),
        )
        _check_free(new.name, others)
        connection.execute(
            "UPDATE classes SET (name, colour, key) = (?, ?, ?) WHERE id = ?",
            (new.name, new.colour, new.key, id),
        )
        return new


def order_classes(database: Database, ids: Sequence[int]) -> None:
    """Put the classes in another order."""
    with database.transaction() as connection:
        there = [each.id for each in list_classes(database)]
        if sorted(ids) != sorted(there):
            raise DeepometryError(
                f"Order of the classes: expected each of {there} once, found {list(ids)}; read the "
                "classes again."
            )
        places = [(place, id) for place, id in enumerate(ids, 1)]
        connection.executemany("UPDATE classes SET place = ? WHERE id = ?", places)


def delete_class(database: Database, id: int) -> None:
    """Hide a class and its labels; a class that is added with its name brings them back."""
    with database.transaction() as connection:
        find_class(database, id)
        connection.execute("UPDATE classes SET deleted = 1 WHERE id = ?", (id,))


def find_class(database: Database, id: int) -> LabelClass:
    """Find a class; raise `DeepometryError` if there is none."""
    for each in list_classes(database):
        if each.id == id:
            return each
    raise DeepometryError(f"There is no class {id}: it was deleted; choose another one.")


def named_class(database: Database, name: str) -> LabelClass:
    """Find a class by its name; raise `DeepometryError` if there is none."""
    classes = list_classes(database)
    if found := same_name(name, classes):
        return found
    there = shortened([each.name for each in classes]) or "none"
    raise DeepometryError(
        f"Label: expected one of the classes ({there}), found {name!r}; add this class first."
    )


def _check_free(name: str, classes: Sequence[LabelClass]) -> None:
    if same_name(name, classes):
        raise DeepometryError(f"{_FIELD}: there is a class {name} already; choose another name.")
