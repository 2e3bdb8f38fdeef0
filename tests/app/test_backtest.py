"""``rlx backtest`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlx.backtest.strategies import STRATEGIES
from tests.app.commands import Finished, Shell

FEW = ("data.start=2019-06", "data.end=2020-06", "resamples=20")
BOOTSTRAP = ("forecaster=block_bootstrap", "forecaster.n_samples=16", "forecaster.lookback_bars=60")
QUICK = (*FEW, *BOOTSTRAP)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("RLX_CACHE", str(tmp_path / "cache"))
    return Shell(tmp_path, capsys)


def document(done: Finished, target: str, account: str) -> dict[str, Any]:
    path = done.run("backtest") / "backtests" / target / account / "strategy_backtest.json"
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def test_two_symbols(shell: Shell) -> None:
    done = shell.tools("backtest", "AAPL", *QUICK, "tune=past", "--label", "two words", "tune_points=3", "SPY")
    assert done.status == 0, done.err
    assert done.err.startswith("Backtest: AAPL ")
    run = done.run("backtest")
    names = {path.name for path in run.iterdir()}
    assert {"backtest.json", "backtest.md", "backtest.html", "config.yaml", "command.txt", "backtest.log"} <= names
    one = document(done, "two_words", "symbol_AAPL")
    assert (one["symbol"], one["label"], one["tune"]) == ("AAPL", "two words", "past")
    assert one["strategies"].keys() == STRATEGIES.keys()
    maxdiff = one["strategies"]["maxdiff"]
    assert maxdiff["fills"]["bars"] == one["data"]["bars"]
    assert maxdiff["significance"]["trials"] == 8 + 5 * 9
    assert maxdiff["in_sample_gain"] is not None and one["strategies"]["simple"]["in_sample_gain"] is None
    assert {"mae", "naive_mae", "pinball", "coverage_80", "bars"} == one["forecast_error"]["close"].keys()
    assert one["uplift"].keys() == {"maxdiff_minus_simple"}
    average = document(done, "two_words", "average")
    assert average["strategies"]["maxdiff"]["fills"]["entered"] == sum(
        document(done, "two_words", f"symbol_{symbol}")["strategies"]["maxdiff"]["fills"]["entered"]
        for symbol in ("AAPL", "SPY")
    )
    assert "No strategy is ready." in (run / "backtest.md").read_text()
    assert (run / "backtest.html").read_text().count("<section") == 3
    shown = shell.tools("backtest", "--show", str(run))
    assert shown.status == 0 and "two words: AAPL" in shown.out


def test_a_list_with_failing_targets(shell: Shell) -> None:
    (shell.folder / "list.yaml").write_text(
        "targets:\n"
        "  - {name: base, symbols: [SPY]}\n"
        "  - {name: same, symbols: [SPY], base: base}\n"
        "  - {name: noise, symbols: [SPY], forecaster: noise}\n"
        "  - {name: typo, symbols: [SPYY]}\n"
    )
    given = ("backtest", "--targets", "list.yaml", *FEW, "forecaster=block_bootstrap", "strategies=[simple,maxdiff]")
    dry = shell.tools(*given, "--dry-run")
    assert dry.status == 0 and "noise: SPY, forecaster=noise, 5 bps a side" in dry.out
    assert not (shell.folder / "outputs").exists()
    done = shell.tools(*given)
    assert done.status == 1
    assert "unknown symbol 'SPYY'. Did you mean 'SPY'?" in done.out
    summary = (done.run("backtest") / "backtest.md").read_text()
    assert "same less base | SPY | = | = | = | = | = | = |" in summary
    real, tests = summary.split("## For tests only")
    assert "noise" not in real and "### noise" in tests
    assert "| noise |" not in summary.partition("## Readiness")[2]
    listed = json.loads((done.run("backtest") / "backtest.json").read_text())["targets"]
    assert [one["failure"] is None for one in listed] == [True, True, True, False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("SPYY",), "unknown symbol 'SPYY'. Did you mean 'SPY'?"),
        (("strategies=[maxdif]",), "unknown strategy 'maxdif'"),
        (("both_touch=finer",), "both_touch=finer: needs bars of a finer frequency"),
        (("both_touch=both",), "both_touch=both: must be one of pessimistic, optimistic, finer."),
        (("forecaster=none",), "forecaster=none: strategies trade on forecasts."),
        (("module=gymrl",), "rlx backtest has no group module"),
        (("band=[0.6,0.4]",), "band=[0.6,0.4]: the first level must be below the second."),
        (("AAPL", "data.symbols=[SPY]"), "symbols are also given as data.symbols"),
        (("data.end=2012-07",), "needs 253 bars before its first forecast"),
        (("--targets", "none.yaml"), "targets=none.yaml: no such file"),
        (("--label",), "expected one argument"),
        (("--labl", "x"), "unrecognized arguments: --labl"),
        (("--show", "none"), "--show none: no such file or folder"),
        (("--illusion", "targets=x.yaml"), "--illusion compares procedures on one configuration"),
    ],
)
def test_bad_input_is_one_message(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    done = shell.tools("backtest", *arguments)
    assert done.status == 2
    assert said.lower() in done.err.lower()
    assert done.err.lower().count("error: ") == 1
    assert not (shell.folder / "outputs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--illusion", "--dry-run", "SPY"), "not allowed with argument"),
        (("--show", "old", "SPY"), "--show: takes no settings"),
    ],
)
def test_modes_exclude_each_other(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    done = shell.tools("backtest", *arguments)
    assert done.status == 2 and said in done.err


def test_documents_of_the_original_are_shown_as_legacy_and_damaged_ones_are_named(shell: Shell) -> None:
    old = {"symbol": "AAPL_real_full", "strategies": {"maxdiff": {"return": 0.0311, "sharpe": 11.2}, "buy_hold": None}}
    (shell.folder / "old").mkdir()
    (shell.folder / "old" / "good.json").write_text(json.dumps(old))
    (shell.folder / "old" / "later.json").write_text(json.dumps({"schema_version": 9, "strategies": {}}))
    (shell.folder / "old" / "text.json").write_text("{")
    done = shell.tools("backtest", "--show", "old")
    assert done.status == 2
    assert "legacy" in done.out and "+11.2000" in done.out and "n/a" in done.out
    assert "later.json: schema_version=9" in done.err and "text.json: not a JSON document" in done.err


def test_the_illusion_on_the_same_forecasts(shell: Shell) -> None:
    done = shell.tools("backtest", "--illusion", "SPY", *QUICK)
    assert done.status == 0, done.err
    found = json.loads((done.run("backtest") / "backtests" / "illusion.json").read_text())["cases"]
    assert list(found) == [
        "block_bootstrap on sample data 'daily9'",
        "noise on sample data 'daily9'",
        "noise on a random walk",
    ]
    walk = found["noise on a random walk"]
    assert walk["original, tuned on the window judged"]["window_sharpe"] > 12
    assert walk["honest, pessimistic"]["window_sharpe"] < 0


def test_help_and_the_whole_configuration(shell: Shell) -> None:
    assert "Groups, the first option is the default" in shell.tools("backtest", "--help").out
    assert "tune_bars: 60" in shell.tools("backtest", "--cfg").out
