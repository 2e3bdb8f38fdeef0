"""The simulator's benchmark runs whole on small sizes, and its numbers are about the work it names."""

from __future__ import annotations

import json
from pathlib import Path

import harness
import numpy as np
import pytest
import workloads

from rlx.console import open_console
from rlx.sim import get_num_threads


def test_the_engines_agree_on_the_benchmark_s_own_market() -> None:
    assert workloads.parity() < 1e-12


def test_every_rule_is_on_in_the_benchmark_s_own_market() -> None:
    ledger = workloads.replaying(1, 2_500, 30)()
    for flag in ("drawdown_guard", "negative_return_guard", "turnover_guard", "cooldown_long", "limit_clipped"):
        assert np.asarray(getattr(ledger, flag)).any(), flag
    assert (ledger.financing_cost > 0).any()


def test_stepping_rows_are_about_an_account_step() -> None:
    row = workloads.stepping(8, 3, 2)
    assert row["accounts"] == 8
    assert row["of writing"] == pytest.approx(row["write seen"] / row["step + write"])
    assert row["steps/s"] == pytest.approx(1e9 / row["step + write"])


@pytest.mark.parametrize("work", ["accounts", "assets", "steps"])
def test_growth_has_a_row_a_size(work: str) -> None:
    rows = workloads.growth(work, [2, 5], 1)
    assert [row[work] for row in rows] == [2, 5]
    assert all(row["MB"] > 0 and row["ms"] > 0 for row in rows)


def test_stepping_starts_again_before_the_market_ends() -> None:
    work = workloads.Stepping(4, 2, steps=6)
    for _ in range(20):
        work.both()


def test_a_judgement_plays_every_window() -> None:
    assert workloads.judging(20, 5, 3)().env_steps == 100


def test_a_torch_rollout_counts_the_bytes_it_has_to_move() -> None:
    rollout = workloads.TorchRollout(16, 3, "cpu", "off", steps=2)
    books = 2 * (3 * 16 * 3 + 2 * 16 + 16 * 42) * 4 + 2 * 8  # weights and cooldowns, value and peak, the ring, steps
    assert rollout.bytes_a_step() > books + 2 * 16 * 3 * 4
    assert rollout.forward() == pytest.approx(rollout.reward(rollout.targets))
    assert rollout.backward().shape == (16, 2, 3)


def test_threads_are_given_back() -> None:
    before = get_num_threads()
    with pytest.raises(RuntimeError), workloads.threads(before + 1):
        raise RuntimeError
    assert get_num_threads() == before


def test_rounds_alternate_and_memory_is_that_of_the_work() -> None:
    calls: list[str] = []
    taken = harness.seconds_of({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert calls == ["a", "b", "a", "b", "a", "b"] and set(taken) == {"a", "b"}
    assert harness.peak_megabytes(lambda: np.ones(2_000_000)) == pytest.approx(16, rel=0.1)


def test_a_report_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = harness.environment(("numpy",))
    harness.show(open_console(), "title", [{"work": "w", "ms": 0.1234}, {"work": "v", "steps/s": 12345.6}])
    out = capsys.readouterr().out
    assert "0.123" in out and "12,346" in out and "numpy" in harness.describe(about)
    harness.write_json(tmp_path / "r.json", {"environment": about})
    assert json.loads((tmp_path / "r.json").read_text())["environment"]["cpus"] >= 1
