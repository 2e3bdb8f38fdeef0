"""What a command does with bad input: one message, exit status 2, no traceback, nothing left."""

from __future__ import annotations

from pathlib import Path

from tests.app.commands import Finished

STATUS_FINE, STATUS_FOUND, STATUS_REFUSED = 0, 1, 2
LONGEST = 1_000
"""The characters of the longest message: what a terminal still shows whole, with a path of this machine in it."""


def assert_one_message(message: str) -> None:
    """Assert that a message is one line of plain text that somebody would read."""
    assert message and message.isprintable(), repr(message[:200])
    assert len(message) <= LONGEST, f"{len(message)} characters: {message[:200]}"


def assert_refused(finished: Finished, *parts: str) -> None:
    """Assert that a command ended in one message with every one of ``parts`` in it."""
    lines = [line for line in finished.err.splitlines() if line.strip()]
    assert finished.status == STATUS_REFUSED, finished.err or finished.out[-500:]
    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:], finished.err
    assert "Traceback" not in finished.err + finished.out
    assert_one_message(lines[-1])
    for part in parts:
        assert part in lines[-1], (part, lines[-1])


def assert_refused_at_once(finished: Finished, *parts: str) -> None:
    """Assert that a command was refused before it said anything else or made a run folder."""
    assert_refused(finished, *parts)
    assert len(finished.err.splitlines()) == 1, finished.err
    assert not list(finished.folder.glob("outputs/**/*")), "something was left behind"


def contents(folder: Path) -> dict[Path, bytes]:
    """Return every file below ``folder``: what a refusal must leave as it was."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
