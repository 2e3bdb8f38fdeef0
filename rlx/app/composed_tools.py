"""The ``rlx`` commands that compose a configuration and have a run folder, as train and evaluate do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from omegaconf import DictConfig

from rlx.app.entry import frozen_imports, resolved, run_command
from rlx.app.folders import run_folder
from rlx.config import ForecastCheckConfig, typed
from rlx.console import show_progress
from rlx.training.hardware import use_compile_caches


def backtest_main(arguments: Sequence[str], *, dry: bool = False, illusion: bool = False) -> int:
    """Run ``rlx backtest`` with these settings and return its exit status; if ``dry``, only print what would run."""
    if dry:
        return _dry_backtest(arguments)
    typed_as, statuses = sys.argv, list[int]()
    _run_as("rlx backtest", "backtest", arguments, lambda cfg: statuses.append(_backtest(cfg, typed_as, illusion)))
    return statuses[0] if statuses else 0


def forecast_check_main(arguments: Sequence[str]) -> None:
    """Run ``rlx forecast check`` with these settings."""
    _run_as("rlx forecast check", "forecast_check", arguments, _check_forecasts)


def _run_as(program: str, name: str, arguments: Sequence[str], job: Callable[[DictConfig], Any]) -> None:
    """Run a command as if these arguments had been typed: Hydra reads them from ``sys.argv``."""
    typed_as, sys.argv = sys.argv, [program, *arguments]
    try:
        run_command(name, job)
    finally:
        sys.argv = typed_as


def _check_forecasts(cfg: DictConfig) -> None:
    with run_folder() as run_dir:
        config = typed(cfg, ForecastCheckConfig)  # before the folder of compile caches: bad input leaves nothing
        cache_fallback = use_compile_caches()
        with show_progress("Loading"), frozen_imports():
            from rlx.app.forecast_run import run_check

        run_check(config, resolved(cfg), run_dir, cache_fallback)


def _dry_backtest(arguments: Sequence[str]) -> int:
    from rlx.app.backtest_list import list_targets
    from rlx.app.guest import compose_as_guest

    status: int = compose_as_guest("backtest", arguments, list_targets)
    return status


def _backtest(cfg: DictConfig, argv: Sequence[str], illusion: bool) -> int:
    with run_folder() as run_dir:
        with show_progress("Loading"), frozen_imports():
            from rlx.app.backtest_list import run_targets
            from rlx.app.illusion import run_illusion

        run = run_illusion if illusion else run_targets
        return run(cfg, resolved(cfg), run_dir, argv)
