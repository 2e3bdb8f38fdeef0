"""The work that the simulator's benchmark times: replays, stepping, the torch step and an evaluation, all rules on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from harness import Row, Work, peak_megabytes, seconds_of

from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.decisions.encoding import encode_accounts
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import WindowSet
from rlx.policies.baselines import EqualWeight
from rlx.sim import (
    Accounts,
    Cooldown,
    Costs,
    Guard,
    Ledger,
    Limits,
    Reward,
    Rules,
    get_num_threads,
    set_num_threads,
    simulate,
)
from rlx.sim.rule_numbers import rule_numbers
from rlx.sim.torch_engine import advance
from rlx.sim.torch_state import Step, TorchRules, initial_state

RULES: dict[str, Any] = {
    "costs": Costs(commission_bps=5, half_spread_bps=3, slippage_bps=2, margin_annual=0.065),
    "limits": Limits(intraday_gross=1.18, closing_gross=1.08),
    "guard": Guard(0.036, 0.6, 42, -0.03, 0.0075, 0.55, 0.002),
    "cooldown": Cooldown(steps=12, penalty=0.6),
    "reward": Reward(turnover_penalty=0.0069),
}
FEATURES = 8


def market(batch: int, steps: int, assets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return returns (steps, assets) and long-only targets (batch, steps, assets) under which every rule acts.

    Shares wander day by day and gross exposure swings between 0.5 and 1.3, beyond what the limits allow.
    """
    rng = np.random.default_rng(0)
    returns, targets = rng.normal(0.0008, 0.015, (steps, assets)), np.empty((batch, steps, assets))
    scores, phase = np.zeros((batch, assets)), rng.uniform(0.0, 2.0 * np.pi, (batch, 1))
    for t in range(steps):
        scores = 0.97 * scores + 0.25 * rng.standard_normal((batch, assets))
        shares = np.exp(scores)
        targets[:, t] = shares / shares.sum(axis=1, keepdims=True) * (0.9 + 0.4 * np.sin(phase + t / 25.0))
    return returns, targets


