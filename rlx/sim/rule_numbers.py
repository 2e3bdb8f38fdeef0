"""The rules as plain numbers, the one form that both engines read: a bound that is off becomes an infinity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rlx.errors import ConfigError, did_you_mean
from rlx.sim.rules import GUARDS, Costs, Rules
from rlx.types import Accounting, AssetClass, BoolArray, Execution, FloatArray
from rlx.untrusted.shown import as_typed

if TYPE_CHECKING:
    from rlx.data.market import Market

RUIN = 1e-8  # equity at which an account is ruined and stops trading, and the minimum growth of one step
COST_ROUNDS = 3  # rounds of Newton's method for the equity kept; two suffice unless a trade changes direction
COST_PRECISION = 1e-15  # a smaller change of the equity kept ends the rounds early


class RuleNumbers(NamedTuple):
    """Rules of one market of A assets as numbers; rates are per step and fractions of equity."""

    cost_rate: FloatArray  # (A,) cost per unit of traded value
    is_crypto: BoolArray  # (A,)
    any_crypto: bool
    margin_rate: float
    borrow_rate: float
    long_only: bool
    max_weight: float
    intraday_gross: float
    closing_gross: float
    base_gross: float
    guard_enabled: bool
    drawdown_threshold: float
    leverage_scale: float
    window: int
    negative_return_threshold: float
    negative_return_turnover_penalty: float
    turnover_threshold: float
    turnover_probe_weight: float
    cooldown_steps: int
    probe_weight: float
    cooldown_penalty: float
    min_position: float
    tolerance: float
    turnover_penalty: float
    drawdown_penalty: float
    cvar_penalty: float
    uncertainty_penalty: float
    exact: bool
    next_open: bool
    drift: bool


def rule_numbers(
    rules: Rules,
    n_assets: int,
    periods_per_year: float,
    *,
    symbols: Sequence[str] = (),
    asset_classes: Sequence[str] | None = None,
) -> RuleNumbers:
    """Turn rules into numbers for a market of ``n_assets``.

    Raises ConfigError on costs or asset classes that do not fit the market, or a non-positive ``periods_per_year``.
    """
    real = isinstance(periods_per_year, (int, float, np.number))
    if not (real and math.isfinite(periods_per_year) and periods_per_year > 0):
        raise ConfigError(
            f"periods_per_year={as_typed(periods_per_year)}: must be a positive number of steps per year."
        )
    costs, limits, guard, cooldown, reward = rules.costs, rules.limits, rules.guard, rules.cooldown, rules.reward
    is_crypto = _crypto_mask(asset_classes, n_assets)
    return RuleNumbers(
        cost_rate=_cost_rate(costs, n_assets, symbols),
        is_crypto=is_crypto,
        any_crypto=bool(is_crypto.any()),
        margin_rate=_per_step(costs.margin_annual, periods_per_year),
        borrow_rate=_per_step(costs.short_borrow_annual, periods_per_year),
        long_only=limits.long_only,
        max_weight=_or(limits.max_weight, math.inf),
        intraday_gross=_or(limits.intraday_gross, math.inf),
        closing_gross=_or(limits.closing_gross, math.inf),
        base_gross=float(limits.base_gross),
        guard_enabled=guard.enabled,
        **_thresholds(rules),
        leverage_scale=float(guard.leverage_scale),
        window=guard.window,
        negative_return_turnover_penalty=float(guard.negative_return_turnover_penalty),
        turnover_probe_weight=float(guard.turnover_probe_weight),
        cooldown_steps=cooldown.steps if cooldown.steps is not None else 0,
        probe_weight=float(cooldown.probe_weight) if cooldown.enabled else 0.0,
        cooldown_penalty=float(cooldown.penalty),
        min_position=float(cooldown.min_position),
        tolerance=float(cooldown.tolerance),
        turnover_penalty=float(reward.turnover_penalty),
        drawdown_penalty=float(reward.drawdown_penalty),
        cvar_penalty=float(reward.cvar_penalty),
        uncertainty_penalty=float(reward.uncertainty_penalty),
        exact=Accounting(rules.accounting) is Accounting.exact,
        next_open=Execution(rules.execution) is Execution.next_open,
        drift=rules.drift,
    )


def market_rule_numbers(rules: Rules, market: Market) -> RuleNumbers:
    """Turn rules into numbers for a market, with its symbols, asset classes and calendar."""
    return rule_numbers(
        rules,
        market.n_assets,
        market.periods_per_year,
        symbols=market.symbols,
        asset_classes=market.asset_classes,
    )


def _thresholds(rules: Rules) -> dict[str, Any]:
    """Return the threshold of every guard by its field; that of one that is off is never reached."""
    off = {rule: -math.inf if rule.fires_below else math.inf for rule in GUARDS}
    return {
        rule.threshold: float(getattr(rules.guard, rule.threshold)) if rules.is_on(rule) else off[rule]
        for rule in GUARDS
    }


def _or(value: float | None, off: float) -> float:
    return off if value is None else float(value)


def _per_step(annual: float, periods_per_year: float) -> float:
    return float((1.0 + annual) ** (1.0 / periods_per_year) - 1.0)


def _cost_rate(costs: Costs, n_assets: int, symbols: Sequence[str]) -> FloatArray:
    total: Any = np.full(n_assets, costs.total_bps)
    overrides = costs.per_asset_bps
    if isinstance(overrides, Mapping):
        for symbol, bps in overrides.items():
            if symbol not in symbols:
                hint = did_you_mean(str(symbol), symbols)
                if not isinstance(symbol, str):  # TRUE and 1E5 cannot be quoted as keys of a mapping
                    hint = f" {symbol} is a value, not a name; write one number per asset: +costs.per_asset_bps=[12,4]."
                known = ", ".join(symbols) or "(the market has no symbol names)"
                raise ConfigError(f"costs.per_asset_bps: unknown symbol '{symbol}'; traded are {known}.{hint}")
            total[list(symbols).index(symbol)] = bps
    elif overrides is not None:
        total = np.asarray(list(overrides), dtype=np.float64)
        if total.shape != (n_assets,):
            raise ConfigError(f"costs.per_asset_bps has {total.size} numbers for {n_assets} assets.")
    return np.asarray(total * 1e-4, dtype=np.float64)


def _crypto_mask(asset_classes: Sequence[str] | None, n_assets: int) -> BoolArray:
    if asset_classes is None:
        return np.zeros(n_assets, dtype=np.bool_)
    if len(asset_classes) != n_assets:
        raise ConfigError(f"asset_classes names {len(asset_classes)} classes for {n_assets} assets.")
    for name in asset_classes:
        if name not in list(AssetClass):
            allowed = ", ".join(AssetClass)
            raise ConfigError(f"asset class '{name}' is not one of {allowed}.{did_you_mean(name, list(AssetClass))}")
    return np.array([name == AssetClass.crypto for name in asset_classes], dtype=np.bool_)
