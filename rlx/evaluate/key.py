"""What must be equal for two scorecards to be comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlx.files import to_json
from rlx.measures.evaluation import Evaluation, WindowLedger
from rlx.sim.rules import Costs
from rlx.types import AssetClass

if TYPE_CHECKING:
    from rlx.data.market import Market


HASH = "[0-9a-f]{12}"
"""Pattern of a key's hash; ``comparability_key`` writes no other."""


def comparability_key(market: Market, evaluation: Evaluation) -> dict[str, Any]:
    """Return data, windows and trading rules as a readable dict, with their short ``hash``.

    The reward's shaping is left out: it changes what a learner wants, not what a trade earns.
    """
    rules = evaluation.rules
    key = {
        "data": market.fingerprint,
        "symbols": list(market.symbols),
        "periods_per_year": float(market.periods_per_year),
        "windows": {name: _describe(windows) for name, windows in sorted(evaluation.sets.items())},
        "costs": _costs(rules.costs, market.symbols),
        "limits": to_json(rules.limits),
        "guard": to_json(rules.guard),
        "cooldown": to_json(rules.cooldown),
        "accounting": to_json(rules.accounting),
        "execution": to_json(rules.execution),
        "drift": rules.drift,
        **_asset_classes(market),
    }
    return {**key, "hash": short_hash(key)}


def _asset_classes(market: Market) -> dict[str, Any]:
    """Return the class of each symbol; empty when all are equity.

    Crypto is long-only and unlevered, so the same weights are traded differently. Equity is the default that is left
    out: a market of equities has the same key as before classes were introduced, so older scoreboards and scorecards
    stay comparable.
    """
    if all(name is AssetClass.equity for name in market.asset_classes):
        return {}
    return {
        "asset_classes": {symbol: name.value for symbol, name in zip(market.symbols, market.asset_classes, strict=True)}
    }


def short_hash(value: Any) -> str:
    """Return 12 hex digits of the SHA-256 of a plain value; 5 and 5.0 are the same number."""
    text = json.dumps(_numbers_alike(value), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _describe(windows: WindowLedger) -> dict[str, Any]:
    return {
        "first": to_json(windows.timestamps.min()),
        "last": to_json(windows.end_timestamps.max()),
        "steps": windows.steps,
        "n": len(windows),
    }


def _costs(costs: Costs, symbols: Sequence[str]) -> dict[str, Any]:
    """Return the costs, with overrides by symbol regardless of how they were given."""
    per_asset = costs.per_asset_bps
    if per_asset is not None and not isinstance(per_asset, Mapping):
        per_asset = dict(zip(symbols, per_asset, strict=True))
    named = None if per_asset is None else {str(symbol): float(bps) for symbol, bps in sorted(per_asset.items())}
    return {name: named if name == "per_asset_bps" else to_json(value) for name, value in vars(costs).items()}


def _numbers_alike(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers_alike(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_numbers_alike(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
