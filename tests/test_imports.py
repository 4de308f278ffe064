"""Modules are imported in any order, and by several threads at once."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import deepometry

AT_ONCE = """
import importlib, sys, threading

import flask  # as in the page's process; the standard library cannot be loaded by threads in a race

names = sys.argv[1:]
start, errors = threading.Barrier(len(names)), []

def load(name):
    start.wait()
    for each in name.split(","):
        try:
            importlib.import_module(each)
        except BaseException as error:
            errors.append(f"{each}: {error!r}")

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=load, args=(name,)) for name in names]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit("\\n".join(errors) or 0)
"""

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(each.name for each in pkgutil.walk_packages(deepometry.__path__, "deepometry."))
PROGRAM = "deepometry.__main__"  # which runs when it is imported
TOGETHER = [
    ("deepometry.images.cif.reader", "deepometry.images.framed_blocks"),
    ("deepometry.images.cif.reader", "deepometry.images.cif.batches"),
    ("deepometry.images.readers.find", "deepometry.images.cif.writer"),
    ("deepometry.web.browse.views", "deepometry.web.browse.check_path"),
    ("deepometry.images.info", "deepometry.images.gallery", "deepometry.cells.parse"),
]


@pytest.mark.parametrize("names", TOGETHER, ids=" ".join)
def test_threads_import_at_once(names):
    command = [sys.executable, "-c", AT_ONCE, *names]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("room", ["core", "images", "cells", "web"])
def test_two_threads_import_a_room_from_both_ends(room):
    """As two requests of a page do that was opened within a second of the start."""
    modules = [name for name in MODULES if name.startswith(f"deepometry.{room}")]
    both = [",".join(modules), ",".join(modules[::-1])]
    command = [sys.executable, "-c", AT_ONCE, *both]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_every_module_can_be_the_first_to_be_imported():
    """Each in a process of its own; see `tests.import_alone`."""
    names = [name for name in MODULES if name != PROGRAM]
    command = [sys.executable, "-m", "tests.import_alone", *names]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.split() == names
