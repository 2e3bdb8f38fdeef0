"""``torch.compile`` with a fallback: where it is impossible the same code runs eager, and the reason is logged once."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from torch import nn

COMPILE_MODES = ("auto", "off", "default", "reduce-overhead", "max-autotune")

NOT_A_LEAF = ".*The .grad attribute of a Tensor that is not a leaf"  # the compiler looks there itself
NO_CACHES = ".*dynamo_pgo force disabled"  # said where caches are off on purpose

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)


class Compiler:
    """Compiles functions of tensors, and modules, in one mode of ``torch.compile``.

    ``asked`` is one of ``COMPILE_MODES``: ``auto`` compiles on ``cuda`` and leaves any other ``device`` eager, ``off``
    leaves everything eager. Compilation happens at the first call and again for new shapes. When it fails, that call
    and all later ones of this compiler run eager, one warning says why, and ``fallback`` keeps the reason.
    """

    def __init__(self, asked: str, device: str) -> None:
        automatic = "default" if device == "cuda" else "off"
        self.asked = asked
        self.mode = automatic if asked == "auto" else asked
        self.fallback: str | None = None

    @property
    def used(self) -> str:
        """The mode in force: ``off`` after a failure."""
        return self.mode if self.fallback is None else "off"

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return ``function`` compiled, or unchanged where nothing is compiled; gradients flow through both."""
        return function if self.used == "off" else _Compiled(function, self)

    def compile_module(self, module: nn.Module) -> None:
        """Compile a module in place; its class and the keys of its ``state_dict`` are unchanged."""
        module.forward = self(module.forward)

    def give_up(self, error: Exception) -> None:
        """Run eager from now on because of ``error``, and log it once."""
        if self.fallback is None:
            self.fallback = _reason(error)
            log.warning(
                f"hardware.compile={self.asked}: torch.compile failed and the code runs eager, which gives the same "
                f"results. {self.fallback} {_fix(error)}"
            )


class _Compiled(Generic[P, R]):
    """A function that is compiled at its first call, and runs eager after its compiler has failed."""

    def __init__(self, function: Callable[P, R], compiler: Compiler) -> None:
        self._eager = function
        self._compiler = compiler
        self._compiled: Callable[P, R] | None = None
        self._proven: set[bool] = set()  # the gradient modes in which compiled code has run

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._compiler.fallback is not None:
            return self._eager(*args, **kwargs)
        from torch._dynamo.exc import TorchDynamoException

        try:
            return self._call(*args, **kwargs)
        except TorchDynamoException as error:
            result = self._eager(*args, **kwargs)  # an error in the caller's own code is raised here, unchanged
            self._compiler.give_up(error)
            return result

    def _call(self, *args: P.args, **kwargs: P.kwargs) -> R:
        import torch

        if self._compiled is None:
            self._compiled = torch.compile(self._eager, mode=self._compiler.mode)
        gradients = torch.is_grad_enabled()
        with nullcontext() if gradients in self._proven else _first_compilation():
            result = self._compiled(*args, **kwargs)
        self._proven.add(gradients)
        return result


@contextmanager
def _first_compilation() -> Iterator[None]:
    """Compile the backward pass together with the forward pass, and silence the compiler's own warning about gradients.

    Otherwise it is compiled when a gradient is first computed, outside the function, where a failure can no longer fall
    back to an eager run.
    """
    from torch._functorch import config

    name = "force_non_lazy_backward_lowering"
    with config.patch(name, True) if hasattr(config, name) else nullcontext(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=NOT_A_LEAF)
        yield


def _reason(error: Exception) -> str:
    """Return the innermost error on one line."""
    cause = getattr(error, "inner_exception", None) or error
    text = str(cause).strip().splitlines() or [""]
    return f"{type(cause).__name__}: {text[0].rstrip('.')}."


def _fix(error: Exception) -> str:
    hint = "hardware.compile=off leaves compilation out."
    return f"Install g++ or clang, or set CXX to a compiler; {hint}" if "C++ compiler" in str(error) else hint


def frames_compiled() -> int:
    """Return how many functions dynamo has tried to compile in this process, recompilations included."""
    from torch._dynamo.utils import counters

    return int(counters["frames"]["total"])


def graph_breaks() -> dict[str, int]:
    """Return how often compiled graphs were broken in this process, by reason."""
    from torch._dynamo.utils import counters

    return dict(counters["graph_break"])


@contextmanager
def compiling_from_cold() -> Iterator[None]:
    """Forget what was compiled, and neither read nor write caches of compiled code inside the block."""
    import torch
    from torch.compiler import config

    torch.compiler.reset()
    without_caches = config.patch(force_disable_caches=True)  # type: ignore[attr-defined]
    with without_caches, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=NO_CACHES)
        yield
