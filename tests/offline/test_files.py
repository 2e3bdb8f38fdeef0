"""The files of a data set: what was recorded comes back, and nothing else is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.config import SyntheticData
from rlx.errors import RlxError
from rlx.offline.files import ARRAYS, read_dataset
from tests.app.commands import Shell

ARGUMENTS = (
    *("dataset", "data=synthetic", "data.n_bars=400", "costs=zero"),
    *("--behaviours", "equal_weight,random_tilt", "--seeds", "2", "--episodes", "2", "--episode-steps", "40"),
)


@pytest.fixture
def written(shell: Shell) -> Path:
    done = shell.tools(*ARGUMENTS, "--out", "data/set.npz")
    assert done.status == 0, done.err
    assert "equal_weight" in done.out and "320 steps of the train split" in done.out
    return shell.folder / "data" / "set.npz"


def test_what_was_recorded_comes_back(written: Path) -> None:
    data = read_dataset(written)
    assert data.about.observations[0] == len(data.steps.rewards) == 320
    assert [one.name for one in data.about.behaviours] == ["equal_weight", "random_tilt"]
    assert [one.steps for one in data.about.behaviours] == [160, 160]
    assert (data.about.low, data.about.high, data.about.max_gross) == (0.0, 1.0, 1.0)
    assert data.facts.config["costs"]["slippage_bps"] == 0.0
    periods = SyntheticData(n_bars=400).load().periods_per_year
    own = data.steps.rewards[data.steps.behaviours == 1].reshape(4, 40).mean(axis=1) * periods
    assert data.about.behaviours[1].annual_reward == pytest.approx(own.mean(), rel=1e-5)
    assert data.about.behaviours[1].annual_reward_std == pytest.approx(own.std(ddof=1), rel=1e-5)


def test_an_existing_data_set_is_kept(written: Path, shell: Shell) -> None:
    before = written.read_bytes()
    done = shell.tools(*ARGUMENTS, "--out", "data/set.npz")
    assert done.status == 2
    assert "exists already" in done.err
    assert written.read_bytes() == before


def test_arrays_load_without_pickle(written: Path) -> None:
    with np.load(written, allow_pickle=False) as arrays:
        assert {"observations", "actions", "rewards", "terminals", "timeouts"} <= set(arrays.files)


def damage(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    described = path.with_suffix(".json")
    value = json.loads(described.read_text())
    change(value)
    described.write_text(json.dumps(value))


class Evil:
    """Something that would print when it is unpickled."""

    def __reduce__(self) -> Any:
        return print, ("unpickled",)


def test_damaged_files_are_refused(written: Path) -> None:
    data, text = written.read_bytes(), written.with_suffix(".json").read_text()
    written.write_bytes(data[:-100])
    with pytest.raises(RlxError, match="damaged or truncated"):
        read_dataset(written)
    written.write_bytes(data)
    for change, reason in (
        (lambda value: value.update(schema_version=2), "schema 1"),
        (lambda value: value.pop("low"), "low is missing"),
        (lambda value: value.update(assets=7), "actions is not of the shape"),
        (lambda value: value["policy"].pop("symbols"), "symbols"),
        (lambda value: value["behaviours"].append({"name": 3}), "behaviours"),
        (
            lambda value: value["behaviours"][1].update(extra=1),
            r"behaviours\[1\]\.extra is 1, which is an unknown field",
        ),
    ):
        damage(written, change)
        with pytest.raises(RlxError, match=reason):
            read_dataset(written)
        written.with_suffix(".json").write_text(text)
    written.unlink()
    with pytest.raises(RlxError, match="cannot be read"):
        read_dataset(written)


def test_pickles_are_never_loaded(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with written.open("wb") as file:
        np.savez(file, **{name: np.array([Evil()], dtype=object) for name in ARRAYS})
    digest = hashlib.sha256(written.read_bytes()).hexdigest()
    damage(written, lambda value: value.update(npz_sha256=digest))
    with pytest.raises(RlxError, match="cannot be read"):
        read_dataset(written)
    assert "unpickled" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "set.csv"), "must be an .npz file"),
        (("--behaviours", "equal_weight,"), "--behaviours"),
        (("--behaviours", "momentum,hindsigt"), "Did you mean 'hindsight'"),
        (("--episode-steps", "900"), "the train split has"),
        (("--seeds", "0"), "--seeds"),
        (("module=gymrl",), "has no group module"),
        (("data.n_bars=nan",), "data.n_bars"),
    ],
)
def test_bad_arguments_end_in_one_message_and_write_nothing(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    done = shell.tools(*ARGUMENTS[:4], *arguments)
    assert done.status == 2
    assert said in done.err and done.err.count("Error:") == 1
    assert not list(shell.folder.rglob("*.npz"))
