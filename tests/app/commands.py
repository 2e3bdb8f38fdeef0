"""Run the commands in this process, as a user would type them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import hydra.core.utils
import pytest
from hydra._internal.hydra import Hydra
from matplotlib.figure import Figure

import rlx.config.commands as schemas
from rlx.app.entry import evaluate_main, train_main
from rlx.cli import main as tools_main
from rlx.stops import exiting_on_stops

WRITABLE = cache(schemas.writable)
"""The trees of the schemas, which Hydra's store copies: every command registers all of them again."""
SMOKE = ("+experiment=smoke", "logger=csv")


class DistinctSeconds(datetime):
    """A clock that shows no second twice: a run folder is named by its second, and two small runs may share one."""

    last: ClassVar[datetime] = datetime.min

    @classmethod
    def now(cls, tz: object = None) -> Self:
        """Return the time, or the second after the one shown last."""
        cls.last = max(datetime.now().replace(microsecond=0), cls.last + timedelta(seconds=1))
        return cls.fromtimestamp(cls.last.timestamp())


@dataclass(frozen=True)
class Finished:
    """A command's exit status, its two outputs, and the folder it ran in."""

    status: int
    out: str
    err: str
    folder: Path

    def run(self, module: str = "gymrl") -> Path:
        """Return the newest run folder."""
        return max((self.folder / "outputs" / module).iterdir(), key=lambda path: path.stat().st_mtime_ns)


class Shell:
    """Runs commands in its own folder.

    Figures are built and written, and their pixels stay blank unless ``draws`` is true: drawing text takes a quarter of
    an evaluation, and ``tests/report`` draws every kind of figure.
    """

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str] | None = None, *, draws: bool = False) -> None:
        self.folder = folder
        self.capture = capture
        self.draws = draws

    def train(self, *arguments: str) -> Finished:
        """Run ``train.py``."""
        return self._type(train_main, "train.py", arguments)

    def evaluate(self, *arguments: str) -> Finished:
        """Run ``evaluate.py``."""
        return self._type(evaluate_main, "evaluate.py", arguments)

    def tools(self, *arguments: str) -> Finished:
        """Run ``rlx``."""
        return self._type(tools_main, "rlx", arguments)

    def _type(self, main: Callable[[], None], name: str, arguments: tuple[str, ...]) -> Finished:
        status, handlers = 0, logging.root.handlers[:]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(
                Hydra, "get_mode", lambda *_, **__: None
            )  # it composes everything again, for a key that no test uses
            patch.setattr(schemas, "writable", WRITABLE)
            patch.setattr(hydra.core.utils, "datetime", DistinctSeconds)
            if not self.draws:
                patch.setattr(Figure, "draw", lambda *_: None)
            patch.setattr(sys, "argv", [name, *arguments])
            try:
                with exiting_on_stops():
                    main()
            except SystemExit as stop:
                status = int(stop.code or 0)
            finally:
                for left in set(logging.root.handlers) - set(handlers):
                    left.close()
                logging.root.handlers[:] = handlers  # the handlers of the command write to captured streams
        out, err = self.capture.readouterr() if self.capture is not None else ("", "")
        return Finished(status, out, err, self.folder)
