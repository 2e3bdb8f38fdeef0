"""``protocol=guard_ab``: the judged policy once more under every guard, and what that changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlx.app.guards import describe_fit, fit_to_train_split
from rlx.config import EvaluateConfig
from rlx.config.guards import load_guard
from rlx.console import announced, open_console
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.guard_ab import GuardContest, compare_guards
from rlx.evaluate.guard_config import CONFIGURED, FittedGuard, GuardAb
from rlx.evaluate.seen import Seen
from rlx.evaluate.windows import protocol_windows
from rlx.files import write_json
from rlx.measures.evaluation import Evaluation
from rlx.policies.base import Policy
from rlx.policies.baselines import EqualWeight
from rlx.report.guard_ab import describe_windows, guards_table, write_guard_markdown
from rlx.report.guard_ab_figure import write_guard_ab_png
from rlx.report.tables import terminal_line
from rlx.sim.rules import Guard, Rules

SUMMARY = "guard_metrics_summary"
PICTURE = "guard_ab.png"


@dataclass(frozen=True)
class Lineup:
    """The rules under each guard by its name, the control first, and where fitted ones were fitted."""

    rules: dict[str, Rules]
    fits: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, config: EvaluateConfig, protocol: GuardAb, market: Market) -> Lineup:
        """Load the guards of ``protocol`` and fit those that have to be; ``config`` has a settled guard."""
        rules: dict[str, Rules] = {}
        fits: dict[str, dict[str, Any]] = {}
        for name in protocol.guards:
            guard = config.guard if name == CONFIGURED else load_guard(name)
            if isinstance(guard, FittedGuard):
                fit = fit_to_train_split(guard, config, market)
                fits[name] = describe_fit(guard, fit)
                guard = fit.guard
            rules[name] = config.env.rules(config.costs, guard)
        return cls(rules, fits)

    @property
    def control(self) -> str:
        """Name of the first guard."""
        return next(iter(self.rules))


def run_guard_ab(
    lineup: Lineup,
    policy: Policy,
    market: Market,
    span: Span,
    protocol: GuardAb,
    control: Evaluation,
    seen: Seen | None,
) -> GuardContest:
    """Play the policy under every guard but the control, whose ``control`` is there already, and compare them."""
    sets = protocol_windows(span, protocol)
    unguarded = replace(lineup.rules[lineup.control], guard=Guard())
    evaluations = {lineup.control: control}
    others = {name: rules for name, rules in lineup.rules.items() if name != lineup.control}
    for name in announced(list(others), "guard {}".format):
        evaluations[name] = evaluate(policy, market, sets, others[name])
    return compare_guards(
        evaluations, evaluate(EqualWeight(), market, sets, unguarded), protocol, seen=seen, fits=lineup.fits
    )


def write_guard_ab(run_dir: Path, contest: GuardContest) -> None:
    """Write ``guard_metrics_summary.json``, ``.md`` and ``guard_ab.png`` into the run folder."""
    write_guard_ab_png(run_dir / PICTURE, contest)
    write_guard_markdown(run_dir / f"{SUMMARY}.md", contest.summary)
    write_json(run_dir / f"{SUMMARY}.json", contest.summary)


def print_guard_ab(summary: Mapping[str, Any]) -> None:
    """Print the verdicts and what they are about."""
    console = open_console()
    console.print(guards_table(dict(summary)))
    for sentence in describe_windows(dict(summary)):
        console.print(terminal_line(sentence, "dim"))
