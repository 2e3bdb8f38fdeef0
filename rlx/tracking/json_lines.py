"""``metrics.jsonl``: a run's logged rows as JSON objects, readable while it runs and complete after a kill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from rlx.files import named_in_errors, to_json
from rlx.run_folder import RunFolder


class JsonLinesLogger(Logger):
    """Lightning logger that adds ``{"step": 4, "train/loss": 0.5, ...}`` to ``metrics.jsonl`` for each logged row.

    Keys are those of ``rlx.keys`` and Lightning's ``epoch``; a number that is not finite is null. A row is handed to
    the operating system in one write before ``log_metrics`` returns: killing the process loses none of those before,
    and only the last line of the file can be half a line.
    """

    def __init__(self, run_dir: Path) -> None:
        super().__init__()
        self.path = RunFolder(run_dir).metrics
        self.path.unlink(missing_ok=True)

    @property
    def name(self) -> str:
        """Return an empty name: the run folder is the run's name."""
        return ""

    @property
    def version(self) -> str:
        """Return an empty version, because a run folder has one run."""
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Append one row; ``step`` is its number in ``metrics.csv``."""
        row = {"step": step} | {name: to_json(_number(value)) for name, value in metrics.items()}
        line = json.dumps(row, allow_nan=False, ensure_ascii=False) + "\n"
        with named_in_errors(self.path), self.path.open("ab") as file:  # opened for each row: some follow ``finalize``
            file.write(line.encode())

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing: the run folder holds the resolved configuration already."""


def _number(value: Any) -> Any:
    """Return a tensor of one element as a Python number, and anything else unchanged."""
    return value.item() if hasattr(value, "item") else value
