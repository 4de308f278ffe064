"""The file of a network: a Keras archive with a description of the model."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepometry.cells.description_checks import BASELINE
from deepometry.cells.known_cells import KnownCells, write_known
from deepometry.cells.model_archive import not_a_model, opened
from deepometry.cells.model_description import (
    Description,
    find_model,
    read_description,
    write_description,
)
from deepometry.core.errors import DeepometryError, lacks_memory
from deepometry.core.files import writing
from deepometry.core.result_files import BASELINE_MODEL_SUFFIX, MODEL_SUFFIX
from deepometry.network.backend import keras
from deepometry.network.dihedral import with_plain_layers
from deepometry.network.fused_ops import fuse
from deepometry.network.precision import as_float32
from deepometry.network.untrusted import check_archive, check_config, check_fit, check_weights


def save_model(
    model: Any,
    description: Description,
    folder: Path,
    known: KnownCells | None = None,
    members: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a model and its description as one file, whole or not at all; return its path.

    The file is `<folder>/model_<classes>-<target>_categories.keras`; `known` are the cells that
    the model has seen, `members` what else predicting needs: further members of the archive.
    """
    path = folder / description.file_name
    with writing(path) as part:
        plain = with_plain_layers(model)
        bare = keras().Model(plain.inputs, plain.outputs, name=model.name)
        # not compiled, so without the optimiser, which is twice the size of the weights
        with as_float32(bare):
            bare.save(part)
        with zipfile.ZipFile(part, "a") as archive:
            write_description(archive, description)
            if known is not None:
                write_known(archive, known)
            for name, content in (members or {}).items():
                archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def load_model(location: Path) -> tuple[Any, Description, Path]:
    """Load a model, which computes in float32, its description, and the path of its file.

    `location` is a model file, or a folder, which means its newest one.
    """
    path = find_model(location)
    description = read_description(path)
    _check_kind(path, description)
    model = _opened(path)
    check_fit(path, model, description)
    model.compile(jit_compile=False)
    return fuse(model), description, path


def _check_kind(path: Path, description: Description) -> None:
    """Check that a file is that of a network, and is called so, which Keras goes by."""
    if description.network == BASELINE:
        raise not_a_model(path, f"a baseline, whose name must end with {BASELINE_MODEL_SUFFIX}")
    if path.suffix != MODEL_SUFFIX:
        found = f"one whose name ends with {path.suffix or 'nothing'}"
        raise not_a_model(path, f"{found} (rename it to {path.with_suffix(MODEL_SUFFIX).name})")


def _opened(path: Path) -> Any:
    """Open a network with Keras, of which nothing can run that came with it."""
    with opened(path) as archive:
        check_archive(path, archive)
    check_config(path)
    try:
        with opened(path) as archive:
            check_weights(path, archive)
        return keras().models.load_model(path, compile=False, safe_mode=True)
    except DeepometryError:
        raise
    except Exception as error:  # whatever Keras makes of a file that was changed
        if lacks_memory(error):
            raise
        reason = " ".join(str(error).split())
        raise not_a_model(path, f"one that Keras cannot open ({reason:.200})") from error
