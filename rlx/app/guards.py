"""Fit ``guard=fitted``: its thresholds become plain numbers before anything is traded or recorded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from rlx.config import EvaluateConfig, TradedConfig, TrainConfig
from rlx.config.guards import load_guard
from rlx.data.market import Market
from rlx.data.splits import make_splits
from rlx.evaluate.fit_guard import GuardFit, fit_guard
from rlx.evaluate.guard_config import CONFIGURED, KINDS, FittedGuard
from rlx.evaluate.protocols.base import Guarded
from rlx.files import to_json
from rlx.sim.rules import Guard

Config = TypeVar("Config", bound=TrainConfig | EvaluateConfig)
log = logging.getLogger(__name__)


def settle_guard(
    config: Config, resolved: Mapping[str, Any], market: Market
) -> tuple[Config, dict[str, Any], dict[str, Any]]:
    """Return the configuration and its ``resolved`` record with a plain guard, and the facts for the provenance.

    Unless the guard is a ``FittedGuard``, nothing changes and there are no facts. The record contains the fitted
    numbers, so that its readers trade under these and do not fit again.
    """
    if not isinstance(config.guard, FittedGuard):
        return config, dict(resolved), {}
    fit = fit_to_train_split(config.guard, config, market)
    log.info("guard=fitted: %s", fit_in_words(fit))
    facts = {"guard_fit": describe_fit(config.guard, fit)}
    return replace(config, guard=fit.guard), {**resolved, "guard": to_json(fit.guard)}, facts


def guarded_rules(config: TradedConfig, market: Market, name: str) -> Guarded:
    """Return the rules with an option of the ``guard`` group, or with the command's guard, which is plain already."""
    guard = config.guard if name == CONFIGURED else load_guard(name)
    if not isinstance(guard, FittedGuard):
        return Guarded(config.env.rules(config.costs, guard))
    fit = fit_to_train_split(guard, config, market)
    return Guarded(config.env.rules(config.costs, fit.guard), describe_fit(guard, fit))


def fit_to_train_split(asked: FittedGuard, config: TradedConfig, market: Market) -> GuardFit:
    """Return ``asked`` fitted to the train split from its first decision, because features are not needed."""
    span = make_splits(market, config.data.split, first_bar=0).train
    return fit_guard(asked, market, span, config.env.rules(config.costs, Guard()))


def describe_fit(asked: FittedGuard, fit: GuardFit) -> dict[str, Any]:
    """Return percentiles, span and thresholds as plain values."""
    percentiles = {f"{kind}_percentile": asked.percentile(kind) for kind in KINDS}
    return {"first": to_json(fit.first), "last": to_json(fit.last), **percentiles, "guard": to_json(fit.guard)}


def fit_in_words(fit: GuardFit) -> str:
    """Return the thresholds and the span that they were fitted on, in one line."""
    thresholds = {kind: getattr(fit.guard, f"{kind}_threshold") for kind in KINDS}
    said = ", ".join(f"{kind}_threshold={'null' if x is None else f'{x:g}'}" for kind, x in thresholds.items())
    return f"{said} from {to_json(fit.first)[:10]} to {to_json(fit.last)[:10]}, the train split."
