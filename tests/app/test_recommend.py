"""``rlx recommend`` on a real scoreboard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from rlx.cli import main
from rlx.data.sources import sample
from rlx.evaluate import BOARD
from tests.app.commands import Shell
from tests.app.test_benchmark import benchmarked

LENIENT = ("--min-dsr", "0.01", "--max-p-value", "1", "--max-drawdown", "1", "--min-steps", "10")


def recommended(board: Path, *arguments: str) -> int:
    """Return the exit status."""
    with pytest.raises(SystemExit) as ended:
        main(["recommend", str(board), *arguments])
    return int(ended.value.code or 0)


def test_nothing_qualifies_and_it_says_why(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    benchmarked(shell, "{policy: cash}", "{policy: equal_weight}", "{policy: checkpoint, path: nowhere}")
    assert recommended(shell.folder / BOARD) == 0
    text = ((shell.folder / BOARD).parent / "recommendation.md").read_text(encoding="utf-8")
    assert "**Nothing qualifies.** None of 2 systems" in text
    assert "- cash: annual excess over equal weight: interval above zero; found" in text
    assert "- nowhere: a rank; found policy.path=nowhere: nothing there" in text
    assert "Next:" in text and not ((shell.folder / BOARD).parent / "recommended").exists()
    assert "Nothing qualifies." in capsys.readouterr().out


def write_prophecy(path: Path) -> None:
    """Write weights that hold, each day, the asset that rises most on the next day."""
    panel = sample("daily9")
    best = np.argmax(panel.close[1:] / panel.close[:-1], axis=1)
    weights = pd.DataFrame(np.eye(len(panel.symbols))[best], columns=list(panel.symbols))
    weights.insert(0, "timestamp", panel.timestamps[:-1])
    weights.to_csv(path, index=False)


def test_a_promoted_system_gets_a_template_and_loses_it_with_its_promotion(shell: Shell) -> None:
    write_prophecy(shell.folder / "prophecy.csv")
    benchmarked(shell, "{policy: weights, path: prophecy.csv, name: prophet}", "{policy: equal_weight}")
    board = shell.folder / BOARD
    assert recommended(board, *LENIENT, "--notional", "5000") == 0
    (path,) = ((shell.folder / BOARD).parent / "recommended").glob("*.yaml")
    template = OmegaConf.load(path)
    assert template.system == template.judged.target == "prophet"
    assert template.policy == {"kind": "weights", "path": "prophecy.csv", "between": "hold"}
    assert template.notional == 5000 and len(template.symbols) == 9
    assert template.costs.slippage_bps == 5.0 and template.schedule.time_in_force == "cls"
    assert recommended(board, "--min-steps", "1000") == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--key", "zz"), "--key=zz: the board has "),
        (("--min-dsr", "7"), "--min-dsr=7.0: must be between 1e-06"),
    ],
)
def test_bad_input(shell: Shell, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str) -> None:
    benchmarked(shell, "{policy: cash}")
    assert recommended(shell.folder / BOARD, *arguments) == 2
    assert words in capsys.readouterr().err


def test_without_a_board(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recommended(tmp_path / "none.json") == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize("amount", ["-5", "0", "inf", "nan"])
def test_money_to_trade_is_an_amount(amount: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recommended(tmp_path / "none.json", f"--notional={amount}") == 2
    assert f"--notional={float(amount)}: must be between 0.01 and " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
