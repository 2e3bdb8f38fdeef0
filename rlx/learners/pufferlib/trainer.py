"""PufferLib's trainer, reduced to training: no output, files, threads or global settings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import nn

from rlx.envs.puffer_library import load_puffer_library
from rlx.learners.pufferlib.ppo_config import PufferPpoConfig

NEVER = sys.maxsize
UNLIMITED = 1e9  # a clip range that clips nothing


def make_trainer(config: PufferPpoConfig, vecenv: Any, network: nn.Module, seed: int) -> Any:
    """Return a ``PuffeRL`` on the CPU that trains ``network`` on ``vecenv``, which it resets with ``seed``.

    It prints nothing, writes no files, starts no thread and does not change cuDNN's settings. The caller sets autocast
    and the learning rate. ``losses`` are those of the last ``train``.
    """
    with _preserved_cudnn_flags(), _no_utilization_thread():
        trainer = _quiet_class()(_settings(config, seed), vecenv, network)
    trainer.amp_context = nullcontext()  # PuffeRL would enter its own twice per minibatch and never exit
    return trainer


def move_trainer(trainer: Any, device: torch.device) -> None:
    """Make the trainer collect and train on ``device``; the caller moves the network."""
    trainer.config["device"] = str(device)
    for name, value in vars(trainer).items():
        if isinstance(value, torch.Tensor):
            setattr(trainer, name, value.to(device))


def _settings(config: PufferPpoConfig, seed: int) -> dict[str, Any]:
    value_clip = UNLIMITED if config.value_clip_range is None else config.value_clip_range
    return {
        "total_timesteps": config.updates * config.rollout_size,
        "batch_size": config.rollout_size,
        "bptt_horizon": config.rollout_steps,
        "minibatch_size": config.minibatch_size,
        "max_minibatch_size": config.minibatch_size,
        "update_epochs": config.n_epochs,
        "learning_rate": config.learning_rate,
        "anneal_lr": False,
        "optimizer": "adam",
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_eps": 1e-5,
        "gamma": config.gamma,
        "gae_lambda": config.gae_lambda,
        "clip_coef": config.clip_range,
        "vf_clip_coef": value_clip,
        "vf_coef": config.value_coefficient,
        "ent_coef": 0.0,
        "max_grad_norm": config.max_grad_norm,
        "prio_alpha": config.priority_alpha,
        "prio_beta0": config.priority_beta,
        "vtrace_rho_clip": 1.0,
        "vtrace_c_clip": 1.0,
        "seed": seed,
        "device": "cpu",
        "precision": "bfloat16",  # of the autocast that is replaced; float32 would warn
        "torch_deterministic": False,
        "cpu_offload": False,
        "use_rnn": False,
        "compile": False,
        "checkpoint_interval": NEVER,
    }


@cache
def _quiet_class() -> Any:
    base: Any = load_puffer_library().pufferl.PuffeRL
    train = getattr(base.train, "__wrapped__", base.train)  # torchrun's wrapper enables the fault handler

    class QuietPuffeRL(base):  # type: ignore[misc]
        def train(self) -> Any:
            self.last_log_time = 0.0  # otherwise it keeps the losses of some updates only, depending on the clock
            return train(self)

        def mean_and_log(self) -> dict[str, float]:
            return {}

        def print_dashboard(self, *_: Any, **__: Any) -> None:
            pass

        def save_checkpoint(self) -> None:
            pass

    return QuietPuffeRL


class _NoUtilization:
    """Replaces the trainer's thread that measures the machine's utilization."""

    def stop(self) -> None:
        pass


@contextmanager
def _no_utilization_thread() -> Iterator[None]:
    """Keep a trainer created in this block from starting its thread, which takes a second to stop."""
    module = load_puffer_library().pufferl
    watch, module.Utilization = module.Utilization, _NoUtilization
    try:
        yield
    finally:
        module.Utilization = watch


@contextmanager
def _preserved_cudnn_flags() -> Iterator[None]:
    cudnn = torch.backends.cudnn
    flags = cudnn.deterministic, cudnn.benchmark
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = flags
