"""Lists of backtests: what a target may say, and the lists of the original system."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlx.config.backtest_targets import read_backtest_targets
from rlx.errors import ConfigError

ORIGINAL = Path(__file__).parents[1] / "backtest" / "original"


def written(folder: Path, text: str) -> Path:
    path = folder / "targets.yaml"
    path.write_text(text)
    return path


def test_options_and_values_of_targets(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "targets:\n"
        "  - {name: few, symbols: [SPY], forecaster: {name: block_bootstrap, n_samples: 64}}\n"
        "  - {name: many, base: few, forecaster: block_bootstrap, costs: {commission_bps: 1}, tune: past}\n",
    )
    few, many = read_backtest_targets(path)
    assert few.options == {"forecaster": "block_bootstrap"}
    assert few.values == {"forecaster": {"n_samples": 64}, "data": {"symbols": ["SPY"]}}
    assert (many.base, many.options) == ("few", {"forecaster": "block_bootstrap"})
    assert many.values == {"forecaster": {}, "costs": {"commission_bps": 1}, "tune": "past"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{tuen: past}", "'tuen' is not a key of a target; .* Did you mean 'tune'?"),
        ("{symbols: ['${oc.env:HOME}']}", "targets: symbols"),
        ("{symbols: [SPY], data: {symbols: [AAPL]}}", "symbols: are also given as data.symbols"),
        ("{costs: {1: 2}}", "1"),
        ("{output_json: x, symbol: '${oc.env:HOME}', env: {}}", "targets: symbol is"),
        ("{output_json: x, symbol: SPY, env: {MARKETSIM_TOTO_MAX_NUM_SAMPLES: '²'}}", "must be a whole number"),
        ("{output_json: x, symbol: SPY, output_label: [1]}", "output_label="),
        ("{forecaster: '../x'}", "forecaster='../x': must be the name of an option"),
        ("{forecaster: [1]}", r"forecaster=\[1\]: must be the name of an option"),
        ("{costs: {commission_bps: '${oc.env:HOME}'}}", "HOME"),
        ("{name: [x]}", r"name=\['x'\]: must be text"),
        ("{targets: other.yaml}", "'targets' is not a key of a target"),
        ("AAPL", "it is no mapping"),
    ],
)
def test_a_bad_target_has_the_reason(tmp_path: Path, entry: str, said: str) -> None:
    (target,) = read_backtest_targets(written(tmp_path, f"targets:\n  - {entry}\n"))
    assert target.failure is not None
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(target.failure)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have a list 'targets'"),
        ("targets: []", "must have a list 'targets'"),
        ("targets: {", "targets.yaml"),
        ("targets: [{name: a}, {name: A}]", "more than one target with that name"),
        ("targets: [{name: a, base: b}]", "base='b' is not a target"),
    ],
)
def test_a_bad_list_is_one_error(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_backtest_targets(written(tmp_path, text))


def test_a_missing_list_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_backtest_targets(tmp_path / "none.yaml")


def test_the_lists_of_the_original_system() -> None:
    targets = read_backtest_targets(ORIGINAL / "guard_backtest_targets.json")
    assert [one.name for one in targets] == [f"{s}_real_full" for s in ("AAPL", "GOOG", "META", "NVDA", "TSLA")]
    assert targets[0].values == {"data": {"symbols": ["AAPL"]}, "forecaster": {"n_samples": 2048}}
    assert "TORCHINDUCTOR_DISABLE" in targets[0].ignored and "output_json" in targets[0].ignored
    compiled = read_backtest_targets(ORIGINAL / "guard_backtest_targets_compile.json")
    assert [one.values["forecaster"] for one in compiled] == [{"n_samples": 4096}] * 3
