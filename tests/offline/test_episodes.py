"""Recorded episodes: what the simulator did, on the train split only, as the behaviours asked for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.splits import Span
from rlx.decisions.encoding import observation_size
from rlx.errors import ConfigError
from rlx.offline.behaviours import RandomTilt, behaviour, names
from rlx.offline.episodes import EpisodeOptions, Steps, record, until
from rlx.policies.baselines import EqualWeight
from rlx.sim import simulate
from rlx.sim.rules import Costs, Limits, Rules
from tests.envs.tasks import FEATURES, LONG_ONLY, make_market, normalizer_of, splits_of
from tests.policies.acting import observe

SMALL = EpisodeOptions(("equal_weight", "random_tilt"), seeds=2, episodes=3, episode_steps=30, window_steps=2)


def recorded(market: Market, options: EpisodeOptions = SMALL, rules: Rules = LONG_ONLY) -> Steps:
    span = splits_of(market, options.window_steps).train
    return record(market, rules, span, normalizer_of(market, options.window_steps), options)


@pytest.fixture(scope="module")
def steps() -> Steps:
    return recorded(make_market())


def test_every_episode_of_every_behaviour_and_seed_is_there(steps: Steps) -> None:
    n = 2 * 2 * 3 * 30
    assert steps.observations.shape == (n, observation_size(3, len(FEATURES), 2))
    assert steps.actions.shape == (n, 3)
    for name, dtype in (("observations", np.float32), ("actions", np.float32), ("rewards", np.float32)):
        assert getattr(steps, name).dtype == dtype
    assert steps.episodes == 12
    ends = np.flatnonzero(steps.timeouts)
    assert ends.tolist() == list(range(29, n, 30))
    assert steps.terminals.sum() == 0
    starts = steps.bars[::30].reshape(2, 2, 3)  # seed, behaviour, episode
    assert (starts[:, 0] == starts[:, 1]).all()  # behaviours are compared on the same bars
    assert (starts[0, 0] != starts[1, 0]).any()
    assert (np.diff(steps.bars.reshape(-1, 30), axis=1) == 1).all()


def test_all_is_within_the_train_split(steps: Steps) -> None:
    train = splits_of(make_market(), 2).train
    assert steps.bars.min() >= train.start
    assert steps.bars.max() < train.stop


def test_rewards_are_those_of_the_simulator(steps: Steps) -> None:
    market = make_market()
    for first in (0, 90, 210):
        bars = steps.bars[first : first + 30]
        asked = steps.actions[first : first + 30].astype(np.float64)
        book = simulate(market.returns[bars], asked, costs=LONG_ONLY.costs, limits=LONG_ONLY.limits)
        np.testing.assert_allclose(steps.rewards[first : first + 30], np.asarray(book.reward).ravel(), atol=1e-6)


def test_an_observation_is_what_was_known_at_the_decision(steps: Steps) -> None:
    market = make_market()
    signals = normalizer_of(market, 2).apply(market.features(FEATURES))
    row = 45  # the sixteenth step of the second episode
    bar = steps.bars[row]
    width = 2 * 3 * len(FEATURES)
    np.testing.assert_array_equal(steps.observations[row, :width], signals[bar - 1 : bar + 1].ravel())
    assert (steps.observations[30, width : width + 3] == 0.0).all()  # an account starts in cash
    held = steps.observations[row, width : width + 3]
    grown = (1.0 + market.returns[bar - 1]) / 3.0
    np.testing.assert_allclose(held, grown / grown.sum(), atol=1e-6)


def test_weights_are_recorded_as_asked_for_and_never_normalised(steps: Steps) -> None:
    gross = steps.actions[steps.behaviours == 1].sum(axis=1)
    assert gross.max() <= 1.0 + 1e-6 and gross.min() < 0.6  # the rest is cash
    assert np.allclose(steps.actions[steps.behaviours == 0], 1.0 / 3.0)


def test_later_prices_change_nothing() -> None:
    market = make_market(n_bars=400)
    train = splits_of(market, 2).train
    panel: MarketPanel = market.panel
    close = panel.close.copy()
    close[train.stop + 1 :] *= 3.0
    changed = Market(replace(panel, close=close, open=None, high=None, low=None))
    options = EpisodeOptions(("momentum", "random_tilt"), 1, 3, 30, 2)
    plain = Market(replace(panel, open=None, high=None, low=None))
    normalizer = normalizer_of(market, 2)
    one, other = (record(each, LONG_ONLY, train, normalizer, options) for each in (plain, changed))
    for name in vars(one):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_market_until_a_bar_ends_there() -> None:
    market = make_market()
    assert until(market, 50).timestamps[-1] == market.timestamps[50]


def ruined_from(bar: int) -> Market:
    """Return a market of two assets that lose everything in the step to a bar."""
    market = make_market()
    close = np.ones((160, 2)) * 100.0
    close[bar:] = 1e-9
    unknown = dict.fromkeys(("open", "high", "low", "volume"))
    panel = replace(market.panel, symbols=("A", "B"), asset_classes=market.asset_classes[:2], close=close, **unknown)
    return Market(panel)


def test_a_ruin_is_a_terminal_and_ends_the_episode() -> None:
    options = EpisodeOptions(("equal_weight",), 1, 4, 30, 1)
    found = record(ruined_from(40), LONG_ONLY, Span(20, 60), normalizer_of(make_market()), options)
    assert found.episodes == 4
    assert found.terminals.sum() >= 1
    assert set(found.bars[found.terminals == 1]) == {39}
    after = np.flatnonzero(found.terminals[:-1]) + 1
    assert set(found.bars[after]) <= set(found.bars[[0, *(np.flatnonzero(found.terminals + found.timeouts)[:-1] + 1)]])


def test_a_ruin_at_the_last_step_is_no_timeout() -> None:
    options = EpisodeOptions(("equal_weight",), 1, 2, 20, 1)
    found = record(ruined_from(40), LONG_ONLY, Span(20, 40), normalizer_of(make_market()), options)
    assert (found.terminals.sum(), found.timeouts.sum(), found.episodes) == (2, 0, 2)


def test_behaviours_are_shown_no_bar_after_the_train_split(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []

    class Spy(EqualWeight):
        def bind(self, market: Market) -> None:
            shown.append(market.n_bars)

    monkeypatch.setattr("rlx.offline.episodes.behaviour", lambda name, seed, costs: Spy())
    recorded(make_market())
    assert set(shown) == {splits_of(make_market(), 2).train.stop + 1}


def test_the_same_seed_gives_the_same_data_and_another_one_does_not() -> None:
    one, same = recorded(make_market()), recorded(make_market())
    for name in vars(one):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    tilts = one.actions[(one.behaviours == 1) & (one.seeds == 0)], one.actions[(one.behaviours == 1) & (one.seeds == 1)]
    assert not np.allclose(*tilts)


def test_random_weights_are_held_for_a_month() -> None:
    market, policy = make_market(), RandomTilt(seed=3)
    policy.reset(2)
    first = policy.act(observe(market, [30, 30], step=np.array([0, 0])))
    held = policy.act(observe(market, [31, 31], step=np.array([1, 1])))
    drawn = policy.act(observe(market, [51, 51], step=np.array([21, 21])))
    assert (first == held).all() and (first != drawn).all()
    assert (first >= 0.0).all() and (first.sum(axis=1) <= 1.0).all()
    assert first.shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("momentun", "Did you mean 'momentum'"),
        ("weights", "it needs path"),
        ("hindsight", "only policies that decide from past prices"),
        ("production", "cannot act with its default options"),
    ],
)
def test_what_cannot_be_recorded_is_refused(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        behaviour(name, 0, Costs())


def test_every_name_that_is_offered_without_an_excuse_can_be_built() -> None:
    assert {"equal_weight", "momentum", "ridge", "random_tilt"} <= set(names())
    assert not {"weights", "checkpoint", "plan"} & set(names())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"episode_steps": 500}, "the train split has"),
        ({"episodes": 100_000, "episode_steps": 90, "seeds": 100}, "Ask for fewer episodes"),
    ],
)
def test_episodes_that_do_not_fit_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        recorded(make_market(), replace(SMALL, **options))


@pytest.mark.parametrize("options", [{"behaviours": ()}, {"behaviours": ("a", "a")}, {"seeds": 0}, {"episodes": -1}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="--"):
        EpisodeOptions(**options)


def test_short_positions_are_recorded_where_the_rules_allow_them() -> None:
    rules = Rules(costs=Costs(), limits=Limits())
    assert recorded(make_market(), rules=rules).episodes == 12
