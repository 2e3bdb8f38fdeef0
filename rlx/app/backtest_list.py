"""The targets of ``rlx backtest``, one after the other: a list of targets, or the command line as the only one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from rlx.app.backtest import backtest
from rlx.app.backtest_outputs import print_backtest, print_summary, write_backtest, write_summary
from rlx.app.endings import as_rlx_error, is_disk_error
from rlx.config import BacktestConfig, typed
from rlx.config.backtest_targets import BacktestTarget, read_backtest_targets
from rlx.config.checks import require_data
from rlx.console import announced, say
from rlx.errors import RlxError
from rlx.run_folder import RunFolder, folder_shown
from rlx.runs.provenance import record_run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """What came of a target: its documents by symbol, or ``failure``, why there are none."""

    name: str
    base: str | None = None
    documents: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    failure: str | None = None


def run_targets(cfg: DictConfig, resolved: Mapping[str, Any], run_dir: Path, argv: Sequence[str]) -> int:
    """Run every target, write its documents and the summary of all, and return 1 if a target of a list failed.

    The error of a single target, or of a bad list, is raised.
    """
    alone = cfg.targets is None
    typed(cfg.copy(), BacktestConfig)  # what is wrong for all targets stops the command
    targets = _targets(cfg)
    record_run(run_dir, resolved, argv)
    done: list[Done] = []
    try:
        for target in targets if alone else announced(targets, lambda one: one.name):
            done.append(_run(target, cfg, run_dir, alone=alone))
    finally:  # also on Ctrl-C, which keeps what is done
        if done:
            write_summary(run_dir, done)
    if not alone:
        print_summary(done)
    say(f"Run folder: {folder_shown(run_dir)}")
    return int(any(one.failure is not None for one in done))


def list_targets(cfg: DictConfig) -> int:
    """Print what would run, and return 1 if a target could not."""
    failed = False
    typed(cfg.copy(), BacktestConfig)
    for target in _targets(cfg):
        try:
            config, name = _composed(target)
        except RlxError as error:
            failed = True
            say(f"{target.name}: fails: {error}")
            continue
        symbols = getattr(config.data, "symbols", None)
        shown = "all symbols" if symbols is None else " ".join(symbols)
        costs = f"{config.costs.total_bps:g} bps a side"
        say(f"{target.name}: {shown}, forecaster={name}, {costs}, {config.both_touch}, tune={config.tune}")
    return int(failed)


def _targets(cfg: DictConfig) -> list[BacktestTarget]:
    if cfg.targets is not None:
        targets = read_backtest_targets(str(cfg.targets))
        if ignored := sorted({part for target in targets for part in target.ignored}):
            log.warning("targets=%s: without a meaning here and ignored: %s.", cfg.targets, ", ".join(ignored))
        return targets
    option = HydraConfig.get().runtime.choices["forecaster"]
    return [BacktestTarget(str(cfg.label or option))]


def _run(target: BacktestTarget, cfg: DictConfig, run_dir: Path, *, alone: bool) -> Done:
    """Return what came of a target; any error but that of the only one, or of the disk, becomes its failure."""
    try:
        config, _ = _composed(target)
        made = backtest(config, target.name)
        write_backtest(RunFolder(run_dir).backtests / target.slug, made)
    except Exception as error:  # one target does not stop the others
        if alone or (isinstance(error, OSError) and is_disk_error(error)):
            raise
        if not isinstance(error, RlxError):
            log.warning("%s: %s", target.name, type(error).__name__, exc_info=True)
        reason = str(error) if isinstance(error, RlxError) else f"{type(error).__name__}: {error}"
        return Done(target.name, target.base, failure=reason)
    print_backtest(made)
    return Done(target.name, target.base, made.documents)


def _composed(target: BacktestTarget) -> tuple[BacktestConfig, str]:
    """Return a target's configuration, the command line's with its own values, and the option of its forecaster."""
    if target.failure is not None:
        raise RlxError(target.failure)
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None  # this runs within a command
    given = list(HydraConfig.get().overrides.task)
    options = [f"{group}={option}" for group, option in target.options.items()]
    try:
        tree = hydra.compose_config("backtest", [*given, *options], RunMode.RUN, with_log_configuration=False)
        option = str(tree.hydra.runtime.choices.forecaster)
        with read_write(tree), open_dict(tree):
            del tree["hydra"]
        merged = OmegaConf.merge(tree, OmegaConf.create(dict(target.values)))
        assert isinstance(merged, DictConfig)
        config = typed(merged, BacktestConfig)
    except (HydraException, OmegaConfBaseException) as error:
        raise as_rlx_error(error) from error
    require_data(config.data)
    return config, option
