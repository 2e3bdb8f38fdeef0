"""A client for chat completions as OpenAI's interface has them: one request, one answer, one clear error."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rlx.errors import PlanError

BASE_URL, API_KEY, MODEL = "RLX_PLAN_BASE_URL", "RLX_PLAN_API_KEY", "RLX_PLAN_MODEL"
SHOWN = 200  # characters of an answer in a message


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, which model, and how long to wait; the key is never shown."""

    base_url: str
    api_key: str = field(repr=False)
    model: str
    timeout_seconds: float = 120.0


def endpoint_from(environment: Mapping[str, str], timeout_seconds: float = 120.0) -> Endpoint:
    """Return the endpoint that environment variables name; PlanError for one that is missing or makes no sense."""
    hints = {
        BASE_URL: "the address up to /chat/completions, such as https://api.openai.com/v1",
        API_KEY: "the key to send; any text for a server that asks for none",
        MODEL: "the name of the model",
    }
    for name, hint in hints.items():
        if not environment.get(name, "").strip():
            raise PlanError(f"{name}: is not set. Set it to {hint}.")
    base_url, api_key, model = (environment[name].strip() for name in hints)
    if urlsplit(base_url).scheme not in ("http", "https"):
        raise PlanError(f"{BASE_URL}={base_url}: must begin with http:// or https://.")
    if not (api_key.isascii() and api_key.isprintable()):
        raise PlanError(f"{API_KEY}: holds characters that no key has.")
    if not timeout_seconds > 0:
        raise PlanError(f"--timeout-seconds {timeout_seconds:g}: must be above 0.")
    return Endpoint(base_url.rstrip("/"), api_key, model, timeout_seconds)


def ask(endpoint: Endpoint, messages: Sequence[Mapping[str, str]]) -> str:
    """Return the text of the model's answer to ``messages``.

    Raises PlanError for a server that cannot be reached, does not answer in time, answers with an error or with
    something that is no chat completion.
    """
    url = f"{endpoint.base_url}/chat/completions"
    answer = _post(url, endpoint, {"model": endpoint.model, "messages": list(messages), "temperature": 0})
    try:
        content = json.loads(answer)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise PlanError(f"{url}: the answer is no chat completion: {_shown(answer)}. Check {BASE_URL}.") from error
    if not isinstance(content, str) or not content.strip():
        raise PlanError(f"{url}: the model's answer has no text: {_shown(answer)}.")
    return content


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirection unfollowed, an error status then: the key is for the address it was given for."""

    def redirect_request(self, *_: Any) -> None:
        """Return no new request."""


def _post(url: str, endpoint: Endpoint, body: Mapping[str, Any]) -> str:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {endpoint.api_key}"}
    seconds = endpoint.timeout_seconds
    try:
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=seconds) as response:
                return str(response.read().decode("utf-8", errors="replace"))
        except urllib.error.HTTPError as error:
            with error:
                said = _shown(error.read().decode("utf-8", errors="replace"))
            hint = _hint(error.code)
            raise PlanError(f"{url}: answered with status {error.code} {error.reason}: {said}.{hint}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise PlanError(f"{url}: no answer within {seconds:g} s. Try again, or raise --timeout-seconds.") from error
        raise PlanError(f"{url}: cannot be reached: {reason}. Check {BASE_URL}.") from error


def _hint(status: int) -> str:
    hints = {401: API_KEY, 403: API_KEY, 404: f"{BASE_URL} and {MODEL}"}
    return f" Check {hints[status]}." if status in hints else ""


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
