"""Panels, calendars, markets and splits."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from omegaconf import OmegaConf

from rlx import registry
from rlx.data.config import DataConfig, FolderData, SampleData, SyntheticData
from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.sources import sample, synthetic
from rlx.data.splits import Span, SplitConfig, make_splits
from rlx.errors import ConfigError, DataError
from rlx.types import AssetClass


def _panel(close: list[list[float]], **fields: object) -> MarketPanel:
    stamps = np.datetime64("2020-01-06") + np.arange(len(close)).astype("timedelta64[D]")
    symbols = tuple("ABCDEFG"[: len(close[0])])
    return MarketPanel(symbols, stamps, np.array(close), **fields)  # type: ignore[arg-type]


def test_sample_panels_are_what_their_source_says() -> None:
    daily, hourly = sample("daily9"), sample("hourly5")
    assert daily.symbols == ("SPY", "IWM", "EEM", "USO", "AAPL", "FB", "IBM", "AIG", "BAC")
    assert (len(daily), daily.frequency, daily.periods_per_year) == (2231, "1D", 252)
    assert (len(hourly), hourly.frequency, hourly.periods_per_year) == (16214, "1h", 7 * 252)
    assert daily.close[0, 0] == 108.6232 and daily.timestamps[0] == np.datetime64("2012-05-18")
    assert hourly.timestamps[0] == np.datetime64("2012-01-03T14:00")
    assert daily.asset_classes == (AssetClass.equity,) * 9


def test_fingerprint_depends_on_content_only() -> None:
    panel = sample("daily9")
    assert panel.fingerprint == sample("daily9").fingerprint == "b095c4d5b8e96744"
    assert panel.select(start="2012-05-18").fingerprint == panel.fingerprint
    assert panel.select(["SPY"]).fingerprint != panel.fingerprint
    close = panel.close.copy()
    close[5, 5] = np.nextafter(close[5, 5], np.inf)
    fields = (panel.open, panel.high, panel.low, panel.volume)
    assert MarketPanel(panel.symbols, panel.timestamps, close, *fields).fingerprint != panel.fingerprint
    same = MarketPanel(panel.symbols, panel.timestamps, panel.close, *fields, source="elsewhere")
    assert same.fingerprint == panel.fingerprint


def test_selection_includes_both_ends() -> None:
    panel = sample("daily9", ["BAC", "SPY"], "2015", "2016-03-01")
    assert panel.symbols == ("BAC", "SPY")
    assert str(panel.timestamps[0])[:10] == "2015-01-02" and str(panel.timestamps[-1])[:10] == "2016-03-01"
    hourly = sample("hourly5", end="2012-01-03")
    assert str(hourly.timestamps[-1])[:13] == "2012-01-03T20"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"close": [[1.0], [np.nan], [1.0]]}, "close of A at 2020-01-07 is nan"),
        ({"close": [[1.0], [0.0], [1.0]]}, "must be positive"),
        ({"close": [[1.0]]}, "at least 2"),
        ({"close": [[1.0], [1.0]], "open": np.ones((3, 1))}, "open has shape"),
        ({"close": [[1.0], [1.0]], "volume": -np.ones((2, 1))}, "must not be negative"),
    ],
)
def test_panel_refuses_what_is_no_market(changes: dict[str, object], message: str) -> None:
    close = changes.pop("close")
    with pytest.raises(DataError, match=message):
        _panel(close, **changes)  # type: ignore[arg-type]


def test_panel_refuses_unsorted_stamps() -> None:
    stamps = np.array(["2020-01-02", "2020-01-01"], dtype="datetime64[D]")
    with pytest.raises(DataError, match="strictly increasing"):
        MarketPanel(("A",), stamps, np.ones((2, 1)))


def test_returns_follow_the_time_convention() -> None:
    panel = _panel([[100.0], [110.0], [99.0]], open=np.array([[100.0], [105.0], [110.0]]))
    market = Market(panel)
    np.testing.assert_allclose(market.returns[:, 0], [0.10, -0.10])
    assert market.overnight_returns is not None
    np.testing.assert_allclose(market.overnight_returns[:, 0], [0.05, 0.0])
    assert Market(_panel([[1.0], [2.0]])).overnight_returns is None
    assert (market.n_bars, market.n_assets) == (3, 1)


def test_first_bar_and_too_few_rows() -> None:
    market = Market(synthetic("random_walk", 2, 100))
    assert market.first_bar(["return_21"], 1) == 21
    assert market.first_bar(["return_21", "volatility_63"], 10) == 72
    assert market.first_bar([], 0) == 0
    assert market.first_bar(["volatility_63"], 36) == 98  # a decision at bar 98 earns the last return
    with pytest.raises(DataError, match=r"100 rows.*at least 101 rows are needed"):
        market.first_bar(["volatility_63"], 37)
    with pytest.raises(DataError, match=r"100 rows.*at least 254"):
        market.first_bar(["return_252"], 1)


def test_splits_by_fraction_and_date() -> None:
    market = Market(synthetic("random_walk", 1, 101))
    splits = make_splits(market, SplitConfig(train_fraction=0.6, validation_fraction=0.2, purge_steps=3), 0)
    assert (splits.train, splits.validation, splits.test) == (Span(0, 60), Span(63, 80), Span(83, 100))
    dates = SplitConfig(train_end=str(market.timestamps[49])[:10], validation_end=str(market.timestamps[79])[:10])
    splits = make_splits(market, dates, 10)
    assert (splits.train, splits.validation, splits.test) == (Span(10, 50), Span(50, 80), Span(80, 100))


def test_policies_that_look_back_further_are_tested_on_the_same_dates() -> None:
    market = Market(synthetic("random_walk", 1, 101))
    near, far = (make_splits(market, SplitConfig(), first_bar) for first_bar in (1, 40))
    assert (near.validation, near.test) == (far.validation, far.test) == (Span(70, 85), Span(85, 100))
    assert (near.train, far.train) == (Span(1, 70), Span(40, 70))


def test_splits_refuse_nonsense() -> None:
    market = Market(synthetic("random_walk", 1, 50))
    with pytest.raises(DataError, match="the validation span is empty"):
        make_splits(market, SplitConfig(purge_steps=30), 0)
    with pytest.raises(DataError, match="train span is empty"):
        make_splits(market, SplitConfig(train_end="2009", validation_end="2010-01-20"), 0)
    with pytest.raises(DataError, match="must be before"):
        make_splits(market, SplitConfig(train_end="2011", validation_end="2010"), 0)
    for bad in ({"train_fraction": 1.2}, {"train_fraction": 0.9}, {"purge_steps": -1}, {"train_end": "2010"}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            SplitConfig(**bad)  # type: ignore[arg-type]


def test_synthetic_markets_keep_their_promises() -> None:
    winner = Market(synthetic("one_winner", 4, 500, seed=3)).returns
    assert (winner[:, 0] > 0).all() and (winner[:, 1:].mean(axis=0) < 0).all()
    assert (Market(synthetic("flat")).returns == 0.0).all()
    panel = synthetic("mean_reverting", 3, 300)
    returns = Market(panel).returns
    assert (np.sign(returns) == -np.sign(panel.close[:-1] - 100.0)).all()
    trend = np.sign(Market(synthetic("trending", 2, 2000)).returns)
    assert 0.9 < (trend[1:] == trend[:-1]).mean() < 1.0
    walk = Market(synthetic("random_walk", 5, 4000)).returns
    assert abs(walk.mean()) < 4 * walk.std() / np.sqrt(walk.size)
    assert synthetic(seed=1).fingerprint == synthetic(seed=1).fingerprint != synthetic(seed=2).fingerprint


def test_configurations_load() -> None:
    assert SampleData(dataset="daily9", symbols=["SPY"], start="2020").load().symbols == ("SPY",)
    assert len(SyntheticData(n_bars=70).load()) == 70
    with pytest.raises(DataError, match=r"data\.path is missing"):
        FolderData().load()
    with pytest.raises(NotImplementedError):
        DataConfig().load()


@pytest.mark.parametrize("schema", registry.loaded("data").values())
def test_schemas_compose_with_overrides(schema: type[DataConfig]) -> None:
    tree = OmegaConf.structured(schema)
    OmegaConf.update(tree, "split.train_fraction", 0.6)
    OmegaConf.update(tree, "features", ["return_1"])
    data = OmegaConf.to_object(tree)
    assert isinstance(data, schema)
    assert data.split == SplitConfig(train_fraction=0.6) and data.features == ["return_1"]


def test_schemas_import_nothing_heavy() -> None:
    code = "import sys, rlx.data.config; assert not {'pandas', 'torch', 'pyarrow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
