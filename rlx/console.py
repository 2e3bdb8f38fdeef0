"""The terminal that commands print to: every string is shown as plain text, regardless of its content."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from rlx.untrusted.escape import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")
LATE_SECONDS = 2.0  # shorter tasks need no progress bar
PIPED_WIDTH = 140  # a pipe or a file has no width: keep every column of a table whole


def print_anything() -> None:
    """Make the standard streams escape characters that the terminal's encoding lacks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def open_console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or as wide as any table where there is none.

    It prints square brackets and colons literally, and no control character: a name may contain anything.
    """
    console = _plain_console()(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, PIPED_WIDTH)
    return console


@cache
def _plain_console() -> type[Console]:
    """Return the class of ``open_console``, made at first use: rich takes a tenth of a second to import."""
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class PlainConsole(Console):
        """A console that prints no control characters except line breaks, neither from strings nor from ``Text``."""

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            """Yield the segments of a renderable, without the escape sequences in its text."""
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else visible(text), style, control)

    return PlainConsole


def say(text: str, *, stderr: bool = False) -> None:
    """Print a sentence on one line, never wrapped, so that a path in it can be copied."""
    open_console(stderr=stderr).print(one_line(text), soft_wrap=True)


def complain(message: object) -> None:
    """Write an error to standard error, always on one line."""
    sys.stderr.write(f"Error: {one_line(message)}\n")


class OneLineFormatter(logging.Formatter):
    """Formats a log record's message on one line, so that a name in it cannot imitate another record."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback follows unchanged."""
        record.message = one_line(record.message)
        return super().formatMessage(record)


@contextmanager
def late_progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield a function to call repeatedly with (current task, amount done, total).

    On a terminal it draws a progress bar on standard error after two seconds, and removes it at the end; without a
    total it only shows that work continues.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = open_console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task, begin = bar.add_task(""), threading.Timer(LATE_SECONDS, bar.start)
    begin.daemon = True

    def show(what: str, done: int, total: int | None) -> None:
        bar.update(task, description=one_line(what), completed=done, total=total)

    try:
        if console.is_terminal:
            begin.start()
        yield show
    finally:
        begin.cancel()
        if begin.is_alive():
            begin.join()
        bar.stop()


@contextmanager
def show_progress(what: str) -> Iterator[None]:
    """Show on a terminal that ``what`` is in progress, after two seconds."""
    with late_progress() as show:
        show(what, 0, None)
        yield


def announced(items: Sequence[Item], name: Callable[[Item], str]) -> Iterator[Item]:
    """Yield items one by one, each named on a late progress bar while it is processed."""
    with late_progress() as show:
        for number, item in enumerate(items):
            show(name(item), number, len(items))
            yield item
