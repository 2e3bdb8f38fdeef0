"""Compiling where it works, running eager where it does not, and saying so once."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.aot_autograd import make_boxed_func

from rlx.compilation import Compiler
from tests.backends import use_backend


@pytest.fixture(autouse=True)
def fresh_dynamo() -> None:
    torch._dynamo.reset()


def interpret(graph: Any, *_: Any) -> Any:
    """Compile nothing: a compiler of graphs that any machine has."""
    return make_boxed_func(graph.forward)


def refuse(graph: Any, *_: Any) -> Any:
    raise RuntimeError("no backend here.\nand a second line")


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "rlx.compilation"]


def square(x: torch.Tensor) -> torch.Tensor:
    return (x * x).sum()


@pytest.mark.parametrize(
    ("asked", "device", "mode"),
    [
        ("auto", "cpu", "off"),
        ("auto", "cuda", "default"),
        ("off", "cuda", "off"),
        ("max-autotune", "cpu", "max-autotune"),
        ("reduce-overhead", "cuda", "reduce-overhead"),
    ],
)
def test_auto_compiles_on_cuda_only(asked: str, device: str, mode: str) -> None:
    compiler = Compiler(asked, device)
    assert (compiler.asked, compiler.used, compiler.fallback) == (asked, mode, None)
    assert (compiler(square) is square) is (mode == "off")


def test_the_mode_reaches_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    monkeypatch.setattr(torch, "compile", lambda function, mode: modes.append(mode) or function)
    assert Compiler("reduce-overhead", "cpu")(square)(torch.ones(2)) == 2
    assert modes == ["reduce-overhead"]


def test_values_and_gradients_are_those_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = []
    use_backend(monkeypatch, aot_autograd(fw_compiler=lambda *a: graphs.append(a) or interpret(*a)))
    compiler = Compiler("default", "cpu")
    compiled = compiler(square)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    compiled(x).backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0]
    assert compiled(torch.tensor([3.0, 4.0])) == 25
    assert graphs and compiler.fallback is None and compiler.used == "default"


def test_a_backend_that_fails_is_told_once_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use_backend(monkeypatch, refuse)
    compiler = Compiler("default", "cpu")
    compiled, other = compiler(square), compiler(torch.sin)
    assert [float(compiled(torch.tensor([2.0]))) for _ in range(3)] == [4.0] * 3
    assert other(torch.zeros(1)) == 0
    assert compiler.fallback == "RuntimeError: no backend here."
    assert compiler.used == "off"
    assert compiler(square) is square
    (record,) = warnings_in(caplog)
    assert record.levelno == logging.WARNING and "\n" not in record.getMessage()
    assert record.getMessage().startswith("hardware.compile=default: torch.compile failed")
    assert "hardware.compile=off" in record.getMessage()


def test_a_backward_pass_that_cannot_be_compiled_runs_eager_too(monkeypatch: pytest.MonkeyPatch) -> None:
    use_backend(monkeypatch, aot_autograd(fw_compiler=interpret, bw_compiler=refuse))
    compiler = Compiler("default", "cpu")
    compiled = compiler(square)
    with torch.no_grad():
        assert compiled(torch.tensor([3.0])) == 9
    assert compiler.fallback is None
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    compiled(x).backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0]
    assert compiler.fallback is not None


def test_an_error_of_the_caller_is_raised_as_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use_backend(monkeypatch, aot_autograd(fw_compiler=interpret))
    compiler = Compiler("default", "cpu")
    with pytest.raises(RuntimeError, match="size of tensor a"):
        compiler(torch.add)(torch.ones(2), torch.ones(3))
    assert compiler.fallback is None and not warnings_in(caplog)


def test_a_module_keeps_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_backend(monkeypatch, aot_autograd(fw_compiler=interpret))
    module = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    x = torch.ones(1, 2)
    before, keys = module(x), list(module.state_dict())
    Compiler("default", "cpu").compile_module(module)
    torch.testing.assert_close(module(x), before)
    assert list(module.state_dict()) == keys


def test_importing_it_imports_no_torch() -> None:
    program = "import sys, rlx.compilation; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
