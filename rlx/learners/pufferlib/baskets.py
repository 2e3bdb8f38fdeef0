"""The choice of the pairs or larger baskets that are traded, and their shares of the book's equity."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import ConfigError, did_you_mean
from rlx.learners.pufferlib.config import PufferlibConfig
from rlx.types import FloatArray

log = logging.getLogger(__name__)


def choose_baskets(market: Market, train: Span, config: PufferlibConfig) -> list[tuple[str, ...]]:
    """Return the configured baskets, one of all symbols, or pairs chosen by the returns of the training span."""
    if market.n_assets < 2:
        raise ConfigError(
            f"module=pufferlib: needs at least two symbols to form pairs; this market has only "
            f"{', '.join(market.symbols)}."
        )
    if isinstance(config.pairs, str):
        if config.n_pairs is None:
            return [market.symbols]
        return least_correlated(market.symbols, market.returns[train.start : train.stop], config.n_pairs)
    for basket in config.pairs:
        for symbol in basket:
            if symbol not in market.symbols:
                hint = did_you_mean(symbol, market.symbols)
                known = ", ".join(market.symbols)
                raise ConfigError(f"module.pairs: '{symbol}' is not traded; the market has {known}.{hint}")
    return [tuple(basket) for basket in config.pairs]


def least_correlated(symbols: Sequence[str], returns: FloatArray, n_pairs: int) -> list[tuple[str, ...]]:
    """Return up to ``n_pairs`` pairs without a common symbol; each is the least correlated of the remaining pairs.

    returns: (T, A). The correlation of a symbol that never moved is undefined: its pairs come last.
    """
    moves = returns.std(axis=0) > 0.0
    correlation = np.ones((len(symbols), len(symbols)))
    correlation[np.ix_(moves, moves)] = np.corrcoef(returns[:, moves], rowvar=False)
    ranked = sorted(combinations(range(len(symbols)), 2), key=lambda pair: correlation[pair])
    pairs: list[tuple[int, ...]] = []
    for pair in ranked:
        if len(pairs) < n_pairs and not set(pair) & {one for chosen in pairs for one in chosen}:
            pairs.append(pair)
    if len(pairs) < n_pairs:
        log.warning(f"module.n_pairs={n_pairs}: {len(symbols)} symbols form {len(pairs)} disjoint pairs.")
    return [tuple(symbols[one] for one in pair) for pair in pairs]


def inverse_volatility(market: Market, train: Span, baskets: Sequence[Sequence[str]]) -> list[float]:
    """Return each basket's share of the book, in proportion to 1 / volatility in the training span; they add up to 1.

    The volatility is measured on the basket's equal-weight returns; a basket that never moved gets no share.
    """
    returns = market.returns[train.start : train.stop]
    columns = [[market.symbols.index(symbol) for symbol in basket] for basket in baskets]
    volatility = np.array([returns[:, column].mean(axis=1).std() for column in columns])
    inverse = np.divide(1.0, volatility, out=np.zeros_like(volatility), where=volatility > 0.0)
    if not inverse.any():
        raise ConfigError("module.pairs: none of their symbols moved in the training span.")
    return [float(share) for share in inverse / inverse.sum()]
