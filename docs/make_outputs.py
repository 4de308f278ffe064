"""Run the commands that the how-to pages show, and write into the pages what they print.

python docs/make_outputs.py DEMO [FOLDER]    DEMO is what `deepometry demo --output DEMO` wrote;
                                             results go to FOLDER, and are kept there

A command is a line that begins with four spaces and `$ deepometry`; the indented lines behind it
are replaced. Long outputs are shortened in the middle.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
PAGES = (
    "cif",
    "folders",
    "summary",
    "recipes",
    "baseline",
    "predict",
    "gradcam",
    "maps",
    "export",
    "find-a-cell",
)
PICTURES = {  # of the results
    "confusion_matrix.png": "predictions/confusion_matrix_plot.png",
    "baseline_importance.png": "model/baseline_importance.png",
}
FIRST, LAST = 24, 12  # lines of an output that stay
BLOCK = re.compile(r"^( {4}\$ deepometry .+\n)((?: {4}.*\n|\n(?= {4}(?!\$)))*)", re.MULTILINE)
EPOCHS = re.compile(r"(Epoch 1: .*\n)(?:Epoch .*\n)+(?=Epoch )")  # all but the first and the last
ABSENT = "sample.daf"  # which the demo does not write: what its command prints stays as it is
CHOSEN = 24  # cells of the set that `subset` makes


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        work = Path(sys.argv[2] if len(sys.argv) > 2 else place).absolute()
        work.mkdir(exist_ok=True)
        for name, folder in (("data", HERE.parent / "data"), ("deepometry_demo", sys.argv[1])):
            if not (work / name).exists():
                (work / name).symlink_to(Path(folder).absolute())
        for page in PAGES:
            path = HERE / "how-to" / f"{page}.md"
            text = BLOCK.sub(
                lambda block: (
                    block[0] if ABSENT in block[1] else block[1] + printed(block[1], work)
                ),
                path.read_text("utf-8"),
            )
            path.write_text(text, "utf-8")
        for picture, result in PICTURES.items():
            shutil.copy(work / result, HERE / "pictures" / picture)


def printed(line: str, work: Path) -> str:
    """Run a command, and return what it prints, indented."""
    words = shlex.split(line.strip().removeprefix("$ "))
    if "--cells" in words and words[1] == "subset":
        choose(work)
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        sys.exit(done.stdout)
    lines = shortened(EPOCHS.sub("\\1...\n", done.stdout).splitlines())
    return "".join(f"    {each}".rstrip() + "\n" for each in lines)


def choose(work: Path) -> None:
    """List the first cells that were predicted, as the explorer lists a selection."""
    cells = pd.read_csv(work / "predictions" / "predicted.csv", dtype=str)
    cells[["source", "object"]].head(CHOSEN).to_csv(work / "chosen.csv", index=False)


def shortened(lines: list[str]) -> list[str]:
    if len(lines) <= FIRST + LAST:
        return lines
    return [*lines[:FIRST], "...", *lines[-LAST:]]


if __name__ == "__main__":
    main()
