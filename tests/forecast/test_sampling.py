"""Memory that runs out changes the batch, then the device, and the samples only where that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from rlx.errors import ConfigError, HardwareError, is_out_of_memory
from rlx.forecast.sampling import CPU, Sampler, SamplingConfig, Units
from rlx.types import FloatArray, IntArray

SYMBOLS = ("AAA", "BBB")
Fits = Callable[["Backend", Units], bool]


class Backend:
    """A model whose result for a unit is a function of that unit; ``fits`` decides which calls run out of memory."""

    def __init__(self, fits: Fits, device: str = "cuda") -> None:
        self.fits, self.device = fits, device
        self.tried: list[tuple[str, int]] = []

    def draw(self, units: Units) -> FloatArray:
        self.tried.append((self.device, len(units)))
        if not self.fits(self, units):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB.")
        rows = zip(units.symbol, units.row, units.sample, strict=True)
        return np.array([np.random.default_rng([int(key) for key in row]).random(3) for row in rows])

    def move(self, device: str) -> None:
        self.device = device


class Session(NamedTuple):
    """A sampler with its model."""

    sampler: Sampler
    backend: Backend


def session(fits: Fits, device: str = "cuda", **settings: object) -> Session:
    config = SamplingConfig(**{"n_samples": 40, "batch": 64, "min_samples": 5, **settings})  # type: ignore[arg-type]
    return Session(Sampler("fake", config, device), Backend(fits, device))


def drawn(session: Session) -> tuple[FloatArray, IntArray]:
    return session.sampler.draw(session.backend, SYMBOLS, n_rows=2)


def always(backend: Backend, units: Units) -> bool:
    return True


PLAIN, _ = drawn(session(always))


def tried(session: Session) -> list[tuple[str, int]]:
    return session.backend.tried


def test_a_batch_that_does_not_fit_is_halved_and_the_samples_are_the_same(caplog: pytest.LogCaptureFixture) -> None:
    tight = session(lambda backend, units: len(units) <= 20)
    samples, counts = drawn(tight)
    assert [size for _, size in tried(tight)][:4] == [64, 32, 16, 16]
    np.testing.assert_array_equal(samples, PLAIN)
    assert samples.shape == (2, 40, 2, 3) and counts.tolist() == [40, 40]
    before = len(tried(tight))
    drawn(tight)
    assert set(tried(tight)[before:]) == {("cuda", 16)}, "the batch that fits is kept"
    assert len(caplog.records) == 1, "the warning is given once"
    assert tight.sampler.used.facts() == {
        "asked": {"n_samples": 40, "batch": 64, "allow_fewer_samples": False, "min_samples": 5},
        "device_asked": "cuda",
        "batch": 16,
        "device": "cuda",
        "out_of_memory": 2,
        "fewer_samples": {},
    }


@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
def test_the_samples_do_not_depend_on_the_batch(batch: int) -> None:
    np.testing.assert_array_equal(drawn(session(always, batch=batch))[0], PLAIN)


def test_the_last_batch_is_smaller_and_no_sample_is_dropped() -> None:
    whole = session(always, batch=64)
    drawn(whole)
    assert [size for _, size in tried(whole)] == [64, 64, 32]


def test_only_when_one_path_does_not_fit_the_cpu_is_used_with_the_same_number() -> None:
    small = session(lambda backend, units: backend.device == CPU and len(units) <= 32, batch=8)
    samples, counts = drawn(small)
    assert tried(small)[:5] == [("cuda", 8), ("cuda", 4), ("cuda", 2), ("cuda", 1), (CPU, 8)]
    np.testing.assert_array_equal(samples, PLAIN)
    assert counts.tolist() == [40, 40] and small.sampler.used.device == CPU
    drawn(small)
    assert {device for device, _ in tried(small)[5:]} == {CPU}, "the GPU is tried once"


def test_where_nothing_fits_the_error_names_model_symbol_number_and_batch() -> None:
    hopeless = session(lambda backend, units: False, batch=4)
    with pytest.raises(
        HardwareError, match=r"forecaster=fake: .*AAA, with n_samples=40 and batch=1 \(asked: "
    ) as error:
        drawn(hopeless)
    assert tried(hopeless) == [(where, size) for where in ("cuda", CPU) for size in (4, 2, 1)]
    assert error.value.__cause__ is not None and "allow_fewer_samples=true" in str(error.value)


def late(backend: Backend, units: Units) -> bool:
    """Memory that suffices for 12 samples of AAA, and any number of BBB."""
    return bool(((units.symbol == 1) | (units.sample < 12)).all())


def test_fewer_samples_only_where_allowed_and_only_for_that_symbol(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(HardwareError, match="AAA"):
        drawn(session(late, CPU))
    caplog.clear()
    allowed = session(late, CPU, allow_fewer_samples=True)
    samples, counts = drawn(allowed)
    assert counts.tolist() == [10, 40], "40, 20, 10; the other symbol has all"
    np.testing.assert_array_equal(samples[0, :10], PLAIN[0, :10])
    np.testing.assert_array_equal(samples[1], PLAIN[1])
    assert np.isnan(samples[0, 10:]).all()
    assert allowed.sampler.used.fewer_samples == {"AAA": 10}
    assert sum("fewer samples" in record.getMessage() for record in caplog.records) == 1
    assert drawn(session(always, CPU, allow_fewer_samples=True))[1].tolist() == [40, 40]


def test_a_later_call_asks_for_all_samples_again() -> None:
    fits = {"tight": True}
    some = session(lambda backend, units: late(backend, units) or not fits["tight"], CPU, allow_fewer_samples=True)
    assert drawn(some)[1].tolist() == [10, 40]
    fits["tight"] = False
    np.testing.assert_array_equal(drawn(some)[0], PLAIN)


def test_the_fewest_samples_are_a_limit() -> None:
    with pytest.raises(HardwareError, match="for AAA, with n_samples=16"):
        drawn(session(lambda backend, units: False, CPU, allow_fewer_samples=True, min_samples=16))


def test_other_errors_pass_through_unchanged() -> None:
    def broken(backend: Backend, units: Units) -> bool:
        raise ValueError("not a matter of memory")

    backend = session(broken)
    with pytest.raises(ValueError, match="not a matter of memory"):
        drawn(backend)
    assert len(tried(backend)) == 1


def test_a_number_of_samples_cannot_fall_to_a_larger_one() -> None:
    with pytest.raises(ConfigError, match=r"min_samples=64: must be at most forecaster.n_samples=32"):
        session(always, n_samples=32, min_samples=64, allow_fewer_samples=True)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA Out Of Memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (type("OutOfMemoryError", (RuntimeError,), {})("x"), True),
        (RuntimeError("shapes differ"), False),
        (ValueError("out of memory of the past"), False),
    ],
)
def test_which_errors_count_as_out_of_memory(error: Exception, counts: bool) -> None:
    assert is_out_of_memory(error) == counts
