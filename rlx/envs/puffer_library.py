"""PufferLib, imported on demand and without side effects on the rest of the process."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import torch

from rlx.envs.puffer_advantage import register_advantage
from rlx.errors import ConfigError

EXTENSION = "pufferlib._C"
INSTALL = "pip install 'pufferlib-core>=3.0.17,<3.0.20'"


class PufferLibrary(NamedTuple):
    """The modules of PufferLib that are used."""

    vector: Any  # vectorised environments
    pufferl: Any  # the trainer


@cache
def load_puffer_library() -> PufferLibrary:
    """Import PufferLib and its trainer; a second call gives the same.

    ConfigError where it is not installed or cannot be imported. Warning filters, exception hook and the handling of
    Ctrl-C are restored afterwards.
    """
    try:
        with _process_left_alone():
            _ensure_extension()
            names = (f"pufferlib.{module}" for module in PufferLibrary._fields)
            return PufferLibrary(*(importlib.import_module(name) for name in names))
    except ImportError as error:
        raise ConfigError(
            f"module=pufferlib needs PufferLib, which cannot be imported: {error}. There are wheels for Linux "
            f"on x86_64 (glibc 2.34 or later) and macOS on arm64, for Python 3.11 and 3.12: {INSTALL}. module=gymrl "
            "trains PPO without it."
        ) from error


def _ensure_extension() -> None:
    """Replace the compiled extension where it does not load, because the trainer requires it.

    The wheel links to a CUDA runtime library, and to one version of torch; only one operator of it is needed.
    """
    package = importlib.import_module("pufferlib")
    try:
        importlib.import_module(EXTENSION)
    except ImportError:
        register_advantage()
        stand_in = types.ModuleType(EXTENSION, "Replaces PufferLib's extension, which does not load here.")
        sys.modules[EXTENSION] = stand_in
        vars(package)["_C"] = stand_in


@contextmanager
def _process_left_alone() -> Iterator[None]:
    """Revert the process-wide settings of an import of ``pufferlib.pufferl``.

    It turns RuntimeWarnings into errors, shows every traceback with rich, ends the process on Ctrl-C without clean-up
    in the main thread, and (through pyro) enables argument checks of distributions. torch also logs that it found a
    CUDA compiler and no GPU, which is suppressed.
    """
    hook, handler = sys.excepthook, signal.getsignal(signal.SIGINT)
    checks = torch.distributions.Distribution._validate_args
    logger = logging.getLogger("torch.utils.cpp_extension")
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            yield
    finally:
        logger.setLevel(level)
        torch.distributions.Distribution.set_default_validate_args(checks)
        sys.excepthook = hook
        if handler is not None and signal.getsignal(signal.SIGINT) is not handler:  # None was not set from Python
            signal.signal(signal.SIGINT, handler)
