"""``protocol=benchmark``: the same judgement of many policies, for the scoreboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from rlx.errors import ConfigError
from rlx.evaluate import BOARD
from rlx.evaluate.protocols.base import Protocol
from rlx.ranges import FilePath
from rlx.untrusted.shown import as_typed


@dataclass(frozen=True)
class Benchmark(Protocol):
    """Every policy of a list under one protocol.

    ``targets`` is the file that lists them and ``board`` the scoreboard they are recorded on, a ``.json`` file; both
    are relative to the working directory.
    """

    targets: Annotated[str, FilePath()] = "experiments/targets.yaml"
    board: Annotated[str, FilePath()] = BOARD
    name: ClassVar[str] = "benchmark"
    evaluation_only: ClassVar[bool] = True
    judges_targets: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.board.endswith(".json"):  # its pages, .md and .html, are written next to it
            raise ConfigError(f"protocol.board={as_typed(self.board)}: must be the path of a .json file.")
