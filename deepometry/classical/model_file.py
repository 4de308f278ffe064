"""The file of a baseline: trees and what they were learnt from, in one archive without pickle."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.description_checks import BASELINE
from deepometry.cells.known_cells import KnownCells, write_known
from deepometry.cells.model_archive import array_bytes, array_of, read_member
from deepometry.cells.model_description import Description, read_description, write_description
from deepometry.classical.features import feature_names, measure_on_cores
from deepometry.classical.tree_file import Trees
from deepometry.core.errors import DeepometryError
from deepometry.core.files import writing
from deepometry.core.result_files import BASELINE_MODEL_SUFFIX, FEATURE_DESCRIPTION

_MOST = 1 << 28  # bytes of an array


@dataclass(frozen=True)
class BaselineModel:
    """Measures cells and predicts their probabilities or numbers, as a network does."""

    trees: Trees
    description: Description

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Return probabilities (n, classes) or standardised numbers (n, 1) for images of counts."""
        return self.outputs(measure_on_cores(images, wanted=self.trees.used))

    def outputs(self, features: np.ndarray) -> np.ndarray:
        """Return the same for features (n, features)."""
        if self.description.task.is_number:
            return self.trees.votes(features)
        return self.trees.probabilities(features)


def baseline_name(description: Description) -> str:
    """Name the file of a baseline, after that of a network of the same classes."""
    return Path(description.file_name).with_suffix(BASELINE_MODEL_SUFFIX).name


def save_baseline(trees: Trees, description: Description, folder: Path, known: KnownCells) -> Path:
    """Write a baseline as one file, whole or not at all; return its path.

    The file is `<folder>/model_<classes>-<target>_categories.baseline`; `known` are the cells that
    the trees have seen.
    """
    path = folder / baseline_name(description)
    with writing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        write_description(archive, description)
        write_known(archive, known)
        for name, content in tree_members(trees, description).items():
            archive.writestr(name, content)
    return path


def tree_members(trees: Trees, description: Description) -> dict[str, bytes]:
    """Return the members of a model file that hold trees, and the names of their features."""
    names = json.dumps(_names(description), indent=2, ensure_ascii=False)
    members = {FEATURE_DESCRIPTION: names.encode("utf-8")}
    members |= {f"{name}.npy": array_bytes(array) for name, array in trees.arrays().items()}
    return members


def _names(description: Description) -> list[str]:
    named = {int(number): name for number, name in description.channel_names.items()}
    return feature_names(description.depth, description.channels, named)


def load_baseline(path: Path) -> BaselineModel:
    """Load a baseline; refuse one of a version that measured other features."""
    description = read_description(path)
    if description.network != BASELINE:
        raise _damaged(path, BASELINE, f"its network is {description.network}")
    return BaselineModel(read_trees(path, description), description)


def read_trees(path: Path, description: Description) -> Trees:
    """Read the trees in a model file.

    Raises
    ------
    DeepometryError
        There are none, they are damaged, or they were learnt from other features than this version
        measures.
    """
    step = str(description.record.get("step", BASELINE))
    try:
        names = json.loads(_member(path, FEATURE_DESCRIPTION))
        trees = Trees(**{f.name: _array(path, f.name) for f in dataclasses.fields(Trees)})
        trees.check(len(names), description.outputs)
    except DeepometryError:
        raise
    except (KeyError, ValueError, EOFError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, step, str(error)) from error
    if names != _names(description):
        raise DeepometryError(
            f"{path} was learnt from other features than this version measures; run deepometry "
            f"{step} again."
        )
    return trees


def _damaged(path: Path, step: str, why: str) -> DeepometryError:
    return DeepometryError(
        f"{path}: expected a model that deepometry {step} wrote, found a damaged file ({why}); "
        f"run deepometry {step} again."
    )


def _member(path: Path, name: str) -> bytes:
    content = read_member(path, name, _MOST)
    if content is None:
        raise ValueError(f"{name} is missing")
    return content


def _array(path: Path, name: str) -> np.ndarray:
    return array_of(_member(path, f"{name}.npy"), name)
