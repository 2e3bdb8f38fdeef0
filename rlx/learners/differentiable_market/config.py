"""The schema of ``module=differentiable_market``; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass

from rlx.learners.fields import number, one_of, whole
from rlx.learners.path_config import PathLearnerConfig

GRADIENTS = ("score", "pathwise")
WEALTH_OBJECTIVES = ("log", "sharpe")
VARIANCE_PENALTIES = ("pnl", "weights")


@dataclass
class DifferentiableMarketConfig(PathLearnerConfig):
    """GRU, group sampling and reward; budget, batch and optimizer are those of ``PathLearnerConfig``.

    ``n_paths`` allocation paths are sampled for each window and compared with each other. ``gradient=score`` weighs
    log-probabilities by advantages (GRPO), ``pathwise`` differentiates the reward through samples and simulator.
    ``kl_weight`` holds the policy to its moving average. The reward of a path is, per year, its wealth objective less
    ``trade_penalty`` x turnover, ``risk_aversion`` / 2 x variance of the net returns (``variance_penalty=pnl``) or of
    the weights over the path (``weights``), ``drawdown_lambda`` x deepest drawdown, and three terms that are off by
    default: ``soft_drawdown_lambda`` on drawdowns beyond about ``soft_drawdown_threshold``, ``risk_budget_lambda`` on
    risk shares that differ from equal ones, and ``trade_memory_lambda`` on trades against an average of the recent
    ones, which fades by ``trade_memory_decay`` a step. ``microbatch_windows`` windows are held in memory at a time,
    None for all; ``gradient_checkpointing`` recomputes activations instead of keeping them. Every
    ``diagnose_every_updates`` updates the gradient's norm is measured for each term.
    """

    _target_: str = "rlx.learners.differentiable_market.learner.DifferentiableMarketLearner"
    _partial_: bool = True
    n_windows: int = 32
    rollout_steps: int = 16
    optimizer: str = "muon"
    learning_rate: float = 1e-2
    hidden_size: int = 32
    n_layers: int = 1
    min_concentration: float = 0.5
    initial_concentration: float = 2.0
    n_paths: int = 16
    gradient: str = "score"
    entropy_coefficient: float = 0.001
    kl_weight: float = 0.01
    wealth_objective: str = "log"
    trade_penalty: float = 0.0
    risk_aversion: float = 1.0
    variance_penalty: str = "pnl"
    drawdown_lambda: float = 0.0
    soft_drawdown_lambda: float = 0.0
    soft_drawdown_threshold: float = 0.05
    risk_budget_lambda: float = 0.0
    trade_memory_lambda: float = 0.0
    trade_memory_decay: float = 0.9
    microbatch_windows: int | None = None
    gradient_checkpointing: bool = False
    diagnose_every_updates: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden_size", "n_layers", "diagnose_every_updates"):
            whole(name, getattr(self, name), 1)
        whole("n_paths", self.n_paths, 2)
        if self.microbatch_windows is not None:
            whole("microbatch_windows", self.microbatch_windows, 1)
        number("min_concentration", self.min_concentration, above=0.0)
        number("initial_concentration", self.initial_concentration, above=self.min_concentration)
        for name in ("entropy_coefficient", "kl_weight", "trade_penalty", "risk_aversion", *LAMBDAS):
            number(name, getattr(self, name), low=0.0)
        number("soft_drawdown_threshold", self.soft_drawdown_threshold, low=0.0, high=1.0)
        number("trade_memory_decay", self.trade_memory_decay, low=0.0, high=0.9999)
        one_of("gradient", self.gradient, GRADIENTS)
        one_of("wealth_objective", self.wealth_objective, WEALTH_OBJECTIVES)
        one_of("variance_penalty", self.variance_penalty, VARIANCE_PENALTIES)


LAMBDAS = ("drawdown_lambda", "soft_drawdown_lambda", "risk_budget_lambda", "trade_memory_lambda")
