"""Writing that leaves nothing half-written, and the record of how an output was made."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path, PureWindowsPath
from typing import Any

from deepometry import __version__
from deepometry.errors import DeepometryError, explain_os_error
from deepometry.progress import unbroken

STAGE_PREFIX = ".deepometry-"
_LEFT_BEHIND = 7 * 24 * 3600  # seconds
_RECORDED = (
    "numpy",
    "tifffile",
    "keras",
    "tensorflow",
    "keras-resnet",
    "scikit-learn",
    "umap-learn",
    "openTSNE",
    "phate",
)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` when the block ends well.

    Parameters
    ----------
    path : Path
        The file to write. What stood there stays untouched if anything goes wrong.

    Raises
    ------
    DeepometryError
        The file cannot be written: no permission, no space.
    """
    part = path.with_name(f"{_own_prefix()}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _replace(part, path)
    except OSError as error:
        raise explain_os_error(error, path) from error
    finally:
        with suppress(OSError):  # which would hide what went wrong before
            part.unlink(missing_ok=True)


def _replace(new: Path, target: Path) -> None:
    """Rename over what is there; on Windows wait a while for programs that have it open."""
    for wait in (0.1, 0.3, 1.0, 2.0) if os.name == "nt" else ():
        try:
            new.replace(target)
            return
        except PermissionError:
            time.sleep(wait)
    new.replace(target)


@contextmanager
def staged(output: Path, stale: Iterable[str] = ()) -> Iterator[Path]:
    """Give a hidden folder inside `output`; move its content into `output` at the end.

    Parameters
    ----------
    output : Path
        Folder to write to, made with its parents where missing.
    stale : iterable of str
        Files below `output`, relative and with forward slashes, which the new content
        replaces: those not written anew are deleted once everything new stands. Looked at
        when the block ends, so that it may still add to them.

    Raises
    ------
    DeepometryError
        The folder cannot be made or written. Then, as after any other error inside the block,
        nothing of the new content stays and nothing old is lost.
    """
    made = _make_folder(output)
    stage = None
    try:
        _sweep(output)
        stage = Path(tempfile.mkdtemp(prefix=_own_prefix(), dir=output))
        yield stage
        with unbroken():
            _move_into(stage, output, stale)
    except OSError as error:
        raise explain_os_error(error, _beyond_stage(error, stage, output)) from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()


def _sweep(output: Path) -> None:
    """Delete what a power cut or a kill left behind, once nobody can be writing it any more."""
    for place in output.glob(f"{STAGE_PREFIX}*"):
        if place.is_dir() and time.time() - place.stat().st_mtime > _LEFT_BEHIND:
            shutil.rmtree(place, ignore_errors=True)


def _own_prefix() -> str:
    """Begin the name of what is not whole yet; it tells which process will know."""
    return f"{STAGE_PREFIX}{os.getpid()}-"


def missing_folders(folder: Path) -> list[Path]:
    """Name `folder` and its parents as far as they do not exist, outermost first."""
    return [place for place in [folder, *folder.parents] if not place.exists()][::-1]


def sweep_after(process: int, output: Path, made: Iterable[Path] = ()) -> bool:
    """Delete what a process that was ended in the middle left half-written.

    Parameters
    ----------
    process : int
        Its number. It must not be writing any more.
    output : Path
        The folder, or the file, that it wrote to.
    made : iterable of Path
        Folders that it made, outermost first: deleted where they are empty.

    Returns
    -------
    bool
        Whether nothing of it is left; on Windows a file that is still open stays.
    """
    name = f"{STAGE_PREFIX}{process}-*"
    for place in (*output.glob(name), *output.parent.glob(name)):
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            with suppress(OSError):
                place.unlink()
    left = next(output.glob(name), None) or next(output.parent.glob(name), None)
    for folder in reversed([*made]):
        with suppress(OSError):
            folder.rmdir()
    return left is None


def lies_in(place: Path, folder: Path) -> bool:
    """Tell whether a place, which need not exist, is a folder or lies in it, whatever its name."""
    place = place.resolve()
    return any(_same(above, folder) for above in (place, *place.parents))


def check_writable(output: Path) -> None:
    """Find out before long work whether a folder can be made and written to.

    Raises
    ------
    DeepometryError
        It cannot.
    """
    with staged(output):
        pass


def _beyond_stage(error: OSError, stage: Path | None, output: Path) -> Path | str:
    """Name the file as the user would have seen it, not its temporary place."""
    name = error.filename if isinstance(error.filename, str | Path) else None
    if name is None or stage is None or not Path(name).is_relative_to(stage):
        return name or output
    return output / Path(name).relative_to(stage)


def _make_folder(folder: Path) -> list[Path]:
    """Make `folder` and its parents; return those that were not there before."""
    missing: list[Path] = []
    try:
        missing = missing_folders(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        for made in reversed(missing):
            with suppress(OSError):
                made.rmdir()
        raise explain_os_error(error, folder) from error
    return missing


def _move_into(stage: Path, output: Path, stale: Iterable[str]) -> None:
    new = sorted(p.relative_to(stage).as_posix() for p in stage.rglob("*") if p.is_file())
    for name in new:
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(stage / name, target)
    spelled = {name.casefold(): name for name in new}
    for name in set(stale) - set(new):
        twin = output / spelled.get(name.casefold(), name)
        # where the disk does not tell case apart, a folder renamed in case only is the new one
        if twin == output / name or not _same(twin, output / name):
            _remove(output, name)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False  # not there, or not to be seen: writing will say why


def _remove(output: Path, name: str) -> None:
    """Delete one file below `output`, and the folders that this leaves empty."""
    path = output / name
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == output or output not in folder.parents:
            return
        try:
            folder.rmdir()
        except OSError:
            return  # not empty, or gone already


def existing_folder(path: Path, label: str) -> Path:
    """Check that `path` is a folder that can be read.

    Raises
    ------
    DeepometryError
        It does not exist, or is a file.
    """
    if not path.exists():
        raise DeepometryError(f"{label} {path} does not exist: check the path.")
    if not path.is_dir():
        raise DeepometryError(f"{label} {path} is a file; give the folder that holds it.")
    return path


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as readable JSON, whole or not at all."""
    with writing(path) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    DeepometryError
        The file cannot be read or is not a JSON object.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise explain_os_error(error, path) from error
    except ValueError as error:
        raise DeepometryError(f"{path} is not valid JSON ({error}): make it anew.") from error
    if not isinstance(content, dict):
        raise DeepometryError(f"{path} holds {type(content).__name__}, not a JSON object.")
    return content


def provenance(step: str, options: Any) -> dict[str, Any]:
    """Say how an output was made: step, options, versions, platform and time.

    Parameters
    ----------
    step : str
        The verb, such as "parse".
    options : dataclass instance
        The options of the step.
    """
    return {
        "step": step,
        "deepometry": __version__,
        "options": {name: _plain(value) for name, value in asdict(options).items()},
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": platform.platform(),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.absolute())  # a later step may run in another folder
    return list(value) if isinstance(value, tuple) else value


def _versions() -> dict[str, str]:
    found = {}
    for name in _RECORDED:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def own_record(record: Path, step: str) -> dict[str, Any]:
    """Read the record that a step left; empty if there is none, or it is of anything else.

    Parameters
    ----------
    record : Path
        The JSON file.
    step : str
        The verb.
    """
    try:
        content = read_json(record)
    except DeepometryError:
        return {}
    return content if content.get("step") == step else {}


def earlier_files(record: Path, step: str, key: str = "files") -> list[str]:
    """Give the files that an earlier run of a step says it wrote beside its record."""
    files = own_record(record, step).get(key)
    found = files if isinstance(files, list) else []
    return [name for name in found if isinstance(name, str) and _is_below(name)]


def _is_below(name: str) -> bool:
    """Tell whether a relative path stays in its folder, on any system."""
    path = PureWindowsPath(name)
    return bool(path.parts) and not path.drive and not path.root and ".." not in path.parts
