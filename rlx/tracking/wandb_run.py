"""A run of Weights & Biases, started before the training without a prompt: online, offline, or refused."""

from __future__ import annotations

import logging
import netrc
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rlx.errors import ConfigError
from rlx.tracking.config import LoggerConfig, WandbMode
from rlx.untrusted.paths import expanded

if TYPE_CHECKING:
    import wandb

log = logging.getLogger(__name__)

SERVER = "https://api.wandb.ai"
FOLDER = "wandb"
WAIT_SECONDS = 15.0  # for the server; W&B itself waits for 90
UNREACHABLE = "Timed out"  # beginning of W&B's error: it has one class for this and for a refused key


def wandb_mode(asked: WandbMode) -> WandbMode:
    """Return how W&B records: as configured, within ``WANDB_MODE``, and offline without a key; logs a change."""
    mode = _at_most(asked, os.environ.get("WANDB_MODE", ""))
    if mode is WandbMode.online and not has_wandb_key():
        log.warning("logger=wandb: no API key (WANDB_API_KEY, or `wandb login`), so this run is recorded offline.")
        return WandbMode.offline
    return mode


def _at_most(asked: WandbMode, allowed: str) -> WandbMode:
    if not allowed or asked is WandbMode.disabled:
        return asked
    modes = list(WandbMode)  # from the least to the most
    if allowed not in modes:
        raise ConfigError(f"WANDB_MODE={allowed}: must be one of {', '.join(modes)}, or not set.")
    least = min(asked, WandbMode(allowed), key=modes.index)
    if least is not asked:
        log.warning("WANDB_MODE=%s in the environment: W&B is %s in this run.", allowed, least.value)
    return least


def has_wandb_key() -> bool:
    """Return whether there is an API key in the environment or the netrc file, without a prompt or a connection."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = expanded(os.environ.get("NETRC", "~/.netrc"))
    host = urlsplit(_server()).hostname
    if host is None or not path.is_file():
        return False
    try:
        return netrc.netrc(path).authenticators(host) is not None
    except netrc.NetrcParseError as error:
        raise ConfigError(f"logger=wandb: the API key cannot be read, {path} is damaged: {error}") from error


def start_run(
    config: LoggerConfig, mode: WandbMode, run_dir: Path, run_name: str, settings: Mapping[str, Any]
) -> wandb.Run:
    """Return a run that W&B has accepted, an offline one where its server cannot be reached; ConfigError otherwise."""
    import wandb  # not at the top: half a second that logger=csv does not need

    try:
        return _init(config, mode, run_dir, run_name, settings)
    except (wandb.Error, ValueError) as error:  # the latter from pydantic, for an invalid variable
        shutil.rmtree(run_dir / FOLDER, ignore_errors=True)
        reason = " ".join(str(error).split())
        if mode is not WandbMode.online or not reason.startswith(UNREACHABLE):
            raise ConfigError(
                f"logger.wandb={mode.value}: W&B refused the run: {reason}. Check the API key (WANDB_API_KEY, or "
                "`wandb login`), logger.entity, logger.project and WANDB_... in the environment, or use logger=csv."
            ) from error
        log.warning("logger=wandb: %s cannot be reached, so this run is recorded offline (`wandb sync`).", _server())
        return start_run(config, WandbMode.offline, run_dir, run_name, settings)


def _init(
    config: LoggerConfig, mode: WandbMode, run_dir: Path, run_name: str, settings: Mapping[str, Any]
) -> wandb.Run:
    import wandb

    options: dict[str, Any] = {"silent": True, "console": "off"}
    if "WANDB_INIT_TIMEOUT" not in os.environ:
        options["init_timeout"] = WAIT_SECONDS
    return wandb.init(
        project=config.project,
        entity=config.entity,
        group=config.group,
        tags=list(config.tags),
        name=run_name,
        dir=run_dir,
        config=dict(settings),
        mode=mode.value,
        settings=wandb.Settings(**options),
    )


def _server() -> str:
    return os.environ.get("WANDB_BASE_URL", SERVER)
