"""Training speed of the learners on daily9, and the duration of a start.

    python benchmarks/training.py [--rounds 7] [--json results.json]

PPO runs against its ceiling, the same PPO on an environment that returns constants: by Stable-Baselines3 as gymrl, and
by PufferLib as the last stage of pufferlib. The learners that train through the simulator run with all steps at once,
with steps in turn, and under guards, which leave no choice; a decision of each is timed. Parity is checked before
anything is timed, contenders alternate in this one process, and medians are reported.
At the end ``train.py +experiment=smoke`` is started twice, to see how long a warm start takes to the first update.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import path_learners
import ppo
import puffer
import torch
from harness import describe, environment, show, write_json

from rlx.console import open_console
from rlx.data.market import Market
from rlx.data.sources import sample
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Rules

RULES = Rules(
    costs=Costs(slippage_bps=5.0, margin_annual=0.065),
    limits=Limits(long_only=True),
    guard=Guard(
        drawdown_threshold=0.036,
        leverage_scale=0.6,
        window=42,
        negative_return_threshold=-0.03,
        negative_return_turnover_penalty=0.0075,
        turnover_threshold=0.55,
        turnover_probe_weight=0.002,
    ),
    cooldown=Cooldown(steps=3),
)
PACKAGES = ("rlx", "numpy", "numba", "torch", "stable-baselines3", "pufferlib-core", "lightning", "gymnasium")


def warm_start() -> dict[str, float]:
    """Return seconds from the command to the first update, of a first start in an empty folder and of a second one."""
    command = [sys.executable, str(Path(__file__).parents[1] / "train.py"), "module=gymrl", "+experiment=smoke"]
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first start", "second start"):
            run_dir = Path(folder) / name.replace(" ", "_")
            began = time.time()
            subprocess.run([*command, f"hydra.run.dir={run_dir}"], cwd=folder, check=True, capture_output=True)
            scorecard = json.loads((run_dir / "scorecard.json").read_text())
            seconds[name] = scorecard["performance"]["seconds_to_first_update"]
            seconds[f"{name}, whole command"] = time.time() - began
    return seconds


def main() -> None:
    """Measure, print and optionally write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="number of alternating rounds; medians are reported")
    parser.add_argument("--updates", type=int, default=4, help="PPO updates a round")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--json", type=Path, help="write the report there")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    market, console = Market(sample("daily9")), open_console()
    report = ppo.measure(market, RULES, arguments.rounds, arguments.updates)
    ppo.show(report, console)
    report["puffer"] = puffer.measure(market, RULES, arguments.rounds, arguments.updates)
    puffer.show_report(report["puffer"], console)
    report["path_learners"] = path_learners.measure(market, RULES, arguments.rounds)
    for title, rows in report["path_learners"].items():
        show(console, title, rows)
    report["seconds_to_first_update"] = warm_start()
    starts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report["seconds_to_first_update"].items())
    console.print(f"train.py +experiment=smoke, to the first update: {starts}")
    report["environment"] = environment(PACKAGES)
    console.print(describe(report["environment"]))
    write_json(arguments.json, report)


if __name__ == "__main__":
    main()
