"""The model file: one Keras archive that says what it was trained on."""

from __future__ import annotations

import dataclasses
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepometry.backend import keras
from deepometry.dataset import Dataset
from deepometry.errors import DeepometryError, explain_os_error
from deepometry.files import writing
from deepometry.fused import fuse
from deepometry.precision import as_float32, chosen_precision, set_precision
from deepometry.words import counted, joined

DESCRIPTION = "deepometry.json"
_PATTERN, _BASELINE = "model_*.keras", "model_*.baseline"


@dataclass(frozen=True)
class Description:
    """What a model knows about itself.

    Attributes
    ----------
    labels : tuple of str
        Its classes, in the order of its outputs.
    target : str
        What the classes are values of, such as `Class`.
    channels : tuple of int or None
        Numbers of the channels that it wants, in order; None where training did not know them.
    depth : int
        Number of channels.
    channel_names : dict of str to str
        Names of those that have one, by number.
    frame : int
        Side of the images, in pixels.
    network, scaling : str
        As in the training options.
    fingerprint : str
        Hash of all training and validation pixels and labels.
    cells : dict of str to int
        Labelled cells of each class in training and validation together.
    views : int
        Mirror images and quarter turns of a cell that are averaged in a prediction; 1 or 8.
    temperature : float
        What makes its probabilities mean what they say, see `deepometry.evaluation.temperature`;
        1 for models without.
    confusion : tuple of tuple of int
        Of the validation cells, rows the true classes; empty where it was not counted.
    scores : dict of str to float
        Of the epoch it holds, on the validation cells.
    record : dict
        How it was made: options, versions, time.
    """

    labels: tuple[str, ...]
    target: str
    channels: tuple[int, ...] | None
    depth: int
    channel_names: Mapping[str, str]
    frame: int
    network: str
    scaling: str
    fingerprint: str
    cells: Mapping[str, int]
    views: int = 1
    temperature: float = 1.0
    confusion: tuple[tuple[int, ...], ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "channels", tuple(self.channels) if self.channels else None)
        object.__setattr__(self, "confusion", tuple(map(tuple, self.confusion)))

    @property
    def file_name(self) -> str:
        """Name of the model file, as in the protocol."""
        target = re.sub(r'[<>:"/\\|?*\s]+', "_", self.target)
        return f"model_{len(self.labels)}-{target}_categories.keras"

    def columns(self, dataset: Dataset, path: Path) -> list[int]:
        """Find the channels of the model in a data set.

        Returns
        -------
        list of int
            Positions in the images of the data set.

        Raises
        ------
        DeepometryError
            The data set has another frame, or lacks a channel.
        """
        if dataset.frame != self.frame:
            raise DeepometryError(
                f"{path.name} was trained on a frame of {self.frame} pixels, but {dataset.root} "
                f"was parsed with {dataset.frame}; parse with --frame {self.frame}."
            )
        known = dataset.channels
        if known is None or self.channels is None:
            in_order = self.channels is None or list(self.channels) == sorted(self.channels)
            if dataset.depth == self.depth and in_order:
                return list(range(self.depth))
        elif set(self.channels) <= set(known):
            return [known.index(number) for number in self.channels]
        raise DeepometryError(
            f"{path.name} was trained on {_told(self.channels, self.depth)}, but "
            f"{dataset.root} was parsed with {_told(known, dataset.depth)}; parse with the "
            "channels of the model."
        )


def _told(channels: tuple[int, ...] | None, depth: int) -> str:
    if channels is None:
        return f"{counted(depth, 'channel')} without numbers"
    return f"channel{'s' * (depth != 1)} {joined(channels)}"


def save_model(model: Any, description: Description, folder: Path) -> Path:
    """Write a model and its description as one file, whole or not at all.

    Returns
    -------
    Path
        `<folder>/model_<classes>-<target>_categories.keras`.

    Raises
    ------
    DeepometryError
        The file cannot be written.
    """
    path = folder / description.file_name
    with writing(path) as part:
        bare = keras().Model(model.inputs, model.outputs, name=model.name)
        # not compiled, so without the optimiser, which is twice the size of the weights
        with as_float32(bare):
            bare.save(part)
        with zipfile.ZipFile(part, "a") as archive:
            text = json.dumps(dataclasses.asdict(description), indent=2, ensure_ascii=False)
            archive.writestr(DESCRIPTION, text)
    return path


def find_model(location: Path) -> Path:
    """Find the model file that a location means.

    Parameters
    ----------
    location : Path
        A model file, or a folder, which means its newest network; where it has none, its newest
        baseline.

    Raises
    ------
    DeepometryError
        There is none.
    """
    if not location.exists():
        raise DeepometryError(f"Model location {location} does not exist: check the path.")
    if location.is_file():
        return location
    kinds = (location.glob(pattern) for pattern in (_PATTERN, _BASELINE))
    found = next(filter(None, (sorted(kind, key=_written) for kind in kinds)), [])
    if not found:
        raise DeepometryError(
            f"Model location {location}: expected a file {_PATTERN} in it, found none; give the "
            "folder that Train wrote."
        )
    return found[-1]


def _written(path: Path) -> float:
    return path.stat().st_mtime


def read_description(path: Path) -> Description:
    """Read what a model file says of itself, without loading the model.

    Raises
    ------
    DeepometryError
        The file is not a model, or not one of this program.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = json.loads(archive.read(DESCRIPTION))
        known = {each.name for each in dataclasses.fields(Description)}
        return Description(**{name: value for name, value in content.items() if name in known})
    except OSError as error:
        raise explain_os_error(error, path) from error
    except KeyError as error:
        raise _not_a_model(path, "a Keras file that tells no classes and channels") from error
    except (zipfile.BadZipFile, ValueError, TypeError, AttributeError) as error:
        raise _not_a_model(path, "another kind of file, or a damaged one") from error


def _not_a_model(path: Path, found: str) -> DeepometryError:
    return DeepometryError(
        f"{path}: expected a model file that deepometry train wrote (.keras), found {found}; "
        "choose another file or train anew."
    )


def load_model(location: Path) -> tuple[Any, Description, Path]:
    """Load a model and its description.

    Parameters
    ----------
    location : Path
        A model file, or a folder, which means its newest one.

    Returns
    -------
    model : keras.Model
    description : Description
    path : Path
        The file itself.

    Raises
    ------
    DeepometryError
        There is no model, or its file is damaged.
    """
    path = find_model(location)
    description = read_description(path)
    try:
        model = keras().models.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise _not_a_model(path, f"one that Keras cannot open ({error})") from error
    model.compile(jit_compile=False)
    return fuse(set_precision(model, chosen_precision())), description, path
