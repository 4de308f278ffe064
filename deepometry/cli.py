"""The command `deepometry`: a command for every step, made from the list of steps, and `gui`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import MISSING
from functools import partial
from typing import Any

import click

from deepometry import __version__
from deepometry.core.errors import (
    DeepometryError,
    OptionsError,
    Question,
    explain_os_error,
    lacks_memory,
)
from deepometry.core.options.fields import (
    FEW_OPTIONS,
    POSITIONAL,
    Setting,
    by_group,
    flag_of,
    is_place,
    settings,
)
from deepometry.core.progress import Cancelled, Progress
from deepometry.core.step import Step, load
from deepometry.core.steps import STEPS
from deepometry.core.text import quoted, table
from deepometry.core.user_folders import state_folder
from deepometry.projects.commands import project_commands
from deepometry.projects.project_option import Flag, Place, filled, project_options

_NAME = "deepometry"
_STOPPED = 130  # what shells expect of a program ended by Ctrl-C
_NO_MEMORY = "There is not enough memory: use a smaller --batch-size or a smaller --network."


class _InOrder(click.Group):
    """A group whose help lists the commands in the order of the analysis."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=_NAME)
def cli() -> None:
    """Deep learning for imaging flow cytometry, on your own machine.

    The main steps, in order: parse, targets, train, predict, extract, embed. `deepometry demo`
    runs them on example cells; `deepometry info` describes your files before you begin, and
    `deepometry gui` opens the same steps as a page in the browser.
    """


# --- the steps -------------------------------------------------------------------------------


