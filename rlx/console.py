"""The terminal that commands print to."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")
LATE_SECONDS = 2.0  # what is done sooner needs no progress bar
PIPED_WIDTH = 140  # a pipe or a file has no width of its own: keep every column of a table whole


def print_anything() -> None:
    """Have the standard streams write characters that the terminal's encoding lacks as escapes, not as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def open_console() -> Console:
    """Return a console as wide as the terminal, or as wide as any table where there is none."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=max(console.width, PIPED_WIDTH))


@contextmanager
def late_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function to call with (what is done, how much of it is, how much there is), again and again.

    On a terminal it draws a progress bar on standard error once two seconds have passed, which goes away at the end.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console, began = Console(stderr=True), time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task("")

    def show(what: str, done: int, total: int) -> None:
        bar.update(task, description=what, completed=done, total=total)
        if not bar.live.is_started and time.monotonic() - began > LATE_SECONDS:
            bar.start()

    try:
        yield show
    finally:
        bar.stop()


def announced(items: Sequence[Item], name: Callable[[Item], str]) -> Iterator[Item]:
    """Yield items one by one, each named on a late progress bar while it is worked on."""
    with late_progress() as show:
        for number, item in enumerate(items):
            show(name(item), number, len(items))
            yield item
