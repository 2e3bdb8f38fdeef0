"""From the files of a production system to its record."""

from __future__ import annotations

from pathlib import Path

from rlx.policies.config import LogValue
from rlx.policies.production.log_file import read_snapshots
from rlx.policies.production.problems import Problems
from rlx.policies.production.record import Record
from rlx.policies.production.trades_file import read_trades


def read_record(trades: str | Path | None, log: str | Path | None, log_value: str = LogValue.exposure.value) -> Record:
    """Return the record of a trade history, a log or both; RecordError describes any problem.

    ``log_value`` is the meaning of the amounts in the log: ``exposure`` or ``equity``.
    """
    problems, meaning = Problems(), LogValue(log_value)
    trades_path, log_path = (None if path is None else Path(path) for path in (trades, log))
    return Record(
        trades_path=trades_path,
        log_path=log_path,
        trades=() if trades_path is None else read_trades(trades_path, problems),
        snapshots=() if log_path is None else read_snapshots(log_path, problems, meaning),
        log_value=meaning,
        problems=problems,
    )
