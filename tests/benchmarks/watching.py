"""Memory of this or another process, without the pages of mapped files."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil


def anonymous_memory(pid: int | None = None) -> int:
    """Give the bytes of memory that belong to a process alone; all of it outside Linux."""
    process = psutil.Process(pid)
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return process.memory_info().rss
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines.get("RssAnon", "0 kB").split()[0]) * 1024


def run_watched(*words: object) -> tuple[float, int]:
    """Run a command of the program; give seconds and the peak of its anonymous memory."""
    line = [sys.executable, "-m", "deepometry", *map(str, words)]
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                peak = max(peak, anonymous_memory(process.pid))
            except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(line)} ended with {process.returncode}")
    return time.perf_counter() - start, peak
