"""What a model file says about the model: classes, channels, frame, scores."""

from __future__ import annotations

import dataclasses
import json
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from deepometry.cells.dataset import Dataset
from deepometry.cells.description_checks import wrong_in
from deepometry.cells.gates.gate import Gate, gate_of
from deepometry.cells.model_archive import not_a_model, read_member, read_object
from deepometry.core.channel_names import own_name
from deepometry.core.errors import DeepometryError
from deepometry.core.exchange import settle
from deepometry.core.result_files import (
    BASELINE_MODEL_PATTERN,
    BASELINE_MODEL_SUFFIX,
    MODEL_DESCRIPTION,
    MODEL_PATTERN,
    MODEL_SUFFIX,
)
from deepometry.core.run_records import FORMAT_VERSION, check_format
from deepometry.core.safe_names import safe_name
from deepometry.core.task import Task
from deepometry.core.task_names import MEASURES
from deepometry.core.text import counted, joined, shortened

_MOST = 1 << 24  # bytes of a description

_LONGEST_TARGET = 40  # letters of its name in the name of a model file


class HasChannels(Protocol):
    """Parsed cells or image files, as far as their channels go."""

    @property
    def root(self) -> Path: ...
    @property
    def depth(self) -> int: ...
    @property
    def channels(self) -> tuple[int, ...] | None: ...
    @property
    def channel_numbers(self) -> tuple[int, ...]: ...
    @property
    def channel_names(self) -> dict[int, str]: ...


