"""``rlx plan generate``: ask a language model for the plan of one day, given only the bars before that day."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Annotated

import numpy as np

from rlx.app.answer import SOURCE, plan_text, remark
from rlx.app.chat import API_KEY, ask, endpoint_from, read_completion
from rlx.backtest.plan import MONEY, Action, Plan, Session, Strategy
from rlx.backtest.plan_file import ANSWER, parse_plan
from rlx.data.config import DataConfig, FolderData, SampleData
from rlx.data.panel import MarketPanel
from rlx.errors import FileError, PlanError, RlxError, did_you_mean
from rlx.files import why_not_writable, write_json, write_text
from rlx.ranges import OneOf, Whole, check_options
from rlx.untrusted.documents import parse_json
from rlx.untrusted.secret import hide
from rlx.untrusted.shown import brief

SAMPLE = "sample_daily"
RULES = {
    Strategy.base: "buy and sell are carried out at the price of their session.",
    Strategy.entry_takeprofit: (
        "buy and sell enter at the price of their session; the position is left at exit_price if the day touches it, "
        "and otherwise at the day's close."
    ),
    Strategy.maxdiff: (
        "buy and sell enter only if the day touches entry_price, and the position is left at exit_price if the day "
        "touches it afterwards, and otherwise at the day's close; both prices are required."
    ),
}


@dataclass(frozen=True)
class Wanted:
    """The request for a plan: the day, the data and symbols shown, the number of bars, and the cash it may use."""

    target_date: str
    data: str = SAMPLE
    symbols: tuple[str, ...] | None = None
    bars: Annotated[int, Whole(2, 10_000)] = 30
    cash: Annotated[float, MONEY] = 100_000.0
    strategy: Annotated[str, OneOf(tuple(Strategy))] = Strategy.base.value

    def __post_init__(self) -> None:
        check_options(self)
        if self.symbols is not None and not all(symbol.strip() for symbol in self.symbols):
            raise PlanError(f"--symbols {brief(','.join(self.symbols))!r}: must be names such as AAPL,SPY.")

    @property
    def day(self) -> date:
        """The target date; PlanError unless it is written as YYYY-MM-DD."""
        try:
            day = date.fromisoformat(self.target_date)
        except ValueError:
            day = None
        if day is None or str(day) != self.target_date:  # Python also accepts week dates
            raise PlanError(f"DATE {brief(self.target_date)!r}: must be a day written as 2025-01-31.")
        return day


@dataclass(frozen=True)
class Generated:
    """The file of a plan, the file of the answer it comes from, and a remark on the answer, '' for none."""

    plan: Path
    answer: Path
    remark: str


def run_generate(wanted: Wanted, out: str, timeout_seconds: float, temperature: str | None = None) -> Generated:
    """Ask for a plan and write it to ``out``, a ``.json`` file or a folder, and the whole answer next to it.

    Raises PlanError and writes nothing if the file exists, the request is invalid, or the model cannot be asked. Raises
    PlanError and writes only the answer if the answer is not a plan that can be replayed.
    """
    with _masked_secrets(os.environ.get(API_KEY, "").strip()):
        path = Path(out) if out.endswith(".json") else Path(out) / f"{wanted.day}.json"
        _check_free(path)
        endpoint = endpoint_from(os.environ, timeout_seconds, temperature)
        panel = shown_bars(wanted)
        answer = ask(endpoint, messages(wanted, panel))
        kept = _answer_path(path)
        write_text(kept, answer)
        try:
            found = _write_plan(path, answer, endpoint.url, wanted, panel.symbols)
        except (PlanError, FileError) as error:
            raise PlanError(f"{error} The whole answer is in {kept}.") from error
        return Generated(path, kept, found)


@contextmanager
def _masked_secrets(key: str) -> Iterator[None]:
    """Mask the key and the passwords of addresses in every message that leaves this block."""
    try:
        yield
    except RlxError as error:
        raise type(error)(hide(str(error), key)) from error


def _check_free(path: Path) -> None:
    """Raise PlanError unless a file can be written there, before an answer is paid for."""
    if path.name.endswith(ANSWER):
        raise PlanError(f"--out {path}: names ending in {ANSWER} are for the model's answers. Choose another.")
    if path.exists():
        raise PlanError(f"{path}: exists already. Move it away, or name another file with --out.")
    if (reason := why_not_writable(path.absolute().parent)) is not None:
        raise PlanError(f"--out {path}: nothing can be written there ({reason}). Choose another folder.")


def _answer_path(path: Path) -> Path:
    """Return the file for a plan's answer; no earlier answer is overwritten."""
    names = (f"{path.stem}{'' if number == 1 else f'.{number}'}{ANSWER}" for number in count(1))
    return next(place for place in map(path.with_name, names) if not place.exists())


