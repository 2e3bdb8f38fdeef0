"""Shared parts of the benchmarks: alternating rounds, memory, tables, and a report with its environment."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

Work = Callable[[], Any]
Row = dict[str, Any]


def seconds_of(works: Mapping[str, Work], rounds: int) -> dict[str, float]:
    """Return the median duration of each work; rounds alternate, so that other load affects all of them alike."""
    for work in works.values():
        work()  # compile, and fill the caches
    durations: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            durations[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in durations.items()}


def peak_megabytes(work: Work) -> float:
    """Return the peak memory of Python and NumPy above the level before, in a call that is not timed."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def environment(packages: Sequence[str]) -> Row:
    """Return versions, processor and threads."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def _processor() -> str:
    """Return the name of the processor, which ``platform`` does not know on Linux."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe(about: Row) -> str:
    """Return one line about the environment of a report."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    machine = f"{about['processor']}, {about['cpus']} CPUs"
    return f"{about['date']}, {machine}, torch threads {about['torch_threads']}; {versions}"


def show(console: Console, title: str, rows: Sequence[Row]) -> None:
    """Print rows as a table; the first column is text, numbers are short."""
    if not rows:
        return
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    table = Table(title=title, title_justify="left")
    for heading in headings:
        text = any(isinstance(row.get(heading), str) for row in rows)
        table.add_column(heading, justify="left" if text else "right", overflow="fold")
    for row in rows:
        table.add_row(*(_short(row.get(heading)) for heading in headings))
    console.print(table)


def _short(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def write_json(path: Path | None, report: Row) -> None:
    """Write the report on request."""
    if path is not None:
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
