"""A run that starts from another run's policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.errors import CheckpointError
from rlx.learners.differentiable_market.learner import DifferentiableMarketLearner
from rlx.learners.hftraining.learner import HftrainingLearner
from rlx.learners.path_learner import PathLearner
from rlx.policies.checkpoint import load_checkpoint
from tests.envs.tasks import make_market
from tests.learners.fitting import fit
from tests.learners.test_path_learners import both, make
from tests.policies.acting import observe


@both
def test_it_acts_as_the_checkpoint_did_and_remembers_what_that_saw(kind: type[PathLearner], tmp_path: Path) -> None:
    market = make_market()
    first = make(kind, market, learning_rate=0.01, seed=3)
    fit(first)
    first.export(tmp_path / "policy")
    longer = make_market(n_bars=300)
    second = make(kind, longer, warm_start=str(tmp_path))
    observation = observe(longer, [60, 70], second.policy())
    np.testing.assert_array_equal(second.policy().act(observation), load_checkpoint(tmp_path).act(observation))
    theirs, ours = first.facts().seen, second.facts().seen
    span = second.cross_fit.span
    for name in ("trained", "selected"):
        assert ours[name][0] == min(theirs[name][0], str(longer.timestamps[span.start]))
        assert ours[name][1] == max(theirs[name][1], str(longer.timestamps[span.stop]))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"d_model": 16}, "d_model 8 there, 16 here"),
        ({"n_layers": 3, "window_steps": 5}, "window_steps 4 there, 5 here; n_layers 2 there, 3 here"),
        ({"smooth_steps": 3}, "smooth_steps 2 there, 3 here"),
        ({"n_folds": 3}, "n_members 2 there, 3 here"),
    ],
)
def test_what_does_not_match_is_named(options: dict[str, Any], expected: str, tmp_path: Path) -> None:
    market = make_market()
    make(HftrainingLearner, market).export(tmp_path / "policy")
    with pytest.raises(CheckpointError, match="does not fit this run") as caught:
        make(HftrainingLearner, market, warm_start=str(tmp_path), **options)
    assert expected in str(caught.value)


def test_another_universe_or_module_is_named(tmp_path: Path) -> None:
    make(HftrainingLearner, make_market()).export(tmp_path / "policy")
    with pytest.raises(CheckpointError, match=r"symbols \['S0', 'S1', 'S2'\] there, \['S0', 'S1'\] here"):
        make(HftrainingLearner, make_market(n_assets=2), warm_start=str(tmp_path))
    with pytest.raises(CheckpointError, match="attention_tilt of module=hftraining there"):
        make(DifferentiableMarketLearner, make_market(), warm_start=str(tmp_path))


def test_a_folder_without_a_policy_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"module\.warm_start=.*: no policy\.json in it"):
        make(HftrainingLearner, make_market(), warm_start=str(tmp_path))


def test_another_scale_of_the_same_weights_is_only_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    market = make_market()
    make(HftrainingLearner, market).export(tmp_path / "policy")
    make(HftrainingLearner, market, warm_start=str(tmp_path), sharpness=3.0)
    assert "continue with other settings: sharpness 1.5 there, 3.0 here" in caplog.text
