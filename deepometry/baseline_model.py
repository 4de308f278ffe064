"""The file of a baseline: trees and what they were learnt from, in one archive without pickle."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.features import feature_names, measure_on_cores
from deepometry.files import writing
from deepometry.model import DESCRIPTION, Description, read_description
from deepometry.trees import Trees

SUFFIX = ".baseline"
NETWORK = "baseline"
"""What the description of a baseline gives as its network."""

_FEATURES = "features.json"


@dataclass(frozen=True)
class BaselineModel:
    """Measures cells and gives them probabilities, as a network does.

    Attributes
    ----------
    trees : Trees
    description : Description
    """

    trees: Trees
    description: Description

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Give the probability of every class, shape (n, classes), for images of counts."""
        return self.trees.probabilities(measure_on_cores(images))


def is_baseline(path: Path) -> bool:
    """Tell a baseline from a network, by the name of its file."""
    return path.suffix == SUFFIX


def baseline_name(description: Description) -> str:
    """Name the file of a baseline, after that of a network of the same classes."""
    return Path(description.file_name).with_suffix(SUFFIX).name


def save_baseline(trees: Trees, description: Description, folder: Path) -> Path:
    """Write a baseline as one file, whole or not at all.

    Returns
    -------
    Path
        `<folder>/model_<classes>-<target>_categories.baseline`.

    Raises
    ------
    DeepometryError
        The file cannot be written.
    """
    path = folder / baseline_name(description)
    with writing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DESCRIPTION, _json(dataclasses.asdict(description)))
        archive.writestr(_FEATURES, _json(_names(description)))
        for name, array in trees.arrays().items():
            content = io.BytesIO()
            np.save(content, array)
            archive.writestr(f"{name}.npy", content.getvalue())
    return path


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _names(description: Description) -> list[str]:
    named = {int(number): name for number, name in description.channel_names.items()}
    return feature_names(description.depth, description.channels, named)


def load_baseline(path: Path) -> BaselineModel:
    """Load a baseline.

    Raises
    ------
    DeepometryError
        The file is none, is damaged, or was written by a version that measured other features.
    """
    description = read_description(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = json.loads(archive.read(_FEATURES))
            trees = Trees(**{f.name: _array(archive, f.name) for f in dataclasses.fields(Trees)})
        trees.check(len(names), len(description.labels))
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (KeyError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise DeepometryError(
            f"{path}: expected a baseline that deepometry baseline wrote, found a damaged file "
            f"({error}); make it anew."
        ) from error
    if names != _names(description):
        raise DeepometryError(
            f"{path} was learnt from other features than this version measures; run deepometry "
            "baseline anew."
        )
    return BaselineModel(trees, description)


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    return np.asarray(np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False))
