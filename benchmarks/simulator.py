"""Speed of the simulator, compared with memory bandwidth and with alternatives.

    python benchmarks/simulator.py [--json results.json]
    uv run --extra bench python benchmarks/simulator.py       # also vectorbt and two gym environments

Parity comes first: the two engines against each other, then vectorbt against the simulator. Every number is the median
of alternating rounds in this one process, on one thread unless a row says two, with all rules on: exact accounting,
drift, limits, guards, cooldown, financing.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import rivals
import torch
import workloads
from harness import Row, describe, environment, peak_megabytes, seconds_of, show, write_json

from rlx.console import open_console

PARITY = 1e-9
VECTORBT_PARITY = 2e-3  # of the final value at 10 bps: it takes targets as shares of equity before fees
ASSETS, STEPS, PATHS, FEE_BPS = 30, 2500, 256, 10.0
PACKAGES = ("rlx", "numpy", "numba", "torch")


def check_parity() -> dict[str, float]:
    """Return the differences found; stop where they matter."""
    found = {"engines": workloads.parity()}
    if found["engines"] > PARITY:
        raise SystemExit(
            f"The engines disagree by {found['engines']:.1e}: timings of different behaviours mean nothing."
        )
    if any(rival.package == "vectorbt" for rival in rivals.replay_rivals()):
        found["vectorbt"] = rivals.vectorbt_gap(FEE_BPS)
        if found["vectorbt"] > VECTORBT_PARITY:
            raise SystemExit(f"vectorbt's final value differs by {found['vectorbt']:.1e}: it does other work.")
    return found


def replay_rows(rounds: int) -> list[Row]:
    """Time replays of one and of many target matrices, here and by rivals, which only model the cost.

    Each is timed in a block of its own, ours first: after a rival has given gigabytes back, new memory comes in small
    pages for a while, and the next call pays for that.
    """
    rows = []
    for batch in (1, PATHS):
        ours = workloads.replaying(batch, STEPS, ASSETS)
        taken = seconds_of({"rlx": ours}, rounds)
        with workloads.threads(2):
            taken["rlx, two threads"] = seconds_of({"rlx": ours}, rounds)["rlx"]
        memory = {"rlx": peak_megabytes(ours)}
        returns, targets = workloads.market(batch, STEPS, ASSETS)
        for rival in rivals.replay_rivals():
            work = rival.prepare(returns, 0.7 * targets, FEE_BPS)  # it has no leverage and would refuse
            taken |= seconds_of({rival.name: work}, rounds if batch == 1 else 3)
        for name, seconds in taken.items():
            rows.append(
                {
                    "replay": f"{batch} x {STEPS:,} x {ASSETS}",
                    "by": name,
                    "ms": seconds * 1e3,
                    "steps/s": batch * STEPS / seconds,
                    "times rlx": seconds / taken["rlx"],
                    "MB above inputs": memory.get(name),
                }
            )
    return rows


def thread_rows(rounds: int) -> list[Row]:
    """Time one against two threads, stepping and replaying."""
    works = {"256 replays": workloads.replaying(PATHS, STEPS, ASSETS)}
    works |= {f"step {n:,} accounts": workloads.Stepping(n, ASSETS).both for n in (4_096, 16_384)}
    rows = []
    for name, work in works.items():
        taken = {}
        for n in (1, 2):
            with workloads.threads(n):
                taken[n] = seconds_of({name: work}, rounds)[name]
        rows.append(
            {"work": name, "one thread, ms": taken[1] * 1e3, "two, ms": taken[2] * 1e3, "ratio": taken[1] / taken[2]}
        )
    return rows


def rival_rows(rounds: int) -> list[Row]:
    """Time other environments, each by its own step function, on one asset unless stated otherwise."""
    rows = []
    for rival in rivals.stepping_rivals():
        work, steps = rival.prepare()
        seconds = seconds_of({rival.name: work}, rounds)[rival.name]
        rows.append(
            {"environment": rival.name, "version": rival.version, "steps/s": steps / seconds, "does": rival.does}
        )
    return rows


def measure(rounds: int, quick: bool) -> dict[str, Any]:
    """Run everything and return the report."""
    report: dict[str, Any] = {"parity": check_parity(), "environment": environment(PACKAGES)}
    report["stepping, nanoseconds an account"] = [
        workloads.stepping(n, ASSETS, 20 * rounds) for n in (256, 1_024, 4_096)
    ]
    report["replays"] = replay_rows(rounds)
    judge = workloads.judging(2_000, 42, ASSETS)
    report["judgement"] = [
        {"work": "2,000 windows x 42 steps x 30, equal weight", "ms": seconds_of({"": judge}, rounds)[""] * 1e3}
    ]
    report["threads"] = thread_rows(rounds)
    devices = [("cpu", 4_096), *([("cuda", 65_536)] if torch.cuda.is_available() else [])]
    report["torch engine"] = [row for device, n in devices for row in workloads.torch_rows(n, ASSETS, device, rounds)]
    report["environments of others"] = rival_rows(rounds)
    if not quick:
        report["growth with accounts, 30 assets"] = workloads.growth("accounts", [1, 16, 256, 4_096, 16_384], rounds)
        report["growth with assets, 256 accounts"] = workloads.growth("assets", [1, 5, 30, 100, 500], rounds)
        report["growth with steps, one replay of 30 assets"] = workloads.growth("steps", [250, 2_500, 25_000], rounds)
    return report


def main() -> None:
    """Check parity, time, print, and write JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="number of alternating rounds; medians are reported")
    parser.add_argument("--quick", action="store_true", help="leave out how cost grows")
    parser.add_argument("--json", type=Path, help="write the report there")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    torch.set_num_threads(1)
    console = open_console()
    report = measure(arguments.rounds, arguments.quick)
    console.print(describe(report["environment"]), soft_wrap=True)
    console.print("parity: " + ", ".join(f"{name} {gap:.1e}" for name, gap in report["parity"].items()))
    for title, rows in report.items():
        if isinstance(rows, list):
            show(console, title, rows)
    for line in rivals.skipped():
        console.print(line, soft_wrap=True)
    write_json(arguments.json, report)


if __name__ == "__main__":
    main()
