"""The Hydra entry points: compose, check, run; bad input ends in one message and exit status 2.

Nothing heavy is imported before a run starts, so that ``--help`` and a misspelt key answer at once.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rlx.app import STARTED
from rlx.app.arguments import COMMANDS, prepared, refuse_foreign_groups
from rlx.app.endings import FAILED, FULL_ERROR, PastHydra, end
from rlx.app.folders import run_folder
from rlx.config import (
    EvaluateConfig,
    TrainConfig,
    add_recorded_choices,
    as_resumed,
    as_trained,
    register_schemas,
    typed,
    validate,
)
from rlx.config.commands import NAMED
from rlx.config.options import options_without_file
from rlx.console import complain, print_anything, show_progress
from rlx.errors import ConfigError, RlxError, is_out_of_memory
from rlx.keys import find_key
from rlx.run_folder import RunFolder
from rlx.stops import stopped_by
from rlx.training.hardware import use_compile_caches

if TYPE_CHECKING:
    from rlx.training.fit import Fitted

log = logging.getLogger(__name__)
_not_yet_run = [STARTED]


def train_main() -> None:
    """Run ``train.py`` / ``rlx-train``; call it within ``exiting_on_stops``, as ``rlx.app.start`` does."""
    run_command("train", _train)


def evaluate_main() -> None:
    """Run ``evaluate.py`` / ``rlx-evaluate``; call it within ``exiting_on_stops``, as ``rlx.app.start`` does."""
    run_command("evaluate", run_evaluate)


def run_command(name: str, job: Callable[[DictConfig], Any]) -> None:
    """Compose the configuration of a command from ``sys.argv`` and do its job; bad input ends in one message."""
    print_anything()
    if {"--help", "-h"} & set(sys.argv[1:]):
        sys.stdout.write(help_text(name))
        return
    register_schemas()
    main = hydra.main(version_base="1.3", config_path="pkg://rlx.conf", config_name=name)(job)
    try:
        if os.environ.get(FULL_ERROR) == "1":
            sys.argv[1:] = ready_for_hydra(name, sys.argv[1:])
            main()
        else:
            _run_with_messages(name, main)
    except PastHydra as carried:
        end(carried.error)


def _run_with_messages(name: str, main: Callable[[], Any]) -> None:
    """Run Hydra's ``main`` and end in one message after an error."""
    os.environ[FULL_ERROR] = "1"  # makes Hydra pass errors on to here, where they become one message
    try:
        sys.argv[1:] = ready_for_hydra(name, sys.argv[1:])
        main()
    except (RlxError, HydraException, OmegaConfBaseException, OSError) as error:
        end(error)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        complain(f"not enough memory ({error}). Lower the number of accounts, bars or resamples.")
        sys.exit(FAILED)
    finally:
        del os.environ[FULL_ERROR]


def ready_for_hydra(name: str, arguments: Sequence[str]) -> list[str]:
    """Return a command's arguments in the form that Hydra needs, with the options of the run to resume."""
    refuse_foreign_groups(name, arguments)
    ready = prepared(arguments)
    return add_recorded_choices(ready) if name == "train" else ready


def help_text(name: str) -> str:
    """Return the help of a command; Hydra's rendering would first list every group, which takes a second."""
    text = files("rlx.conf").joinpath(f"hydra/help/{name}.yaml").read_text(encoding="utf-8")
    groups = {field.name for field in fields(COMMANDS[name])}
    more = [f"{group}={option}" for group in NAMED if group in groups for option in options_without_file(group)]
    return str(OmegaConf.create(text).template) + (f"\nMore options: {' '.join(more)}\n" if more else "")


def _command_began() -> float:
    """Return when this run began: with the command, or now if it is a later run of the process, as in a sweep."""
    return _not_yet_run.pop() if _not_yet_run else time.perf_counter()


def begin_now() -> None:
    """Count the time of the next run from now: the process is a user's program, which began earlier."""
    _not_yet_run.clear()


def _train(cfg: DictConfig) -> float:
    fitted = run_train(cfg)
    if fitted.asked is not None and HydraConfig.get().mode is RunMode.MULTIRUN:
        raise stopped_by(fitted.asked)  # the run has ended properly; its sweep ends too
    return fitted.best_validation


def run_train(cfg: DictConfig) -> Fitted:
    """Train with the composed configuration, in Hydra's run folder."""
    began = _command_began()
    with run_folder(cfg.resume) as run_dir:
        cfg, config = train_config(cfg)
        cache_fallback = use_compile_caches()
        with show_progress("Loading"):
            from rlx.app.outlook import outlook_of
            from rlx.data.traded import load_traded

            # bad data end the command before the slow imports
            traded = load_traded(config.data, config.module.window_steps, outlook_of(config))
            with frozen_imports():
                from rlx.app.refits import train_over_time
                from rlx.app.train import train
                from rlx.training.resume import undone_if_not_restored

        job = train_over_time if config.protocol.retrains else train
        with undone_if_not_restored(run_dir):
            return job(config, resolved(cfg), traded, run_dir, began=began, cache_fallback=cache_fallback)


