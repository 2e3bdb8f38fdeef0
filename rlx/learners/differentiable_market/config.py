"""The schema of ``module=differentiable_market``; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.fields import Coefficient, Layers, Width
from rlx.learners.path_config import PathLearnerConfig
from rlx.ranges import Number, OneOf, Whole

GRADIENTS = ("score", "pathwise")
WEALTH_OBJECTIVES = ("log", "sharpe")
VARIANCE_PENALTIES = ("pnl", "weights")
Concentration = Annotated[float, Number(1e-6, 1e6)]


@dataclass
class DifferentiableMarketConfig(PathLearnerConfig):
    """GRU, group sampling and reward, in addition to budget, batch and optimizer of ``PathLearnerConfig``.

    ``n_paths`` allocation paths are sampled for each window and compared with each other. ``gradient=score`` weights
    log-probabilities by advantages (GRPO); ``pathwise`` differentiates the reward through samples and simulator.
    ``kl_weight`` penalises the divergence of the policy from its moving average. The reward of a path is, per year, its
    wealth objective less ``trade_penalty`` x turnover, ``risk_aversion`` / 2 x variance of the net returns
    (``variance_penalty=pnl``) or of the weights over the path (``weights``), ``drawdown_lambda`` x deepest drawdown,
    and three terms that are off by default: ``soft_drawdown_lambda`` penalises drawdowns beyond about
    ``soft_drawdown_threshold``, ``risk_budget_lambda`` penalises unequal risk shares, and ``trade_memory_lambda``
    penalises trades against an average of the recent trades, which decays by ``trade_memory_decay`` per step.
    ``microbatch_windows`` is the number of windows in memory at a time, None for all; ``gradient_checkpointing``
    recomputes activations instead of storing them. Every ``diagnose_every_updates`` updates, the norm of each term's
    gradient is measured.
    """

    _target_: str = "rlx.learners.differentiable_market.learner.DifferentiableMarketLearner"
    _partial_: bool = True
    n_windows: int = 8
    window_steps: int = 28
    hidden_size: Width = 16
    n_layers: Layers = 1
    concentration: Concentration = 20.0
    min_concentration: Concentration = 0.5
    n_paths: Annotated[int, Whole(2, 65_536)] = 8
    gradient: Annotated[str, OneOf(GRADIENTS)] = "score"
    entropy_coefficient: Coefficient = 0.0
    kl_weight: Coefficient = 0.0
    wealth_objective: Annotated[str, OneOf(WEALTH_OBJECTIVES)] = "log"
    trade_penalty: Coefficient = 0.0
    risk_aversion: Coefficient = 0.0
    variance_penalty: Annotated[str, OneOf(VARIANCE_PENALTIES)] = "pnl"
    drawdown_lambda: Coefficient = 0.0
    soft_drawdown_lambda: Coefficient = 0.0
    soft_drawdown_threshold: Annotated[float, Number(0, 1)] = 0.05
    risk_budget_lambda: Coefficient = 0.0
    trade_memory_lambda: Coefficient = 0.0
    trade_memory_decay: Annotated[float, Number(0, 0.9999)] = 0.9
    microbatch_windows: Annotated[int | None, Whole(1, 65_536)] = None
    gradient_checkpointing: bool = False
    diagnose_every_updates: Annotated[int, Whole(1, 10_000_000)] = 10
