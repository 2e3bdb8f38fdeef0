"""Run a command inside a user's program, and restore the program's Hydra, logging and random numbers afterwards."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from hydra import initialize_config_module
from hydra._internal.callbacks import Callbacks
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime, run_job
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from hydra.version import VersionBase
from omegaconf import DictConfig, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from rlx.app.arguments import given_for
from rlx.app.endings import PastHydra, as_rlx_error
from rlx.app.entry import begin_now, ready_for_hydra
from rlx.config import register_schemas
from rlx.errors import ConfigError, RlxError
from rlx.untrusted.shown import as_typed

RUN_DIR = "hydra.run.dir"
OF_HYDRA = (GlobalHydra, HydraConfig, JobRuntime, VersionBase)  # Hydra's singletons of a process
_one_at_a_time = threading.Lock()


class Done(NamedTuple):
    """The run folder of a successful command, and the result of its job."""

    folder: Path
    result: Any


def run_as_guest(name: str, arguments: Sequence[str], job: Callable[[DictConfig], Any]) -> Done:
    """Run a command as its command line does with these arguments; RlxError where that ends in one message."""
    from rlx.states import preserved_random_states

    def carrying(cfg: DictConfig) -> Any:
        try:
            return job(cfg)
        except Exception as error:
            raise PastHydra(error) from error

    with _as_guest(name, arguments) as given, preserved_random_states(), _preserved_threads(), _preserved_logging():
        config = _composed(name, given, with_log_configuration=True)
        _leave_earlier_runs(config, given)
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None  # it has just composed
        callbacks = Callbacks(config)
        callbacks.on_run_start(config=config, config_name=name)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=callbacks)
        done = run_job(carrying, config, RUN_DIR, None, context)
        callbacks.on_run_end(config=config, config_name=name, job_return=done)
        return Done(Path(config.hydra.runtime.output_dir), done.return_value)


def compose_as_guest(name: str, arguments: Sequence[str], check: Callable[[DictConfig], Any]) -> Any:
    """Return the result of ``check`` for a command's configuration, composed as its command line does."""
    with _as_guest(name, arguments) as given:
        config = _composed(name, given, with_log_configuration=False)
        HydraConfig.instance().set_config(config)
        with read_write(config), open_dict(config):
            tree = config.copy()
            del tree["hydra"]
        return check(tree)


def _composed(name: str, arguments: list[str], *, with_log_configuration: bool) -> DictConfig:
    initialize_config_module("rlx.conf", job_name=name, version_base="1.3")
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None  # it has just been initialised
    config = hydra.compose_config(name, arguments, RunMode.RUN, with_log_configuration=with_log_configuration)
    if config.hydra.mode not in (None, RunMode.RUN):
        raise ConfigError(f"hydra.mode={config.hydra.mode.name}: a sweep can only be started from the command line.")
    config.hydra.mode = RunMode.RUN
    return config


def _leave_earlier_runs(config: DictConfig, arguments: Sequence[str]) -> None:
    """Give a run without a named folder another one if a run of the same second has it: a program may run many."""
    if given_for(RUN_DIR, arguments):
        return
    HydraConfig.instance().set_config(config)
    usual = str(config.hydra.run.dir)
    names = (usual if number == 1 else f"{usual}_{number}" for number in count(1))
    with read_write(config.hydra):
        config.hydra.run.dir = next(name for name in names if not Path(name).exists())


@contextmanager
def _as_guest(name: str, arguments: Sequence[str]) -> Iterator[list[str]]:
    """Yield the arguments in the form that Hydra needs, within the environment that a command's own process has."""
    if not _one_at_a_time.acquire(blocking=False):
        raise ConfigError(
            f"rlx.{name}: another call is running in this process, and Hydra has one configuration per process. Wait "
            "for it, or start another process."
        )
    try:
        with _rlx_errors_only(), _separate_hydra():
            begin_now()
            register_schemas()
            _refuse_flags(name, arguments)
            given = ready_for_hydra(name, arguments)
            with _typed_as([f"rlx-{name}", *given]):
                yield given
    finally:
        _one_at_a_time.release()


def _refuse_flags(name: str, arguments: Sequence[str]) -> None:
    for argument in arguments:
        if not isinstance(argument, str):
            raise ConfigError(f"rlx.{name}: arguments must be strings such as 'seed=7', not {type(argument).__name__}.")
        if argument.startswith("-"):
            raise ConfigError(
                f"{as_typed(argument)}: rlx.{name} takes only KEY=VALUE. For a sweep or other flags use the command: "
                f"rlx-{name} {as_typed(argument)}."
            )


@contextmanager
def _rlx_errors_only() -> Iterator[None]:
    """Raise an RlxError for every error that would end a command in one message."""
    refused: Exception | None = None
    try:
        yield
    except PastHydra as carried:
        refused = carried.error
    except (HydraException, OmegaConfBaseException) as error:
        refused = error
    if isinstance(refused, (RlxError, HydraException, OmegaConfBaseException)):
        refused = as_rlx_error(refused)
    if refused is not None:
        raise refused from refused.__cause__  # without Hydra's part of the traceback, which is of no use


@contextmanager
def _separate_hydra() -> Iterator[None]:
    """Save the state of the program's own Hydra, and restore it."""
    Plugins.instance()  # its first use imports plugins, whose options the program is to keep
    store, instances = ConfigStore.instance(), Singleton._instances
    repo = store.repo
    before: dict[type, Any] = {kind: instances.pop(kind) for kind in OF_HYDRA if kind in instances}
    store.repo = _copied(repo)
    try:
        yield
    finally:
        store.repo = repo
        for kind in OF_HYDRA:
            instances.pop(kind, None)
        instances.update(before)


def _copied(repo: dict[str, Any]) -> dict[str, Any]:
    return {name: _copied(node) if isinstance(node, dict) else node for name, node in repo.items()}


@contextmanager
def _typed_as(argv: list[str]) -> Iterator[None]:
    """Make the run record the equivalent command instead of the one that started this program."""
    before, sys.argv = sys.argv, argv
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _preserved_logging() -> Iterator[None]:
    """Restore the root logger's handlers, still open, and its level; close the run's handlers.

    Python's ``dictConfig`` closes every handler that it knows, so the program's handlers are hidden from it.
    """
    root, known, by_name = logging.root, logging._handlerList, dict(logging._handlers)  # type: ignore[attr-defined]
    handlers, level, before = root.handlers[:], root.level, known[:]
    known.clear()
    try:
        yield
    finally:
        for handler in set(root.handlers) - set(handlers):
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        known[:] = before + known
        logging._handlers.update(by_name)  # type: ignore[attr-defined]


@contextmanager
def _preserved_threads() -> Iterator[None]:
    """Restore torch's number of threads, and let the garbage collector search what the command excluded from it."""
    import torch

    threads, frozen = torch.get_num_threads(), gc.get_freeze_count()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if not frozen:
            gc.unfreeze()
