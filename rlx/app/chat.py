"""A client for chat completions with OpenAI's interface: one request, one answer, one clear error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from rlx.app.post import FAILURES, DeadlineError, HttpAnswer, post
from rlx.errors import FileError, PlanError
from rlx.ranges import Number, check
from rlx.untrusted.documents import parse_json
from rlx.untrusted.escape import one_line
from rlx.untrusted.secret import LONG, hide, hide_key
from rlx.untrusted.shown import brief
from rlx.untrusted.text import decode, gunzip

BASE_URL, API_KEY, MODEL = "RLX_PLAN_BASE_URL", "RLX_PLAN_API_KEY", "RLX_PLAN_MODEL"
TEMPERATURE = "RLX_PLAN_TEMPERATURE"
OMITTED = ("null", "none")
LARGEST_ANSWER = 8 * 2**20  # bytes; a plan has a few thousand bytes
SECONDS = Number(0.001, 86_400)
SHOWN = 200  # most characters of an answer in a message


@dataclass(frozen=True)
class Endpoint:
    """The server to ask, the model, and how long to wait; the key is never shown. ``temperature`` None is not sent."""

    base_url: str
    api_key: str = field(repr=False)
    model: str
    timeout_seconds: float = 120.0
    temperature: float | None = 0.0

    @property
    def url(self) -> str:
        """The address of the request."""
        return f"{self.base_url}/chat/completions"


@dataclass(frozen=True)
class Completion:
    """A model's answer: its text, '' for none, the reason why it ended, and the model's refusal, if any."""

    text: str
    finish_reason: str | None = None
    refusal: str | None = None


def endpoint_from(
    environment: Mapping[str, str], timeout_seconds: float = 120.0, temperature: str | None = None
) -> Endpoint:
    """Return the endpoint in the environment variables; PlanError for one that is missing or invalid.

    ``temperature`` from the command line overrides that of the environment; ``null`` is not sent.
    """
    hints = {
        BASE_URL: "the address up to /chat/completions, such as https://api.openai.com/v1",
        API_KEY: "the key to send; any text for a server that needs none",
        MODEL: "the name of the model",
    }
    for name, hint in hints.items():
        if not environment.get(name, "").strip():
            raise PlanError(f"{name}: not set. Set it to {hint}.")
    base_url, api_key, model = (environment[name].strip() for name in hints)
    _check_address(base_url)
    if not (api_key.isascii() and api_key.isprintable()):
        raise PlanError(f"{API_KEY}: contains characters that no key has.")
    check("--timeout-seconds", timeout_seconds, SECONDS)
    name, text = ("--temperature", temperature) if temperature else (TEMPERATURE, environment.get(TEMPERATURE, ""))
    return Endpoint(base_url.rstrip("/"), api_key, model, timeout_seconds, _temperature(name, text.strip()))


def _check_address(base_url: str) -> None:
    """Raise PlanError for an invalid address; the message does not repeat it if it may contain a password."""
    if "@" in base_url:
        raise PlanError(f"{BASE_URL}: contains a user name or password (@). Leave it out: {API_KEY} is sent.")
    if "?" in base_url or "#" in base_url:
        raise PlanError(f"{BASE_URL}: contains a ? or #. Give only the address up to /chat/completions.")
    if not base_url.isascii() or not base_url.isprintable() or " " in base_url:
        raise PlanError(f"{BASE_URL}={base_url!a}: contains characters that no address has. Write them as %20.")
    try:
        parts = urlsplit(base_url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError as error:
        raise PlanError(f"{BASE_URL}={brief(base_url, SHOWN)}: not an address: {error}.") from error
    if parts.scheme not in ("http", "https"):
        raise PlanError(f"{BASE_URL}={brief(base_url, SHOWN)}: must begin with http:// or https://.")
    if not host:
        raise PlanError(f"{BASE_URL}={brief(base_url, SHOWN)}: names no host and port that can be reached.")


def _temperature(name: str, text: str) -> float | None:
    if text.lower() in OMITTED:
        return None
    try:
        value = float(text or 0.0)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 2.0:
        raise PlanError(f"{name} {brief(text)}: must be a number from 0 to 2, or null for a model that accepts none.")
    return value


def ask(endpoint: Endpoint, messages: Sequence[Mapping[str, str]]) -> str:
    """Return the body of the server's answer to ``messages`` as text, with the key masked.

    Raises PlanError if the server cannot be reached or does not answer in time, or if its answer is an error, too long
    or no text.
    """
    body: dict[str, Any] = {"model": endpoint.model, "messages": list(messages)}
    if endpoint.temperature is not None:
        body["temperature"] = endpoint.temperature
    answer = _post(endpoint, json.dumps(body).encode())
    try:
        text = _text(answer, endpoint)
    except FileError as error:
        if answer.fine:
            raise PlanError(f"{error} Check {BASE_URL}.") from error
        text = ""
    if not answer.fine:
        _complain(answer, text, endpoint)
    return text


def _post(endpoint: Endpoint, body: bytes) -> HttpAnswer:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {endpoint.api_key}"}
    seconds = endpoint.timeout_seconds
    try:
        return post(endpoint.url, headers, body, seconds=seconds, limit=LARGEST_ANSWER)
    except DeadlineError as error:
        message = f"no answer within {seconds:g} s. Try again, or raise --timeout-seconds."
        raise PlanError(f"{endpoint.url}: {message}") from error
    except FileError as error:
        raise PlanError(f"{endpoint.url}: {error}. No plan is that long: check {BASE_URL}.") from error
    except FAILURES as error:
        reason = brief(str(error) or type(error).__name__, SHOWN)
        raise PlanError(f"{endpoint.url}: cannot be reached: {reason}. Check {BASE_URL}.") from error


def _text(answer: HttpAnswer, endpoint: Endpoint) -> str:
    """Return the body as text; some servers compress it without being asked."""
    name = f"{endpoint.url}: the answer"
    packed = answer.body.startswith(b"\x1f\x8b")
    text = decode(gunzip(answer.body, name, LARGEST_ANSWER) if packed else answer.body, name)
    return hide_key(text, endpoint.api_key) if len(endpoint.api_key) >= LONG else text


def _complain(answer: HttpAnswer, text: str, endpoint: Endpoint) -> NoReturn:
    said = answer_shown(hide(text[: 20 * SHOWN], endpoint.api_key))
    hints = {401: f" Check {API_KEY}.", 403: f" Check {API_KEY}.", 404: f" Check {BASE_URL} and {MODEL}."}
    hint = hints.get(answer.status, "")
    if answer.status == 400 and "temperature" in text:
        hint = " Leave the temperature out with --temperature null."
    reason = one_line(answer.reason)[:SHOWN]
    raise PlanError(f"{endpoint.url}: answered with status {answer.status} {reason}: {said}.{hint}")


def read_completion(answer: str, url: str) -> Completion:
    """Return the completion in the JSON of an answer; PlanError, with ``url``, if it is not a chat completion.

    The content may be a text or a list of parts, of which those with text are joined.
    """
    try:
        choice = parse_json(answer, "it")["choices"][0]
        message = choice["message"]
        content, refusal = message.get("content"), message.get("refusal")
    except (FileError, LookupError, TypeError, AttributeError) as error:
        why = f" ({error})" if isinstance(error, FileError) else ""
        said = answer_shown(answer)
        raise PlanError(f"{url}: the answer is not a chat completion{why}: {said}. Check {BASE_URL}.") from error
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    text = "".join(text for text in texts if isinstance(text, str))
    reasons = (choice.get("finish_reason"), refusal)
    finish, refusal = (reason if isinstance(reason, str) else None for reason in reasons)
    return Completion(text.strip(), finish, refusal)


def answer_shown(text: str) -> str:
    """Return the beginning of an answer as it is quoted in a message."""
    text = " ".join(text[: 4 * SHOWN].split())
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