class _Grouped(click.Command):
    """A command whose help lists many options by what they are about, as the page does."""

    def __init__(self, step: Step, **more: Any) -> None:
        super().__init__(step.name, **more)
        own = {name: setting for name, (setting, _) in settings(step.options).items()}
        self._groups = by_group(own) if len(own) > FEW_OPTIONS else {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, in sections."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        lines = {each.name: each.get_help_record(ctx) for each in options}
        for title, names in self._groups.items():
            rows = [row for name in names if (row := lines.pop(name, None))]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
        with formatter.section("Other options" if self._groups else "Options"):
            formatter.write_dl(list(filter(None, lines.values())))


def _command(step: Step) -> click.Command:
    """Make the command of a step, with an argument or option for every option of the step."""
    params = [_parameter(name, *about) for name, about in settings(step.options).items()]
    params += project_options(step)
    if step.json:
        help = "Write JSON, for other programs."
        params.append(click.Option(["--json", "as_json"], is_flag=True, help=help))
    text = "\n\n".join(filter(None, (step.summary, step.details)))
    run, last = partial(_run, step), _last_words(step)
    return _Grouped(step, params=params, callback=run, help=text, epilog=last)


def _last_words(step: Step) -> str:
    """Describe the arguments, which have no help of their own, and give an example."""
    options = settings(step.options).items()
    places = [(name, about[0]) for name, about in options if is_place(name, *about)]
    lines = [f"{name.upper()}: {setting.help}" for name, setting in places]
    return "\n\n".join([*lines, f"Example: deepometry {step.example}"])


def _parameter(name: str, setting: Setting, default: Any) -> click.Parameter:
    required, flag = default is MISSING, "--" + flag_of(name)
    if is_place(name, setting, default):
        several = -1 if setting.several else 1
        return Place([name], nargs=several, required=True, metavar=setting.metavar)
    if default is False:
        return click.Option([flag, name], is_flag=True, help=setting.help)
    if default is True:
        both = f"{flag}/{flag.replace('--', '--no-')}"
        return click.Option([both, name], default=True, show_default=True, help=setting.help)
    return (Flag if required else click.Option)(
        [flag, name],
        required=required,
        default=None if required or default is None else _as_text(default),
        show_default=not required and default is not None,
        metavar=_metavar(setting, default),
        help=setting.help,
    )


def _as_text(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _metavar(setting: Setting, default: Any) -> str:
    if setting.choices:
        return "[" + "|".join(setting.choices) + "]"
    if setting.metavar:
        return setting.metavar
    return {int: "NUMBER", float: "NUMBER"}.get(type(default), "TEXT")


def _run(step: Step, as_json: bool = False, **values: Any) -> None:
    """Run a step and write its result."""
    options = step.options(**filled(step, values))
    with closing(_Bar(as_json)) as bar:
        result = step.run(options, bar)
    click.echo(json.dumps(result.plain(), indent=2, ensure_ascii=False) if as_json else result)
    if getattr(result, "stopped", False):
        click.echo("Stopped by you. Continue with the same command and --resume.")
        sys.exit(_STOPPED)
    if step.finish:
        load(step.finish)(result)


for _step in STEPS.values():
    cli.add_command(_command(_step))


cli.add_command(project_commands)


# --- progress --------------------------------------------------------------------------------


class _Bar(Progress):
    """Progress as a bar with the time left, on a terminal; it disappears in the end."""

    def __init__(self, err: bool = False) -> None:
        super().__init__(self._draw, self._write)
        self._bar: Any = None
        self._err = err

    def _draw(self, done: int, total: int, text: str) -> None:
        from tqdm import tqdm

        if not total:  # nothing to count yet
            self._write(f"{text} ...")
            return
        if self._bar is None or done < self._bar.n or total != self._bar.total:
            self.close()
            unit = f" {self.unit or 'steps'}"
            self._bar = tqdm(total=total, unit=unit, dynamic_ncols=True, leave=False, disable=None)
        self._bar.set_description_str(text, refresh=False)
        self._bar.update(done - self._bar.n)

    def _write(self, text: str) -> None:
        if self._bar is None:
            click.echo(text, err=self._err)
        else:
            self._bar.write(text, file=sys.stderr if self._err else sys.stdout)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


# --- the page --------------------------------------------------------------------------------


def offer_page(result: Any) -> None:
    """Put the runs of the demo on the page's list of jobs, and open the page if wanted."""
    from deepometry.web.jobs.queue import Jobs

    jobs = Jobs(state_folder() / "jobs")
    for run in result.runs:
        jobs.record(run.options, run.result, run.started, run.finished)
    if not has_terminal():
        click.echo("\nThe page shows these results, too: deepometry gui")
    elif click.confirm("\nOpen the page with these results in the browser?", default=True):
        from deepometry.web import main as serve

        serve()


def has_terminal() -> bool:
    """Return whether somebody is there to be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="First port to try; the next free one is taken. 0 takes any.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the page in the browser.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; beyond this computer the page asks for a token.",
)
def gui(port: int, no_browser: bool, host: str) -> None:
    """Open the page: the same steps, in the browser."""
    from deepometry.web import main as serve

    serve(port, not no_browser, host)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; report a mistake in one sentence, and exit with 2.

    Parameters
    ----------
    arguments : sequence of str, optional
        What to run; by default what stands behind the program's name.
    """
    for screen in (sys.stdout, sys.stderr):
        if isinstance(screen, io.TextIOWrapper):
            screen.reconfigure(errors="replace")  # names that the console cannot show
    try:
        code = cli.main(arguments, prog_name=_NAME, standalone_mode=False)
    except Question as question:
        _fail("\n".join([_as_option(*_only(question.fields)), *_answers(question)]))
    except OptionsError as error:
        _fail("\n".join(_as_option(name, text) for name, text in error.fields.items()))
    except DeepometryError as error:
        _fail(str(error))
    except OSError as error:
        _fail(str(explain_os_error(error)))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (Cancelled, KeyboardInterrupt, click.Abort) as stop:
        click.echo(str(stop) or "Stopped; nothing was left half-written.", err=True)
        sys.exit(_STOPPED)
    except Exception as error:
        if lacks_memory(error):
            _fail(_NO_MEMORY)
        raise
    sys.exit(code if isinstance(code, int) else 0)


def _as_option(name: str, text: str) -> str:
    """Name the option as the command line spells it, in place of the form's label."""
    flag = name.upper() if name in POSITIONAL else "--" + flag_of(name)
    return f"{flag}: {text.split(': ', 1)[-1]}"


def _only(fields: Mapping[str, str]) -> tuple[str, str]:
    ((name, text),) = fields.items()
    return name, text


def _answers(question: Question) -> list[str]:
    """List what may be typed for each choice of a question."""
    flag = "--" + flag_of(question.option)
    typed = [
        flag if choice.value == "true" else quoted([flag, choice.value])
        for choice in question.choices
    ]
    told = [": ".join(filter(None, (c.label, c.detail))) for c in question.choices]
    return [f"  {line}" for line in table([*zip(typed, told, strict=True)], "<<")]


def _fail(text: str) -> None:
    click.echo(f"Error: {text}", err=True)
    sys.exit(2)
