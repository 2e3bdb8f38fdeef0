"""Asset classes follow from what is said; what the symbols of a folder cost each other is said first."""

from __future__ import annotations

import logging
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from rlx.data.check import check_path, render
from rlx.data.loader import load_folder
from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.sources import sample
from rlx.errors import DataError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.key import comparability_key
from rlx.evaluate.windows import WindowSet
from rlx.policies.baselines import EqualWeight
from rlx.sim.rules import Rules
from rlx.types import AssetClass

EQUITY, CRYPTO = AssetClass.equity, AssetClass.crypto


def _closes(folder: Path, days: pd.DatetimeIndex, *symbols: str) -> None:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (len(days), len(symbols))), axis=0))
    pd.DataFrame(close, index=days.rename("date"), columns=list(symbols)).to_csv(folder / "closes.csv")


@pytest.mark.parametrize("freq", ["W-SUN", "ME", "D", "B"])
def test_labels_on_weekends_make_no_crypto(freq: str, tmp_path: Path) -> None:
    _closes(tmp_path, pd.date_range("2004-01-01", periods=160, freq=freq), "AAA", "BBB")
    assert load_folder(str(tmp_path)).asset_classes == (EQUITY, EQUITY)
    assert load_folder(str(tmp_path), asset_class="crypto").asset_classes == (CRYPTO, CRYPTO)


def test_bars_on_every_weekend_ask_for_the_class(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _closes(tmp_path, pd.date_range("2020-01-01", periods=400), "BTC", "ETH")
    for asset_class, asked in (("auto", True), ("equity", False), ("crypto", False)):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "rlx.data"):
            load_folder(str(tmp_path), asset_class=asset_class)
        assert any("data.asset_class=crypto" in message for message in caplog.messages) is asked
    assert "weekend_bars" in {finding.code for finding in check_path(str(tmp_path)).findings}


def test_a_panel_of_both_names_its_crypto(tmp_path: Path) -> None:
    _closes(tmp_path, pd.bdate_range("2020-01-01", periods=100), "AAPL", "BTC")
    assert load_folder(str(tmp_path), asset_class={"BTC": "crypto"}).asset_classes == (EQUITY, CRYPTO)
    with pytest.raises(DataError, match=r"data\.asset_class: unknown symbol 'BTX'\. Did you mean 'BTC'\?"):
        load_folder(str(tmp_path), asset_class={"BTX": "crypto"})
    with pytest.raises(DataError, match=r"data\.asset_class\.BTC=cryptos: unknown\. Did you mean 'crypto'\?"):
        load_folder(str(tmp_path), asset_class={"BTC": "cryptos"})
    for wrong in (None, 5, ["crypto"], ""):
        with pytest.raises(DataError, match=r"data\.asset_class="):
            load_folder(str(tmp_path), asset_class=wrong)


def _key(panel: MarketPanel) -> dict[str, object]:
    market = Market(panel)
    windows = WindowSet("holdout", np.array([0]), 20)
    return comparability_key(market, evaluate(EqualWeight(), market, [windows], Rules()))


def test_the_class_is_part_of_what_must_be_equal() -> None:
    panel = sample("daily9", ["SPY", "AAPL"])
    fields = (panel.symbols, panel.timestamps, panel.close)
    plain = _key(MarketPanel(*fields))
    assert "asset_classes" not in plain
    assert _key(MarketPanel(*fields, asset_classes=(EQUITY, EQUITY))) == plain  # keys of equities stay as they were
    mixed = _key(MarketPanel(*fields, asset_classes=(EQUITY, CRYPTO)))
    assert mixed["asset_classes"] == {"SPY": "equity", "AAPL": "crypto"} and mixed["hash"] != plain["hash"]


def test_what_one_listing_costs_all_is_said_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    days = pd.bdate_range("2018-01-01", periods=1001).delete(7)
    frame = pd.DataFrame({"close": np.random.default_rng(0).normal(100, 1, len(days)).round(4)}, index=days)
    for symbol, rows in (("OLD", slice(None)), ("IPO", slice(500, None)), ("GONE", slice(None, 760))):
        frame.iloc[rows].to_csv(tmp_path / f"{symbol}.csv", index_label="date")
    expected = "740 of 1,000 timestamps (74%) left out: IPO lacks 500, GONE lacks 240"
    console = Console(width=300, record=True, file=StringIO())
    console.print(render(check_path(str(tmp_path))))
    assert expected in console.export_text().splitlines()[0]
    with caplog.at_level(logging.WARNING, "rlx.data"):
        assert len(load_folder(str(tmp_path))) == 260
    assert expected in caplog.messages[0] and sum(expected in message for message in caplog.messages) == 1
