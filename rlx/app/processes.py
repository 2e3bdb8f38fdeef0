"""Work on tasks in several processes at a time, each of which logs to, and is stopped by, the process that began it."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from logging.handlers import QueueHandler
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, cast

from rlx.errors import RlxError
from rlx.stops import TERMINAL_GONE, raising_on_stops

LOG, DONE, FAILED = "log", "done", "failed"
Work = Callable[[Any], Any]
log = logging.getLogger(__name__)


class Worker(NamedTuple):
    """A process and the pipe to it."""

    process: BaseProcess
    pipe: Connection


def in_processes(work: Work, tasks: Sequence[Any], jobs: int) -> Iterator[tuple[int, Any]]:
    """Yield the place of each task and the result of ``work``, as they are done, from at most ``jobs`` processes.

    ``work``, tasks and results are pickled. An error of a task is raised here after the others have been stopped, and
    so is a signal: each task then gets a SIGTERM, and has the time to end properly. Raises RlxError if a process dies.
    """
    waiting = iter(enumerate(tasks))
    with _processes(work, min(jobs, len(tasks))) as workers:
        busy: dict[Connection, int] = {}
        for worker in workers:
            _begin_next(worker.pipe, waiting, busy)
        while busy:
            for pipe in wait([*busy]):
                assert isinstance(pipe, Connection)
                kind, value = _receive(pipe, _process_of(pipe, workers))
                if kind == LOG:
                    logging.getLogger(value.name).handle(value)
                    continue
                place = busy.pop(pipe)
                if kind == FAILED:
                    raise value
                yield place, value
                _begin_next(pipe, waiting, busy)


def _begin_next(pipe: Connection, waiting: Iterator[tuple[int, Any]], busy: dict[Connection, int]) -> None:
    if (following := next(waiting, None)) is not None:
        busy[pipe], task = following
        pipe.send(task)


def _process_of(pipe: Connection, workers: Iterable[Worker]) -> BaseProcess:
    return next(worker.process for worker in workers if worker.pipe is pipe)


def _receive(pipe: Connection, process: BaseProcess) -> tuple[str, Any]:
    try:
        kind, value = pipe.recv()
        return kind, value
    except (EOFError, OSError):
        process.join()
        raise RlxError(
            f"a process ended with status {process.exitcode} before its task was done, which a lack of memory may "
            "cause. Use a lower protocol.jobs."
        ) from None


@contextmanager
def _processes(work: Work, number: int) -> Iterator[list[Worker]]:
    """Yield new processes, and end them after the block: at once if it succeeded, else after they have stopped."""
    workers = [_start(work) for _ in range(number)]
    try:
        yield workers
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            log.warning("Stopping %d processes, which keep what is there (again to end at once).", len(workers))
        for worker in workers:
            worker.process.terminate()
        raise
    finally:
        for worker in workers:
            worker.pipe.close()
        _join(workers)


def _join(workers: Sequence[Worker]) -> None:
    """Wait until the processes have ended; a signal meanwhile ends them at once."""
    try:
        for worker in workers:
            worker.process.join()
    except KeyboardInterrupt:
        for worker in workers:
            worker.process.kill()
        raise


def _start(work: Work) -> Worker:
    context = get_context("spawn")  # a copy of a process with threads may hang
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def _serve(pipe: Connection, work: Work) -> None:
    """Work on the tasks from the pipe until it is closed, or until a SIGTERM."""
    for number in filter(None, (signal.SIGINT, TERMINAL_GONE)):
        signal.signal(number, signal.SIG_IGN)  # a terminal sends them to all; the process that began this one decides
    os.environ["TTY_COMPATIBLE"] = "0"  # no progress bars: several would write over each other
    logging.root.handlers[:] = [QueueHandler(cast(Any, _ToPipe(pipe)))]
    logging.root.setLevel(logging.INFO)
    try:
        with raising_on_stops():
            while True:
                pipe.send(_outcome(work, pipe.recv()))
    except (KeyboardInterrupt, EOFError, OSError):
        return


def _outcome(work: Work, task: Any) -> tuple[str, Any]:
    try:
        return DONE, work(task)
    except Exception as error:
        if not isinstance(error, RlxError):
            log.error("a task failed", exc_info=True)  # a pickled error has no traceback
        return FAILED, error


class _ToPipe:
    """The queue of a handler: sends log records to the process that began this one."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def put_nowait(self, record: logging.LogRecord) -> None:
        """Send a record; one that nobody receives any more is lost."""
        try:
            self.pipe.send((LOG, record))
        except OSError:
            return
