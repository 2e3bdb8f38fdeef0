"""Signals that stop a command: Ctrl-C, the system's SIGTERM, and SIGHUP when its terminal closes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

TERMINAL_GONE = getattr(signal, "SIGHUP", None)  # Windows has none
STOP_SIGNALS = tuple(number for number in (signal.SIGINT, signal.SIGTERM, TERMINAL_GONE) if number is not None)
WORDS = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated (SIGTERM)", TERMINAL_GONE: "Hung up (SIGHUP)"}
UNREAD = 141  # 128 and the number of SIGPIPE
STDOUT, STDERR = 1, 2


class Stopped(KeyboardInterrupt):
    """A stop by a signal other than Ctrl-C; code that handles Ctrl-C handles this too."""

    def __init__(self, signum: int = signal.SIGTERM) -> None:
        super().__init__(signum)
        self.signum = signum


def stopped_by(signum: int) -> KeyboardInterrupt:
    """Return the exception for a signal."""
    return KeyboardInterrupt() if signum == signal.SIGINT else Stopped(signum)


def signal_of(stop: KeyboardInterrupt) -> int:
    """Return the signal of an exception."""
    return stop.signum if isinstance(stop, Stopped) else int(signal.SIGINT)


def status_of(stop: KeyboardInterrupt) -> int:
    """Return the exit status as shells give it for a signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + signal_of(stop)


def describe_stop(stop: KeyboardInterrupt) -> str:
    """Return the final message: the signal, and the notes added to the exception."""
    return " ".join([f"{WORDS[signal_of(stop)]}.", *getattr(stop, "__notes__", ())])


@contextmanager
def raising_on_stops() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise Stopped inside the block, as Ctrl-C raises KeyboardInterrupt."""

    def stop(signum: int) -> None:
        raise stopped_by(signum)

    before = install_handlers(stop, [number for number in STOP_SIGNALS if number != signal.SIGINT])
    try:
        yield
    finally:
        restore_handlers(before)


@contextmanager
def exiting_on_stops() -> Iterator[None]:
    """Exit with one line and the signal's status when a stop signal arrives inside the block.

    Exits silently, with the status of SIGPIPE, when nobody reads its output any more, for example with ``| head``.
    """
    with raising_on_stops():
        try:
            try:
                yield
            finally:
                sys.stdout.flush()
        except KeyboardInterrupt as stop:
            sys.stderr.write(f"{describe_stop(stop)}\n")
            sys.exit(status_of(stop))
        except BrokenPipeError:
            _send_nowhere([STDOUT])
            sys.exit(UNREAD)


def install_handlers(on_signal: Callable[[int], None], signals: Sequence[int] = STOP_SIGNALS) -> dict[int, Any]:
    """Handle signals with ``on_signal``; return the previous handlers, for ``restore_handlers``.

    A signal that is ignored, as by ``nohup`` and a shell's ``&``, stays ignored. Outside the main thread, where Python
    handles no signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    terminals = [
        stream for stream in (STDOUT, STDERR) if _is_terminal(stream)
    ]  # a closed terminal can no longer be recognised

    def answer(signum: int, frame: FrameType | None) -> None:
        if signum == TERMINAL_GONE:
            _send_nowhere(terminals)
        on_signal(signum)

    before = {number: signal.getsignal(number) for number in signals}
    before = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, answer)
    return before


def restore_handlers(before: Mapping[int, Any]) -> None:
    """Restore the handlers that ``install_handlers`` returned."""
    for number, handler in before.items():
        signal.signal(number, handler)


def _is_terminal(stream: int) -> bool:
    try:
        return os.isatty(stream)
    except OSError:  # closed
        return False


def _send_nowhere(streams: Sequence[int]) -> None:
    """Discard further output: writing to a closed terminal is an error, which would end the program."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream)
    os.close(nowhere)
