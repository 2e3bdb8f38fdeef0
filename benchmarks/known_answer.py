"""Share of the attainable gain that policies and modules earn in generated markets, and losses where there is none.

    python benchmarks/known_answer.py --policies ridge momentum --modules gymrl --kinds mom1 noise --seeds 1 2 3
                                      [--peer] [--json results.json] [--set trainer.max_updates=10]

Each market has 2,500 steps to train on, 500 to validate and 3,000 to be judged on. Growth is the expected growth of the
weights under the market's true moments, so the luck of the judged path has no effect. ``--peer`` adds
Stable-Baselines3's PPO as it comes, on the Gymnasium environment of rlx.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from harness import environment, write_json
from peer import Peer, peer_ledger
from rich.table import Table

import rlx
from rlx.console import open_console
from rlx.data.known import KNOWN
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.synthetic import KnownMarket, known_market
from rlx.evaluate.known_answer import expected_growth, limited, reference
from rlx.sim.ledger import Ledger
from rlx.sim.rules import Rules

WARM_UP, TRAIN, VALIDATION, TEST = 80, 2_500, 500, 3_000
STEPS = WARM_UP + TRAIN + VALIDATION + TEST
SPLIT = (
    f"data.split.train_fraction={(WARM_UP + TRAIN) / STEPS!r}",
    f"data.split.validation_fraction={VALIDATION / STEPS!r}",
)
SPAN = Span(STEPS - TEST, STEPS)


class Result(NamedTuple):
    """One judged path: ``gain`` is expected log growth a year over equal weights, ``share`` of the attainable gain.

    ``acts`` is 1 for an open gate, 0 for a shut one, NaN for a policy without a gate.
    """

    kind: str
    name: str
    seed: int
    gain: float
    share: float
    turnover: float
    acts: float
    seconds: float


def judge(kind: str, name: str, seed: int, command: list[str], folder: Path) -> Result:
    """Train or load the policy of ``command``, judge it on a market, and compare it with the optimum."""
    market = known_market(kind, seed=seed)
    env = [] if market.kind.long_only else ["env=long_short"]
    about = ["data=synthetic", f"data.kind={kind}", f"data.seed={seed}", *SPLIT, *env]
    rules = limited(rlx.compose(*about, command="evaluate").rules(), market)
    began = time.process_time()
    ledger, gate = _peer(market, rules, seed) if name == Peer.name else _run(command, about, folder)
    seconds = time.process_time() - began
    growth, best = expected_growth(ledger, market, SPAN), reference(market, SPAN, rules)
    acts = float("nan") if gate is None else float(gate["open"])
    turnover = float(np.mean(ledger.turnover))
    return Result(kind, name, seed, growth - best.equal_weight, best.share(growth), turnover, acts, seconds)


def _run(command: list[str], about: list[str], folder: Path) -> tuple[Ledger, dict[str, Any] | None]:
    """Return the ledger of a command, and the gate of the policy that it trained."""
    run = (rlx.train if command[0].startswith("module=") else rlx.evaluate)(*command, *about, run_dir=folder)
    assert run.ledger is not None and run.scorecard is not None
    return run.ledger["holdout"].ledger.select(0), run.scorecard.policy.get("gate")


def _peer(market: KnownMarket, rules: Rules, seed: int) -> tuple[Ledger, None]:
    traded = Market(market.panel)
    fitted = Span(traded.first_bar(Peer.feature_names, Peer.window_steps), SPAN.start)
    return peer_ledger(traded, rules, fitted, SPAN, seed), None


def table(results: list[Result]) -> Table:
    """Return means over the seeds."""
    shown = Table(
        "market", "of", "share captured", "gain a year", "turnover a step", "gates open", "CPU seconds", "seeds"
    )
    for kind, name in dict.fromkeys((result.kind, result.name) for result in results):
        among = [result for result in results if (result.kind, result.name) == (kind, name)]
        gain, share, turnover, acts, seconds = np.mean([result[3:] for result in among], axis=0)
        gates = "n/a" if np.isnan(acts) else f"{acts:.0%}"
        figures = (f"{share:.2f}", f"{gain:+.2%}", f"{turnover:.1%}", gates, f"{seconds:.0f}", str(len(among)))
        shown.add_row(kind, name, *figures)
    return shown


def main() -> None:
    """Judge all requested combinations, print a line for each, and means at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", nargs="*", default=["ridge"])
    parser.add_argument("--modules", nargs="*", default=[])
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--kinds", nargs="*", default=list(KNOWN), choices=list(KNOWN))
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--set", nargs="*", default=[], help="further overrides of the commands")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    asked = [f"policy={name}" for name in arguments.policies] + [f"module={name}" for name in arguments.modules]
    asked += [Peer.name] if arguments.peer else []
    console, results = open_console(), []
    with tempfile.TemporaryDirectory() as folder:
        for number, (kind, one, seed) in enumerate(
            (kind, one, seed) for kind in arguments.kinds for one in asked for seed in arguments.seeds
        ):
            own = _own(one, kind)
            result = judge(kind, one, seed, [one, *own, *arguments.set], Path(folder) / str(number))
            results.append(result)
            console.print(f"{kind} {one} {seed}: share {result.share:.2f}, gain {result.gain:+.2%}")
    console.print(table(results))
    if arguments.json is not None:
        found: dict[str, Any] = {"environment": environment(("rlx", "numpy", "torch")), "results": results}
        write_json(arguments.json, found)


def _own(asked: str, kind: str) -> list[str]:
    """Return the options that a policy needs in a market to trade long and short."""
    return ["policy.long_only=false"] if asked == "policy=ridge" and not KNOWN[kind].long_only else []


if __name__ == "__main__":
    main()