def train_config(cfg: DictConfig) -> tuple[DictConfig, TrainConfig]:
    """Return the configuration, or that of the run to resume, as a tree and typed; RlxError if it is bad."""
    if cfg.resume is not None:
        cfg = as_resumed(cfg, _typed_overrides())
    config = typed(cfg, TrainConfig)
    _log_warnings(validate(config, _typed_overrides()))
    _check_direction(config)
    return cfg, config


@contextmanager
def frozen_imports() -> Iterator[None]:
    """Import modules with the garbage collector off, and exclude them from collection until the process ends.

    They are never garbage, and searching their million objects repeatedly would take a fifth of the start.
    """
    enabled, first = gc.isenabled(), not gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        if first:
            gc.freeze()
            atexit.register(gc.unfreeze)  # extension modules warn about objects that are never collected
        if enabled:
            gc.enable()


def run_evaluate(cfg: DictConfig) -> None:
    """Judge with the composed configuration, in Hydra's run folder."""
    with run_folder() as run_dir:
        cache_fallback = use_compile_caches()
        cfg, config = evaluate_config(cfg)
        with show_progress("Loading"), frozen_imports():
            from rlx.app.benchmark import benchmark
            from rlx.app.evaluate import evaluate

        job = benchmark if config.protocol.judges_targets else evaluate
        job(config, resolved(cfg), run_dir, cache_fallback)


def evaluate_config(cfg: DictConfig) -> tuple[DictConfig, EvaluateConfig]:
    """Return the evaluation's configuration as a tree and typed; RlxError if it is bad.

    A checkpoint is judged under the conditions that it was trained in.
    """
    _refuse_unused_policy(cfg)
    if HydraConfig.get().runtime.choices["policy"] in ("checkpoint", "refitted"):
        cfg = _as_trained(cfg)
    config = typed(cfg, EvaluateConfig)
    _log_warnings(validate(config, _typed_overrides()))
    return cfg, config


def _typed_overrides() -> list[str]:
    return list(HydraConfig.get().overrides.task)


def _refuse_unused_policy(cfg: DictConfig) -> None:
    """Refuse a policy if the protocol judges a list of policies."""
    given = [text for text in _typed_overrides() if text.lstrip("+").startswith(("policy=", "policy."))]
    protocol: Any = OmegaConf.get_type(cfg, "protocol")
    if given and getattr(protocol, "judges_targets", False):
        raise ConfigError(
            f"{given[0]}: protocol={protocol.name} judges the policies of protocol.targets; leave it out."
        )


def trained_with(path: Path) -> tuple[dict[str, Any], Path]:
    """Return the configuration of the run that trained the policy in ``path``, and the file that records it."""
    from rlx.policies.facts import facts_file, read_facts
    from rlx.untrusted.documents import read_yaml
    from rlx.untrusted.plain_types import require

    if RunFolder(path).refits_index.is_file():
        origin = RunFolder(path).config
        return require(read_yaml(origin), dict[str, Any], str(origin)), origin
    facts = facts_file(path)
    return read_facts(facts)[0].config, facts


def _as_trained(cfg: DictConfig) -> DictConfig:
    """Return the configuration with the conditions that the policy was trained in, except for typed arguments."""
    if OmegaConf.is_missing(cfg.policy, "path"):
        raise ConfigError("policy.path: must be given, for example policy.path=outputs/gymrl/RUN.")
    recorded, origin = trained_with(Path(str(cfg.policy.path)))
    return as_trained(cfg, recorded, _typed_overrides(), str(origin))


def _check_direction(config: TrainConfig) -> None:
    """Refuse a sweep that would look for the worst value of the monitored metric."""
    wanted = {"higher": "maximize", "lower": "minimize"}.get(find_key(config.trainer.monitor).better)
    direction = OmegaConf.select(cast(DictConfig, HydraConfig.get()), "sweeper.direction")
    if HydraConfig.get().mode is RunMode.MULTIRUN and direction is not None and wanted not in (None, direction.name):
        raise ConfigError(
            f"hydra.sweeper.direction={direction.name}: trainer.monitor={config.trainer.monitor} is better when "
            f"{find_key(config.trainer.monitor).better}, so set hydra.sweeper.direction={wanted}."
        )


def _log_warnings(notes: list[str]) -> None:
    for note in notes:
        log.warning(note)


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """Return a composed configuration as plain values."""
    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
