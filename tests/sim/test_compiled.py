"""Compiled code that is kept on disk is that of the sources as they are now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import types

from rlx.decisions import encoding
from rlx.sim import numba_engine, simulate
from rlx.sim.compiled import SOURCES, digest_of_sources


def test_the_digest_changes_with_any_source(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("COST = 1\n")
    before = digest_of_sources(tmp_path)
    assert digest_of_sources(tmp_path) == before
    (tmp_path / "b.py").write_text("COST = 2\n")
    assert digest_of_sources(tmp_path) != before


def test_compiled_code_is_kept_under_the_digest_of_its_sources() -> None:
    simulate(np.zeros((2, 2)), np.zeros((2, 2)))
    encoding.encode(np.zeros((1, 1)), *[np.zeros((1, 1)), np.zeros(1), np.zeros(1), *[np.zeros((1, 1), np.int64)] * 2])
    for function in (numba_engine.replay_books, encoding._write_given):
        assert function.signatures[0][-1] == types.Omitted(SOURCES)


def test_every_function_that_is_kept_takes_the_digest() -> None:
    kept = [
        f for module in (numba_engine, encoding) for f in vars(module).values() if getattr(f, "_can_compile", False)
    ]
    cached = [f for f in kept if type(f._cache).__name__ != "NullCache"]
    assert len(cached) == 4
    assert all(f.py_func.__defaults__ == (SOURCES,) for f in cached)
