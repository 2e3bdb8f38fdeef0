"""W&B that cannot be reached, refuses or is switched off: against a server of our own, and none."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import wandb

from rlx.errors import ConfigError
from rlx.tracking.config import LoggerConfig, WandbMode
from rlx.tracking.loggers import build_loggers, close_loggers
from rlx.tracking.wandb_run import has_wandb_key, wandb_mode

ONLINE = LoggerConfig(wandb=WandbMode.online)


class Refusing(BaseHTTPRequestHandler):
    """Answers whatever is asked as W&B answers a key that it does not know."""

    def do_POST(self) -> None:
        body = json.dumps({"errors": [{"message": "user is not logged in"}]}).encode()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *given: object) -> None:
        """Say nothing."""


@contextmanager
def refusing_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture(autouse=True)
def a_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set a key, and make W&B read its environment again: it does so once per process."""
    wandb.teardown()
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    yield
    wandb.teardown()


def test_without_a_network_a_run_is_recorded_offline(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "1")
    with caplog.at_level(logging.WARNING, "rlx"):
        close_loggers(build_loggers(ONLINE, tmp_path, "a run", {}))
    (record,) = [record for record in caplog.records if record.name.startswith("rlx")]
    assert "http://127.0.0.1:9 cannot be reached, so this run is recorded offline" in record.getMessage()
    assert list((tmp_path / "wandb").glob("offline-run-*"))


def test_a_key_that_is_refused_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_server() as url:
        monkeypatch.setenv("WANDB_BASE_URL", url)
        with pytest.raises(ConfigError, match=r"logger\.wandb=online: W&B refused the run: user is not logged in"):
            build_loggers(ONLINE, tmp_path, "a run", {})
    assert not (tmp_path / "wandb").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("WANDB_API_KEY", "short"), ("WANDB_INIT_TIMEOUT", "soon"), ("WANDB_MODE", "sometimes"), ("WANDB_BASE_URL", "x")],
)
def test_nonsense_in_the_environment_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError):
        build_loggers(ONLINE, tmp_path, "a run", {})
    assert not (tmp_path / "wandb").exists()


@pytest.mark.parametrize(
    ("asked", "variable", "mode"),
    [
        ("online", "disabled", "disabled"),
        ("offline", "disabled", "disabled"),
        ("online", "offline", "offline"),
        ("offline", "online", "offline"),  # nothing is sent that was not asked for
        ("disabled", "online", "disabled"),
        ("online", "online", "online"),
    ],
)
def test_the_environment_may_ask_for_less(
    asked: str, variable: str, mode: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", variable)
    assert wandb_mode(WandbMode(asked)) == mode
    assert len(caplog.records) == (asked != mode)


def test_nothing_of_the_environment_matters_without_wandb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    assert wandb_mode(WandbMode.disabled) is WandbMode.disabled


def test_where_wandb_would_write_by_itself_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "file" / "no folder"))
    close_loggers(build_loggers(LoggerConfig(), tmp_path / "run", "a run", {}))
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*"))


def test_a_netrc_file_in_the_home_of_nobody_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", "~nobody_here/netrc")
    assert not has_wandb_key()