def parity() -> float:
    """Return the largest difference of any quantity between the engines, over random markets under all rules."""
    worst = 0.0
    for accounting in ("exact", "additive"):
        for drift in (True, False):
            returns, targets = market(4, 250, 30)
            ledgers = [
                simulate(returns, targets, accounting=accounting, drift=drift, engine=engine, **RULES)
                for engine in ("numba", "torch")
            ]
            for name in Ledger.names():
                left, right = (np.asarray(getattr(ledger, name), dtype=float) for ledger in ledgers)
                worst = max(worst, float(np.abs(left - right).max()))
    return worst


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Let the compiled engine use ``n`` threads."""
    before = get_num_threads()
    set_num_threads(n)
    try:
        yield
    finally:
        set_num_threads(before)


def replaying(batch: int, steps: int, assets: int) -> Work:
    """Return the replay of ``batch`` target matrices; only a single one keeps its weights."""
    returns, targets = market(batch, steps, assets)
    return lambda: simulate(returns, targets, weights=batch == 1, **RULES)


class Stepping:
    """Accounts in the middle of a market with ``FEATURES`` features per asset, each at its own bar."""

    def __init__(self, batch: int, assets: int, steps: int = 2500) -> None:
        returns, targets = market(1, steps, assets)
        rng = np.random.default_rng(1)
        self.accounts = Accounts(returns, Rules(**RULES), batch, periods_per_year=252, keep_weights=False)
        self.features = rng.standard_normal((steps + 1, assets * FEATURES), dtype=np.float32)
        self.rows, self.no_noise = np.arange(batch), np.zeros((batch, 0), dtype=np.float32)
        self.starts = rng.integers(0, steps // 2, batch)
        self.targets = targets[0, rng.integers(0, steps, batch)]
        self.steps_left = 0
        self.last_step = steps // 2
        self.source = self.observe()
        self.sink = np.empty_like(self.source)

    def copy(self) -> None:
        """Copy finished observations from one array to another: the cost of memory alone."""
        np.copyto(self.sink, self.source)

    def observe(self) -> np.ndarray:
        """Write the observations of all accounts."""
        return encode_accounts(self.accounts, self.rows, self.features, 1, self.no_noise)

    def step(self) -> None:
        """Play one step of every account; they start again before the market ends."""
        if self.steps_left == 0:
            self.accounts.reset(self.starts)
            self.steps_left = self.last_step
        self.accounts.step(self.targets)
        self.steps_left -= 1

    def both(self) -> None:
        """Play one step and write the next observations."""
        self.step()
        self.observe()


def stepping(batch: int, assets: int, rounds: int) -> Row:
    """Time stepping, copying and writing observations of the same size."""
    work = Stepping(batch, assets)
    taken = seconds_of({"copy": work.copy, "observe": work.observe, "step": work.step, "both": work.both}, rounds)
    return {
        "accounts": batch,
        "copy seen": taken["copy"] / batch * 1e9,
        "write seen": taken["observe"] / batch * 1e9,
        "step": taken["step"] / batch * 1e9,
        "step + write": taken["both"] / batch * 1e9,
        "steps/s": batch / taken["both"],
        "of copying": taken["copy"] / taken["both"],
        "of writing": taken["observe"] / taken["both"],
    }


def growth(work: str, sizes: list[int], rounds: int) -> list[Row]:
    """Time stepping over accounts or assets, or replaying over steps, and the memory of each."""
    rows = []
    for size in sizes:
        if work == "steps":
            play = replaying(1, size, 30)
            taken, n = seconds_of({"replay": play}, rounds)["replay"], size
            memory = peak_megabytes(play)
        else:
            batch, assets = (size, 30) if work == "accounts" else (256, size)
            made: list[Stepping] = []
            memory = peak_megabytes(lambda b=batch, a=assets, m=made: m.append(Stepping(b, a)))  # type: ignore[misc]
            taken, n = seconds_of({"both": made[0].both}, rounds)["both"], batch
        rows.append({work: size, "ms": taken * 1e3, "ns/account step": taken / n * 1e9, "MB": memory})
    return rows


def judging(windows: int, steps: int, assets: int) -> Work:
    """Return the evaluation of equal weight from every start index."""
    closes = 100.0 * np.cumprod(1.0 + market(1, windows + steps + 1, assets)[0], axis=0)
    days = np.busday_offset("2012-01-02", np.arange(len(closes)), roll="forward").astype("datetime64[ns]")
    played = Market(MarketPanel(tuple(f"S{i}" for i in range(assets)), days, closes, source="benchmark"))
    every_start = WindowSet("windows", np.arange(windows), steps)
    return lambda: evaluate(EqualWeight(), played, [every_start], Rules(**RULES))


class TorchRollout:
    """A short rollout of the torch engine's step, eager or compiled, in float32."""

    def __init__(self, batch: int, assets: int, device: str, mode: str, steps: int = 8) -> None:
        returns, targets = market(batch, steps, assets)
        self.returns = torch.as_tensor(returns, dtype=torch.float32, device=device).expand(batch, steps, assets)
        self.targets = torch.as_tensor(targets, dtype=torch.float32, device=device)
        self.rules = TorchRules(rule_numbers(Rules(**RULES), assets, 252), self.targets)
        self.compiler = Compiler(mode, device)
        self.advance = self.compiler(advance)
        self.steps = steps

    def reward(self, targets: torch.Tensor) -> torch.Tensor:
        """Return the summed reward of the rollout."""
        batch, _, assets = targets.shape
        state = initial_state(batch, assets, self.rules.settings.window, targets)
        total = torch.zeros((), device=targets.device)
        for t in range(self.steps):
            market_step = Step(self.returns[:, t], None, None, None)
            state, outcome = self.advance(self.rules, state, targets[:, t], market_step)
            total = total + outcome["reward"].sum()
        if targets.is_cuda:
            torch.cuda.synchronize()
        return total

    def forward(self) -> torch.Tensor:
        """Play without gradients."""
        with torch.no_grad():
            return self.reward(self.targets)

    def backward(self) -> torch.Tensor:
        """Play and differentiate."""
        asked = self.targets.detach().requires_grad_()
        self.reward(asked).backward()
        if asked.is_cuda:
            torch.cuda.synchronize()
        assert asked.grad is not None
        return asked.grad

    def bytes_a_step(self) -> int:
        """Return the least a step has to move: returns, targets and state in, state and ledger out."""
        batch, _, assets = self.targets.shape
        state = initial_state(batch, assets, self.rules.settings.window, self.targets)
        with torch.no_grad():
            market_step = Step(self.returns[:, 0], None, None, None)
            after, outcome = advance(self.rules, state, self.targets[:, 0], market_step)
        moved = (self.returns[:, 0], self.targets[:, 0], *state, *after, *outcome.values())
        return sum(tensor.numel() * tensor.element_size() for tensor in moved)


def bandwidth(device: str) -> float:
    """Return bytes a second read and written by a large copy on the device."""
    source = torch.ones(2**26, device=device)
    sink = torch.empty_like(source)

    def copy() -> None:
        sink.copy_(source)
        if source.is_cuda:
            torch.cuda.synchronize()

    return 2 * source.numel() * source.element_size() / seconds_of({"copy": copy}, 5)["copy"]


def torch_rows(batch: int, assets: int, device: str, rounds: int) -> list[Row]:
    """Time the torch engine eager and compiled, after comparing the two."""
    rollouts = {mode: TorchRollout(batch, assets, device, mode) for mode in ("off", "default")}
    values = [rollout.forward() for rollout in rollouts.values()]
    gradients = [rollout.backward() for rollout in rollouts.values()]
    if not (torch.allclose(*values, rtol=1e-4) and torch.allclose(*gradients, rtol=1e-2, atol=1e-3)):
        raise SystemExit("The compiled torch step differs from the eager one: timings of the two mean nothing.")
    rows, fastest = [], bandwidth(device)
    for name, work in (("forward", "forward"), ("backward", "forward + backward")):
        taken = seconds_of({mode: getattr(rollout, name) for mode, rollout in rollouts.items()}, rounds)
        n = batch * rollouts["off"].steps
        rows.append(
            {
                "torch engine": f"{work}, {batch:,} x {assets}, {device}",
                "eager ns/step": taken["off"] / n * 1e9,
                "compiled ns/step": taken["default"] / n * 1e9,
                "steps/s": n / taken["default"],
                "compiled is faster by": taken["off"] / taken["default"],
                "of bandwidth": rollouts["off"].bytes_a_step() * rollouts["off"].steps / taken["default"] / fastest,
                "fell back": rollouts["default"].compiler.fallback or "no",
            }
        )
    return rows
