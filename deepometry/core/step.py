"""What a step is: its options, its function, its files and where the page shows it, by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deepometry.core.options.fields import Setting, settings
from deepometry.core.progress import Progress, Report
from deepometry.core.result_files import record_of

# By its name, as the steps themselves: what a project is, is known further up
_BEGIN_RUN = "deepometry.projects.record:begin_run"


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form of the page.

    Attributes
    ----------
    number, button : str
        As the page shows them.
    purpose : str
        One sentence under the title.
    shown : tuple of str
        Options in sight, in the protocol's order; all others stand in "More options".
    defaults : dict of str to str
        Where the page begins with another value than the option's default.
    extra : dict of str to Setting
        Fields of the form that are no options of the step.
    below : str
        The step under whose form this one stands; empty for a column of its own.
    inside : str
        The output is offered as a folder of this name in the input; empty for one beside it.
    folder : str
        What that folder is called; empty for what the step writes.
    asks : tuple of str
        Paths that every run has its own of, which a project does not fill in.
    """

    number: str = ""
    button: str
    purpose: str
    shown: tuple[str, ...]
    defaults: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Setting] = field(default_factory=dict)
    below: str = ""
    inside: str = ""
    folder: str = ""
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Button:
    """A second button of a form, which starts another step with what the form holds.

    Attributes
    ----------
    form : str
        The step of the form.
    button, tip : str
        As the page shows them.
    extra : tuple of str
        Options of this step that the form shows for it.
    """

    form: str
    button: str
    tip: str
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of the analysis.

    Attributes
    ----------
    name : str
        Its verb: the command, and the step that its jobs and records name.
    title : str
        As the page shows it.
    summary : str
        What it does, in one sentence.
    details : str
        What its command's help says further.
    example : str
        A command line of it, without the program's name.
    options : type
        The class of its options.
    function : str
        `module:function`, called with options and progress.
    writes : str
        What it leaves in its output folder, such as "parsed"; other steps read this as the `kind`
        of an option. Empty for a step that writes no folder of results.
    runs : str
        Folder of its runs in a project, where it is not named as what the step writes.
    run_name : str
        What its runs are called before their number, where not as what the step writes: two steps
        may write the same to one folder.
    table : str
        Name of its table with one row a cell, in the output folder; empty where it has none.
    view : str
        `module:function` that gives the template of its results what it shows; empty for none.
    place : Form, Button or None
        Where the page starts it; None where only its results or other pages do.
    job : bool
        Whether it can run as a job.
    json : bool
        Whether its command can write JSON; its result then has `plain()`.
    finish : str
        `module:function` that its command calls with the result in the end; empty for none.
    less_memory : str
        What to choose smaller where memory ran out; empty if nothing helps.
    replaces : str
        What the page says of an output folder that holds its results already.
    """

    name: str
    title: str
    summary: str
    details: str = ""
    example: str
    options: type
    function: str
    writes: str = ""
    runs: str = ""
    run_name: str = ""
    table: str = ""
    view: str = ""
    place: Form | Button | None = None
    job: bool = True
    json: bool = False
    finish: str = ""
    less_memory: str = ""
    replaces: str = ""

    @property
    def python_name(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")

    @property
    def record(self) -> str:
        """The name of its record in the output folder; empty where it writes no results."""
        return record_of(self.name) if self.writes not in ("", "raw") else ""

    @property
    def template(self) -> str:
        """The template of its results."""
        return f"results/{self.python_name}.html"

    @property
    def reads(self) -> tuple[str, ...]:
        """The kinds of what it reads, such as "parsed" and "model"."""
        kinds = (setting.kind for setting, _ in settings(self.options).values())
        return tuple(dict.fromkeys(kind for kind in kinds if kind not in ("", "folder")))

    @property
    def form(self) -> str:
        """The step from whose form this one is started; empty if there is none."""
        if isinstance(self.place, Button):
            return self.place.form
        return self.name if self.place else ""

    @property
    def asks(self) -> tuple[str, ...]:
        """Paths that every run has its own of, which a project does not fill in."""
        return self.place.asks if isinstance(self.place, Form) else ()

    def run(self, options: Any, progress: Progress | Report | None = None, id: str = "") -> Any:
        """Import the step with all that it needs, and run it; in a project, leave its record there.

        `id` is that of the job, if it is one.
        """
        function = load(self.function)
        finish = load(_BEGIN_RUN)(self, options, id) if self.record and options.output else None
        result = function(options, progress)
        if finish:
            finish(result, progress)
        return result


def load(name: str) -> Callable[..., Any]:
    """Import what `module:name` names."""
    module, _, attribute = name.partition(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return loaded
