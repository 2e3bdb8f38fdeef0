"""Validation during a fit: the members of a policy are judged where they were not fitted, and the record is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from rlx.data.market import Market
from rlx.errors import CheckpointError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.keys import REPLACED
from rlx.learners.base import Learner
from rlx.learners.cross_fit import CrossFit
from rlx.measures.distribution import window_metrics
from rlx.measures.evaluation import Evaluation
from rlx.measures.evidence import Evidence, effective_number, mean_t
from rlx.measures.performance import tagged
from rlx.policies.base import Policy
from rlx.policies.baselines import EqualWeight
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.consecutive import Ahead, Consecutive
from rlx.policies.gate import Gate, GateConfig
from rlx.sim.rules import Rules
from rlx.states import preserved_random_states
from rlx.types import FloatArray


class ValidatePolicy(Callback):
    """Scores the learner's current policy on its held-out spans with the evaluator, as ``val/*``.

    One account trades the held-out spans one after the other, by the decisions of the member that has not seen them.
    ``records`` holds the excess log growth of every step over equal weights, by number of updates.
    """

    def __init__(self, market: Market, cross_fit: CrossFit, rules: Rules, monitor: str, gate: GateConfig) -> None:
        self.market, self.cross_fit, self.rules, self.monitor, self.gate = market, cross_fit, rules, monitor, gate
        self.seconds = 0.0
        self.records: dict[int, FloatArray] = {}
        self.fitted: dict[int, float] = {}
        self._equal_weight: FloatArray | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Validate the last update too, regardless of the interval: a stop is always validated."""
        if batch_idx + 1 == trainer.num_training_batches:
            trainer.should_stop = True

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluate on the held-out spans and log every metric."""
        assert isinstance(pl_module, Learner)
        began = time.perf_counter()
        with preserved_random_states():  # the number of validations must not change what is learnt
            metrics = self.validate(pl_module)
        self.seconds += time.perf_counter() - began
        shown = tagged("progress")
        for name, value in (metrics | self._older(metrics)).items():
            pl_module.log(f"val/{name}", value, prog_bar=name in shown or name == "excess_growth", batch_size=1)

    def validate(self, learner: Learner) -> dict[str, float]:
        """Return the metrics of the held-out spans, by bare name, and keep the record."""
        played = self._play(self._held_out(learner.held_out()))
        excess = log_growth(played) - self.equal_weight
        updates = learner.totals.updates
        self.records[updates] = excess
        self.fitted[updates] = learner.take_excess_growth()
        metrics = {name: float(value[0]) for name, value in window_metrics(played, HOLDOUT).items()}
        return metrics | {
            "excess_growth": float(excess.mean() * self.market.periods_per_year),
            "excess_t": mean_t(excess, self.gate.lags),
        }

    def evidence(self, updates: int) -> Gate:
        """Return the gate of the policy after ``updates``, the chosen one among all that were validated.

        CheckpointError if a resumed run's checkpoint had no record of it.
        """
        if updates not in self.records:
            raise CheckpointError(f"the policy of update {updates} was never validated. Start the run again.")
        record = self.records[updates]
        among = np.stack(list(self.records.values()))
        evidence = Evidence(
            list(self.records).index(updates),
            float(record.mean()),
            mean_t(record, self.gate.lags),
            effective_number(among),
        )
        fitted = self.fitted[updates]
        return Gate.of(
            evidence, len(record), self.gate, self.market.periods_per_year, None if np.isnan(fitted) else fitted
        )

    @property
    def equal_weight(self) -> FloatArray:
        """The log growth (T,) of equal weights over the held-out spans."""
        if self._equal_weight is None:
            self._equal_weight = log_growth(self._play(EqualWeight()))
        return self._equal_weight

    def _held_out(self, policies: Sequence[CheckpointPolicy]) -> Policy:
        spans = [member.held_out for member in self.cross_fit.members]
        ahead = [
            Ahead(policy, span) if policy.network.symmetric and not policy.network.reads_account else policy
            for policy, span in zip(policies, spans, strict=True)
        ]
        return ahead[0] if len(ahead) == 1 else Consecutive(ahead, [span.start for span in spans])

    def _play(self, policy: Policy) -> Evaluation:
        return evaluate(policy, self.market, (holdout_windows(self.cross_fit.validation),), self.rules)

    def _older(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return the metric that a run of an older version monitors, under the name it had then."""
        now = REPLACED.get(self.monitor)
        return {} if now is None else {_bare(self.monitor): metrics[_bare(now)]}

    def state_dict(self) -> dict[str, Any]:
        """Return the time spent so far, and the records."""
        records = {str(updates): torch.from_numpy(record) for updates, record in self.records.items()}
        return {"seconds": self.seconds, "records": records, "fitted": {str(n): x for n, x in self.fitted.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from there; CheckpointError for a record of other steps than those that are held out."""
        self.seconds = state_dict["seconds"]
        self.records = {int(updates): record.numpy() for updates, record in state_dict["records"].items()}
        self.fitted = {int(updates): float(value) for updates, value in state_dict["fitted"].items()}
        steps = len(self.cross_fit.validation)
        for updates, record in self.records.items():
            if record.shape != (steps,) or not np.isfinite(record).all() or updates not in self.fitted:
                raise CheckpointError(
                    f"callbacks.ValidatePolicy.records.{updates} is not one finite number for each of {steps} held-out "
                    "steps. Start the run again."
                )


def log_growth(evaluation: Evaluation) -> FloatArray:
    """Return the net log growth (T,) of the only account."""
    return np.asarray(np.log1p(evaluation.sets[HOLDOUT].ledger.net_return[0]))


def _bare(key: str) -> str:
    return key.partition("/")[2]