@dataclass(frozen=True)
class ImageChannels:
    """The channels of image files.

    Attributes
    ----------
    root : Path
        Their folder.
    channels : tuple of int
        Numbers of the channels.
    channel_names : dict of int to str
        Names of those that have one.
    """

    root: Path
    channels: tuple[int, ...]
    channel_names: dict[int, str]

    @property
    def depth(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @property
    def channel_numbers(self) -> tuple[int, ...]:
        """Numbers of the channels."""
        return self.channels


@dataclass(frozen=True)
class Description:
    """Classes, input and scores of a model, as its file has them.

    Attributes
    ----------
    labels : tuple of str
        Its classes, in the order of its outputs; empty where it predicts a number.
    target : str
        What the classes or numbers are values of, such as `Class`.
    label_source : str
        Where its labels came from, in words; empty where an older version made the model.
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
        Labelled cells of each class, or range of numbers, in training and validation together.
    task : Task
        Whether it predicts a class, an ordered class or a number, and what that needs.
    views : int
        Mirror images and quarter turns of a cell that are averaged in a prediction; 1 or 8.
    temperature : float
        Calibrates its probabilities, see `deepometry.evaluation.temperature_scaling`; 1 for models
        without.
    confusion : tuple of tuple of int
        Of the validation cells, rows the true classes; empty where it was not counted.
    between_samples : dict
        How it confuses classes of samples that it never saw, and how that varies, see
        `deepometry.evaluation.share_intervals`; empty without a cross-validation by whole groups.
    combination : dict
        How much its network and its decision trees count, as `Combined.plain` in
        `deepometry.training.combined` returns it; empty for a network or trees alone.
    gates : tuple of dict
        The gates inside of which those cells lie, as `Gate.plain` returns them.
    appearance : dict
        What the training cells look like, see `deepometry.cells.appearance`; empty where an older
        version made the model.
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
    label_source: str = ""
    task: Task = Task()  # noqa: RUF009 - it is frozen
    views: int = 1
    temperature: float = 1.0
    confusion: tuple[tuple[int, ...], ...] = ()
    between_samples: Mapping[str, Any] = field(default_factory=dict)
    combination: Mapping[str, Any] = field(default_factory=dict)
    gates: tuple[Mapping[str, Any], ...] = ()
    appearance: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "channels", tuple(self.channels) if self.channels else None)
        object.__setattr__(self, "confusion", tuple(map(tuple, self.confusion)))
        object.__setattr__(self, "gates", tuple(self.gates))
        if not isinstance(self.task, Task):
            object.__setattr__(self, "task", Task.read(self.task))

    @property
    def file_name(self) -> str:
        """Name of the model file, as in the protocol; `model_number-<target>` of a number."""
        target = safe_name(re.sub(r'[<>:"/\\|?*\s]+', "_", self.target)[:_LONGEST_TARGET])
        if self.task.is_number:
            return f"model_number-{target}{MODEL_SUFFIX}"
        return f"model_{len(self.labels)}-{target}_categories{MODEL_SUFFIX}"

    @property
    def outputs(self) -> int:
        """Number of outputs: one for each class, or the number."""
        return 1 if self.task.is_number else len(self.labels)

    @property
    def about_outputs(self) -> str:
        """What it predicts, such as `Class of 7 labels (A, B ...)`, in a few words."""
        if self.task.is_number:
            unit = f" in {self.task.unit}" if self.task.unit else ""
            return f"{self.target}, a number{unit} ({self.task.lowest:g} to {self.task.highest:g})"
        listed = shortened(self.labels)
        order = "ordered labels" if self.task.is_ordered else "labels"
        return f"{self.target} of {len(self.labels)} {order} ({listed})"

    @property
    def learnt_gates(self) -> tuple[Gate, ...]:
        """The gates inside of which the cells lie that it learnt from."""
        return tuple(map(gate_of, self.gates))

    @property
    def about_gates(self) -> str:
        """Which gates these are, such as `Good cells: Area Ch3 = 60..`; empty where none."""
        return ", and ".join(map(str, self.learnt_gates))

    @property
    def about_views(self) -> str:
        """Which views its validation scores are of, in a sentence; empty where that is one."""
        views, measure = self.scores.get("val_views", 1), self.task.measure
        one = self.scores.get(f"val_{measure}_one_view")
        if views == 1 or one is None:
            return ""
        with_trees = ", together with classical features" if self.combination else ""
        network = " of the network" if self.combination else ""
        return (
            f"Validation scores are of {views:.0f} views of each cell, averaged as in predictions"
            f"{with_trees}; with one view, as in the learning curve, the {MEASURES[measure]}"
            f"{network} is {one:.3f}."
        )

    @property
    def about_network(self) -> str:
        """What makes the predictions, such as `small18 with classical features`."""
        return f"{self.network} with classical features" if self.combination else self.network

    @property
    def channel_labels(self) -> list[str]:
        """Numbers and names of the channels, such as `Ch3 Brightfield`."""
        numbers, names = self.channels or tuple(range(1, self.depth + 1)), self.channel_names
        return [f"Ch{n} {own_name(n, [names.get(str(n), '')])}".strip() for n in numbers]

    def columns(self, dataset: Dataset, path: Path) -> list[int]:
        """Return the positions of the model's channels in the images of a data set.

        Raises
        ------
        DeepometryError
            The data set has another frame, lacks a channel, or has other channels under the
            numbers of the model's.

        Notes
        -----
        Channels are matched by their names where the data set has all names of the model's, since
        names of files give the same marker other numbers where there are other markers beside it.
        Else they are matched by their numbers.
        """
        if dataset.frame != self.frame:
            raise DeepometryError(
                f"{path.name} was trained on a frame of {self.frame} pixels, but {dataset.root} "
                f"was parsed with {dataset.frame}; parse with --frame {self.frame}."
            )
        columns = self._matching(dataset, path)
        if columns is None:
            raise DeepometryError(
                f"{path.name} was trained on {_channels(self.channels, self.depth)}, but "
                f"{dataset.root} was parsed with {_channels(dataset.channels, dataset.depth)}; "
                "parse with the channels of the model."
            )
        return columns

    def columns_of_images(self, images: ImageChannels, path: Path) -> list[int]:
        """Return the positions of the model's channels in image files, as `columns` does."""
        columns = self._matching(images, path)
        if columns is None:
            raise DeepometryError(
                f"{path.name} was trained on {_channels(self.channels, self.depth)}, but the "
                f"images in {images.root} have {_channels(images.channels, images.depth)}; choose "
                "images that have the channels of the model."
            )
        return columns

    def _matching(self, cells: HasChannels, path: Path) -> list[int] | None:
        """Return the positions of the model's channels by name or number; None if one is missing.

        Raises `DeepometryError` if the same name stands for different numbers.
        """
        named = self._columns_by_name(cells)
        if named is not None:
            return named
        self._check_names(cells, path)
        numbers = cells.channels
        if numbers is None or self.channels is None:
            in_order = self.channels is None or list(self.channels) == sorted(self.channels)
            return list(range(self.depth)) if cells.depth == self.depth and in_order else None
        if set(self.channels) <= set(numbers):
            return [numbers.index(number) for number in self.channels]
        return None

    def _columns_by_name(self, dataset: HasChannels) -> list[int] | None:
        """Return the positions of the channels by their names; None where not all are known."""
        here, own = _by_name(dataset.channel_names), _by_name(self.channel_names)
        numbers = {number: name for name, number in own.items()}
        names = [numbers.get(number) for number in self.channels or ()]
        if not names or not all(name in here for name in names):
            return None
        return [dataset.channel_numbers.index(here[name]) for name in names if name]

    def _check_names(self, dataset: HasChannels, path: Path) -> None:
        """Raise `DeepometryError` if the same name stands for different numbers."""
        own = _by_name(self.channel_names)
        for name, number in _by_name(dataset.channel_names).items():
            if own.get(name, number) != number and number in (self.channels or ()):
                raise DeepometryError(
                    f"{path.name} was trained on {', '.join(self.channel_labels)}, but in "
                    f"{dataset.root} channel {number} is {dataset.channel_names[number]}; take "
                    "images that have the channels of the model."
                )


def _by_name(names: Mapping[Any, str]) -> dict[str, int]:
    """Return the numbers of channels by their names, in lower case, of those with their own."""
    own = {int(number): own_name(int(number), [name]).casefold() for number, name in names.items()}
    counts = Counter(own.values())
    return {name: number for number, name in own.items() if name and counts[name] == 1}


def _channels(channels: tuple[int, ...] | None, depth: int) -> str:
    if channels is None:
        return f"{counted(depth, 'channel')} without numbers"
    return f"channel{'s' * (depth != 1)} {joined(channels)}"


def find_model(location: Path) -> Path:
    """Return the model file at a location; raise `DeepometryError` if there is none.

    A folder means its newest network; where it has none, its newest baseline.
    """
    settle(location, above=True)
    if not location.exists():
        raise DeepometryError(f"Model location {location} does not exist: check the path.")
    if location.is_file():
        return location
    if paths := models_in(location):
        return max(paths, key=lambda path: path.stat().st_mtime)
    raise DeepometryError(
        f"Model location {location}: expected a file {MODEL_PATTERN} in it, found none; "
        "choose the folder that Train wrote."
    )


def models_in(folder: Path) -> list[Path]:
    """List the networks in a folder; where it has none, the baselines."""
    for pattern in (MODEL_PATTERN, BASELINE_MODEL_PATTERN):
        if paths := [path for path in folder.glob(pattern) if path.is_file()]:
            return paths
    return []


def write_description(archive: zipfile.ZipFile, description: Description) -> None:
    """Add a description to the archive that is a model file."""
    content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(description)}
    archive.writestr(MODEL_DESCRIPTION, json.dumps(content, indent=2, ensure_ascii=False))


def read_description(path: Path) -> Description:
    """Read the description in a model file, without loading the model.

    Raises
    ------
    DeepometryError
        The file is not a model, not one of this program, or one of a newer format.
    """
    settle(path.parent)
    text = read_member(path, MODEL_DESCRIPTION, _MOST)
    if text is None:
        raise not_a_model(path, "a Keras file without classes and channels")
    content = read_object(path, text)
    check_format(path, content)
    if wrong := wrong_in(content):
        raise not_a_model(path, wrong)
    names = {field.name for field in dataclasses.fields(Description)}
    return Description(**{name: value for name, value in content.items() if name in names})


def is_baseline(path: Path) -> bool:
    """Return whether a model file is a baseline, which its suffix says, and not a network."""
    return path.suffix == BASELINE_MODEL_SUFFIX
