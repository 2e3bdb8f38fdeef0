"""One HTTP request with a body, with a total deadline and a limit on the size of the answer."""

from __future__ import annotations

import base64
import socket
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from threading import Thread
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from rlx.errors import FileError

LONGEST_COMPLAINT = 2**16  # most bytes that are read of an answer with an error
_GRACE_SECONDS = 5.0  # time after the deadline in which a thread that cannot be interrupted ends
FAILURES = (OSError, HTTPException, ValueError)
"""What ``post`` raises if there is no answer: no such host, refused, no HTTP, connection lost."""


class DeadlineError(Exception):
    """The answer was not complete in time."""


@dataclass(frozen=True)
class HttpAnswer:
    """Status, the server's reason phrase, and the unchanged body."""

    status: int
    reason: str
    body: bytes

    @property
    def fine(self) -> bool:
        """Whether the status means success; a redirection does not."""
        return 200 <= self.status < 300


def post(url: str, headers: Mapping[str, str], body: bytes, *, seconds: float, limit: int) -> HttpAnswer:
    """Send ``body`` to an http or https address and return the answer, of any status; redirections are not followed.

    ``seconds`` is the time for everything: the name, the connection, and the complete answer. ``limit`` is in bytes.
    An https address is reached through the tunnel of the environment's ``https_proxy``, if any, which sees none of the
    headers; an http address is always reached directly. Raises DeadlineError, FileError for a longer answer, and
    ``FAILURES``.
    """
    call = _Call(url, headers, body, seconds, limit)
    Thread(target=call.run, daemon=True).start()  # a name lookup cannot be interrupted, only abandoned
    try:
        return call.answer.result(timeout=seconds)
    except TimeoutError as error:
        if call.answer.done():  # at the last moment, or with the system's own time-out as its result
            return call.answer.result()
        raise DeadlineError from error
    finally:
        call.hang_up()


class _Call:
    """One request, made in a thread of its own."""

    def __init__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int) -> None:
        self.answer: Future[HttpAnswer] = Future()
        self._url, self._headers, self._body = url, headers, body
        self._limit = limit
        self._connection = _connection(url, seconds + _GRACE_SECONDS)
        self._socket: socket.socket | None = None

    def run(self) -> None:
        """Make the request; the result of ``answer`` is the server's answer or the error."""
        try:
            self.answer.set_result(self._answer())
        except Exception as error:  # raised in the thread that waits
            self.answer.set_exception(error)
        finally:
            self._connection.close()

    def hang_up(self) -> None:
        """Shut the connection down, which ends a thread that still reads from it."""
        if self._socket is not None and not self.answer.done():
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:  # the server has closed it already
                return

    def _answer(self) -> HttpAnswer:
        self._connection.connect()
        self._socket = self._connection.sock
        parts = urlsplit(self._url)
        self._connection.request("POST", parts.path or "/", self._body, dict(self._headers))
        with self._connection.getresponse() as response:
            fine = 200 <= response.status < 300
            body = response.read(self._limit + 1 if fine else LONGEST_COMPLAINT)
            if len(body) > self._limit:
                raise FileError(f"answers with more than {self._limit / 2**20:g} MiB")
            if fine and response.length:
                raise IncompleteRead(body, response.length)
            return HttpAnswer(response.status, response.reason, body)


def _connection(url: str, seconds: float) -> HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port or 80, timeout=seconds)
    proxy = None if proxy_bypass(host) else getproxies().get("https")
    if not proxy:
        return HTTPSConnection(host, parts.port or 443, timeout=seconds)
    via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if via.scheme != "http" or not via.hostname:
        raise ValueError("https_proxy must be written as http://HOST:PORT")
    connection = HTTPSConnection(via.hostname, via.port or 80, timeout=seconds)
    connection.set_tunnel(host, parts.port or 443, _proxy_headers(via.username, via.password))
    return connection


def _proxy_headers(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}
