"""``rlx compile check``: compose the configuration, and record and show the comparison of compiled and eager code."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from rlx.app.arguments import given_for
from rlx.app.entry import resolved
from rlx.app.guest import compose_as_guest
from rlx.app.outlook import outlook_of
from rlx.compile_check.entry import NOT_COMPILED, CheckEntry
from rlx.compile_check.store import RECORD, append, load, prepare
from rlx.config import TrainConfig, typed, validate
from rlx.console import say, show_progress
from rlx.data.traded import load_traded
from rlx.errors import ConfigError
from rlx.ranges import OneOf, Whole, check_options
from rlx.training.hardware import use_compile_caches

log = logging.getLogger(__name__)

MODULE, FORECASTER, SIMULATOR = "module", "forecaster", "simulator"


@dataclass(frozen=True)
class CheckOptions:
    """What is played, how often, and where it is recorded.

    ``calls`` are updates of a training, plays of the simulator, or parts in which the bars are forecast.
    """

    subject: Annotated[str, OneOf((MODULE, FORECASTER, SIMULATOR))] = MODULE
    rounds: Annotated[int, Whole(1, 100)] = 2
    calls: Annotated[int, Whole(3, 100_000)] = 30
    record: str = RECORD

    def __post_init__(self) -> None:
        check_options(self)


class Composed(NamedTuple):
    """The configuration, as a plain tree and typed, and the chosen options of its groups."""

    resolved: dict[str, Any]
    config: TrainConfig
    choices: Mapping[str, str]


def run_check(overrides: Sequence[str], options: CheckOptions) -> int:
    """Compare, record, show the record, write its page, and return the exit status."""
    prepare(options.record)
    entry = checked(overrides, options)
    added = append(options.record, entry)
    from rlx.report.compile_check import print_check, write_page

    print_check(load(options.record), entry)
    if not added:
        say(f"Not added to {options.record}: its last entry of this identity has the same content.")
    say(f"Written: {options.record} and {write_page(options.record)}")
    return 0


def subject_in(overrides: Sequence[str]) -> str:
    """Return what the settings are about: a forecaster if they choose one and no module."""
    return FORECASTER if given_for("forecaster", overrides) and not given_for("module", overrides) else MODULE


def checked(overrides: Sequence[str], options: CheckOptions) -> CheckEntry:
    """Return the comparison of one subject, trained and judged as configured; RlxError for bad arguments."""
    composed: Composed = compose_as_guest("train", list(overrides), partial(_composed, options.subject))
    if options.subject == FORECASTER and composed.config.forecaster is None:
        raise ConfigError("--subject forecaster: forecaster must be chosen, for example forecaster=own.")
    cache_fallback = use_compile_caches()
    with show_progress("Loading"):
        traded = load_traded(composed.config.data, composed.config.module.window_steps, outlook_of(composed.config))
        from rlx.app.compile_play import compared

    return compared(composed, traded, options, cache_fallback)


def _composed(subject: str, cfg: DictConfig) -> Composed:
    """Return the checked configuration; ConfigError for one that cannot be compared."""
    if cfg.resume is not None:
        raise ConfigError(f"resume={cfg.resume}: a compile check trains from the start. Leave it out.")
    config, hydra = typed(cfg, TrainConfig), HydraConfig.get()
    notes = validate(config, list(hydra.overrides.task))
    if config.hardware.compile == NOT_COMPILED:
        raise ConfigError(
            "hardware.compile=off: nothing would be compiled. Leave it out, or choose default, reduce-overhead or "
            "max-autotune."
        )
    for note in notes if subject == MODULE else []:  # they are about a training
        log.warning(note)
    return Composed(resolved(cfg), config, {str(group): str(one) for group, one in hydra.runtime.choices.items()})
