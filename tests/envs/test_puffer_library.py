from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from rlx.envs.puffer_advantage import write_advantages
from rlx.envs.puffer_library import load_puffer_library

pytest.importorskip("pufferlib")


def advantages_of(
    values: np.ndarray, rewards: np.ndarray, terminals: np.ndarray, ratios: np.ndarray, *numbers: float
) -> np.ndarray:
    """Return what PufferLib's trainer gets for the advantages of (S, T)."""
    load_puffer_library()
    advantages = torch.zeros(values.shape)
    tensors = [torch.tensor(array, dtype=torch.float32) for array in (values, rewards, terminals, ratios)]
    torch.ops.pufferlib.compute_puff_advantage(*tensors, advantages, *numbers)
    return advantages.numpy()


def test_advantages_by_hand() -> None:
    values, rewards = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[9.0, 1.0, 0.5, 2.0]])
    terminals, ratios = np.array([[0.0, 0.0, 1.0, 0.0]]), np.array([[2.0, 0.5, 0.25, 7.0]])
    # gamma 0.5, lambda 0.5: errors 1 + 0.5 x 2 - 1 = 1, then 0.5 - 2 = -1.5 at the end, then 2 + 0.5 x 4 - 3 = 1
    # column 2: 0.25 x 1. Column 1: 0.5 x -1.5, nothing follows an end. Column 0: 1.5 x 1 + 0.25 x 1 x -0.75
    expected = [[1.5 - 0.1875, -0.75, 0.25, 0.0]]
    np.testing.assert_allclose(advantages_of(values, rewards, terminals, ratios, 0.5, 0.5, 1.5, 1.0), expected)


def plain_advantages(values, rewards, terminals, ratios, gamma, gae_lambda, rho_clip, c_clip) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return the sums written out: every later error, weighted by all that lies between."""
    advantages = np.zeros(values.shape)
    last = values.shape[1] - 1
    for s, t in np.ndindex(values.shape[0], last):
        weight = 1.0
        for k in range(t, last):
            goes_on = 1.0 - terminals[s, k + 1]
            error = rewards[s, k + 1] + gamma * goes_on * values[s, k + 1] - values[s, k]
            advantages[s, t] += weight * min(ratios[s, k], rho_clip) * error
            weight *= gamma * gae_lambda * min(ratios[s, k], c_clip) * goes_on
    return advantages


@pytest.mark.parametrize("numbers", [(0.9, 0.95, 1.0, 1.0), (0.99, 1.0, 1.3, 0.8), (0.5, 0.0, 1e6, 1e6)])
def test_advantages_are_those_of_the_sums_written_out(numbers: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    values, rewards = rng.normal(size=(2, 7, 13))
    terminals = (rng.random((7, 13)) < 0.2).astype(float)
    ratios = rng.uniform(0.3, 2.0, (7, 13))
    found = advantages_of(values, rewards, terminals, ratios, *numbers)
    np.testing.assert_allclose(found, plain_advantages(values, rewards, terminals, ratios, *numbers), atol=1e-5)
    assert (found[:, -1] == 0.0).all()


def test_advantages_reach_a_view_and_leave_gradients_alone() -> None:
    numbers = (0.9, 0.95, 1.0, 1.0)
    values, rewards, terminals = torch.randn(3, 5), torch.randn(3, 5), torch.zeros(3, 5)
    ratio = torch.rand(3, 5, requires_grad=True)
    straight, turned = torch.zeros(3, 5), torch.zeros(5, 3).T
    for advantages in (straight, turned):
        write_advantages(values, rewards, terminals, ratio, advantages, *numbers)
    torch.testing.assert_close(turned, straight, rtol=0, atol=0)
    assert straight.abs().sum() > 0 and not straight.requires_grad


def run(script: str) -> str:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_import_changes_nothing_for_the_process(elsewhere: bool) -> None:
    script = f"""
    import signal, sys, threading, warnings
    import torch
    from rlx.envs.puffer_library import load_puffer_library

    torch.distributions.Distribution.set_default_validate_args(False)

    def process():
        checks = torch.distributions.Distribution._validate_args
        return list(warnings.filters), sys.excepthook, signal.getsignal(signal.SIGINT), checks, threading.active_count()

    before, seen = process(), []
    if {elsewhere}:
        thread = threading.Thread(target=lambda: seen.append(load_puffer_library()))
        thread.start()
        thread.join()
    else:
        seen.append(load_puffer_library())
    assert "pufferlib.pufferl" in sys.modules and seen == [load_puffer_library()]
    assert process() == before, (process(), before)
    print("the same")
    """
    assert run(script) == "the same\n"


def test_where_it_is_missing_the_error_says_how_to_get_it() -> None:
    script = """
    import sys
    sys.modules["pufferlib"] = None
    from rlx.envs.puffer_library import load_puffer_library
    from rlx.errors import ConfigError
    try:
        load_puffer_library()
    except ConfigError as error:
        print(error)
    """
    message = run(script)
    for part in (
        "module=pufferlib needs PufferLib",
        "Linux on x86_64",
        "macOS on arm64",
        "pip install 'pufferlib-core>=",
    ):
        assert part in message


def test_nobody_else_imports_it() -> None:
    script = """
    import sys
    import rlx.app.train, rlx.envs.vec_env, rlx.learners.gymrl.learner
    print([name for name in sys.modules if name.partition(".")[0] == "pufferlib"])
    """
    assert run(script) == "[]\n"
