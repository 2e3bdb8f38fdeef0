"""Networks of equal weights plus a tilt: where they start, what they see, and that they treat assets alike."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span
from rlx.decisions.tilt import TiltHead
from rlx.errors import ConfigError
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.facts import PolicyFacts
from rlx.policies.networks import network_name, network_of
from rlx.policies.networks.arguments import argument_types, build
from rlx.policies.networks.attention_tilt import AttentionTilt
from rlx.policies.networks.gru_tilt import GruTilt
from rlx.policies.networks.tilt import TiltNetwork, smoothed
from rlx.sim.rules import Rules
from tests.envs.tasks import FEATURES, make_market
from tests.policies.acting import observe

N_FEATURES = len(FEATURES)
Make = Callable[..., TiltNetwork]


def attention(
    window_steps: int = 5,
    smooth_steps: int = 2,
    n_members: int = 2,
    n_layers: int = 1,
    long_only: bool = True,
    max_gross: float = 1.0,
    times_market: bool = False,
) -> AttentionTilt:
    head = TiltHead(long_only, max_gross)
    return AttentionTilt(
        head, N_FEATURES, window_steps, smooth_steps, n_members, 1.5, times_market, 8, 2, n_layers, 0.0
    )


def perceptron(**options: int) -> AttentionTilt:
    return attention(n_layers=0, **options)


def gru(window_steps: int = 5, smooth_steps: int = 2, n_members: int = 2, long_only: bool = True) -> GruTilt:
    head = TiltHead(long_only, 1.0)
    return GruTilt(head, N_FEATURES, window_steps, smooth_steps, n_members, 1.5, 8, 1, 20.0, 0.5)


def shaken(network: TiltNetwork) -> TiltNetwork:
    """Return the network with parameters far from their first values, so that nothing is hidden by zeros."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    network.fit_spread(torch.randn(50, 3, N_FEATURES) * torch.arange(1.0, N_FEATURES + 1.0))
    return network.eval()


def features(*shape: int) -> Tensor:
    return torch.randn(*shape, N_FEATURES, generator=torch.Generator().manual_seed(1))


every = pytest.mark.parametrize(
    "make",
    [attention, perceptron, gru, lambda **options: attention(**{"n_layers": 2, "long_only": False, **options})],
    ids=["attention", "perceptron", "gru", "short"],
)


@every
@pytest.mark.parametrize("n_assets", [1, 3, 7])
def test_an_untrained_network_holds_equal_weights_and_is_invested(make: Make, n_assets: int) -> None:
    network = make().eval()
    weights = network.decide_all(features(20, n_assets).numpy())
    assert weights.shape == (16, n_assets) and weights.dtype == np.float64
    assert np.all(weights == weights[0, 0])
    np.testing.assert_allclose(weights, 1.0 / n_assets, rtol=2e-7)
    assert torch.all(shaken(network)(features(2, 20, 1)) == 0.0)  # and one asset has nothing to be compared with


@every
def test_a_permutation_of_the_assets_permutes_the_weights(make: Make) -> None:
    network, seen = shaken(make()), features(20, 5)
    order = [3, 0, 4, 1, 2]
    weights = network.decide_all(seen.numpy())
    np.testing.assert_allclose(network.decide_all(seen[:, order].numpy()), weights[:, order], atol=1e-5)
    assert np.ptp(weights, axis=1).min() > 1e-3  # there is something to permute


@every
def test_what_all_assets_share_changes_nothing(make: Make) -> None:
    network, seen = shaken(make()), features(20, 4)
    shared = torch.linspace(-2.0, 2.0, 20)[:, None, None].expand(20, 1, N_FEATURES)
    np.testing.assert_allclose(network.decide_all((seen + shared).numpy()), network.decide_all(seen.numpy()), atol=2e-6)


@every
def test_a_sequence_is_decided_as_its_windows_are(make: Make) -> None:
    network, seen = shaken(make()), features(17, 3).numpy()
    together = network.decide_all(seen)
    windows = np.stack([seen[end - 5 : end] for end in range(5, 18)])
    np.testing.assert_allclose(network.allocate(windows, None), together, atol=1e-6)  # type: ignore[arg-type]
    with torch.no_grad():
        whole = network(torch.from_numpy(np.stack([seen] * 2)))
        parts = torch.cat([network(torch.from_numpy(np.stack([window] * 2))) for window in windows], dim=1)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-5)


