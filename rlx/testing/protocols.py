"""Does a protocol choose its windows without the future, and report what a scorecard can hold?"""

from __future__ import annotations

import json
import math
from dataclasses import fields
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rlx import registry
from rlx.app.guards import guarded_rules
from rlx.config import EvaluateConfig
from rlx.data.config import SyntheticData
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.protocols.base import Conditions, Protocol
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.seen import Seen
from rlx.evaluate.windows import HOLDOUT, WINDOWS
from rlx.files import to_json
from rlx.policies.baselines import BuyAndHold, standard_baselines
from rlx.report.markdown import render_markdown
from rlx.report.rendered import require_rendered
from rlx.run_folder import RunFolder
from rlx.sim.rules import Costs, Rules
from rlx.types import TimeArray

DATA = SyntheticData(kind="random_walk", n_assets=3, n_bars=400)
CONFIG = EvaluateConfig(data=DATA, costs=Costs(commission_bps=5.0))
FIRST = 20
CUTS = (1, 2, 7, 30)  # decisions that are taken off the end of the span


def check_protocol(protocol: Protocol) -> None:
    """Assert that a protocol meets the judge's requirements, on a small generated market of 400 days.

    Its windows lie in the span and do not depend on what follows them, its report can be repeated, written and read
    back, and the hold-out is measured as under any other protocol. AssertionError names the violation.
    """
    market = Market(DATA.load())
    span = Span(FIRST, market.n_bars - 1)
    _check_options(protocol)
    _check_windows(protocol, market.timestamps, span)
    seen = {"trained": (market.timestamps[0], market.timestamps[span.start + 100])}
    conditions = Conditions(market, span, CONFIG.rules(), partial(guarded_rules, CONFIG, market), seen)
    plan = protocol.plan(conditions)
    _check_measures(protocol, market, span, plan.rules)
    judgement = _judged(protocol, market, span, plan.rules, seen)
    _check_report(judgement)
    again = _judged(protocol, market, span, plan.rules, seen)
    assert (again.rows, again.block) == (judgement.rows, judgement.block), "two judgements differ"
    _check_holdout(judgement, _judged(_without_options(protocol), market, span, plan.rules, seen))
    if plan.compare is not None:
        once, twice = (plan.compare(BuyAndHold(), one.evaluation).summary for one in (judgement, again))
        assert once == twice, "two comparisons differ"
        _check_plain(once, "the summary of a comparison")


def _check_options(protocol: Protocol) -> None:
    assert isinstance(protocol, Protocol), "it must be a subclass of rlx.evaluate.protocols.base.Protocol"
    assert registry.NAME.fullmatch(protocol.name), f"name={protocol.name!r}: small letters, digits and _"
    assert type(protocol) is Protocol or "name" in vars(type(protocol)), "it must have a name of its own"
    alike = [
        name
        for name, known in registry.loaded("protocol").items()
        if name != protocol.name and _names(known) == _names(type(protocol))
    ]
    assert not alike, f"it has the options of {alike[0]}, for which a recorded one would be taken: give it one more"


def _names(kind: type[Protocol]) -> set[str]:
    return {option.name for option in fields(kind)}


def _check_windows(protocol: Protocol, stamps: TimeArray, span: Span) -> None:
    whole = _starts(protocol, stamps, span)
    assert not whole.keys() & {HOLDOUT, WINDOWS}, f"{HOLDOUT} and {WINDOWS} are played anyway"
    for name, (starts, steps) in whole.items():
        inside = min(starts) >= span.start and max(starts) + steps <= span.stop
        assert inside, f"windows {name!r} reach beyond the span, bars {span.start} to {span.stop}"
    assert _starts(protocol, stamps, span) == whole, "it chooses other windows the second time"
    for cut in CUTS:
        shorter = Span(span.start, span.stop - cut)
        try:
            known = _starts(protocol, stamps[: shorter.stop + 1], shorter)
        except ConfigError:
            known = {}
        for name, (starts, steps) in whole.items():
            expected = [start for start in starts if start + steps <= shorter.stop]
            found = known[name][0] if name in known else []
            assert found == expected, f"it looks ahead: windows {name!r} depend on whether the span ends {cut} later"


def _starts(protocol: Protocol, stamps: TimeArray, span: Span) -> dict[str, tuple[list[int], int]]:
    """Return starts and length of the protocol's own windows by set."""
    return {one.name: (one.starts.tolist(), one.steps) for one in protocol.windows(span, stamps)}


def _check_measures(protocol: Protocol, market: Market, span: Span, rules: Rules) -> None:
    """Assert that rows and block are plain values, also of a policy whose fit is not known."""
    sets = protocol.window_sets(span, market.timestamps)
    played = {policy.name: evaluate(policy, market, sets, rules) for policy in standard_baselines()}
    rows, block = protocol.measure(played["buy_and_hold"], played, None)
    for number, row in enumerate(rows):
        assert row.keys() == rows[0].keys(), f"row {number} has other columns than the first"
        odd = [name for name, value in row.items() if not _is_cell(value)]
        assert not odd, f"row {number}: {odd[0]} must be text, a finite number, or None where it is undefined"
    _check_plain(block, "the block")


def _check_plain(values: dict[str, Any], what: str) -> None:
    try:
        plain = to_json(values)
    except TypeError as error:
        raise AssertionError(f"{what} must be plain JSON values: {error}") from error
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain, f"{what} must be plain JSON values"


def _judged(protocol: Protocol, market: Market, span: Span, rules: Rules, seen: Seen) -> Judgement:
    return judge(BuyAndHold(), market, span, rules, protocol, baselines=standard_baselines(), module="test", seen=seen)


def _check_report(judgement: Judgement) -> None:
    """Assert that the scorecard is equal when it is read back, and can be rendered."""
    card = judgement.scorecard
    with TemporaryDirectory() as folder:
        path = RunFolder(Path(folder)).scorecard
        card.write(path)
        assert Scorecard.load(path) == card, "the scorecard differs when it is read back"
        render_markdown(require_rendered(Scorecard.load(path), str(path)))


def _is_cell(value: Any) -> bool:
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _check_holdout(judgement: Judgement, plain: Judgement) -> None:
    card, other = judgement.scorecard, plain.scorecard
    for name in ("metrics", "intervals", "guard", "baselines", "windows", "significance", "verdict"):
        assert getattr(card, name) == getattr(other, name), f"it changes {name}, which are of the hold-out"


def _without_options(protocol: Protocol) -> Protocol:
    """Return the hold-out with the options that every protocol has."""
    return Protocol(**{option.name: getattr(protocol, option.name) for option in fields(Protocol)})
