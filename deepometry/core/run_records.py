"""The JSON records of how an output was made and which files belong to it."""

from __future__ import annotations

import json
import os
import platform
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepometry import __version__
from deepometry.core.disk import is_below
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.exchange import settle
from deepometry.core.files import writing
from deepometry.core.step_options import plain

FORMAT_VERSION = 1
"""Version of every record; it grows when an older program would misread a newer record."""

_RECORDED = (
    "numpy",
    "tifffile",
    "keras",
    "tensorflow",
    "keras-resnet",
    "scikit-image",
    "scikit-learn",
    "umap-learn",
    "openTSNE",
    "phate",
)


class NewerFormatError(DeepometryError):
    """A file is of a format that only a later version of the program reads."""


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as readable JSON, whole or not at all.

    Numbers that are not defined become null: JSON has no word for them, and other programs refuse
    what Python would write.
    """
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    with writing(path) as part:
        part.write_text(f"{text}\n", "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    DeepometryError
        The file cannot be read or is not a JSON object.
    NewerFormatError
        A later version of the program wrote it, in a format that this one does not know.
    """
    settle(path.parent)
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise DeepometryError(f"{path} is not valid JSON ({reason}): create it again.") from error
    if not isinstance(content, dict):
        raise DeepometryError(
            f"{path}: expected the record of a step, a JSON object, found "
            f"{json.dumps(content)[:40]}; put it back from a copy, or run the step again."
        )
    check_format(path, content)
    return content


def check_format(path: Path, content: dict[str, Any]) -> None:
    """Raise `NewerFormatError` if a later version of the program wrote it, in a newer format."""
    version = content.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise NewerFormatError(
            f"{path}: expected format version {FORMAT_VERSION} or earlier, found {version}; "
            "update Deepometry."
        )


def provenance(step: str, options: Any) -> dict[str, Any]:
    """Return how an output was made: step, options, versions, platform and time."""
    return {
        "step": step,
        "format_version": FORMAT_VERSION,
        "deepometry": __version__,
        "options": plain(options),
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": platform.platform(),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions() -> dict[str, str]:
    from importlib import metadata  # takes time that most commands need not take

    versions = {}
    for name in _RECORDED:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def new_run_id(started: float) -> str:
    """Return an id for a run that began then, in seconds since 1970; it sorts by the time."""
    return f"{datetime.fromtimestamp(started, UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"


def own_record(record: Path, step: str) -> dict[str, Any]:
    """Read the record of a step; empty if there is none, or it is of another step.

    What a kill left half-moved in its folder is finished first.

    Raises
    ------
    NewerFormatError
        A later version of the program wrote it.
    DeepometryError
        What was left half-moved cannot be finished, or the record is damaged.
    """
    settle(record.parent)
    if not os.path.isfile(record):  # noqa: PTH113 - False where nobody may look
        return {}
    try:
        content = read_json(record)
    except NewerFormatError:
        raise
    except DeepometryError as error:
        if not _may_be_ours(record):
            return {}
        raise DeepometryError(
            f"{record} is damaged: expected the record of a step, found {_fault(error)}; put it "
            "back from a copy, or delete it, and run the step again. If another program wrote it, "
            "rename it."
        ) from error
    return content if content.get("step") == step else {}


def _may_be_ours(record: Path) -> bool:
    """Return whether a file that is not JSON may be what is left of a record."""
    try:
        text = record.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return True
    return text.strip(" \t\r\n\0")[:1] in ("", "{")


def _fault(error: DeepometryError) -> str:
    """Say in a few words why a record cannot be read."""
    if isinstance(error.__cause__, OSError):
        return f"one that cannot be read ({error.__cause__.strerror})"
    return "no valid JSON"


def earlier_files(record: Path, step: str, key: str = "files") -> list[str]:
    """Return the files that an earlier run of a step wrote beside its record, as listed there."""
    files = own_record(record, step).get(key)
    names = files if isinstance(files, list) else []
    return [name for name in names if isinstance(name, str) and is_below(name)]