@every
def test_every_bar_of_the_window_counts_and_no_other(make: Make) -> None:
    network, chosen = shaken(make()), 9
    seen = features(2, 20, 3).requires_grad_()
    network(seen)[:, chosen].pow(2).sum().backward()
    assert seen.grad is not None
    heeded = seen.grad.abs().sum((0, 2, 3)) > 0
    first = chosen + 3 if make is perceptron else chosen  # a perceptron sees only the bars whose scores are averaged
    assert torch.nonzero(heeded).flatten().tolist() == list(range(first, chosen + 5))


@every
def test_it_is_built_again_from_its_arguments(make: Make) -> None:
    network = shaken(make())
    assert network.arguments().keys() == argument_types(type(network)).keys()
    again = build(network_of(network_name(network), "here"), network.arguments()).eval()
    again.load_state_dict(network.state_dict())  # the spread, too
    seen = features(20, 3).numpy()
    np.testing.assert_array_equal(again.decide_all(seen), network.decide_all(seen))


def test_a_network_that_times_the_market_is_invested_at_first_and_scales_the_same_shares() -> None:
    timed, seen = attention(times_market=True).eval(), features(17, 3).numpy()
    np.testing.assert_allclose(timed.decide_all(seen), 1.0 / 3.0, rtol=2e-6)
    weights = shaken(timed).decide_all(seen)
    without = attention().eval()
    without.load_state_dict({n: t for n, t in timed.state_dict().items() if not n.startswith("timers")})
    exposure = weights.sum(1)
    assert 0.0 < exposure.min() < exposure.max() <= 1.0 + 1e-6 and np.ptp(exposure) > 0.01
    np.testing.assert_allclose(weights / exposure[:, None], without.decide_all(seen), atol=5e-6)
    windows = np.stack([seen[end - 5 : end] for end in range(5, 18)])
    np.testing.assert_allclose(timed.allocate(windows, None), weights, atol=5e-6)  # type: ignore[arg-type]
    again = build(network_of(network_name(timed), "here"), timed.arguments())
    again.load_state_dict(timed.state_dict())


def test_the_exposure_depends_on_what_the_assets_share() -> None:
    timed, seen = shaken(attention(times_market=True)), features(17, 3)
    shared = torch.linspace(-2.0, 2.0, 17)[:, None, None].expand(17, 1, N_FEATURES)
    weights, moved = (timed.decide_all(one.numpy()) for one in (seen, seen + shared))
    assert np.abs(weights.sum(1) - moved.sum(1)).max() > 0.01
    shares, others = (one / one.sum(1, keepdims=True) for one in (weights, moved))
    np.testing.assert_allclose(shares, others, atol=2e-6)


def test_a_perceptron_has_parameters_for_one_asset() -> None:
    def sizes(network: TiltNetwork) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}

    assert sizes(perceptron(n_members=1)) == {
        "spread": (N_FEATURES,),
        "members.0.speed": (),
        "members.0.encoder.embed.weight": (8, N_FEATURES),
        "members.0.encoder.embed.bias": (8,),
        "members.0.encoder.score.weight": (1, 8),
        "members.0.linear.weight": (1, N_FEATURES),
    }


