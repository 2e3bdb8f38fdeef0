"""Arguments as users type them: paths and symbols with any characters, and errors where Hydra's grammar ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from rlx.app.arguments import path_keys, quoted
from tests.app.commands import SMOKE, Shell
from tests.hostile.refusal import assert_refused

TICKERS = ("^GSPC", "ES=F", "TRUE", "1E5", "NULL", "NAN", "000001", "A&B", "X#1", "$SPY", "BTC/USD", "BRK.B", "é")
JUDGED = ("policy=equal_weight", "data=folder", "protocol.window_steps=5")


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """Write a long file of odd tickers into the folder the commands run in."""
    dates = pd.bdate_range("2019-01-02", periods=200)
    random = np.random.default_rng(0)
    parts = []
    for ticker in (*TICKERS, "AAPL"):
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(dates))))
        parts.append(pd.DataFrame({"date": dates, "tic": ticker, "close": close}))
    pd.concat(parts).to_csv(tmp_path / "long.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("data.path=~/prices", 'data.path="/home/me/prices"'),
        ("data.path=prices/a.csv", "data.path=prices/a.csv"),
        ("data.path=2020", 'data.path="2020"'),
        ("data.path=a&b", 'data.path="a&b"'),
        ("data.path=a,b", "data.path=a,b"),
        ("data.path='~/x'", 'data.path="/home/me/x"'),
        ("data.path=~nobody_here/x", 'data.path="~nobody_here/x"'),
        ("data.path=~/a,~/b", "data.path=~/a,~/b"),
        ("hydra.run.dir=a&b", 'hydra.run.dir="a&b"'),
        ("hydra.sweeper.storage=a://u:p@h/d?e&f", 'hydra.sweeper.storage="a://u:p@h/d?e&f"'),
        ("hydra.sweeper.storage=null", "hydra.sweeper.storage=null"),
        ("protocol.board=~/b.json", 'protocol.board="/home/me/b.json"'),
        ("resume=null", "resume=null"),
        ("++resume=~/run", '++resume="/home/me/run"'),
        ("data.symbols=[AAPL,SPY]", "data.symbols=[AAPL,SPY]"),
        ("data.symbols=[^GSPC, TRUE, AAPL]", 'data.symbols=["^GSPC","TRUE",AAPL]'),
        ("data.symbols=[ES=F,007]", 'data.symbols=["ES=F",007]'),
        ("data.symbols=[A],[B]", "data.symbols=[A],[B]"),
        ("data.symbols=[]", "data.symbols=[]"),
        ("data.symbols=choice([A],[TRUE])", "data.symbols=choice([A],[TRUE])"),
        ("seed=3", "seed=3"),
    ],
)
def test_only_what_hydra_would_misread_is_quoted(typed: str, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert quoted(typed) == given


def test_every_path_of_the_configuration_is_declared_to_be_one() -> None:
    assert path_keys() == {
        *("data.path", "policy.path", "policy.trades", "policy.log", "protocol.targets", "protocol.board", "resume"),
        *("module.warm_start", "module.resume", "module.cache_dir", "finer", "targets"),
        *("forecaster.path", "forecaster.tokenizer", "forecaster.code"),
    }


@pytest.mark.parametrize("home", ["/home/me", '/a"b', "/a,b", "/a\\", '/a\\"', "/a b'c", "/(x)"])
def test_every_path_is_read_as_it_was_typed_in_every_home(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", home)
    for key in (*path_keys(), "hydra.run.dir", "hydra.sweep.dir"):
        for typed, meant in (("~/x", f"{home}/x"), ("~", home), ("a&b #1", "a&b #1"), ("é", "é")):
            parsed = OverridesParser.create().parse_override(quoted(f"{key}={typed}"))
            assert (parsed.key_or_group, parsed.value()) == (key, meant)


def test_a_home_is_found_in_every_path(prices: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(prices))
    (prices / "weights.csv").write_text("date,AAPL\n2019-02-01,1.0\n")
    finished = shell.evaluate(
        *("policy=weights", "policy.path=~/weights.csv", "data=folder", "data.path='~/long.csv'"),
        *("data.symbols=[AAPL]", "protocol.window_steps=5", "hydra.run.dir=~/run"),
    )
    assert finished.status == 0, finished.err
    assert (prices / "run" / "scorecard.json").is_file() and not (prices / "~").exists()
    assert_refused(shell.train(*SMOKE, "resume=~/nothing"), f"resume={prices / 'nothing'}: no such folder")


def test_every_ticker_can_be_traded_by_name(prices: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(prices))
    finished = shell.evaluate(*JUDGED, "data.path=~/long.csv", f"data.symbols=[{','.join(TICKERS)}]")
    assert finished.status == 0, finished.err


@pytest.mark.parametrize("ticker", ["^GSPC", "ES=F", "TRUE"])
def test_costs_of_odd_names_say_what_to_write_instead(ticker: str, prices: Path, shell: Shell) -> None:
    given = (*JUDGED, "data.path=long.csv", f"data.symbols=[{ticker},AAPL]")
    assert_refused(shell.evaluate(*given, f"+costs.per_asset_bps={{{ticker}: 3}}"), "+costs.per_asset_bps=[12,4]")
    assert shell.evaluate(*given, "+costs.per_asset_bps=[12,4]").status == 0


def test_a_caret_marks_what_cannot_be_read(shell: Shell) -> None:
    finished = shell.evaluate("policy=equal_weight", "data.features=[return_1,^x]")
    assert_refused(finished, "cannot be read from character 25 on", """'data.features=["return_1","^x"]'""")
    argument, caret = finished.err.splitlines()[:2]
    assert argument[caret.index("^")] == "^" and argument.strip() == "data.features=[return_1,^x]"


def test_an_argument_that_cannot_be_read_keeps_its_password(shell: Shell) -> None:
    finished = shell.train("hydra.sweeper.storage=foo://u:secret@h/{")
    assert_refused(finished, "foo://[hidden]@h/{: cannot be read")
    assert "secret" not in finished.err


@pytest.mark.parametrize(
    ("argument", "option"),
    [("data.path=x", "data=folder"), ("data.kind=flat", "data=synthetic"), ("policy.path=x", "policy=checkpoint")],
)
def test_a_key_of_another_option_names_the_option(argument: str, option: str, shell: Shell) -> None:
    assert_refused(shell.evaluate("policy=equal_weight", argument), f"{argument.partition('=')[0]} needs", option)


def test_a_relative_path_in_a_folder_that_the_run_leaves(prices: Path, shell: Shell) -> None:
    given = (*JUDGED, "hydra.job.chdir=true")
    assert_refused(shell.evaluate(*given, "data.path=long.csv"), f"write data.path={prices / 'long.csv'}")
    assert not (prices / "outputs").exists()


@pytest.mark.parametrize("command", ["data", "evaluate"])
def test_names_that_the_terminal_cannot_show(command: str, prices: Path) -> None:
    """In a separate process: the encoding of the standard streams is set when Python starts."""
    (prices / "Zürich贵.csv").write_bytes((prices / "long.csv").read_bytes())
    given = ("data", "check", "Zürich贵.csv") if command == "data" else (*JUDGED, "data.path=Zürich贵.csv")
    module = "rlx.cli:main" if command == "data" else "rlx.app.entry:evaluate_main"
    name, _, function = module.partition(":")
    code = f"import sys; sys.argv = ['rlx', *sys.argv[1:]]; from {name} import {function}; {function}()"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONPATH": root}
    finished = subprocess.run(
        [sys.executable, "-c", code, *given], cwd=prices, env=environment, capture_output=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert b"Traceback" not in finished.stderr
