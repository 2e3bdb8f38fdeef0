"""The public simulation: weights asked for, returns earned, everything that happened in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np

from rlx.compilation import COMPILE_MODES, Compiler
from rlx.errors import ConfigError, DataError, did_you_mean
from rlx.sim.entrance import check_finite, check_returns, is_tensor, numbers
from rlx.sim.ledger import WEIGHTS, Ledger
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Reward, Rules
from rlx.sim.settings import Settings, make_settings
from rlx.types import Accounting, Engine, Execution

PRICED = ("returns", "overnight")
Option = TypeVar("Option", bound=str)


def simulate(
    returns: Any,
    targets: Any,
    *,
    costs: Costs | None = None,
    limits: Limits | None = None,
    guard: Guard | None = None,
    cooldown: Cooldown | None = None,
    reward: Reward | None = None,
    accounting: str = "exact",
    drift: bool = True,
    execution: str = "close",
    overnight_returns: Any = None,
    periods_per_year: float = 252,
    engine: str = "auto",
    asset_classes: Sequence[str] | None = None,
    cvar: Any = None,
    uncertainty: Any = None,
    smooth_epsilon: float = 0.0,
    weights: bool = True,
    compile: str = "off",
) -> Ledger:
    """Trade target weights through the rules and return the ledger.

    ``returns`` (T, A) or (B, T, A): simple return of each asset over step t. ``targets``, same shape or (B, T, A) on
    shared returns: weights asked for at the start of step t, fractions of equity, negative = short, cash is the rest.
    NumPy arrays or torch tensors; tensors with ``requires_grad`` give gradients, and the ledger's arrays are of the
    kind and floating type that came in. ``overnight_returns`` is the close-to-open part, needed with
    ``execution="next_open"``. ``cvar`` and ``uncertainty`` are forecasts that ``Reward`` penalises.
    ``smooth_epsilon`` > 0 replaces |x| of traded weights by sqrt(x^2 + eps^2) - eps (torch engine only);
    the sale down to the closing cap, which only shrinks positions, stays exact.
    ``weights=False`` leaves executed and closing weights out of the ledger (None), which is most of its memory.
    ``compile`` is a mode of ``rlx.compilation`` for the torch engine: its step is compiled at the first call, which
    takes about a minute, and runs eager with one warning where that is impossible.

    Raises ConfigError on rules that make no sense and DataError on shapes that do not fit, values that are not finite
    and returns below -1. The rules are those of the design document, in its order; ``rlx.sim.torch_engine`` is their
    definition.
    """
    rules = Rules(
        costs=costs or Costs(),
        limits=limits or Limits(),
        guard=guard or Guard(),
        cooldown=cooldown or Cooldown(),
        reward=reward or Reward(),
        accounting=_choice(Accounting, "accounting", accounting),
        execution=_choice(Execution, "execution", execution),
        drift=drift,
    )
    _choice(COMPILE_MODES, "compile", compile)
    chosen = _choose_engine(_choice(Engine, "engine", engine), (returns, targets), smooth_epsilon)
    tapes = {"returns": returns, "overnight": overnight_returns, "cvar": cvar, "uncertainty": uncertainty}
    if rules.execution is Execution.next_open and overnight_returns is None:
        raise DataError("execution='next_open' needs overnight_returns, the close-to-open part of each return.")
    targets = numbers("targets", targets)
    tapes = {name: array if array is None else numbers(name, array) for name, array in tapes.items()}
    _check_dimensions({"targets": targets, **tapes})
    single = np.ndim(returns) == 2 and np.ndim(targets) == 2
    batched = {name: _with_batch(array) for name, array in tapes.items() if array is not None}
    paths = _with_batch(targets)
    _check_shapes(batched, paths)
    for name, tape in tapes.items():
        if tape is not None:
            check_returns(name, tape, lose_all=name == "returns") if name in PRICED else check_finite(name, tape)
    settings = make_settings(rules, paths.shape[-1], periods_per_year, asset_classes=asset_classes)
    if chosen is Engine.torch:
        check_finite("targets", targets)
        ledger = _replay_torch(settings, batched, paths, smooth_epsilon, weights, compile)
    else:
        ledger = _replay_numba(settings, batched, paths, weights)
        if not np.isfinite(np.asarray(ledger.limit_clipped)).all():  # sums over the targets, which are many more
            check_finite("targets", targets)
    return ledger.select(0) if single else ledger


def _choice(allowed: Iterable[Option], name: str, value: str) -> Option:
    """Return the one of ``allowed`` that ``value`` names."""
    options = {str(option): option for option in allowed}
    if value not in options:
        hint = did_you_mean(str(value), list(options))
        raise ConfigError(f"{name}={value!r}: must be one of {', '.join(options)}.{hint}")
    return options[value]


def _choose_engine(engine: Engine, arrays: Sequence[Any], smooth_epsilon: float) -> Engine:
    needs_torch = smooth_epsilon > 0.0 or any(is_tensor(x) and (x.requires_grad or x.is_cuda) for x in arrays)
    if engine is Engine.auto:
        return Engine.torch if needs_torch else Engine.numba
    if engine is Engine.numba and needs_torch:
        raise ConfigError("engine='numba' has no gradients, smoothing or GPU: use engine='torch' or 'auto'.")
    return engine


def _check_dimensions(arrays: dict[str, Any]) -> None:
    for name, array in arrays.items():
        if array is not None and np.ndim(array) not in (2, 3):
            raise DataError(f"{name} has shape {tuple(np.shape(array))}: must be (T, A) or (B, T, A).")


def _with_batch(array: Any) -> Any:
    return array[None] if array.ndim == 2 else array


def _check_shapes(tapes: dict[str, Any], paths: Any) -> None:
    for name, tape in tapes.items():
        same = tape.shape[1:] == paths.shape[1:] and tape.shape[0] in (1, paths.shape[0])
        if not same:
            raise DataError(f"{name} has shape {tuple(tape.shape)} and targets {tuple(paths.shape)}: they must agree.")
    if paths.shape[1] == 0:
        raise DataError("targets have no steps: T must be at least 1.")


def _replay_torch(
    settings: Settings, tapes: dict[str, Any], paths: Any, smooth_epsilon: float, weights: bool, compile: str
) -> Ledger:
    import torch

    from rlx.sim.torch_paths import PathPlayer
    from rlx.sim.torch_state import Step, TorchRules

    as_numpy = not any(is_tensor(x) for x in (*tapes.values(), paths))
    targets = torch.as_tensor(paths)
    if not targets.is_floating_point():
        targets = targets.double()
    moved = {n: torch.as_tensor(x, dtype=targets.dtype, device=targets.device) for n, x in tapes.items()}
    wide = {n: x.expand(targets.shape[0], -1, -1) for n, x in moved.items()}
    tape = Step(wide["returns"], wide.get("overnight"), wide.get("cvar"), wide.get("uncertainty"))
    rules = TorchRules(settings, targets, smooth_epsilon)
    outcome = PathPlayer(rules, _compiler(compile, targets.device.type))(targets, tape)
    ledger = Ledger(**outcome if weights else outcome | dict.fromkeys(WEIGHTS))
    return ledger.numpy() if as_numpy else ledger


@cache  # a compiler that failed is not asked again
def _compiler(mode: str, device: str) -> Compiler:
    return Compiler(mode, device)


def _replay_numba(settings: Settings, tapes: dict[str, Any], paths: Any, weights: bool) -> Ledger:
    from rlx.sim.books import Tape, make_scratch, make_tape, open_books, open_record, pad
    from rlx.sim.numba_engine import replay_accounts
    from rlx.sim.threads import share_accounts

    tensors = [x for x in (*tapes.values(), paths) if is_tensor(x)]
    targets = _float64(paths)
    batch, n_steps, n_assets = targets.shape
    tape = make_tape(n_assets, [_float64(tapes[name]) if name in tapes else None for name in Tape._fields])
    books = open_books(batch, n_assets, settings.window)
    record = open_record(batch * n_steps, n_assets, weights=weights)
    numbers = pad(settings)

    def play(first: int, last: int) -> None:
        replay_accounts(numbers, books, targets, tape, make_scratch(n_assets), record, first, last)

    share_accounts(play, 0, batch, n_steps)
    return _like(record.ledger(batch, n_steps), tensors[0] if tensors else None, paths)


def _float64(array: Any) -> Any:
    values = array.detach().cpu().numpy() if is_tensor(array) else array
    return np.ascontiguousarray(values, dtype=np.float64)


def _like(ledger: Ledger, tensor: Any, paths: Any) -> Ledger:
    """Return the ledger in the kind and floating type of the input."""
    if tensor is not None:
        import torch

        tensors = ledger.map(torch.from_numpy)
        return tensors.map(lambda x: x.to(tensor.dtype) if x.is_floating_point() else x)
    if paths.dtype != np.float32:
        return ledger
    return ledger.map(lambda x: x.astype(np.float32) if x.dtype.kind == "f" else x)
