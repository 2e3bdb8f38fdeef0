"""A production system as a policy: its recorded positions as target weights, and a summary of its record."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.data.panel import format_stamp
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.errors import RecordError
from rlx.policies.config import LogValue, ProductionConfig
from rlx.policies.production.files import read_record
from rlx.policies.production.positions import (
    AccountValue,
    Bars,
    Position,
    account_value,
    covered,
    positions_of,
    quantities,
)
from rlx.policies.production.problems import Problems
from rlx.policies.production.summary import reference_rows, summarise
from rlx.policies.production.text import summary_text
from rlx.types import FloatArray, IntArray

SUMMARY = "baseline_pnl_summary"
MOST_SYMBOLS = 20  # in a message
log = logging.getLogger(__name__)


class ProductionRecord:
    """Hold, at each bar's close, the recorded positions: signed units x close / account value.

    A position is held from the first close at which ``opened_at`` is past until the first close at which ``closed_at``
    is, so that nothing is held too early. The account's value is ``initial_value`` plus the PnL realised so far; for a
    log whose ``log_value`` is ``equity``, it is that of the last snapshot at or before the close, from the first on.
    Trades in symbols that the market does not have, and incomplete ones, are counted in the summary.

    Raises ConfigError without a file and for contradictory settings, and RecordError for unreadable files and, in
    ``bind``, when nothing can be replayed. ``documents`` has the summary in any case.
    """

    name = "production"
    feature_names: tuple[str, ...] = ()
    window_steps = 0
    reads_account = False
    documents_when_refused = True

    def __init__(
        self,
        trades: str | None = None,
        log: str | None = None,
        initial_value: float | None = None,
        log_value: str = LogValue.exposure.value,
    ) -> None:
        ProductionConfig(trades=trades, log=log, initial_value=initial_value, log_value=log_value)
        self.initial_value = initial_value
        self.record = read_record(trades, log, log_value)
        self._targets: FloatArray | None = None
        self._span: Span | None = None
        self._replay: dict[str, Any] = {"reason": "not bound to a market"}
        self._reported = ""

    def bind(self, market: Market) -> None:
        """Assign the positions to the market's bars; RecordError when there is none or the account value is unknown."""
        problems = Problems()
        self._targets = self._span = None
        try:
            self._lay_out(market, problems)
        except RecordError as error:
            self._replay = {"reason": str(error), "problems": problems.to_dict()}
            raise

    def _lay_out(self, market: Market, problems: Problems) -> None:
        if self.record.trades_path is None:
            raise RecordError("policy.trades: a log alone has no positions to replay. Give the trade history too.")
        bars = Bars.of(market)
        positions = positions_of(self.record, market, bars, problems)
        if not positions:
            raise self._nothing(market, problems)
        span = covered(self.record, positions, market, bars)
        held = quantities(positions, market)
        account = account_value(self.record, bars, self.initial_value)
        self._check_value(account, held, market)
        exposure = held * market.panel.close
        value = np.where(held.any(axis=1), account.value, 1.0)  # where nothing is held it may be unknown
        self._targets, self._span = exposure / value[:, None], span
        self._replay = self._facts(market, positions, account, problems)
        self._report(problems)

    def _report(self, problems: Problems) -> None:
        """Warn, once, about trades that the replay omits or doubts."""
        words = problems.in_words()
        if words and words != self._reported:
            log.warning("policy=production: of %d trades: %s. See %s.md.", len(self.record.trades), words, SUMMARY)
        self._reported = words

    def _nothing(self, market: Market, problems: Problems) -> RecordError:
        symbols = sorted({trade.symbol for trade in self.record.trades})
        more = ", ..." if len(symbols) > MOST_SYMBOLS else ""
        return RecordError(
            f"{self.record.trades_path}: nothing can be replayed on this market ({', '.join(market.symbols)}, "
            f"{format_stamp(market.timestamps[0])} to {format_stamp(market.timestamps[-1])}). Of "
            f"{len(self.record.trades)} trades ({', '.join(symbols[:MOST_SYMBOLS])}{more}): {problems.in_words()}."
        )

    def _check_value(self, account: AccountValue, held: FloatArray, market: Market) -> None:
        """Refuse positions at a time when the account's value is unknown, or is zero or less."""
        holding = held.any(axis=1)
        unknown = np.flatnonzero(holding & np.isnan(account.value))
        if unknown.size:
            where = "and no log has the account's value"
            if self.record.valued:
                where = "before the log's first account value"
            elif self.record.snapshots and self.record.log_value is LogValue.exposure:
                where = "and the log has only the exposure (or is its value= the account's? policy.log_value=equity)"
            raise RecordError(
                f"policy.initial_value: must be given: positions are held at {self._at(market, unknown)}, {where}. "
                "Give the account's value in its currency before the first trade."
            )
        used_up = np.flatnonzero(holding & (np.nan_to_num(account.value, nan=1.0) <= 0.0))
        if used_up.size:
            raise RecordError(
                f"policy.initial_value={self.initial_value:g}: with the losses realised by "
                f"{self._at(market, used_up)} the account's value is {account.value[used_up[0]]:g}, and positions are "
                "still held. Give the account's value before the first trade."
            )

    @staticmethod
    def _at(market: Market, bars: IntArray) -> str:
        return format_stamp(market.timestamps[bars[0]])

    def _facts(
        self, market: Market, positions: list[Position], account: AccountValue, problems: Problems
    ) -> dict[str, Any]:
        """Return the summary's part about the replay."""
        assert self._span is not None and self._targets is not None
        inside = slice(self._span.start, self._span.stop)
        targets = self._targets[inside]
        holding = targets.any(axis=1)
        return {
            "positions": len(positions),
            "symbols": sorted({position.trade.symbol for position in positions}),
            "first": format_stamp(market.timestamps[self._span.start]),
            "last": format_stamp(market.timestamps[self._span.stop]),
            "decisions": len(targets),
            "decisions_holding": int(holding.sum()),
            "valued_by_snapshot": int((holding & account.from_snapshot[inside]).sum()),
            "valued_by_initial_value": int((holding & ~account.from_snapshot[inside]).sum()),
            "largest_gross": float(np.abs(targets).sum(axis=1).max()),
            "problems": problems.to_dict(),
        }

    def reset(self, batch: int) -> None:
        """There is no state: the target follows from the bar."""

    def act(self, observation: Observation) -> FloatArray:
        """Return the weights of each account's bar, (B, A)."""
        if self._targets is None:
            raise RecordError("policy=production: bind the record to a market before acting on it.")
        return self._targets[observation.bar]

    def span(self, market: Market) -> Span:
        """Return the decisions from the first position held to the last moment of the record."""
        self.bind(market)
        assert self._span is not None
        return self._span

    def describe(self) -> dict[str, Any]:
        """Return the files, the initial value and the replayed part of the record."""
        return {
            "kind": self.name,
            "trades": None if self.record.trades_path is None else str(self.record.trades_path),
            "log": None if self.record.log_path is None else str(self.record.log_path),
            "initial_value": self.initial_value,
            "log_value": self.record.log_value.value,
            "trades_recorded": len(self.record.trades),
            "positions_replayed": self._replay.get("positions", 0),
            "largest_gross": self._replay.get("largest_gross"),
        }

    def references(self) -> list[dict[str, Any]]:
        """Return the summary's averages as reference rows."""
        return reference_rows(summarise(self.record, self.initial_value))

    def documents(self) -> dict[str, Any]:
        """Return the summary as JSON and Markdown, with the replay on the market bound last."""
        summary = {**summarise(self.record, self.initial_value), "replay": self._replay}
        return {f"{SUMMARY}.json": summary, f"{SUMMARY}.md": summary_text(summary)}