def _write_plan(path: Path, answer: str, url: str, wanted: Wanted, symbols: Sequence[str]) -> str:
    """Write the plan in an answer and return a remark on the answer; PlanError if it contains no plan."""
    completion = read_completion(answer, url)
    try:
        content = plan_text(completion)
        plan = parse_plan(content, SOURCE, wanted.strategy)
        _check(plan, wanted.day, symbols)
    except PlanError as error:
        raise PlanError(f"{error}{remark(completion)}") from error
    write_json(path, parse_json(content, SOURCE))
    return remark(completion).strip()


def shown_bars(wanted: Wanted) -> MarketPanel:
    """Return the last ``bars`` bars of the symbols before the target date, which are all that the model is shown."""
    day = np.datetime64(wanted.day, "D")  # the year 1 is out of range for nanoseconds
    panel = _data(wanted).load()
    before = panel.timestamps.astype("datetime64[D]") < day
    if before.sum() < wanted.bars:
        raise PlanError(
            f"--bars {wanted.bars}: {panel.source} has {before.sum()} bars before {wanted.target_date}. Ask for fewer, "
            "or for a later day."
        )
    last = np.flatnonzero(before)[-wanted.bars :]
    first, end = (str(np.datetime_as_string(panel.timestamps[row], unit="s")) for row in (last[0], last[-1]))
    return panel.select(start=first, end=end)


def _data(wanted: Wanted) -> DataConfig:
    symbols = None if wanted.symbols is None else list(wanted.symbols)
    return SampleData(symbols=symbols) if wanted.data == SAMPLE else FolderData(path=wanted.data, symbols=symbols)


def messages(wanted: Wanted, panel: MarketPanel) -> list[dict[str, str]]:
    """Return the conversation that asks for the plan."""
    example = {
        "target_date": wanted.target_date,
        "instructions": [
            {
                "symbol": panel.symbols[0],
                "action": "buy",
                "quantity": 10,
                "execution_session": "market_open",
                "entry_price": 100.0,
                "exit_price": 103.0,
                "notes": "why",
            }
        ],
        "stop_trading_symbols": [],
    }
    rules = (
        "You write a trading plan for one day. Answer with one JSON object and nothing else, in this form:\n"
        f"{json.dumps(example, indent=1)}\n"
        f"action is one of {', '.join(Action)}; execution_session one of {', '.join(Session)}. quantity is in units "
        "and above 0; an exit may have null for the whole position. entry_price and exit_price may be null. No two "
        f"instructions have the same symbol, action and session. {RULES[Strategy(wanted.strategy)]} "
        "No leverage: the account's cash has to cover what is bought."
    )
    question = (
        f"target_date: {wanted.target_date}\ncash: {wanted.cash:g}\nsymbols: {', '.join(panel.symbols)}\n"
        f"The last {len(panel)} bars before that day:\n{_table(panel)}"
    )
    return [{"role": "system", "content": rules}, {"role": "user", "content": question}]


def _table(panel: MarketPanel) -> str:
    fields = [name for name in ("open", "high", "low", "close", "volume") if getattr(panel, name) is not None]
    lines = [",".join(["symbol", "date", *fields])]
    for column, symbol in enumerate(panel.symbols):
        for row, stamp in enumerate(panel.timestamps):
            numbers = [f"{getattr(panel, name)[row, column]:.8g}" for name in fields]
            lines.append(",".join([symbol, str(np.datetime_as_string(stamp, unit="m")), *numbers]))
    return "\n".join(lines)


def _check(plan: Plan, day: date, symbols: Sequence[str]) -> None:
    if plan.target_date != day:
        raise PlanError(f"{plan.source}: target_date={plan.target_date}: the request was for {day}. Ask again.")
    for symbol in plan.symbols:
        if symbol not in symbols:
            hint = did_you_mean(symbol.upper(), symbols)
            raise PlanError(f"{plan.source}: symbol '{symbol}' was not shown, only {', '.join(symbols)}.{hint}")
