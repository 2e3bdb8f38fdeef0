"""Forecaster, specialists, and PufferLib's PPO over baskets of symbols, under Lightning."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import nn
from torch.optim import Optimizer

from rlx.compilation import Compiler
from rlx.data.normalizer import Normalizer
from rlx.decisions.bounds import UNLEVERED_GROSS
from rlx.decisions.scores import ScoreHead
from rlx.decisions.tilt import TiltHead
from rlx.envs.baseline import over_equal_weights
from rlx.envs.portfolio import PortfolioTask
from rlx.envs.puffer_library import load_puffer_library
from rlx.errors import ConfigError
from rlx.files import file_name
from rlx.forecast.config import FORECASTER, SPECIALISTS
from rlx.forecast.hand_over import STAGES_FOLDER, Forecasts
from rlx.forecast.spans import stage_spans
from rlx.forecast.stages import Forecasting
from rlx.learners.base import Learner, Part, Preparation, Stopwatch
from rlx.learners.precision import in_bfloat16
from rlx.learners.pufferlib.actor_critic import PufferPolicy
from rlx.learners.pufferlib.baskets import choose_baskets, inverse_volatility
from rlx.learners.pufferlib.config import PORTFOLIO, PufferlibConfig
from rlx.learners.pufferlib.feed import make_feed, weights_of
from rlx.learners.pufferlib.pipeline import Pipeline
from rlx.learners.pufferlib.ppo import PufferPpo, new_network
from rlx.learners.pufferlib.summary import pipeline_summary
from rlx.policies.facts import PolicyFacts
from rlx.policies.networks.book import SIGNAL_BOUND
from rlx.policies.networks.book_tilt import BookTilt
from rlx.policies.networks.tilt import relative_spread
from rlx.sim.rules import Rules
from rlx.states import as_arrays, as_tensors

Basket = tuple[str, ...]


class PufferlibLearner(Learner):
    """PPO on each basket, with the forecasts of ``prepare`` as signals; one training step updates every basket once.

    Without the portfolio stage, there are no updates and no policy.
    """

    module = "pufferlib"
    config_type = PufferlibConfig
    config: PufferlibConfig
    part_noun = "pair"
    validations = 8  # as for gymrl, steps are played in turn

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        if PORTFOLIO in self.config.stages:
            load_puffer_library()  # if it is missing, the error comes before the other stages are trained
        train = self.splits.train
        self.spans = stage_spans(train, self.config)
        self.baskets = choose_baskets(self.market, train, self.config)
        self.shares = inverse_volatility(self.market, train, self.baskets)
        self.head = self._head()
        self.actor_critics = nn.ModuleList(self._network(self.seed + number) for number in range(len(self.baskets)))
        self.forecasts: dict[str, Forecasts] = {}
        self.ppos: list[PufferPpo] = []

    def _head(self) -> TiltHead:
        limits, config = self.rules.limits, self.config
        if limits.intraday_gross is not None and config.leverage_limit > limits.intraday_gross:
            raise ConfigError(
                f"module.leverage_limit={config.leverage_limit:g} is above env.limits.intraday_gross="
                f"{limits.intraday_gross:g}, the most that can be held. Lower the first or raise the second."
            )
        return TiltHead(limits.long_only, config.leverage_limit, config.leverage_limit > UNLEVERED_GROSS)

    def _network(self, seed: int) -> PufferPolicy:
        forecaster = self.config.forecaster
        n_signals = len(forecaster.levels) + forecaster.hidden_size
        return new_network(self.config, n_signals, self.head.leverage_head, seed)

    @property
    def updates(self) -> int:
        """Number of updates of the portfolio stage; each updates every basket."""
        return self.config.updates if PORTFOLIO in self.config.stages else 0

    def prepare(self, preparation: Preparation) -> None:
        """Provide the forecasts, and open the accounts of every basket with them as signals."""
        unseen_from = self.market.timestamps[self.splits.validation.start]
        forecasting = Forecasting(self.market, self.feature_names, self.config, self.spans, self.seed)
        self.forecasts = Pipeline(self.config, forecasting, preparation, unseen_from).run()
        if PORTFOLIO not in self.config.stages:
            return
        self.normalizer = Normalizer.from_dict(self.feeding.facts.normalizer)
        self.feed = make_feed(self.feeding, self.market, self.splits.train)
        self.ppos = [self._open(basket, number) for number, basket in enumerate(self.baskets)]

    @property
    def feeding(self) -> Forecasts:
        """The forecasts that the portfolio sees: the specialists', or the forecaster's without specialists."""
        return self.forecasts.get(SPECIALISTS, self.forecasts[FORECASTER])

    def _open(self, basket: Basket, number: int) -> PufferPpo:
        feed = self.feed.among(self._columns(basket))
        reward = self.rules.reward
        priced = replace(reward, cvar_penalty=reward.cvar_penalty + self.config.risk_penalty)
        task = PortfolioTask(
            market=self.market.select(basket),
            rules=replace(self._rules(basket), reward=priced),
            span=self.splits.train,
            signals=feed.signals,
            signal_bound=SIGNAL_BOUND,
            head=ScoreHead(len(basket), self.head, self.config.speed),
            episode_steps=self.config.episode_steps,
            reward_scale=self.config.reward_scale,
            group_size=self.config.group_size,
            cvar=feed.cvar,
            uncertainty=feed.uncertainty,
        )
        network = cast(PufferPolicy, self.actor_critics[number])
        decisions = slice(self.splits.train.start, self.splits.train.stop)
        network.networks.inputs.spread.copy_(relative_spread(torch.from_numpy(feed.signals[decisions])))
        return PufferPpo(self.config, over_equal_weights(task), self.seed + number, network)

    def _columns(self, basket: Basket) -> list[int]:
        return [self.market.symbols.index(symbol) for symbol in basket]

    def _rules(self, basket: Basket) -> Rules:
        return self.rules.among(self.market.symbols, basket)

    def configure_optimizers(self) -> list[Optimizer]:
        """Return the optimizers of all baskets."""
        return [ppo.optimizer for ppo in self.ppos]

    def on_fit_start(self) -> None:
        """Move to the Trainer's device, use its precision in the networks, and compile."""
        for ppo in self.ppos:
            ppo.to(self.device)
            if self.trainer.precision == "bf16-mixed":
                for scorer in ppo.network.networks.scorers():
                    scorer.forward = in_bfloat16(scorer.forward, self.device.type)  # type: ignore[assignment, method-assign]
        super().on_fit_start()

    def compile_networks(self, compiler: Compiler) -> None:
        """Compile each actor and critic as one graph; distributions stay eager."""
        for ppo in self.ppos:
            compiler.compile_module(ppo.network.networks)

    def on_train_start(self) -> None:
        """Let PufferLib step Lightning's wrappers: ``global_step`` counts nothing else."""
        wrappers = self.optimizers()
        for ppo, wrapper in zip(self.ppos, wrappers if isinstance(wrappers, list) else [wrappers], strict=True):
            ppo.optimizer = cast(Optimizer, wrapper)

    def on_train_end(self) -> None:
        """Give PufferLib its own optimizers back: the wrappers do not work without a Trainer."""
        for ppo in self.ppos:
            if isinstance(ppo.optimizer, LightningOptimizer):
                ppo.optimizer = ppo.optimizer.optimizer

    def training_step(self, batch: int, batch_idx: int) -> None:
        """Collect a rollout of every basket and train on it."""
        with Stopwatch() as watch, torch.autocast(self.device.type, enabled=False):  # except in the networks
            updates = [ppo.update() for ppo in self.ppos]
        known = [name for name in updates[0] if all(name in one for one in updates)]  # some have ended no episode yet
        metrics = {name: float(np.mean([one[name] for one in updates])) for name in known}
        excess = metrics.pop("reward") * self.market.periods_per_year
        metrics["excess_growth"] = excess
        self.log_update(metrics, self.config.rollout_size * len(self.ppos), watch.seconds)

    def network(self) -> BookTilt:
        """Return the book of all baskets, each for its share of the equity."""
        baskets = [self._columns(basket) for basket in self.baskets]
        traded = sorted({column for basket in baskets for column in basket})
        return self._book(self.market.n_assets, traded, baskets, self.shares, self.ppos)

    def _book(
        self,
        n_assets: int,
        traded: Sequence[int],
        baskets: Sequence[Sequence[int]],
        shares: Sequence[float],
        ppos: Sequence[PufferPpo],
    ) -> BookTilt:
        """Return the network of ``baskets``; ``traded`` are the forecast assets, as columns of the whole market."""
        facts = self.feeding.facts
        config = self.config
        book = BookTilt(
            head=self.head,
            n_assets=n_assets,
            n_features=len(self.feature_names),
            window_steps=self.window_steps,
            forecaster=facts.network,
            shared_forecaster=facts.n_series == 1,
            baskets=baskets,
            shares=shares,
            hidden_size=config.hidden_size,
            sharpness=config.sharpness,
            speed=config.speed,
        )
        book.forecaster.load_state_dict(weights_of(self.feeding, traded))
        book.signal_mean.copy_(torch.as_tensor(self.feed.scaling.mean))
        book.signal_std.copy_(torch.as_tensor(self.feed.scaling.std))
        for actor, inputs, ppo in zip(book.actors, book.inputs, ppos, strict=True):
            actor.load_state_dict(ppo.network.networks.actor.state_dict())
            inputs.load_state_dict(ppo.network.networks.inputs.state_dict())
        return book

    def preparation_metrics(self) -> dict[str, float]:
        """Return losses and skill of the forecasts, on the dates that each stage was selected on."""
        names = ("pinball_loss", "climatology_pinball_loss", "skill")
        return {
            f"forecast/{stage}_{name}": float(one.facts.metrics[name])
            for stage, one in self.forecasts.items()
            for name in names
        }

    def parts(self) -> Mapping[str, Part]:
        """Return the policy of every basket, for a market of its symbols only."""
        return {part_name(basket): self._part(basket, ppo) for basket, ppo in zip(self.baskets, self.ppos, strict=True)}

    def _part(self, basket: Basket, ppo: PufferPpo) -> Part:
        market, rules = self.market.select(basket), self._rules(basket)
        own = list(range(len(basket)))
        network = self._book(len(basket), self._columns(basket), [own], [1.0], [ppo])
        config = self._config_of(basket, rules)
        seen = self.seen_spans()
        facts = PolicyFacts.of(self.module, market, rules, self.normalizer, self.window_steps, config, seen, self.gate)
        return Part(market, rules, facts, network)

    def _config_of(self, basket: Basket, rules: Rules) -> dict[str, Any]:
        """Return the run's configuration for a market of the basket's symbols only."""
        config = dict(self.resolved_config)
        own = (("data", "symbols", list(basket)), ("costs", "per_asset_bps", rules.costs.per_asset_bps))
        for group, key, value in own:
            if key in config.get(group, {}):
                config[group] = {**config[group], key: value}
        return config

    def has_prepared(self, run: Path) -> bool:
        """Return whether the run's folder contains stages."""
        return (run / STAGES_FOLDER).is_dir()

    def report(self, judged: Mapping[str, Mapping[str, Any]], seconds: float) -> tuple[str, dict[str, Any]]:
        """Return the summary of all stages."""
        shares = dict(zip(map(part_name, self.baskets), self.shares, strict=True))
        return "pipeline_summary.json", pipeline_summary(
            self.forecasts, shares, self.facts().seen if self.ppos else {}, judged, seconds
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the accounts and the state of PufferLib's trainer."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["pufferlib"] = [as_tensors(ppo.state()) for ppo in self.ppos]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the accounts and the state of PufferLib's trainer."""
        super().on_load_checkpoint(checkpoint)
        for ppo, state in zip(self.ppos, checkpoint["pufferlib"], strict=True):
            ppo.restore(as_arrays(state))


def part_name(basket: Basket) -> str:
    """Return a basket's name, which is also its folder's; a digest keeps symbols with special characters distinct."""
    joined = "_".join(basket).replace("/", "-")
    name = file_name(joined)
    return name if name == joined else f"{name}_{hashlib.sha256(joined.encode()).hexdigest()[:8]}"