@every
def test_it_acts_on_other_symbols_and_says_so_once(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    trained, other = make_market(), make_market(n_assets=5)
    normalizer = Normalizer.fit(FEATURES, trained.features(FEATURES), slice(10, 100))
    facts = PolicyFacts.of("own", trained, Rules(), normalizer, 5, {}, {"trained": Span(9, 99)})
    policy = CheckpointPolicy(facts, shaken(make()))
    with caplog.at_level(logging.INFO):
        policy.bind(trained)
        assert not caplog.records
        policy.bind(other)
    assert [record.getMessage() for record in caplog.records] == [
        "the policy was trained on S0, S1, S2; its weights are shared by the assets, so it also decides for "
        "S0, S1, S2, S3, S4."
    ]
    weights = policy.act(observe(other, [30, 40], policy))
    np.testing.assert_allclose(weights, policy.decide(other, Span(30, 41))[[0, 10]], atol=1e-6)
    assert weights.shape == (2, 5) and np.ptp(weights) > 1e-3


class TestMembers:
    """Several networks in one: each trains on its part of a batch, and all decide together."""

    @every
    def test_members_take_parts_of_a_batch_in_turn_and_decide_by_their_mean(self, make: Make) -> None:
        network, seen = shaken(make(n_members=3)), features(6, 12, 4)
        with torch.no_grad():
            outputs = network(seen)
            alone = [network.among(slice(i, i + 1))(seen) for i in range(3)]
            decided = network.decide(seen)
        for i, scores in enumerate(alone):
            torch.testing.assert_close(outputs[2 * i : 2 * i + 2], scores[2 * i : 2 * i + 2], atol=1e-5, rtol=1e-5)
        mean = torch.stack(alone).mean(0)
        torch.testing.assert_close(decided, network.head.weights(1.5 * mean), atol=1e-5, rtol=1e-5)

    @every
    def test_some_members_are_a_network_of_their_own_with_the_same_weights(self, make: Make) -> None:
        network, seen = shaken(make(n_members=3)), features(20, 3).numpy()
        before = network.decide_all(seen)
        last = network.among(slice(2, 3))
        assert last.arguments() == {**network.arguments(), "n_members": 1}
        assert [p.data_ptr() for p in last.parameters()] == [p.data_ptr() for p in network.members[2].parameters()]
        again = build(type(network), last.arguments()).eval()
        again.load_state_dict(last.state_dict())
        np.testing.assert_array_equal(again.decide_all(seen), last.decide_all(seen))
        np.testing.assert_array_equal(network.decide_all(seen), before)  # the whole network is unchanged
        assert len(network.members) == network.arguments()["n_members"] == 3
        assert not np.allclose(last.decide_all(seen), before, atol=1e-3)
        np.testing.assert_array_equal(network.among(slice(0, 3)).decide_all(seen), before)

    def test_members_start_from_different_weights(self) -> None:
        one, other = (member.encoder.embed.weight for member in attention().members)
        assert not torch.equal(one, other)


class TestScores:
    """How scores become smoother, comparable and sharper."""

    def test_the_latest_scores_are_averaged_by_hand(self) -> None:
        scores = torch.tensor([[8.0, 0.0], [4.0, 0.0], [2.0, 0.0], [0.0, 7.0]])[None]  # (1, 4, 2)
        # A speed of 1/2 gives ages 0, 1, 2 the weights 4/7, 2/7, 1/7.
        expected = torch.tensor([[(4 * 2 + 2 * 4 + 8) / 7, 0.0], [(2 * 2 + 4) / 7, 4.0]])[None]
        torch.testing.assert_close(smoothed(scores, torch.tensor(0.0), 3), expected)
        torch.testing.assert_close(
            smoothed(scores, torch.tensor(40.0), 3), scores[:, 2:]
        )  # at full speed, the last score alone
        torch.testing.assert_close(
            smoothed(scores, torch.tensor(-40.0), 3), scores.unfold(1, 3, 1).mean(-1)
        )  # or the plain mean

    def test_the_spread_is_that_of_features_less_their_mean_over_assets(self) -> None:
        network = perceptron()
        seen = torch.zeros(2, 2, N_FEATURES)
        seen[..., 0] = torch.tensor([[1.0, 3.0], [10.0, 14.0]])  # -1 1 and -2 2: mean square 2.5
        seen[..., 1] = 5.0  # does not differ between assets
        network.fit_spread(seen)
        torch.testing.assert_close(network.spread, torch.tensor([2.5**0.5, 1.0, 1.0]))
        relative = network.relative(seen)[..., 0]
        torch.testing.assert_close(relative, torch.tensor([[-1.0, 1.0], [-2.0, 2.0]]) / 2.5**0.5)

    def test_sharpness_multiplies_the_scores_of_decisions_only(self) -> None:
        network = shaken(gru())
        blunt = copy.deepcopy(network)
        blunt.sharpness = 0.0
        seen = features(2, 20, 3)
        assert torch.equal(network(seen), blunt(seen))
        np.testing.assert_array_equal(blunt.decide_all(seen[0].numpy()), np.float64(np.float32(1 / 3)))

    def test_a_smoothing_longer_than_the_window_is_refused(self) -> None:
        assert attention(window_steps=3, smooth_steps=3)(features(2, 3, 2)).shape == (2, 1, 2)
        with pytest.raises(ConfigError, match="smooth_steps=4: must be at most window_steps=3"):
            attention(window_steps=3, smooth_steps=4)


class TestDirichlet:
    """The distribution of portfolios around a tilt."""

    def test_its_parameters_by_hand(self) -> None:
        network = gru()
        scores = torch.tensor([6.0, 3.0, 1.0]).log()  # shares 0.6, 0.3, 0.1 of 20 x 3, plus 0.5
        torch.testing.assert_close(network.concentrations(scores), torch.tensor([36.5, 18.5, 6.5]))

    def test_long_only_parts_are_the_weights(self) -> None:
        parts = torch.tensor([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0]])
        torch.testing.assert_close(gru().sampled(parts), parts, atol=3e-6, rtol=0.0)

    def test_long_short_parts_are_read_as_the_head_reads_scores(self) -> None:
        network = gru(long_only=False)
        scores = torch.tensor([0.4, -0.3, 0.2])
        torch.testing.assert_close(network.sampled(torch.softmax(scores, -1)), network.head.weights(scores))
