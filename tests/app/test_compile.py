"""``rlx compile check``: typed in a shell, with graphs interpreted where inductor would take minutes."""

from __future__ import annotations

from typing import Any

import pytest

from rlx.compile_check.store import RECORD, load
from rlx.compile_check.verdict import standings
from tests.app.commands import Shell
from tests.backends import TRACED, use_backend

TINY = (
    "module=hftraining",
    "data=synthetic",
    "data.n_bars=300",
    "module.n_folds=2",
    "module.n_windows=2",
    "module.rollout_steps=8",
    "module.window_steps=4",
    "module.smooth_steps=2",
)


def check(shell: Shell, *arguments: str, calls: str = "3") -> Any:
    return shell.tools("compile", "check", *TINY, "--calls", calls, *arguments)


@pytest.mark.parametrize("subject", [pytest.param("module", marks=pytest.mark.slow), "simulator"])
def test_a_subject_is_compared_recorded_and_shown(shell: Shell, monkeypatch: pytest.MonkeyPatch, subject: str) -> None:
    use_backend(monkeypatch, TRACED)
    done = check(shell, "--subject", subject)
    assert done.status == 0, done.err
    (entry,) = load(shell.folder / RECORD)
    assert entry.identity.subject == {"module": "module=hftraining", "simulator": "simulator"}[subject]
    assert (entry.identity.compile_asked, entry.identity.compile_used) == ("default", "default")
    assert entry.numeric.again_max_abs == 0.0
    assert entry.numeric.max_relative is not None and entry.numeric.max_relative < 1e-3
    assert entry.latency.calls > 0 and entry.latency.compile_seconds is not None
    assert entry.outcomes["eval/sharpe"].noise == 0.0
    assert entry.outcomes["eval/sharpe"].eager is not None
    (standing,) = standings([entry])
    assert f"{standing.variant.subject}: {standing.verdict}" in done.out
    assert standing.verdict in (shell.folder / RECORD).with_suffix(".md").read_text(encoding="utf-8")
    assert shell.tools("compile", "report").status == 0


def test_where_nothing_can_be_compiled_the_run_is_invalid_and_says_why(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(graph: Any, *_: Any) -> Any:
        raise RuntimeError("no compiler on this machine")

    use_backend(monkeypatch, refuse)
    done = check(shell, "--subject", "simulator")
    assert done.status == 0
    (entry,) = load(shell.folder / RECORD)
    assert entry.identity.compile_used == "off"
    assert "no compiler on this machine" in str(entry.identity.fallback)
    assert entry.latency.compile_seconds is None
    assert "invalid" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("data=synthetik",), "synthetic"),
        (("module.updates=none",), "module.updates"),
        (("hardware.compile=off",), "nothing would be compiled"),
        (("resume=outputs/x",), "resume=outputs/x"),
        (("--subject", "network"), "--subject"),
        (("--rounds", "0"), "--rounds"),
        (("--record", "record.json"), "must be a .jsonl file"),
        (("costs.fee=3",), "costs.fee"),
    ],
)
def test_bad_arguments_end_in_one_message_and_write_nothing(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    done = check(shell, *arguments)
    assert done.status == 2
    assert said in done.err and done.err.count("Error:") == 1
    assert not (shell.folder / RECORD).exists()


def test_too_few_calls_are_refused(shell: Shell) -> None:
    assert "--calls" in check(shell, calls="2").err
