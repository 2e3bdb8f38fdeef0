"""What every test may rely on: one thread, no account of anybody's, the same random examples each time."""

from __future__ import annotations

import atexit
import gc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.app.commands import Finished, Shell

# Before the first import of NumPy, numba or torch: two cores are shared by the workers of a parallel run.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["RLX_CACHE"] = "off"  # forecasts are computed, and none is left in the home folder
# One place for compiled code, of all workers and all processes that they start, kept from run to run.
for variable, name in (("NUMBA_CACHE_DIR", "numba"), ("TORCHINDUCTOR_CACHE_DIR", "inductor")):
    os.environ.setdefault(variable, str(Path(__file__).parents[1] / "compiled_models" / name))
# What the processor lists is believed, where inductor would compile and run a program for each kind of instructions.
os.environ.setdefault("TORCHINDUCTOR_VEC_ISA_OK", "1")

# A shell starts background jobs with these ignored, and what ignores them cannot be stopped by a test.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

pytest.register_assert_rewrite("tests.hostile.readers", "tests.hostile.refusal")

settings.register_profile(
    "rlx", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("rlx")


def pytest_collection_finish() -> None:
    """Leave the libraries and the collected tests out of every later search for garbage: statsmodels, for one, searches
    at each correction of p-values.
    """
    gc.freeze()
    atexit.register(gc.unfreeze)  # extension modules complain about what is never collected


@pytest.fixture(autouse=True)
def no_wandb_account(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide the developer's W&B key and settings, so that no test can reach the network through them."""
    for variable in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "WANDB_PROJECT", "WANDB_ENTITY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path_factory.getbasetemp() / "no-netrc"))


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a place to type commands in."""
    from tests.app.commands import Shell

    return Shell(tmp_path, capsys)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Train once, in seconds, under guards, leverage and cooldown; many tests look at the result."""
    from tests.app.commands import SMOKE, Shell

    shell = Shell(tmp_path_factory.mktemp("trained"), draws=True)
    return shell.train("module=gymrl", "guard=calibrated", "env=levered", "env.cooldown.steps=12", *SMOKE)


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose forecasting stages are done, on ``regimes()``; nobody changes it."""
    from tests.learners.forecasts import pipeline, regimes, small

    folder = tmp_path_factory.mktemp("staged")
    pipeline(regimes(), small(), folder)
    return folder
