"""What a stage hands over, damaged or crafted: every stage takes it, or says in one message what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.normalizer import Normalizer
from rlx.errors import CheckpointError
from rlx.forecast.hand_over import FACTS_FILE, Demand, Forecasts, HandOver, read_forecasts, write_forecasts
from rlx.forecast.network import QuantileForecaster
from tests.hostile.damage import damaged_documents, odd_json
from tests.hostile.readers import outcome

NAMES = ("return_1", "volatility_5")
STAMPS = ["2020-01-02T00:00:00.000000000", "2020-03-02T00:00:00.000000000"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a hand-over of three symbols that a tiny forecaster serves."""
    network = QuantileForecaster(1, len(NAMES), 4, 2, [0.1, 0.5, 0.9])
    losses: dict[str, Any] = {"pinball_loss": 0.1, "climatology_pinball_loss": 0.2, "skill": 0.5, "updates": 1}
    facts = HandOver(
        stage="specialists",
        key="0123456789abcdef",
        upstream=None,
        symbols=("A", "B", "C"),
        feature_names=NAMES,
        window_steps=4,
        normalizer=Normalizer(NAMES, np.zeros(2), np.ones(2)).to_dict(),
        scale=(0.1, 0.1, 0.1),
        n_series=1,
        network=network.arguments(),
        data_fingerprint="ff",
        seen={"trained": STAMPS},
        config={},
        metrics={**losses, "symbols": {"A": {"kept": "generic"}}},
        history=[{"loss": None}],
        wall_seconds=1.0,
    )
    write_forecasts(tmp_path, Forecasts(facts, network.state_dict(), "trained"))
    return tmp_path


def take(folder: Path) -> None:
    """Read a hand-over and do with it what the next stage does first."""
    forecasts = read_forecasts(folder, "cache")
    facts = forecasts.facts
    needed = (facts.symbols, facts.feature_names, facts.window_steps, facts.data_fingerprint, facts.network)
    Demand("portfolio", *needed, np.datetime64("2030-01-01")).check(facts, forecasts.source)
    forecasts.network()
    Normalizer.from_dict(facts.normalizer)
    f"{facts.metrics['skill']:+.1%} {[row['kept'] for row in facts.metrics.get('symbols', {}).values()]}"


def changed(folder: Path, **fields: Any) -> None:
    path = folder / FACTS_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_every_leaf_of_a_hand_over(folder: Path) -> None:
    path = folder / FACTS_FILE
    text = path.read_text()

    def inputs() -> Iterator[tuple[str, Any]]:
        for what, document in damaged_documents(json.loads(text)):
            path.write_text(json.dumps(document))
            yield what, lambda: take(folder)
        for what, odd in odd_json(text):
            path.write_text(odd)
            yield what, lambda: take(folder)

    found = outcome(inputs())
    assert not found.broken
    assert len(found.refused) > 450


@pytest.mark.parametrize("stamp", ["2020-99-99T00:00:00", "2020-02-30T00:00:00", "9999-01-01T00:00:00.000000001"])
def test_a_time_that_no_calendar_or_no_stamp_has_is_refused(folder: Path, stamp: str) -> None:
    """The last one is read by NumPy as one of 1815, before which nothing would be validated on."""
    changed(folder, seen={"trained": [STAMPS[0], stamp]})
    with pytest.raises(CheckpointError, match=r"hand_over\.json: seen\.trained\[1\] is .* expected a date such as"):
        take(folder)


@pytest.mark.parametrize("levels", [[-0.5, 0.5, 0.9], [0.5, 0.1, 0.9], [0.1, 0.5, 1.0], [0.5, 0.5, 0.9], []])
def test_levels_that_are_no_quantiles_are_refused(folder: Path, levels: list[float]) -> None:
    changed(folder, network={**json.loads((folder / FACTS_FILE).read_text())["network"], "levels": levels})
    with pytest.raises(CheckpointError, match=r"must be ascending|expected at least 1"):
        take(folder)


def test_what_is_wrong_is_said_once_and_of_a_file(folder: Path) -> None:
    network = json.loads((folder / FACTS_FILE).read_text())["network"]
    changed(folder, network={**network, "hidden_size": 1})
    with pytest.raises(CheckpointError) as error:
        take(folder)
    assert str(error.value).startswith(f"{folder / 'forecasts.safetensors'}: ") and "cache" not in str(error.value)
    changed(folder, stage=7)
    with pytest.raises(CheckpointError) as error:
        take(folder)
    assert str(error.value).count(str(folder)) == 1 and "missing or damaged" not in str(error.value)
