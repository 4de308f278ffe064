"""The step that gates parsed cells: proposes limits or takes them, and shows their effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.gate_like import gate_like
from deepometry.cells.gates.apply import leaves_out
from deepometry.cells.gates.gate import (
    STEP,
    Gate,
    Limit,
    gate_path,
    gates_of,
    remove_gate,
    write_gate,
)
from deepometry.cells.imported_features import ImportedFeatures
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.classical.cleaning.measure import features_of
from deepometry.classical.cleaning.propose import folders_of, proposal_channel, propose
from deepometry.classical.cleaning.show import write_results
from deepometry.core.earlier_results import earlier_results
from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.files import check_not_among_cells, staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.gate import GateOptions, ranges_of
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import OUTSIDE_SHEET
from deepometry.core.text import counted, percent, shortened

_MUCH = 0.5  # of the cells of a folder: a warning


@dataclass(frozen=True)
class GateResult(ShowsInNotebook):
    """A gate and the cells that it leaves out.

    Attributes
    ----------
    gate : Gate
        Without limits where it was removed.
    cells, gated_out : int
        Parsed cells, and those that this gate leaves out.
    by_limit : dict of str to int
        Cells outside of each limit; one may be outside of several.
    folders : DataFrame
        A row a folder: `folder`, `cells`, `gated_out`.
    warnings : tuple of str
        What to look at before learning without these cells.
    kept : Path or None
        File of the gate in the parsed cells; None where it was only shown, or removed.
    output : Path
        Folder of the results.
    """

    gate: Gate
    cells: int
    gated_out: int
    by_limit: Mapping[str, int]
    folders: pd.DataFrame
    warnings: tuple[str, ...]
    kept: Path | None
    output: Path

    @property
    def message(self) -> str:
        """The gate in words."""
        if not self.gate.limits:
            return f"{self.gate.name}: removed; it leaves no cell out any more."
        each = "; ".join(f"{limit}: {n:,}" for limit, n in self.by_limit.items())
        share = percent(self.gated_out / self.cells)
        what = f"{self.gated_out:,} of {counted(self.cells, 'cell')} ({share}) gated out"
        shown = " Only shown: no gate was kept." if self.kept is None else ""
        return f"{self.gate.name}, {self.gate.origin}: {what}. Outside of {each}.{shown}"

    def __str__(self) -> str:
        warnings = [f"Warning: {each}" for each in self.warnings]
        return "\n".join([self.message, *warnings, f"Results: {self.output}"])

    def notebook_view(self) -> NotebookView:
        """Show what is left out of every folder, and some of these cells."""
        rows: dict[str, object] = {"Cells": self.cells, "Gated out": self.gated_out}
        rows |= {f"Outside of {limit}": n for limit, n in self.by_limit.items()}
        picture = self.output / OUTSIDE_SHEET
        notes = [self.message, *self.warnings]
        return NotebookView(self.gate.name, rows, notes, picture if picture.is_file() else None)


def gate(options: GateOptions, progress: Progress | Report | None = None) -> GateResult:
    """Gate parsed cells by their features.

    Parameters
    ----------
    options : GateOptions
        The cells, and the limits or where they come from.
    progress : Progress or callable, optional
        Called with (cells done, cells in all, text).

    Returns
    -------
    GateResult
        The gate lies in the folder `gates` of the parsed cells; histograms, counts by folder, and
        pictures of cells inside and outside lie in the output folder.

    Raises
    ------
    DeepometryError
        The cells cannot be read, there is no such feature, or there is no gate to take over.
    Question
        There is a gate of this name, or the output holds results, and nobody agreed.
    """
    progress = as_progress(progress)
    home = parsed_home(options.input)
    check_not_among_cells(options.output, home)
    earlier = earlier_results(options)
    dataset = open_dataset(home, progress)
    _ask_to_replace(options, home)
    features = features_of(dataset, home, progress)
    found = _chosen(options, dataset, features)
    result = _result(options, found, dataset, features, home)
    with staged(options.output, earlier, progress.say) as stage:
        out = leaves_out(found, features, None)
        write_results(
            stage, options, found, dataset, features, out, result.folders, result.warnings
        )
        _keep(options, found, home)
    return result


def _ask_to_replace(options: GateOptions, home: Path) -> None:
    there = {gate.name.casefold(): gate for gate in gates_of(home)}
    earlier = there.get(options.gate.casefold())
    if earlier and not options.overwrite and not options.preview:
        raise Question(
            "overwrite",
            f"Overwrite: these cells have a gate {earlier} ({earlier.origin}): allow that it is "
            "replaced, or choose another name for the Gate.",
            [Choice("true", "Replace the earlier gate", str(earlier))],
        )


def _chosen(options: GateOptions, dataset: Dataset, features: ImportedFeatures) -> Gate:
    """Return the gate that is asked for: by its limits, like another one, or proposed."""
    if options.limits and options.like:
        raise OptionsError({"like": "Like: expected either Limits or Like, found both."})
    if options.like:
        other = gate_like(options.like, options.gate)
        found = Gate(options.gate, other.limits, f"as {other.name} of {options.like}")
    elif options.limits:
        given = tuple(Limit(*each) for each in ranges_of(options.limits))
        found = Gate(options.gate, given, "set by hand")
    else:
        channel = proposal_channel(dataset, options.channel)
        limits = propose(features.column, features.names, channel, folders_of(dataset)[1])
        found = Gate(options.gate, limits, "proposed from the data")
    return _with_known(found, features, "like" if options.like else "limits")


def _with_known(gate: Gate, features: ImportedFeatures, field: str) -> Gate:
    """Spell features as they are called; raise `OptionsError` for one that there is not."""
    known = {name.casefold(): name for name in features.names}
    for limit in gate.limits:
        if limit.feature.casefold() not in known:
            raise OptionsError(
                {field: f"{field.capitalize()}: expected features of these cells "
                 f"({shortened(features.names)}), found {limit.feature}; import an analysis of "
                 "IDEAS that has it, or give Limits of others."}
            )  # fmt: skip
    limits = (Limit(known[each.feature.casefold()], each.low, each.high) for each in gate.limits)
    return Gate(gate.name, tuple(limits), gate.origin)


def _result(
    options: GateOptions, gate: Gate, dataset: Dataset, features: ImportedFeatures, home: Path
) -> GateResult:
    out = leaves_out(gate, features, None)
    names, codes = folders_of(dataset)
    counts = {"cells": np.bincount(codes), "gated_out": np.bincount(codes, out).astype(np.int64)}
    folders = pd.DataFrame({"folder": names, **counts})
    each = {
        str(limit): int(np.count_nonzero(limit.leaves_out(features.column(limit.feature))))
        for limit in gate.limits
    }
    kept = None if options.preview or not gate.limits else gate_path(home, gate.name)
    return GateResult(
        gate=gate,
        cells=len(out),
        gated_out=int(out.sum()),
        by_limit=each,
        folders=folders,
        warnings=_warnings(gate, folders, options),
        kept=kept,
        output=options.output,
    )


def _warnings(gate: Gate, folders: pd.DataFrame, options: GateOptions) -> tuple[str, ...]:
    """Warn of folders that lose most of their cells, and of a proposal without limits."""
    lost = folders[folders.gated_out > _MUCH * folders.cells]
    found = [
        f"{n:,} of the {counted(cells, 'cell')} of {name or 'the input folder'} are gated out: "
        "they may differ for a biological reason."
        for name, cells, n in lost.itertuples(index=False)
    ]
    if not gate.limits and options.limits is None:
        found.append("The data propose no limits; give Limits.")
    return tuple(found)


def _keep(options: GateOptions, gate: Gate, home: Path) -> None:
    """Write the gate to the parsed cells, or remove it, unless it is only to be shown."""
    if options.preview:
        return
    if gate.limits:
        write_gate(home, gate, options)
    else:
        remove_gate(home, gate.name)


__all__ = ["STEP", "GateResult", "gate"]
