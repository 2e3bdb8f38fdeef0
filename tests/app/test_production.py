"""A production record from the command line, on the sample data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlx.data.market import Market
from rlx.data.sources import sample
from rlx.evaluate.scorecard import Scorecard
from tests.app.commands import Finished, Shell
from tests.policies.production_files import snapshot

HISTORY = {
    "AAPL|buy": [
        {"qty": 500, "entry_price": 23.4, "pnl": 1500.0, "opened_at": "2016-03-01T15:00:00Z", "closed_at": "2016-04-15"}
    ],
    "SPY|sell": [
        {"qty": 100, "opened_at": "2016-05-02", "closed_at": "2016-06-20", "entry_price": 190, "exit_price": 185}
    ],
    "GOOG|buy": [{"qty": 10, "pnl": -55.5, "closed_at": "2016-07-05T14:00:00-04:00"}],
}
QUICK = ("protocol.bootstrap_replications=100", "hydra.run.dir=run")


def evaluated(shell: Shell, *arguments: str, history: Any = HISTORY) -> Finished:
    (shell.folder / "trades.json").write_text(json.dumps(history), encoding="utf-8")
    log = snapshot("2016-02-29 09:58:17", "128,097.52") + "\n" + snapshot("2016-07-29 09:58:17", "130097.52", "1.20")
    (shell.folder / "trade.log").write_text(log, encoding="utf-8")
    return shell.evaluate("policy=production", *arguments, *QUICK)


def summary(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "run" / "baseline_pnl_summary.json").read_text(encoding="utf-8"))
    return read


def test_a_record_is_judged_and_summarised(shell: Shell) -> None:
    files = ("policy.trades=trades.json", "policy.log=trade.log", "policy.log_value=equity")
    finished = evaluated(shell, *files, "env=long_short")
    assert finished.status == 0, finished.err
    card = Scorecard.load(shell.folder / "run" / "scorecard.json")
    assert card.module == card.policy["name"] == "production"
    assert card.policy["positions_replayed"] == 2
    assert card.key["windows"]["holdout"]["first"][:10] == "2016-03-01"
    assert card.key["windows"]["holdout"]["last"][:10] == "2016-08-01"
    assert 0.0 < (card.metrics["turnover"] or 0.0) < 0.01
    # 100 shares of SPY sold short weigh -100 x close / 128,097.52
    spy = Market(sample("daily9")).select(["SPY"])
    bar = int(np.searchsorted(spy.timestamps, np.datetime64("2016-05-10")))
    ledger = pd.read_parquet(shell.folder / "run" / "ledger.parquet")
    row = ledger[(ledger["set"] == "holdout") & (ledger["bar"] == bar)].iloc[0]
    assert row["executed_SPY"] == pytest.approx(-100 * spy.panel.close[bar, 0] / 128_097.52, rel=1e-4)
    written = summary(shell.folder)
    assert written["realised_pnl"]["total"] == 1500.0 + 500.0 - 55.5
    assert written["replay"]["problems"]["not_in_market"]["count"] == 1
    assert written["account"]["first"] == 128_097.52
    text = (shell.folder / "run" / "baseline_pnl_summary.md").read_text(encoding="utf-8")
    assert "Total 1,944.50 over 3 realised of 3 trades" in text


@pytest.mark.parametrize(
    ("arguments", "history", "part"),
    [
        (["policy.log=trade.log"], HISTORY, "a log alone has no positions"),
        (["policy.trades=trades.json"], HISTORY, "policy.initial_value: must be given"),
        (["policy.trades=trades.json", "policy.log=trade.log"], HISTORY, "the log has only the exposure"),
        (["policy.trades=trades.json"], {"GOOG|buy": HISTORY["GOOG|buy"]}, "nothing can be replayed"),
        (
            [
                *("policy.trades=trades.json", "policy.initial_value=1e5"),
                *("protocol.split=test", "protocol.window_steps=900"),
            ],
            HISTORY,
            "protocol.window_steps=900",
        ),
    ],
)
def test_what_cannot_be_judged_still_leaves_its_summary(
    shell: Shell, arguments: list[str], history: Any, part: str
) -> None:
    finished = evaluated(shell, *arguments, history=history)
    assert finished.status == 2
    (line,) = [line for line in finished.err.splitlines() if line.startswith("Error: ")]
    assert part in line
    assert line.endswith("Written anyway: run/baseline_pnl_summary.json, run/baseline_pnl_summary.md.")
    assert summary(shell.folder)["span"]["first"].startswith("2016")
    left = {path.name for path in (shell.folder / "run").iterdir()}
    assert {"baseline_pnl_summary.md", "config.yaml", "provenance.json"} <= left
    assert "scorecard.json" not in left


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "policy.trades, policy.log: at least one must be given"),
        (["policy.trades=nowhere.json"], "policy.trades=nowhere.json: no such file"),
        (["policy.trades=trade.log"], "policy.trades=trade.log: not a JSON document"),
        (["policy.log=trade.log", "policy.log_value=equty"], "Did you mean 'equity'?"),
        (["policy.log=trades.json"], "no line contains 'Portfolio snapshot recorded'"),
        (
            ["policy.trades=trades.json", "policy.initial_value=0"],
            "policy.initial_value=0.0: must be between 0.01 and 1e+15, or null",
        ),
        (["policy.trade=trades.json"], "Did you mean 'trades'?"),
        (["policy.trades=trades.json", "policy.initial_value=1e5", "data.symbols=[APPL]"], "Did you mean 'AAPL'?"),
    ],
)
def test_bad_input_leaves_nothing(shell: Shell, arguments: list[str], part: str) -> None:
    finished = evaluated(shell, *arguments)
    assert finished.status == 2
    assert part in finished.err
    assert not (shell.folder / "run").exists()
