"""The command `deepometry`: one short command a step, nothing but words around the library."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict
from typing import Any, TypeVar

import click

from deepometry import __version__
from deepometry.errors import DeepometryError, OptionsError, explain_os_error, lacks_memory
from deepometry.options import (
    BaselineOptions,
    DemoOptions,
    EmbedOptions,
    ExportOptions,
    ExtractOptions,
    GradcamOptions,
    InfoOptions,
    LearningCurveOptions,
    ParseOptions,
    PredictOptions,
    Setting,
    ShowOptions,
    SubsetOptions,
    TrainOptions,
    flag_of,
    settings,
)
from deepometry.progress import Cancelled, Progress

_NAME = "deepometry"
_STOPPED = 130  # what shells expect of a program ended by Ctrl-C
_NO_MEMORY = "There is not enough memory: use a smaller --batch-size or a smaller --network."
_POSITIONAL = ("input", "output", "source", "object")
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=_NAME)
def cli() -> None:
    """Deep learning for imaging flow cytometry, on your own machine.

    The steps, in order: parse, targets, train, predict, extract, embed. `deepometry demo` runs
    them all on example cells; `deepometry info` tells what is in your files before you begin, and
    `deepometry gui` opens the same steps as a page in the browser.
    """


def options_of(options: type) -> Callable[[Command], Command]:
    """Give a command an argument or option for every field of a class of options."""

    def decorate(command: Command) -> Command:
        for name, (setting, default) in reversed(settings(options).items()):
            command = _parameter(name, setting, default)(command)
        return command

    return decorate


def _parameter(name: str, setting: Setting, default: Any) -> Callable[[Command], Command]:
    if name in _POSITIONAL and default is MISSING:
        return click.argument(name)
    flag = "--" + flag_of(name)
    if default is False:
        return click.option(flag, name, is_flag=True, help=setting.help)
    if default is True:
        negative = flag.replace("--", "--no-")
        return click.option(
            f"{flag}/{negative}", name, default=True, show_default=True, help=setting.help
        )
    required = default is MISSING
    return click.option(
        flag,
        name,
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


class _Bar(Progress):
    """Progress as a bar with the time left, on a terminal; it goes when its work is done."""

    def __init__(self, err: bool = False) -> None:
        super().__init__(self._draw, self._tell)
        self._bar: Any = None
        self._err = err

    def _draw(self, done: int, total: int, text: str) -> None:
        from tqdm import tqdm

        if not total:  # nothing to count yet
            self._tell(f"{text} ...")
            return
        if self._bar is None or done < self._bar.n or total != self._bar.total:
            self.close()
            self._bar = tqdm(total=total, dynamic_ncols=True, leave=False, disable=None)
        self._bar.set_description_str(text, refresh=False)
        self._bar.update(done - self._bar.n)

    def _tell(self, text: str) -> None:
        if self._bar is None:
            click.echo(text, err=self._err)
        else:
            self._bar.write(text, file=sys.stderr if self._err else sys.stdout)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def _bar(err: bool = False) -> Iterator[Progress]:
    bar = _Bar(err)
    try:
        yield bar
    finally:
        bar.close()


@cli.command()
@options_of(InfoOptions)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for other programs.")
def info(as_json: bool, **fields: Any) -> None:
    """Tell what is in INPUT, a .cif, .rif or .tif file or a folder of them, before it is parsed."""
    from deepometry.info import info as run

    with _bar(err=as_json) as bar:
        result = run(InfoOptions(**fields), bar)
    click.echo(json.dumps(result.plain(), indent=2, ensure_ascii=False) if as_json else result)


@cli.command()
@options_of(ParseOptions)
def parse(**fields: Any) -> None:
    """Turn the .cif or .tif images under INPUT into arrays of one size under OUTPUT."""
    from deepometry.parse import parse as run

    with _bar() as bar:
        result = run(ParseOptions(**fields), bar)
    click.echo(result)


@cli.command()
@click.argument("input")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for other programs.")
def targets(input: str, as_json: bool) -> None:
    """List what can be learnt from the parsed cells under INPUT, with labels and counts."""
    from pathlib import Path

    from deepometry.targets import targets as run

    found = run(Path(input))
    if as_json:
        click.echo(json.dumps([asdict(target) for target in found], indent=2, ensure_ascii=False))
        return
    for target in found:
        click.echo(str(target))
        for label, cells in target.labels.items():
            click.echo(f"  {label}: {cells:,}")
    if not found:
        click.echo("No targets: no folder prefix has two values or more.")


@cli.command()
@options_of(TrainOptions)
def train(**fields: Any) -> None:
    """Train a network on a target of the parsed cells under INPUT; write it to OUTPUT."""
    from deepometry.train import train as run

    with _bar() as bar:
        result = run(TrainOptions(**fields), bar)
    click.echo(result)
    if result.stopped:
        click.echo("Stopped, as you asked. Go on with the same command and --resume.")
        sys.exit(_STOPPED)


@cli.command()
@options_of(PredictOptions)
def predict(**fields: Any) -> None:
    """Label the parsed cells under INPUT with a model; write tables and plots to OUTPUT."""
    from deepometry.predict import predict as run

    with _bar() as bar:
        result = run(PredictOptions(**fields), bar)
    click.echo(result)


@cli.command()
@options_of(ExtractOptions)
def extract(**fields: Any) -> None:
    """Write the features that a layer of a model sees in the parsed cells under INPUT."""
    from deepometry.extract import extract as run

    with _bar() as bar:
        result = run(ExtractOptions(**fields), bar)
    click.echo(result)


@cli.command()
@options_of(EmbedOptions)
def embed(**fields: Any) -> None:
    """Draw a map of the cells whose features `extract` wrote to INPUT; write it to OUTPUT."""
    from deepometry.embed import embed as run

    with _bar() as bar:
        result = run(EmbedOptions(**fields), bar)
    click.echo(result)


@cli.command()
@options_of(GradcamOptions)
def gradcam(**fields: Any) -> None:
    """Draw where a model looks in parsed cells under INPUT; write the heat maps to OUTPUT."""
    from deepometry.gradcam import gradcam as run

    with _bar() as bar:
        result = run(GradcamOptions(**fields), bar)
    click.echo(result)


@cli.command()
@options_of(ExportOptions)
def export(**fields: Any) -> None:
    """Write the results in the folder INPUT for another program, to the file OUTPUT."""
    from deepometry.export import export as run

    with _bar() as bar:
        result = run(ExportOptions(**fields), bar)
    click.echo(result)


@cli.command()
@options_of(SubsetOptions)
def subset(**fields: Any) -> None:
    """Copy chosen cells of the parsed ones under INPUT to OUTPUT, as a set ready for training."""
    from deepometry.subset import subset as run

    with _bar() as bar:
        result = run(SubsetOptions(**fields), bar)
    click.echo(result)


@cli.command()
@options_of(ShowOptions)
def show(**fields: Any) -> None:
    """Find a cell again: draw it in every channel, and tell what is known of it.

    `deepometry show sample7.cif 4711`, or in a folder: `deepometry show images "4711 of
    sample7.cif"`.
    """
    from deepometry.show import show as run

    with _bar() as bar:
        result = run(ShowOptions(**fields), bar)
    click.echo(result)


@cli.command()
@options_of(BaselineOptions)
def baseline(**fields: Any) -> None:
    """Tell the classes of the cells under INPUT by classical features; write tables to OUTPUT.

    With the training and validation cells of `train`; a network in OUTPUT is compared with it.
    """
    from deepometry.baseline import baseline as run

    with _bar() as bar:
        result = run(BaselineOptions(**fields), bar)
    click.echo(result)


@cli.command("learning-curve")
@options_of(LearningCurveOptions)
def learning_curve(**fields: Any) -> None:
    """Tell how accuracy rises with the number of cells under INPUT, and what more would give."""
    from deepometry.learning_curve import learning_curve as run

    with _bar() as bar:
        result = run(LearningCurveOptions(**fields), bar)
    click.echo(result)


@cli.command()
@options_of(DemoOptions)
def demo(**fields: Any) -> None:
    """Run the whole protocol on example cells: parse, train, predict, extract."""
    from deepometry.demo import demo as run

    with _bar() as bar:
        result = run(DemoOptions(**fields), bar)
    click.echo(result)
    _offer_page(result.runs)


def _offer_page(runs: Sequence[Any]) -> None:
    """Put the runs on the page's list of jobs, and open it if the user wants to."""
    from deepometry.web.jobs import Jobs
    from deepometry.web.store import home

    jobs = Jobs(home() / "jobs")
    for run in runs:
        jobs.record(run.options, run.result, run.started, run.finished)
    if not _has_terminal():
        click.echo("\nThe page shows these results, too: deepometry gui")
    elif click.confirm("\nOpen the page with these results in the browser?", default=True):
        from deepometry.web import main as serve

        serve()


def _has_terminal() -> bool:
    """Tell whether somebody is there to be asked."""
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
    """Open the page: the same steps, in the browser, on this computer."""
    from deepometry.web import main as serve

    serve(port, not no_browser, host)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; say in words what went wrong, and exit with 2.

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
    told = name.upper() if name in _POSITIONAL else "--" + flag_of(name)
    return f"{told}: {text.split(': ', 1)[-1]}"


def _fail(text: str) -> None:
    click.echo(f"Error: {text}", err=True)
    sys.exit(2)
