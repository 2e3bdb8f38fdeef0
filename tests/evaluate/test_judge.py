"""The scorecard: its schema, its numbers, what makes two comparable, and its verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.splits import Span
from rlx.errors import ConfigError, RlxError
from rlx.evaluate import proof
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.judge import Judgement, judge, judge_against, score
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.seen import Seen
from rlx.keys import keys
from rlx.measures import metrics
from rlx.measures.significance import MOMENTS
from rlx.measures.statistics import bootstrap_intervals
from rlx.measures.trials import Sweep
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight
from rlx.sim import Costs, Limits, Reward, Rules
from tests.evaluate.players import FREE, GUARDED, OPEN, Player, make_market, random_market, state_dependent

FIELDS = [
    "schema_version", "key", "policy", "module", "metrics", "intervals", "guard", "baselines", "verdict", "config",
    "provenance", "performance", "significance",
]  # fmt: skip
SPAN = Span(10, 59)
PROTOCOL = Protocol(window_steps=10, bootstrap_replications=200)


def judged(
    policy: object = None,
    rules: Rules = GUARDED,
    market: object = None,
    span: Span = SPAN,
    seen: Seen | None = None,
    protocol: Protocol = PROTOCOL,
    sweep: Sweep | None = None,
) -> Judgement:
    return judge(
        policy or state_dependent(),  # type: ignore[arg-type]
        market or random_market(),  # type: ignore[arg-type]
        span,
        rules,
        protocol,
        baselines=[EqualWeight(), BuyAndHold(), Cash()],
        module="test",
        config={"costs": rules.costs, "seed": 0},
        provenance={"command": "python train.py"},
        performance={"train_wall_seconds": 1.5, "env_steps_per_second": np.float64(10.0)},
        seen=seen,
        sweep=sweep,
    )


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return judged()


def test_the_document_has_the_promised_fields(judgement: Judgement) -> None:
    document = judgement.scorecard.to_dict()
    assert set(FIELDS) <= set(document)
    assert next(iter(document)) == "schema_version" and document["schema_version"] == 2
    assert document["config"] == {"costs": document["key"]["costs"], "seed": 0}
    assert set(document["baselines"]) == {"equal_weight", "buy_and_hold", "cash"}
    assert all(set(metrics) == set(document["metrics"]) for metrics in document["baselines"].values())
    promised = {"sharpe", "sortino", "cumulative_return", "annual_return", "annual_excess_over_equal_weight"}
    assert promised == set(document["intervals"])


def test_it_is_strict_json_and_reads_back_equal(judgement: Judgement, tmp_path: Path) -> None:
    path = tmp_path / "run" / "scorecard.json"
    judgement.scorecard.write(path)
    assert Scorecard.load(path) == judgement.scorecard
    assert [entry.name for entry in path.parent.iterdir()] == ["scorecard.json"]
    text = path.read_text()
    assert "NaN" not in text and "Infinity" not in text
    assert json.loads(text)["baselines"]["cash"]["sharpe"] is None


def test_metrics_are_those_of_the_ledger(judgement: Judgement) -> None:
    card, ledger = judgement.scorecard, judgement.evaluation.sets["holdout"].ledger
    assert card.metrics["sharpe"] == float(metrics.sharpe(ledger.net_return[0], 252.0))
    assert card.metrics["turnover"] == pytest.approx(ledger.turnover.mean())
    assert card.metrics["cost_drag"] == pytest.approx(ledger.trading_cost.mean() * 252)
    assert card.guard["turnover_hit_rate"] == pytest.approx(ledger.turnover_guard.mean())
    assert card.guard["min_leverage_scale"] == 0.6
    assert card.windows["n"] == 40 and card.windows["steps"] == 10


def test_every_number_has_a_documented_key(judgement: Judgement) -> None:
    logged = judgement.scorecard.logged()
    assert set(logged) <= set(keys())
    asked_for = {
        "eval/sharpe",
        "eval/turnover",
        "eval/cost_drag",
        "guard/drawdown_hit_rate",
        "guard/min_leverage_scale",
    }
    assert asked_for | {"cooldown/mean_long", "perf/env_steps_per_second"} <= set(logged)
    assert all(isinstance(value, float) for value in logged.values())
    assert np.isnan(judged(Cash()).scorecard.logged()["eval/sharpe"])


def test_score_gives_the_scorecard_numbers_without_the_statistics(judgement: Judgement) -> None:
    quick = score(state_dependent(), random_market(), Span(10, 59), GUARDED)
    assert quick == judgement.scorecard.metrics
    assert {f"val/{name}" for name in quick} <= set(keys())


def test_only_timings_differ_between_two_judgements(judgement: Judgement) -> None:
    one, two = (replace(card, performance={}) for card in (judgement.scorecard, judged().scorecard))
    assert one == two


def test_a_baseline_judged_as_policy_gets_the_same_numbers(judgement: Judgement) -> None:
    card = judged(EqualWeight()).scorecard
    assert card.metrics == card.baselines["equal_weight"] == judgement.scorecard.baselines["equal_weight"]
    assert card.key == judgement.scorecard.key
    assert card.windows["share_beating_equal_weight"] == 0.0
    assert "did exactly as well as equal weight: step for step it earned the same." in card.verdict


def test_the_number_of_trials_changes_what_may_be_claimed_and_not_what_is_compared(judgement: Judgement) -> None:
    one, many = judgement.scorecard, judged(protocol=replace(PROTOCOL, trials=20)).scorecard
    assert one.key == many.key and one.metrics == many.metrics
    assert one.significance["trials_from"] == "none" and "No number of trials was declared" in one.verdict
    assert many.significance["trials_from"] == "declared" and "With 20 trials" in many.verdict
    assert many.significance["psr"] == one.significance["psr"] == one.significance["dsr"]
    assert many.significance["dsr"] < one.significance["dsr"]


def test_a_sweeps_trials_are_deflated_by_their_spread_under_the_same_key(judgement: Judgement) -> None:
    one = judgement.scorecard
    key, own = one.key["hash"], one.metrics["sharpe"] or 0.0
    for spread, expected in (((own - 4.0, own + 4.0), (16.0 / 252.0, "sweep")), ((own, own), (1.0 / 48.0, "floor"))):
        found = judged(sweep=Sweep(50, {key: spread, "other": [9.0]})).scorecard.significance
        assert (found["trials"], found["trials_from"]) == (50, "sweep")
        assert found["trial_variance_per_step"] == pytest.approx(expected[0])
        assert found["trial_variance_from"] == expected[1]


def test_a_scorecard_from_before_significance_was_measured_still_reads(judgement: Judgement, tmp_path: Path) -> None:
    replace(judgement.scorecard, significance={}).write(tmp_path / "scorecard.json")
    assert "significance" not in json.loads((tmp_path / "scorecard.json").read_text())
    assert Scorecard.load(tmp_path / "scorecard.json").significance == {}


@pytest.mark.parametrize(
    "change",
    [
        {"costs": replace(GUARDED.costs, commission_bps=8.0)},
        {"limits": replace(GUARDED.limits, intraday_gross=1.7)},
        {"guard": replace(GUARDED.guard, leverage_scale=0.5)},
        {"cooldown": replace(GUARDED.cooldown, steps=3)},
        {"accounting": "additive"},
        {"drift": False},
    ],
)
def test_other_rules_have_another_key(judgement: Judgement, change: dict[str, object]) -> None:
    assert judged(rules=replace(GUARDED, **change)).scorecard.key["hash"] != judgement.scorecard.key["hash"]


def test_other_data_and_windows_change_the_key_and_the_reward_does_not(judgement: Judgement) -> None:
    own = judgement.scorecard.key["hash"]
    assert judged(market=random_market(seed=1)).scorecard.key["hash"] != own
    assert judged(span=Span(11, 59)).scorecard.key["hash"] != own
    assert judged(rules=replace(GUARDED, reward=Reward(turnover_penalty=1.0))).scorecard.key["hash"] == own


def test_costs_by_symbol_give_the_same_key_in_any_form() -> None:
    ways = (
        Costs(per_asset_bps={"S2": 3, "S0": 1.0, "S1": 2}),
        Costs(per_asset_bps=[1, 2, 3]),
    )
    named, listed = (judged(Cash(), rules=Rules(costs=costs)).scorecard.key for costs in ways)
    assert named["hash"] == listed["hash"]
    assert listed["costs"]["per_asset_bps"] == {"S0": 1.0, "S1": 2.0, "S2": 3.0}


def test_the_verdict_states_a_win_and_a_loss() -> None:
    steps = np.random.default_rng(0).normal([[0.01, -0.01]], 0.002, (200, 2))
    market = make_market(100 * np.exp(np.cumsum(steps, axis=0)))
    rules, span = Rules(limits=OPEN), Span(0, 199)
    winner = judged(Player(lambda o: np.tile([1.0, 0.0], (len(o.bar), 1))), rules, market, span).scorecard
    loser = judged(Player(lambda o: np.tile([0.0, 1.0], (len(o.bar), 1))), rules, market, span).scorecard
    assert winner.verdict.startswith("player beat equal weight in mean return, by 2")
    assert ", above zero). Cumulative return +" in winner.verdict
    assert "do not cover zero: it made money beyond chance" in winner.verdict
    assert loser.verdict.startswith("player lost to equal weight in mean return, by 2")
    assert ", below zero). Cumulative return -" in loser.verdict and "it lost money beyond chance" in loser.verdict
    assert winner.windows["share_beating_equal_weight"] == 1.0 and loser.windows["share_positive"] == 0.0


def test_the_verdict_says_that_an_interval_covers_zero(judgement: Judgement) -> None:
    assert judgement.scorecard.intervals["sharpe"]["covers_zero"] is True
    assert (
        "than equal weight, by 16.4% a year, which may be chance (95% interval -52.0% to "
        in judgement.scorecard.verdict
    )
    assert "both cover zero: there is no evidence that it makes or loses money." in judgement.scorecard.verdict


def test_one_step_can_be_judged() -> None:
    protocol = replace(PROTOCOL, window_steps=1)
    card = judge(
        EqualWeight(), random_market(), Span(20, 21), FREE, protocol, baselines=[EqualWeight()], module="test"
    ).scorecard
    assert card.metrics["sharpe"] is None and card.metrics["volatility"] is None
    assert card.metrics["cumulative_return"] == pytest.approx(random_market().returns[20].mean())
    assert card.intervals["sharpe"]["reason"] == "an interval needs at least 20 steps, this has 1"
    assert "There is no interval for its Sharpe ratio or return" in card.verdict


def test_cash_is_judged_without_a_sharpe_ratio() -> None:
    card = judged(Cash()).scorecard
    assert (card.metrics["sharpe"], card.metrics["cumulative_return"], card.metrics["cost_drag"]) == (None, 0.0, 0.0)
    assert card.intervals["sharpe"]["reason"] == "the returns do not vary"
    assert card.windows["sharpe"] == {"p05": None, "median": None, "p95": None, "n": 0}


def test_ruin_is_stated_first() -> None:
    market = make_market(np.repeat([[100.0], [100.0], [30.0], [33.0]], [20, 10, 10, 10], axis=0))
    player = Player(lambda o: np.full(o.weights.shape, 2.0))
    card = judged(player, FREE, market, Span(0, 49)).scorecard
    assert card.verdict.startswith("player lost everything")
    assert card.metrics["ruined"] == 1.0
    assert card.metrics["cumulative_return"] == pytest.approx(-1.0)
    assert "Compared with equal weight: cumulative return -100.0% against -" in card.verdict
    assert "interval" not in card.verdict and "no evidence" not in card.verdict


@pytest.mark.parametrize(
    ("trained", "selected", "counts", "opening"),
    [  # decisions are taken on bars 10 to 58; a span's last bar only closes its last step
        ((0, 10), (10, 10), (0, 0), "player "),
        ((0, 20), (59, 59), (10, 0), "Not a test: 10 of these 49 steps lie in the span it was trained on. Compared "),
        (
            (0, 10),
            (10, 11),
            (0, 1),
            "Not a test: 1 of these 49 steps lies in the span its best checkpoint was chosen on. Compared ",
        ),
        (
            (0, 20),
            (25, 59),
            (10, 34),
            "Not a test: 10 of these 49 steps lie in the span it was trained on and 34 in the span its best checkpoint "
            "was chosen on. Compared ",
        ),
    ],
)
def test_steps_it_was_fitted_on_are_stated_first(
    trained: tuple[int, int], selected: tuple[int, int], counts: tuple[int, int], opening: str
) -> None:
    stamps = random_market().timestamps
    bars = {"trained": trained, "selected": selected}
    card = judged(seen={name: (stamps[first], stamps[last]) for name, (first, last) in bars.items()}).scorecard
    assert card.data["seen_steps"] == dict(zip(bars, counts, strict=True))
    assert card.verdict.startswith(opening)
    assert ("Not a test" in card.verdict) is any(counts)


def test_seen_changes_nothing_but_the_verdict_and_its_count(judgement: Judgement) -> None:
    stamps = random_market().timestamps
    card = judged(seen={"trained": (stamps[0], stamps[20])}).scorecard
    assert "seen_steps" not in judgement.scorecard.data and "Not a test" not in judgement.scorecard.verdict
    assert card.data == {**judgement.scorecard.data, "seen_steps": {"trained": 10}}
    said = card.verdict
    assert not any(word in said for word in ("beat", "lost", "claimed", "chance", "evidence", "cover")), said
    assert "mean return 16.4% a year lower (95% interval -52.0% to " in said
    assert said.endswith("None of this says how it does on dates that it has not seen.")
    assert replace(card, data={}, verdict="", performance={}) == replace(
        judgement.scorecard, data={}, verdict="", performance={}
    )


@pytest.mark.parametrize(("asked", "said"), [(0.4, None), (0.503, None), (0.504, "0.01"), (1.0, "1.50")])
def test_weight_that_limits_removed_is_stated_last(asked: float, said: str | None) -> None:
    # three assets at `asked` each under a cap of 1.5: 3 x 0.503 - 1.5 = 0.009, 3 x 0.504 - 1.5 = 0.012
    rules = Rules(limits=Limits(intraday_gross=1.5, closing_gross=None))
    verdict = judged(Player(lambda o: np.full(o.weights.shape, asked)), rules).scorecard.verdict
    last = f"The limits took {said} of weight a step from its targets: what was judged is not what it asked for."
    assert verdict.endswith(last) if said else "The limits took" not in verdict


def test_without_equal_weight_nothing_is_claimed() -> None:
    card = judge(Cash(), random_market(), Span(10, 59), FREE, PROTOCOL, baselines=[], module="test").scorecard
    assert "Equal weight was not judged" in card.verdict
    assert "annual_excess_over_equal_weight" not in card.intervals


def test_a_window_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"protocol\.window_steps=10: the evaluation span has 5"):
        judged(span=Span(10, 15))


def test_windows_of_the_default_length_are_fitted_to_a_short_span(caplog: pytest.LogCaptureFixture) -> None:
    card = judge(Cash(), random_market(), Span(10, 15), FREE, Protocol(), baselines=[], module="test").scorecard
    assert card.key["windows"]["windows"]["steps"] == 5
    assert "so windows have 5 steps" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("{", "not a JSON document"),
        ('{"schema_version": 3}', "schema_version=3; this version reads 1 and 2"),
        ('{"schema_version": true}', "schema_version=true"),
        ("[]", "schema_version=null"),
        ('{"schema_version": 1, "metric": {}}', r"missing fields .*'metrics'.*unknown fields \[.metric.\]"),
    ],
)
def test_a_file_that_is_not_a_scorecard_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "scorecard.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RlxError, match=message):
        Scorecard.load(path)


def test_a_value_that_json_cannot_represent_is_refused_and_leaves_no_file(tmp_path: Path, judgement: Judgement) -> None:
    broken = replace(judgement.scorecard, config={"market": object()})
    with pytest.raises(TypeError, match="object cannot be stored in a JSON file"):
        broken.write(tmp_path / "scorecard.json")
    assert list(tmp_path.iterdir()) == []


def test_equal_weight_is_resampled_once_for_all_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[bytes] = []

    def draw(returns: np.ndarray, *arguments: Any, **options: Any) -> dict[str, Any]:
        drawn.append(returns.tobytes())
        return bootstrap_intervals(returns, *arguments, **options)

    monkeypatch.setattr(proof, "bootstrap_intervals", draw)
    proof._drawn.cache_clear()
    market = make_market(100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.01, 0.01, (60, 3)), axis=0)))
    sets = PROTOCOL.window_sets(Span(10, 59), market.timestamps)
    baselines = {"equal_weight": evaluate(EqualWeight(), market, sets, FREE)}
    for share in (0.2, 0.5, 0.9):
        weights = np.array([share, 1.0 - share, 0.0])
        policy = Player(lambda o, weights=weights: np.tile(weights, (len(o.bar), 1)))
        card = judge_against(policy, market, sets, FREE, PROTOCOL, baselines=baselines, module="test").scorecard
        assert "it made money beyond chance. So did equal weight" in card.verdict
    theirs = baselines["equal_weight"].sets["holdout"].ledger.net_return[0].tobytes()
    assert drawn.count(theirs) == 1 and len(drawn) == 4


def test_the_moments_of_equal_weight_are_on_the_scorecard() -> None:
    card, same = judged().scorecard, judged(EqualWeight()).scorecard
    assert card.significance["equal_weight"] == {name: same.significance[name] for name in MOMENTS}
    alone = judge(Cash(), random_market(), SPAN, FREE, PROTOCOL, baselines=[], module="test").scorecard
    assert "equal_weight" not in alone.significance
