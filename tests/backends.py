"""What compiles the graphs that ``torch.compile`` traces."""

from __future__ import annotations

from typing import Any

import pytest
import torch

TRACED = "aot_eager_decomp_partition"
"""Traces a graph and its gradient as inductor does and interprets them: all that depends on rlx, without the C++."""
backends = pytest.mark.parametrize("backend", [TRACED, pytest.param("inductor", marks=pytest.mark.exhaustive)])
"""Inductor takes minutes: by default it compiles the simulator's step and one whole run, whose numbers are compared."""


def use_backend(monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    """Have ``torch.compile`` hand its graphs to ``backend``, a name or a function, rather than to inductor."""
    compile = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, mode: compile(function, backend=backend))
