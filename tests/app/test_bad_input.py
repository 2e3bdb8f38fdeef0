"""Bad input gives one clear error and exit status 2, and leaves no files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rlx.cli import main as rlx
from tests.app.commands import SMOKE, Finished, Shell
from tests.hostile.refusal import assert_refused, assert_refused_at_once, contents


def write_prices(path: Path, rows: int = 300, start: str = "2020-01-01") -> None:
    rng = np.random.default_rng(len(path.stem))
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    stamps = pd.bdate_range(start, periods=rows)
    frame = pd.DataFrame({"timestamp": stamps, "open": closes, "high": closes * 1.01, "low": closes * 0.99})
    frame.assign(close=closes, volume=rng.integers(1000, 2000, rows)).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["guard=calibratd"], ["calibratd", "calibrated, fitted, initial, none", "Did you mean 'calibrated'"]),
        (["costs.commission_bps=-1"], ["costs.commission_bps", "-1"]),
        (["costs.comission_bps=1"], ["costs.comission_bps", "Did you mean 'commission_bps'"]),
        (["costs.commission_bps=cheap"], ["costs.commission_bps", "cheap"]),
        (["+guard.windw=3"], ["guard.windw", "Did you mean 'window'"]),
        (["data=folder"], ["data.path"]),
        (["data=folder", "data.path=nowhere"], ["data.path", "nowhere"]),
        (["data.symbols=[APPL,IBM]"], ["APPL", "Did you mean 'AAPL'"]),
        (["data.start=2021-01-01"], ["rows"]),
        (["env.limits.closing_gross=2"], ["env.limits.closing_gross=2"]),
        (["module.minibatch_size=1000"], ["module.minibatch_size=1000", "1024"]),
        (["costs=null"], ["costs=null", "--help"]),
        (["seed=-1"], ["seed=-1", "between 0 and"]),
        (["data.features=[]"], ["data.features=[]"]),
        (["protocol.window_steps=1000"], ["protocol.window_steps=1000", "334"]),
        (["trainer.monitor=val/sharp"], ["val/sharp", "val/sharpe"]),
        (["data.features=[return_1,volatilty_21]"], ["volatilty_21", "volatility_21"]),
    ],
)
def test_train_refuses(shell: Shell, arguments: list[str], parts: list[str]) -> None:
    assert_refused_at_once(shell.train(*SMOKE, *arguments), *parts)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["protocol.window=2000"], ["protocol.window=2000", "1 to 1258"]),
        (["protocol.window=0"], ["protocol.window=0", "between 1 and"]),
        (["protocol.stride=0"], ["protocol.stride=0", "between 1 and"]),
        (["protocol.stride=often"], ["protocol.stride", "often"]),
        (["protocol.start=2021-01-01"], ["protocol.start='2021-01-01'", "protocol.end='2020-12-31'"]),
        (["protocol.start=1999", "protocol.end=2001"], ["protocol.end=2001", "2012-05-18"]),
        (["protocol.windw=64"], ["protocol.windw", "Did you mean 'window'"]),
        (["protocol=holdout", "protocol.stride=64"], ["protocol.stride", "no such key"]),
    ],
)
def test_an_impossible_walk_forward(shell: Shell, arguments: list[str], parts: list[str]) -> None:
    walk = ["protocol=walk_forward", "protocol.start=2016-01-01", "protocol.end=2020-12-31"]
    keys = [argument.partition("=")[0] for argument in arguments]
    kept = [argument for argument in walk if argument.partition("=")[0] not in keys]
    assert_refused_at_once(shell.evaluate("policy=equal_weight", *kept, *arguments), *parts)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_gpu(shell: Shell) -> None:
    assert_refused_at_once(shell.train(*SMOKE, "hardware=gpu"), "hardware.device=cuda", "hardware=auto")


def test_a_csv_without_prices(shell: Shell) -> None:
    (shell.folder / "X.csv").write_text("date,comment\n2020-01-01,hello\n2020-01-02,world\n")
    assert_refused_at_once(shell.train(*SMOKE, "data=folder", "data.path=X.csv"), "X.csv", "comment", "close")


def test_two_symbols_without_a_common_date(shell: Shell) -> None:
    folder = shell.folder / "prices"
    folder.mkdir()
    write_prices(folder / "OLD.csv", start="2001-01-01")
    write_prices(folder / "NEW.csv", start="2021-01-01")
    assert_refused_at_once(shell.train(*SMOKE, "data=folder", "data.path=prices"), "OLD", "NEW", "2001", "2021")


def test_fewer_rows_than_the_feature_window(shell: Shell) -> None:
    (shell.folder / "prices").mkdir()
    write_prices(shell.folder / "prices" / "ONE.csv", rows=30)
    finished = shell.train(*SMOKE, "data=folder", "data.path=prices")
    assert_refused(finished, "30 rows", "needed")
    assert "too short to count the sessions of a year" in finished.err


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"SPY": 0.5, "APPL": 0.5}, ["w.csv", "APPL", "AAPL"]),
        ({"SPY": 0.5, "AAPL": np.nan}, ["w.csv", "row 1", "AAPL"]),
        ({}, ["w.csv"]),
    ],
)
def test_weights_that_cannot_be_traded(shell: Shell, columns: dict[str, float], parts: list[str]) -> None:
    frame = pd.DataFrame({"timestamp": pd.bdate_range("2020-03-02", periods=50), **columns})
    frame.to_csv(shell.folder / "w.csv", index=False)
    assert_refused_at_once(shell.evaluate("policy=weights", "policy.path=w.csv"), *parts)


def test_a_checkpoint_of_another_universe(trained: Finished, shell: Shell) -> None:
    """Weights shared by the assets act on any, and say so once."""
    judged = shell.evaluate("policy=checkpoint", f"policy.path={trained.run()}", "data=sample_hourly", SMOKE[0])
    assert judged.status == 0 and judged.err.count("its weights are shared by the assets, so it also decides for") == 1


def test_damaged_checkpoints(trained: Finished, shell: Shell) -> None:
    copy = shell.folder / "policy"
    copy.mkdir()
    for name in ("policy.safetensors", "policy.json"):
        (copy / name).write_bytes((trained.run() / "policy" / name).read_bytes()[:-100])
        if name == "policy.safetensors":
            (copy / "policy.json").write_bytes((trained.run() / "policy" / "policy.json").read_bytes())
        assert_refused_at_once(shell.evaluate("policy=checkpoint", "policy.path=policy"), name)
    assert_refused_at_once(shell.evaluate("policy=checkpoint", "policy.path=elsewhere"), "elsewhere")
    assert_refused_at_once(shell.evaluate("policy=checkpoint"), "policy.path")


USED = (
    "hydra.run.dir={}",
    "hydra.run.dir='{}'",
    'hydra.run.dir="{}"',
    "++hydra.run.dir={}",
    "+hydra.run={{dir:'{}'}}",
    "hydra.run.dir=${{oc.env:EARLIER}}",
)


@pytest.mark.parametrize("typed", USED)
def test_a_folder_that_holds_a_run_is_not_run_in_again(
    typed: str, trained: Finished, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARLIER", str(trained.run()))
    before = contents(trained.run())
    for finished in (shell.train(*SMOKE, typed.format(trained.run())), shell.evaluate(typed.format(trained.run()))):
        assert_refused(finished, f"hydra.run.dir={trained.run()}", "holds an earlier run")
    assert contents(trained.run()) == before and not list(shell.folder.iterdir())


def test_a_grid_does_not_run_in_the_folders_of_an_earlier_one(shell: Shell) -> None:
    given = ("-m", "policy=cash,equal_weight", "data=synthetic", "protocol.bootstrap_replications=100")
    assert shell.evaluate(*given, "hydra.sweep.dir=grid").status == 0
    before = contents(shell.folder)
    assert_refused(shell.evaluate(*given, "hydra.sweep.dir='grid'"), "hydra.sweep.dir=grid/0: holds an earlier run")
    assert contents(shell.folder) == before


def test_a_run_folder_that_cannot_be_written(shell: Shell) -> None:
    (shell.folder / "file").write_text("not a folder")
    for key in ("hydra.run.dir", "hydra.sweep.dir"):
        for value, message in (
            ("", "must be the path"),
            ("file/run", "a file is in the way"),
            ("x" * 300, "File name too long"),
            (f"a/b/{'x' * 300}", "File name too long"),
            ("/proc/xx", "no folder can be made there"),
        ):
            for run in (shell.train, shell.evaluate):
                assert_refused_at_once(run(f"{key}={value}"), key, message)
    assert [path.name for path in shell.folder.iterdir()] == ["file"]


def test_data_check_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_prices(tmp_path / "GOOD.csv")
    (tmp_path / "BAD.csv").write_text("date,comment\n2020-01-01,hello\n")
    for arguments, status in ((["GOOD.csv"], 0), (["BAD.csv"], 2), (["NONE.csv"], 2)):
        with pytest.raises(SystemExit) as stop:
            rlx(["data", "check", str(tmp_path / arguments[0])])
        assert stop.value.code == status, arguments
    capsys.readouterr()


def test_a_group_of_the_other_command(shell: Shell) -> None:
    for argument in ("logger=csv", "+logger=csv", "module=gymrl"):
        group = argument.lstrip("+").partition("=")[0]
        assert_refused_at_once(shell.evaluate(argument), f"{argument}: evaluate.py has no group {group}; it has data, ")
    assert_refused_at_once(shell.train("policy=cash"), "policy=cash: train.py has no group policy; it has data, ")


def test_an_option_with_a_slash(shell: Shell) -> None:
    for value in ("a/b", "../b", "a/b/c"):
        message = f"policy={value}: no such option."
        assert_refused_at_once(shell.evaluate(f"policy={value}"), message)
    assert_refused_at_once(shell.evaluate("hydra/help=none"), "hydra/help=none: no such option.")


def test_empty_folders_of_the_user_stay(shell: Shell) -> None:
    """Only what a refused command created is removed: an existing folder belongs to the user, empty or not."""
    refused = ("policy=cash", "data=folder", "data.path=nowhere")
    (shell.folder / "t1" / "empty").mkdir(parents=True)
    for name in ("t1/empty/x", "t1/empty"):
        assert_refused(shell.evaluate(*refused, f"hydra.run.dir={name}"), "nowhere")
        assert [path.name for path in (shell.folder / "t1").rglob("*")] == ["empty"]
    assert_refused(shell.evaluate("-m", *refused, "hydra.sweep.dir=t1/empty"), "nowhere")
    assert [path.name for path in (shell.folder / "t1").rglob("*") if path.is_dir()] == ["empty"]
