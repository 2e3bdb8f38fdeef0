"""Servers that do everything but answer: each ends in one message, in time, without the key and with no plan."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from tests.app.commands import Finished, Shell
from tests.hostile.refusal import assert_refused, contents

KEY = "sk-live-0123456789abcdef/+="
PASSWORD = "hunter2-hunter2"
DAY = "2020-03-02"
PLAN = {"target_date": DAY, "instructions": [{"symbol": "AAPL", "action": "hold"}]}
HEAD = b"HTTP/1.1 200 OK\r\n"
ENDED = ("no answer within 0.3 s", "--timeout-seconds")
TOO_LONG = ("answers with more than 8 MiB",)

Send = Callable[[bytes], None]


def completion(content: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def whole(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def forever(part: bytes) -> Iterator[bytes]:
    while True:
        yield part


class Server(ThreadingTCPServer):
    """Sends what ``parts`` has, slowly where ``drips``, until the client hangs up; closing waits for all clients."""

    daemon_threads = False
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.parts: Callable[[], Any] = lambda: [whole(completion(json.dumps(PLAN)))]
        self.drips = False
        self.heard: list[bytes] = []
        self.closing = threading.Event()
        self.port = self.server_address[1]

    def handle_error(self, *_: Any) -> None:
        """A client that is gone is what is tested."""


class _Handler(BaseRequestHandler):
    server: Server
    request: socket.socket

    def handle(self) -> None:
        self.server.heard.append(_request(self.request))
        with suppress(OSError):
            for part in self.server.parts():
                self.request.sendall(part)
                if self.server.drips and self.server.closing.wait(0.005):
                    return
            self.request.shutdown(socket.SHUT_WR)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length and (more := connection.recv(65536)):
        body += more
    return head + b"\r\n\r\n" + body


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    served = Server()
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("RLX_PLAN_BASE_URL", f"http://127.0.0.1:{served.port}/v1")
    monkeypatch.setenv("RLX_PLAN_API_KEY", KEY)
    monkeypatch.setenv("RLX_PLAN_MODEL", "m")
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield served
    served.closing.set()
    served.shutdown()
    served.server_close()  # waits for every client: one that was not hung up on would keep the test from ending
    thread.join()


def generate(shell: Shell, *arguments: str) -> Finished:
    return shell.tools("plan", "generate", DAY, "--symbols", "AAPL", "--bars", "2", *arguments)


def assert_nothing_told(finished: Finished) -> None:
    output = finished.out + finished.err + b"".join(contents(finished.folder).values()).decode("utf-8", "replace")
    spellings = (KEY, json.dumps(KEY)[1:-1], repr(KEY)[1:-1], KEY[:12], PASSWORD)
    assert not [spelling for spelling in spellings if spelling in output], output
    assert not any(character < " " and character != "\n" for character in finished.err), finished.err


DRIPS: dict[str, Callable[[], Any]] = {
    "a status": lambda: _then(b"H", forever(b"T")),
    "headers": lambda: _then(HEAD + b"X: ", forever(b"x")),
    "a body": lambda: _then(HEAD + b"Content-Length: 1000000\r\n\r\n", forever(b" ")),
    "a body without length": lambda: _then(HEAD + b"\r\n", forever(b" ")),
    "chunks": lambda: _then(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", forever(b"1\r\nx\r\n")),
    "continuations": lambda: forever(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body of an error": lambda: _then(b"HTTP/1.1 500 No\r\n\r\n", forever(b" ")),
    "nothing": lambda: forever(b""),
}


def _then(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


@pytest.mark.parametrize("name", DRIPS)
def test_an_answer_that_never_ends_is_left_at_the_deadline(shell: Shell, server: Server, name: str) -> None:
    server.parts, server.drips = DRIPS[name], True
    finished = generate(shell, "--timeout-seconds", "0.3")
    assert_refused(finished, *ENDED)
    assert_nothing_told(finished)
    assert not contents(shell.folder)


ECHO = f"Unauthorized: Authorization: Bearer {KEY} {json.dumps({'key': KEY})} {'x' * 150} {KEY}"
BAD: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "endless": (lambda: _then(HEAD + b"\r\n", forever(b" " * 65536)), TOO_LONG),
    "endless chunks": (
        lambda: _then(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", forever(b"10000\r\n" + b" " * 65536 + b"\r\n")),
        TOO_LONG,
    ),
    "huge": (lambda: _then(HEAD + b"Content-Length: 99999999999\r\n\r\n", forever(b"[" * 65536)), TOO_LONG),
    "a packed bomb": (lambda: [whole(gzip.compress(bytes(2**25)))], ("has more than 8 MiB",)),
    "packed and cut": (lambda: [whole(gzip.compress(completion("x"))[:-9])], ("gzip data",)),
    "closed at once": (list, ("cannot be reached",)),
    "closed in the head": (lambda: [HEAD + b"Content-Le"], ("is not a chat completion",)),
    "closed in the body": (
        lambda: [HEAD + b"Content-Length: 100\r\n\r\nhalf"],
        ("cannot be reached", "IncompleteRead"),
    ),
    "closed in a chunk": (lambda: [HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\nhalf"], ("IncompleteRead",)),
    "no HTTP": (lambda: [b"220 smtp ready\r\n"], ("cannot be reached",)),
    "a wrong status": (lambda: [b"HTTP/1.1 abc OK\r\n\r\n"], ("cannot be reached",)),
    "many headers": (lambda: [HEAD + b"X: y\r\n" * 200 + b"\r\n"], ("cannot be reached", "headers")),
    "a long header": (lambda: [HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n"], ("cannot be reached",)),
    "a wrong length": (lambda: [HEAD + b"Content-Length: -5\r\n\r\n{}"], ("is not a chat completion",)),
    "a wrong chunk": (lambda: [HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], ("cannot be reached",)),
    "nothing": (lambda: [whole(b"", "204 No Content")], ("is not a chat completion",)),
    "no text": (lambda: [whole(b"\xff\xfe\xfd")], ("not UTF-16 text",)),
    "deep": (lambda: [whole(b'{"a":' * 10**5 + b"1" + b"}" * 10**5)], ("nests more than 50 levels deep",)),
    "digits": (lambda: [whole(b"[" + b"9" * 10**5 + b"]")], ("a number of 100,000 digits",)),
    "another document": (lambda: [whole(b'{"choices": {"0": []}}')], ("is not a chat completion",)),
    "a list of choices": (lambda: [whole(b'{"choices": [[]]}')], ("is not a chat completion",)),
    "a text for a message": (lambda: [whole(b'{"choices": [{"message": "m"}]}')], ("is not a chat completion",)),
    "an echoed key": (lambda: [whole(ECHO.encode(), "401 Unauthorized")], ("status 401", "Check RLX_PLAN_API_KEY")),
    "a key in the reason": (lambda: [whole(b"", f"403 {KEY}")], ("status 403",)),
    "a key in a completion": (lambda: [whole(completion(f"You sent {KEY}"))], ("the model's answer",)),
    "a key in no completion": (lambda: [whole(ECHO.encode())], ("is not a chat completion",)),
    "a key in a plan": (
        lambda: [whole(completion(json.dumps(PLAN | {"instructions": [{"symbol": KEY, "action": "hold"}]})))],
        ("was not shown",),
    ),
    "a password in an error": (lambda: [whole(f"via http://me:{PASSWORD}@proxy/".encode(), "502 No")], ("[hidden]@",)),
    "a redirection": (lambda: [whole(b"", "307 Go", "Location: /elsewhere")], ("status 307",)),
    "escapes": (lambda: [whole(b"\x1b[2J", "500 \x1b[31mred\x9b")], ("status 500",)),
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_is_none_is_one_message(shell: Shell, server: Server, name: str) -> None:
    parts, said = BAD[name]
    server.parts = parts
    finished = generate(shell)
    assert_refused(finished, *said)
    assert_nothing_told(finished)
    assert len(server.heard) == 1  # asked once, and no redirection followed
    assert set(contents(shell.folder)) <= {Path("plans") / f"{DAY}.answer.json"}


def test_a_packed_answer_is_understood(shell: Shell, server: Server) -> None:
    server.parts = lambda: [whole(gzip.compress(completion(json.dumps(PLAN))), "200 OK", "Content-Encoding: gzip")]
    assert generate(shell).status == 0


ADDRESSES = {
    "http://[::1": "not an address",
    "http://[zz]/v1": "not an address",
    "http://": "names no host",
    "http://:80/v1": "names no host",
    "http://127.0.0.1:0/v1": "names no host",
    "http://127.0.0.1:99999/v1": "not an address",
    "http://127.0.0.1:abc/v1": "not an address",
    f"http://me:{PASSWORD}@127.0.0.1/v1": "user name or password",
    f"http://me:{PASSWORD}/@x@127.0.0.1/v1": "user name or password",
    f"me:{PASSWORD}@127.0.0.1/v1": "user name or password",
    f"ftp://me:{PASSWORD}@127.0.0.1/v1": "user name or password",
    f"http://127.0.0.1/v1?key={PASSWORD}": "contains a ? or #",
    f"http://127.0.0.1/v1#{PASSWORD}": "contains a ? or #",
    "http://127.0.0.1/v 1": "characters that no address has",
    "http://127.0.0.1/v1\r\nX: y": "characters that no address has",
    "http://h\u00f6st/v1": "characters that no address has",
    "ftp://127.0.0.1/v1": "must begin with http",
    "file:///etc/passwd": "must begin with http",
    "javascript:alert(1)": "must begin with http",
    f"http://{'a' * 300}.invalid/v1": "cannot be reached",
    "http://a..b/v1": "cannot be reached",
    "https://127.0.0.1:9/v1": "cannot be reached",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_none_is_one_message(
    shell: Shell, server: Server, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("RLX_PLAN_BASE_URL", address)
    finished = generate(shell)
    assert_refused(finished, "RLX_PLAN_BASE_URL", ADDRESSES[address])
    assert_nothing_told(finished)
    assert not server.heard and not contents(shell.folder)


def test_a_plain_address_is_never_asked_through_a_proxy(
    shell: Shell, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert generate(shell).status == 0
    assert server.heard[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_is_asked_for_a_tunnel_and_sees_no_key(
    shell: Shell, server: Server, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("https_proxy", f"{scheme}me:{PASSWORD}@127.0.0.1:{server.port}")
    monkeypatch.setenv("RLX_PLAN_BASE_URL", "https://example.invalid/v1")
    server.parts = lambda: [whole(b"", f"407 Ask {PASSWORD[:3]}")]
    finished = generate(shell)
    assert_refused(finished, "cannot be reached", "407")
    assert_nothing_told(finished)
    (heard,) = server.heard
    assert heard.startswith(b"CONNECT example.invalid:443") and KEY.encode() not in heard and b"Bearer" not in heard
    assert b"Proxy-Authorization: Basic " in heard


def test_a_proxy_that_is_none(shell: Shell, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"socks5://me:{PASSWORD}@127.0.0.1:1")
    monkeypatch.setenv("RLX_PLAN_BASE_URL", "https://example.invalid/v1")
    finished = generate(shell)
    assert_refused(finished, "https_proxy must be written as http://HOST:PORT")
    assert_nothing_told(finished)
