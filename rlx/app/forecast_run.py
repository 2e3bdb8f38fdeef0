"""The run of ``rlx forecast check``: load, judge, time, write the run folder and print the summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlx.app.forecast_check import Check, check, ready, with_latency
from rlx.app.outputs import print_folder
from rlx.config import ForecastCheckConfig
from rlx.console import open_console, show_progress
from rlx.data.market import Market
from rlx.files import write_json, write_text
from rlx.forecast.block_bootstrap import BlockBootstrap
from rlx.forecast.forecaster import Forecaster
from rlx.forecast.latency import latency, timed_bars
from rlx.report.forecasts.figures import draw_coverage, draw_fan, draw_skill
from rlx.report.forecasts.markdown import render_check
from rlx.report.forecasts.tables import latency_table, price_table, symbols_table
from rlx.report.tables import terminal_line, to_terminal
from rlx.report.windows_figure import write_png
from rlx.run_folder import RunFolder
from rlx.runs.provenance import record_run
from rlx.training.hardware import Hardware, set_up

Times = dict[str, Any]


def run_check(config: ForecastCheckConfig, resolved: Mapping[str, Any], run_dir: Path, fallback: str | None) -> None:
    """Judge the forecaster of a configuration and write ``forecast_check.json`` last."""
    hardware = set_up(config.hardware, fallback)
    with show_progress("Loading"):
        market = Market(config.data.load())
        forecaster = ready(config, hardware)
    _require_bars(config, market, forecaster)
    made = check(config, market, forecaster)
    del forecaster  # its memory is not that of the one that is timed
    record_run(run_dir, resolved)
    times = _times(config, market, hardware, run_dir)
    _write(run_dir, with_latency(made, times))
    _print(made, times)
    print_folder(run_dir)


def _require_bars(config: ForecastCheckConfig, market: Market, forecaster: Forecaster) -> None:
    """Raise DataError if forecasts cannot be timed: sooner is better than after the check."""
    if config.latency_calls is not None:
        for timed in (forecaster, BlockBootstrap(horizon_steps=forecaster.horizon_steps)):
            timed_bars(timed, market, config.latency_calls)


def _times(config: ForecastCheckConfig, market: Market, hardware: Hardware, run_dir: Path) -> Times | None:
    """Measure and write the times of the forecaster and, as the least that a forecast costs, of the null model."""
    if config.latency_calls is None:
        return None
    with show_progress("Timing forecasts"):
        profiles = [latency(lambda: ready(config, hardware), market, config.latency_calls, config.seed)]
        if profiles[0]["backend"] != BlockBootstrap.name:
            horizon = profiles[0]["horizon_steps"]
            null = latency(lambda: BlockBootstrap(horizon_steps=horizon), market, config.latency_calls, config.seed)
            profiles.append(null)
    times = {
        "hardware": hardware.facts(),
        "profiles": profiles,
        "keys": {f"perf/forecast_{name}": profiles[0][name] for name in KEYS},
    }
    write_json(RunFolder(run_dir).forecast_latency, times)
    return times


KEYS = ("load_s", "compile_s", "p50_ms", "p95_ms", "p99_ms", "forecasts_per_second", "peak_memory_mb")
"""Measures of a profile that are logged keys."""


def _write(run_dir: Path, made: Check) -> None:
    run = RunFolder(run_dir)
    write_png(run_dir / "fan.png", draw_fan(made.document, made.panel, made.bars, made.last))
    write_png(run_dir / "coverage.png", draw_coverage(made.document))
    write_png(run_dir / "skill.png", draw_skill(made.document))
    write_text(run.forecast_markdown, render_check(made.document))
    write_json(run.forecast_check, made.document)


def _print(made: Check, times: Times | None) -> None:
    console = open_console()
    console.print(to_terminal(price_table(made.document)))
    if len(made.document["symbols"]) > 1:
        console.print(to_terminal(symbols_table(made.document)))
    if times is not None:
        console.print(to_terminal(latency_table(times["profiles"])))
    console.print(terminal_line(made.document["verdict"]))
