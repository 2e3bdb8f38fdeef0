"""``rlx backtest --illusion``: the original's procedure and the honest one, on the same forecasts and on noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from rlx.app.backtest import prepare
from rlx.backtest.illusion import illusion
from rlx.backtest.joined import FORECASTS, join
from rlx.backtest.outcome import Trading
from rlx.backtest.random_walk import noise_rows, random_walk
from rlx.config import BacktestConfig, typed
from rlx.config.checks import require_data
from rlx.console import announced, open_console, say
from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.errors import ConfigError
from rlx.files import to_json, write_json, write_text
from rlx.report.backtests.illusion import TITLE, case_table, draw_illusion, render_illusion
from rlx.report.tables import to_terminal
from rlx.report.windows_figure import write_png
from rlx.run_folder import RunFolder, folder_shown
from rlx.runs.provenance import record_run

FILE = "illusion"
WALK_BARS = 2_402
"""Bars of the random walk: 400 windows of six."""


def run_illusion(cfg: DictConfig, resolved: Mapping[str, Any], run_dir: Path, argv: Sequence[str]) -> int:
    """Compare the procedures, write table and picture into the run folder, and return the exit status."""
    config = typed(cfg, BacktestConfig)
    require_data(config.data)
    if config.targets is not None:
        raise ConfigError("targets: --illusion compares procedures on one configuration. Leave targets out.")
    ready = prepare(config)
    record_run(run_dir, resolved, argv)
    source = ready.market.panel.source or "the market"
    cases = {
        f"{ready.forecaster.name} on {source}": ready.trading,
        f"noise on {source}": _on_noise(ready.trading, ready.market.panel, config.seed),
        "noise on a random walk": _on_walk(ready.trading, config.seed),
    }
    judged = {name: illusion(cases[name]) for name in announced(list(cases), str)}
    folder = RunFolder(run_dir).backtests
    write_png(folder / f"{FILE}.png", draw_illusion(judged))
    write_text(folder / f"{FILE}.md", render_illusion(judged))
    write_json(folder / f"{FILE}.json", to_json({"title": TITLE, "cases": judged}))
    console = open_console()
    for name, one in judged.items():
        console.print(to_terminal(case_table(name, one)))
    say(f"Run folder: {folder_shown(run_dir)}")
    return 0


def _on_noise(trading: Trading, panel: MarketPanel, seed: int) -> Trading:
    """Return the trading with noise as its forecasts, on the same bars."""
    rows, bars = noise_rows(panel, seed), trading.joined.bars
    kept = replace(rows, bars=bars, **{name: getattr(rows, name)[bars] for name in FORECASTS})
    return replace(trading, joined=join(kept, panel))


def _on_walk(trading: Trading, seed: int) -> Trading:
    panel = random_walk(WALK_BARS, seed)
    costs = replace(trading.costs, per_asset_bps=None)
    return Trading(join(noise_rows(panel, seed + 1), panel), trading.settings, costs, Market(panel).periods_per_year)
