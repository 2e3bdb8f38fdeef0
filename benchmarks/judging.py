"""Duration of judging without decisions: 20 targets over every start index of daily9, as ``protocol=benchmark`` does.

    python benchmarks/judging.py [--targets 20] [--json results.json]

Parity first: a target's row says what judging it alone says. Then every target is judged once, and the seconds are
split by what they went into: decisions of the policies (measured as latencies), playing the simulator, measures,
bootstrap, and the report's series.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Row, describe, environment, show, write_json

from rlx.board.series import report_series
from rlx.console import open_console
from rlx.data.market import Market
from rlx.data.sources import sample
from rlx.data.splits import Span
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.judge import Judgement, judge, judge_against
from rlx.evaluate.protocols.base import Protocol
from rlx.measures.distribution import describe_windows
from rlx.measures.significance import measure_significance
from rlx.measures.statistics import bootstrap_intervals
from rlx.policies.baselines import standard_baselines
from rlx.policies.trailing import Momentum
from rlx.sim.rules import Costs, Limits, Rules

RULES = Rules(costs=Costs(slippage_bps=5.0), limits=Limits(long_only=True))
PROTOCOL = Protocol()
PARTS: dict[str, Callable[..., Any]] = {
    "play the windows, decisions included": evaluate,
    "bootstrap intervals": bootstrap_intervals,
    "significance": measure_significance,
    "distribution over windows": describe_windows,
    "series of the report": report_series,
}
PACKAGES = ("rlx", "numpy", "numba", "arch", "torch")


class Judge:
    """Judges targets as the benchmark does: baselines are played once."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.span = Span(0, market.n_bars - 1)
        self.sets = PROTOCOL.window_sets(self.span, market.timestamps)
        self.baselines = {policy.name: evaluate(policy, market, self.sets, RULES) for policy in standard_baselines()}

    def judge(self, policy: Momentum) -> Judgement:
        """Return the result, and make the series of its report."""
        judgement = judge_against(
            policy, self.market, self.sets, RULES, PROTOCOL, baselines=self.baselines, module="momentum"
        )
        report_series(judgement)
        return judgement


def targets(number: int) -> list[Momentum]:
    """Return that many different policies."""
    return [
        Momentum(lookback_steps=21 * (1 + index // 9), rebalance_steps=21, top_k=1 + index % 9)
        for index in range(number)
    ]


def check_parity(judge_all: Judge, policy: Momentum) -> None:
    """Raise AssertionError when a row differs from the result of judging the target alone."""
    alone = judge(
        policy, judge_all.market, judge_all.span, RULES, PROTOCOL, baselines=standard_baselines(), module="momentum"
    ).scorecard
    row = judge_all.judge(policy).scorecard
    assert (row.metrics, row.intervals, row.key) == (alone.metrics, alone.intervals, alone.key)


def measure(number: int) -> tuple[list[Row], float]:
    """Return the seconds of judging the targets by part, and in total."""
    judge_all = Judge(Market(sample("daily9")))
    check_parity(judge_all, targets(1)[0])  # compiles, too
    profile, began = cProfile.Profile(), time.perf_counter()
    profile.enable()
    judgements = [judge_all.judge(policy) for policy in targets(number)]
    profile.disable()
    total = time.perf_counter() - began
    deciding = sum(float(judgement.evaluation.latency_seconds.sum()) for judgement in judgements)
    seconds = {name: _seconds(profile, function) for name, function in PARTS.items()}
    rows: list[Row] = [{"part": name, "seconds": taken, "share": taken / total} for name, taken in seconds.items()]
    rest = total - sum(seconds.values())
    rows.append({"part": "the rest", "seconds": rest, "share": rest / total})
    rows.append({"part": "all", "seconds": total, "share": 1.0})
    rows.append({"part": "all besides decisions", "seconds": total - deciding, "share": 1.0 - deciding / total})
    return rows, total


def _seconds(profile: cProfile.Profile, function: Callable[..., Any]) -> float:
    """Return the cumulative seconds of a function."""
    code = function.__code__
    stats: Any = pstats.Stats(profile)
    return float(stats.stats[(code.co_filename, code.co_firstlineno, code.co_name)][3])


def main() -> None:
    """Measure, print and optionally write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=20, help="policies to judge")
    parser.add_argument("--json", type=Path, help="write the report there")
    arguments = parser.parse_args()
    rows, _ = measure(arguments.targets)
    windows = Market(sample("daily9")).n_bars - PROTOCOL.window_steps
    console, about = open_console(), environment(PACKAGES)
    show(console, f"{arguments.targets} targets, {windows:,} windows of {PROTOCOL.window_steps} steps of daily9", rows)
    console.print(describe(about))
    write_json(arguments.json, {"rows": rows, "environment": about})


if __name__ == "__main__":
    main()
