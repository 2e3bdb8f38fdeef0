"""The benchmark of the PPO stage runs whole, and its numbers are about the work they name."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("pufferlib")

import puffer
import training
from rich.console import Console

from rlx.data.market import Market
from rlx.data.sources import sample


def test_a_report_has_a_row_a_contender_and_ratios_of_them() -> None:
    report = puffer.measure(Market(sample("daily9")), training.RULES, rounds=1, updates=1)
    assert report["parity_max_difference"] < 1e-7
    speeds = {name: row["env_steps_per_second"] for name, row in report["results"].items()}
    assert list(speeds) == [puffer.CEILING, puffer.OURS, puffer.RIVAL]
    assert report["ratio_to_ceiling"] == pytest.approx(speeds[puffer.OURS] / speeds[puffer.CEILING])
    assert report["ratio_to_gymrl"] == pytest.approx(speeds[puffer.OURS] / speeds[puffer.RIVAL])
    for row in report["results"].values():
        assert row["env"] + row["policy"] + row["update"] == pytest.approx(1.0)
        assert row["env"] >= 0.0 and row["update"] > 0.0
    assert min(report["results"], key=lambda name: report["results"][name]["env"]) == puffer.CEILING
    output = io.StringIO()
    puffer.show_report(report, Console(file=output, width=120))
    assert "of its ceiling" in output.getvalue()
