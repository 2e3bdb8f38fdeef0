"""The public simulation: from target weights and returns to the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np

from rlx.compilation import COMPILE_MODES, Compiler
from rlx.errors import ConfigError, DataError, did_you_mean
from rlx.ranges import Number, check
from rlx.sim.entrance import check_finite, check_returns, is_tensor, numbers
from rlx.sim.ledger import WEIGHTS, Ledger
from rlx.sim.rule_numbers import RuleNumbers, rule_numbers
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Reward, Rules
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
    shared returns: target weights at the start of step t, fractions of equity, negative = short, cash is the rest.
    NumPy arrays or torch tensors; tensors with ``requires_grad`` give gradients, and the ledger's arrays have the kind
    and floating type of the input. ``overnight_returns`` is the close-to-open part, needed with
    ``execution="next_open"``. ``cvar`` and ``uncertainty`` are forecasts that ``Reward`` penalises. ``smooth_epsilon``
    > 0 replaces |x| of traded weights by sqrt(x^2 + eps^2) - eps (torch engine only); the sale down to the closing cap,
    which only shrinks positions, stays exact. ``weights=False`` leaves executed and closing weights out of the ledger
    (None), which is most of its memory. ``compile`` is a mode of ``rlx.compilation`` for the torch engine: its step is
    compiled at the first call, which takes about a minute, and runs eager with one warning where that is impossible.

    Raises ConfigError on contradictory rules and DataError on shapes that do not fit, values that are not finite and
    returns below -1. The rules are those of ``docs/simulator.md``, in its order; ``rlx.sim.torch_engine`` is their
    definition.
    """
    parts: dict[str, Any] = {"costs": costs, "limits": limits, "guard": guard, "cooldown": cooldown, "reward": reward}
    rules = Rules(
        **{name: part for name, part in parts.items() if part is not None},
        accounting=_choice(Accounting, "accounting", accounting),
        execution=_choice(Execution, "execution", execution),
        drift=drift,
    )
    _choice(COMPILE_MODES, "compile", compile)
    check("smooth_epsilon", smooth_epsilon, Number(0, 1))
    chosen = _choose_engine(_choice(Engine, "engine", engine), (returns, targets), smooth_epsilon)
    if rules.execution is Execution.next_open and overnight_returns is None:
        raise DataError("execution='next_open' needs overnight_returns, the close-to-open part of each return.")
    extra = {"overnight": overnight_returns, "cvar": cvar, "uncertainty": uncertainty}
    returns, targets = _series("returns", returns), _series("targets", targets)
    paths = _with_batch(targets)
    tapes = _tapes(returns, extra, paths)
    settings = rule_numbers(rules, paths.shape[-1], periods_per_year, asset_classes=asset_classes)
    if chosen is Engine.torch:
        check_finite("targets", targets)
        ledger = _replay_torch(settings, tapes, paths, smooth_epsilon, weights, compile)
    else:
        ledger = _replay_numba(settings, tapes, paths, weights)
        if not np.isfinite(np.asarray(ledger.limit_clipped)).all():  # sums over the targets, which are many more
            check_finite("targets", targets)
    return ledger.select(0) if returns.ndim == targets.ndim == 2 else ledger


def _series(name: str, value: Any) -> Any:
    """Return an array or tensor (T, A) or (B, T, A) of real numbers; DataError for anything else."""
    array = numbers(name, value)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise DataError(f"{name} have shape {tuple(array.shape)}: must be (T, A) or (B, T, A), each of at least 1.")
    return array


def _tapes(returns: Any, extra: dict[str, Any], paths: Any) -> dict[str, Any]:
    """Return the market's arrays by name, (B, T, A) or (1, T, A); DataError for those that do not fit ``paths``."""
    given = {"returns": returns, **{name: _series(name, x) for name, x in extra.items() if x is not None}}
    tapes = {name: _with_batch(tape) for name, tape in given.items()}
    for name, tape in tapes.items():
        if tape.shape[1:] != paths.shape[1:] or tape.shape[0] not in (1, paths.shape[0]):
            raise DataError(f"{name} have shape {tuple(tape.shape)} and targets {tuple(paths.shape)}: they must agree.")
    for name, tape in given.items():
        check_returns(name, tape, lose_all=name == "returns") if name in PRICED else check_finite(name, tape)
    return tapes


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


def _with_batch(array: Any) -> Any:
    return array[None] if array.ndim == 2 else array


def _replay_torch(
    settings: RuleNumbers, tapes: dict[str, Any], paths: Any, smooth_epsilon: float, weights: bool, compile: str
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


@cache  # a compiler that failed is not used again
def _compiler(mode: str, device: str) -> Compiler:
    return Compiler(mode, device)


def _replay_numba(settings: RuleNumbers, tapes: dict[str, Any], paths: Any, weights: bool) -> Ledger:
    from rlx.sim.books import Tape, make_scratch, make_tape, open_books, open_record, pad
    from rlx.sim.numba_engine import replay_books
    from rlx.sim.threads import share_accounts

    tensors = [x for x in (*tapes.values(), paths) if is_tensor(x)]
    targets = _float64(paths)
    batch, n_steps, n_assets = targets.shape
    tape = make_tape(n_assets, [_float64(tapes[name]) if name in tapes else None for name in Tape._fields])
    books = open_books(batch, n_assets, settings.window)
    record = open_record(batch * n_steps, n_assets, weights=weights)
    numbers = pad(settings)

    def play(first: int, last: int) -> None:
        replay_books(numbers, books, targets, tape, make_scratch(n_assets), record, first, last)

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
