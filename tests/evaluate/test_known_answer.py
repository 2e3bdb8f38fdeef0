"""What a policy can earn in a generated market: compared with figures of other code and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.data.known import KNOWN
from rlx.data.splits import Span
from rlx.data.synthetic import known_market
from rlx.errors import DataError
from rlx.evaluate.known_answer import Reference, expected_growth, reference
from rlx.sim import simulate
from rlx.sim.rules import Costs, Rules

COSTS = Costs(slippage_bps=5.0, margin_annual=0.065, short_borrow_annual=0.003)
TEST = Span(3_080, 6_080)


@pytest.mark.parametrize(
    ("kind", "equal_weight", "optimum"),
    [
        ("noise", 8.6, 8.7),
        ("trap", 9.6, 11.0),
        ("mom1", 5.9, 37.3),
        ("mom03", 7.2, 23.4),
        ("vol1", 8.8, 47.2),
        ("volS", 8.9, 103.2),
        ("pair", 3.7, 15.9),  # an exact dynamic program agrees
        ("volreg", 6.4, 14.5),
    ],
)
def test_references_are_those_of_an_independent_implementation(kind: str, equal_weight: float, optimum: float) -> None:
    found = reference(known_market(kind), TEST, Rules(costs=COSTS))
    assert 100.0 * found.equal_weight == pytest.approx(equal_weight, abs=0.06)
    assert 100.0 * found.optimum == pytest.approx(optimum, abs=0.11)


def test_expected_growth_by_hand() -> None:
    market = known_market("noise", n_bars=40)
    returns = market.panel.close[1:] / market.panel.close[:-1] - 1.0
    weights = np.zeros_like(returns)
    weights[:, 0] = 0.5
    ledger = simulate(returns, weights)
    # half in an asset of mean 4 bps and standard deviation 1.5% a day, without costs
    wanted = 252 * (0.5 * 4e-4 - 0.5 * (0.25 * 0.015**2 + (0.5 * 4e-4) ** 2))
    assert expected_growth(ledger, market, Span(0, 39)) == pytest.approx(wanted, rel=1e-9)


def test_the_share_is_zero_for_equal_weights_and_one_for_the_optimum() -> None:
    found = Reference(0.1, 0.3)
    assert found.share(0.1) == 0.0 and found.share(0.3) == 1.0 and found.share(0.0) == pytest.approx(-0.5)


def test_a_ledger_of_another_span_is_refused() -> None:
    market = known_market("noise", n_bars=40)
    returns = market.panel.close[1:] / market.panel.close[:-1] - 1.0
    ledger = simulate(returns, np.zeros_like(returns))
    with pytest.raises(DataError, match=r"weights \(39, 4\); one account over 10 steps"):
        expected_growth(ledger, market, Span(0, 10))


def test_every_kind_has_a_reference() -> None:
    assert set(KNOWN) == {"noise", "trap", "mom1", "mom03", "vol1", "volS", "pair", "volreg"}
