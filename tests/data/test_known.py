"""Markets with known moments: prices are what the moments say, and the moments know no future."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.data.known import KNOWN
from rlx.data.synthetic import known_market, synthetic
from rlx.errors import DataError

every_kind = pytest.mark.parametrize("kind", KNOWN)


@every_kind
def test_standardised_surprises_are_standard_normal(kind: str) -> None:
    market = known_market(kind, n_bars=12_000, seed=5)
    surprise = market.panel.close[1:] / market.panel.close[:-1] - 1.0 - market.mean
    whitened = np.linalg.solve(np.linalg.cholesky(market.covariance), surprise[..., None])[..., 0]
    bound = 5.0 / np.sqrt(len(surprise))
    assert np.abs(whitened.mean(axis=0)).max() < bound
    assert np.abs(np.cov(whitened.T) - np.eye(whitened.shape[1])).max() < (3.0 if kind == "volreg" else 1.5) * bound


@every_kind
def test_known_means_do_not_know_what_surprises_are_to_come(kind: str) -> None:
    market = known_market(kind, n_bars=6_000, seed=1)
    surprise = market.panel.close[1:] / market.panel.close[:-1] - 1.0 - market.mean
    for lead in (0, 1, 5):
        later, known = surprise[lead:], market.mean[: len(surprise) - lead]
        known = known - known.mean(axis=0)
        if known.std() > 0.0:
            correlation = (later * known).mean() / (later.std() * known.std())
            assert abs(correlation) < 4.0 / np.sqrt(later.size)


@pytest.mark.parametrize(
    ("kind", "explained"),
    [("noise", 0.0), ("trap", 0.0036), ("mom1", 0.0096), ("mom03", 0.0031), ("vol1", 0.0099), ("volS", 0.046)],
)
def test_the_signal_explains_what_it_is_meant_to(kind: str, explained: float) -> None:
    market = known_market(kind)
    returns = market.panel.close[1:] / market.panel.close[:-1] - 1.0
    assert market.mean.var() / returns.var() == pytest.approx(explained, abs=0.0008)


def test_a_generated_market_is_the_same_to_the_digit_each_time() -> None:
    panel = synthetic("mom1", seed=0)
    assert panel.close.shape == (6081, 4) and str(panel.timestamps[0])[:10] == "1995-01-02"
    np.testing.assert_allclose(panel.close[-1], [372.83095994, 19.10905566, 8221.27579201, 120.99848688], rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "mom2"}, "data.kind='mom2': unknown. Did you mean 'mom1'"),
        ({"kind": "pair", "n_assets": 3}, "data.n_assets=3: a pair has 2 assets"),
        ({"kind": "volreg", "n_assets": 500}, "at most 400 bars with 500 assets"),
        ({"kind": "noise", "n_bars": 1}, "need at least 1 asset and 2 bars"),
    ],
)
def test_impossible_sizes_are_refused(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said.replace(".", r"\.").replace("?", r"\?")):
        synthetic(**arguments)  # type: ignore[arg-type]
