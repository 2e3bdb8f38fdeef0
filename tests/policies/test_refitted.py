"""The policy of a walk-forward with refits: who decides at each bar, what it has seen, and damaged files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import CheckpointError
from rlx.policies.base import Forecasting, Refitted
from rlx.policies.checkpoint import load_checkpoint, save_checkpoint
from rlx.policies.refitted import RefittedPolicy, load_refitted, write_index
from rlx.run_folder import RunFolder
from rlx.testing import check_policy
from tests.envs.tasks import make_market
from tests.policies.acting import observe
from tests.policies.test_checkpoint import make_facts, make_network

BARS = (20, 30, 40)
"""First decisions of the three fits."""
TRAINED = (Span(3, 15), Span(3, 28), Span(3, 38))


@pytest.fixture
def market() -> Market:
    return make_market()


def write(run: Path, market: Market, trained: tuple[Span, ...] = TRAINED, **changes: Any) -> Path:
    """Write a run with three fits, whose networks have different weights."""
    for number, span in enumerate(trained):
        facts = replace(make_facts(market), seen={"trained": span.ends(market.timestamps)}, **changes)
        save_checkpoint(RunFolder(run).refit(f"{number:02}").policy, facts, make_network(number))
    write_index(run, {f"{number:02}": market.timestamps[bar] for number, bar in enumerate(BARS)})
    return run


def test_at_each_bar_the_latest_fit_decides(market: Market, tmp_path: Path) -> None:
    policy = load_refitted(write(tmp_path, market))
    policy.bind(market)
    policy.reset(6)
    bars = [15, 20, 29, 30, 39, 55]
    targets = policy.act(observe(market, bars, policy))
    for row, (bar, number) in enumerate(zip(bars, [0, 0, 0, 1, 1, 2], strict=True)):
        alone = load_checkpoint(RunFolder(tmp_path).refit(f"{number:02}").path)
        np.testing.assert_allclose(targets[row], alone.act(observe(market, [bar], alone))[0], atol=1e-6)
    assert targets.shape == (6, 3) and targets.dtype == np.float64
    assert isinstance(policy, Refitted) and isinstance(policy, Forecasting)
    assert policy.forecast(observe(market, bars, policy)) is None


def test_it_is_a_policy(market: Market, tmp_path: Path) -> None:
    check_policy(load_refitted(write(tmp_path, market)), market)


def test_what_a_fit_saw_of_earlier_windows_is_not_seen(market: Market, tmp_path: Path) -> None:
    policy, stamps = load_refitted(write(tmp_path, market)), market.timestamps
    assert policy.seen == {"trained": (stamps[3], stamps[15])}
    assert [fit.first for fit in policy.fits] == [stamps[bar] for bar in BARS]
    assert policy.fits[2].seen == {"trained": (stamps[3], stamps[38])}


def test_a_fit_that_saw_what_it_decides_is_found(market: Market, tmp_path: Path) -> None:
    """For instance one that began from the weights of another run."""
    leaking = load_refitted(write(tmp_path, market, (TRAINED[0], Span(3, 36), TRAINED[2])))
    stamps = market.timestamps
    assert leaking.seen == {"trained": (stamps[3], stamps[36])}
    last = load_refitted(write(tmp_path / "last", market, (TRAINED[0], TRAINED[1], Span(3, 99))))
    assert last.seen == {"trained": (stamps[3], stamps[99])}


def test_it_describes_what_each_fit_was_made_from(market: Market, tmp_path: Path) -> None:
    described = load_refitted(write(tmp_path, market)).describe()
    assert described["kind"] == "refitted" and described["network"] == "mlp_allocation"
    assert [fit["first"][:19] for fit in described["refits"]] == [str(market.timestamps[bar])[:19] for bar in BARS]
    assert described["refits"][1]["trained"] == TRAINED[1].ends(market.timestamps)
    json.dumps(described)


def edit(run: Path, **changes: Any) -> None:
    path = RunFolder(run).refits_index
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_damaged_and_foreign_folders_are_named(market: Market, tmp_path: Path) -> None:
    run = write(tmp_path / "run", market)
    index = json.loads(RunFolder(run).refits_index.read_text())["refits"]
    for changes, words in (
        ({"format_version": 2}, "format_version is 2, this version of rlx reads 1"),
        ({"refits": []}, "refits is"),
        ({"refits": [{**index[0], "folder": "../x"}]}, "folder is .*expected 2 to 6 digits"),
        ({"refits": [{**index[0], "first": "soon"}]}, "first is .soon."),
        ({"refits": [index[1], index[0]]}, "each must begin after the one before"),
        ({"refits": [*index, {"folder": "03", "first": "2030-01-01T00:00:00"}]}, "03: nothing there"),
    ):
        edit(run, **{"format_version": 1, "refits": index, **changes})
        with pytest.raises(CheckpointError, match=words):
            load_refitted(run)
    with pytest.raises(CheckpointError, match=r"has no refits\.json"):
        load_refitted(tmp_path)
    with pytest.raises(CheckpointError, match="policy=refitted"):
        load_checkpoint(run)


def test_fits_of_different_runs_are_refused(market: Market, tmp_path: Path) -> None:
    run = write(tmp_path, market)
    facts = replace(make_facts(market), module="hftraining")
    save_checkpoint(RunFolder(run).refit("01").policy, facts, make_network())
    with pytest.raises(CheckpointError, match="01: its module is not that of the first"):
        load_refitted(run)
    assert isinstance(load_refitted(write(tmp_path, market)), RefittedPolicy)
