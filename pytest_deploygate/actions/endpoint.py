"""Endpoints of actions: POST a document to an address that may be a secret."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from pytest_deploygate.actions.base import Context, Deadline
from pytest_deploygate.core.errors import ActionError, ConfigurationError
from pytest_deploygate.core.secrets import Redactor, Secret
from pytest_deploygate.http.access import AUTHORIZATION, Access, without_credentials

SECRET_PLACES = ("url_env", "url_file")
"""The keys that say where a secret address is: never in the configuration itself."""

PLACES = ("url", *SECRET_PLACES)
"""The keys for any other address, such as that of a service's admin endpoint."""

_MEANINGS = {
    "url": "the address",
    "url_env": "environment variable with the address",
    "url_file": "file with the address",
    "token_env": "environment variable with the bearer token",
}
_SHORTEST_TOKEN = 12  # characters; shorter parts, such as "services", are words of the API


def text_schema(description: str) -> dict[str, Any]:
    """The JSON Schema of a text that is not empty."""
    return {"type": "string", "minLength": 1, "description": description}


def properties(places: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of each key that an address has."""
    return {key: text_schema(_MEANINGS[key]) for key in (*places, "token_env")}


def one_of(options: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The only one of these keys that is given.

    Raises:
        ConfigurationError: none is given, or more than one.
    """
    given = [key for key in keys if key in options]
    if len(given) != 1:
        raise ConfigurationError(
            f"give exactly one of {', '.join(keys)}; given: {', '.join(given) or 'none'}"
        )
    return given[0]


class Endpoint:
    """An address that is given in the configuration, in an environment variable or in a file.

    Raises:
        ConfigurationError: ``url`` is not a valid URL, or contains credentials.
    """

    def __init__(self, key: str, options: Mapping[str, Any], context: Context) -> None:
        self._key, self._place = key, str(options[key])
        self._token_env = str(options.get("token_env", ""))
        self._context = context
        if key == "url":
            if _split(self._place, "url").username is not None:
                raise ConfigurationError(
                    "url contains credentials; give url_env or url_file instead"
                )
        else:
            # Now, not when it is sent: a check may write the same variable into its output before.
            hide(self._found(), context.redactor)
        context.redactor.add(self._token())

    def __str__(self) -> str:
        """Where the address is given, or the address itself if it is not a secret."""
        return f"${self._place}" if self._key == "url_env" else self._place

    def check(self) -> None:
        """Check before the gate runs whether the address and the token can be used.

        Raises:
            ConfigurationError: the address is missing or not a valid URL, or the token is missing.
        """
        self._url()
        self._authorization()

    def post(self, document: Mapping[str, Any], deadline: Deadline) -> str:
        """Send a JSON document.

        Returns:
            The status and the beginning of the body of the response.

        Raises:
            ActionError: the request failed, or the response is not a success.
            TimeoutError: there was no complete response in time.
        """
        from pytest_deploygate.http.client import Request, send_once
        from pytest_deploygate.http.request_errors import Cause, RequestError

        # NaN is not valid JSON: a strict receiver would refuse the whole document.
        body = json.dumps(document, allow_nan=False).encode()
        request = Request("POST", body=body, content_type="application/json")
        try:
            response = send_once(self._access(), request, time.monotonic() + deadline.left)
        except ConfigurationError as error:
            raise ActionError(str(error)) from None
        except RequestError as error:
            if error.cause is Cause.TIMEOUT:
                raise TimeoutError(f"{self}: {error}") from None
            raise ActionError(f"{self}: {error}") from None
        answer = f"{self} {response.summary(self._context.redactor)}"
        if not response.is_success:
            raise ActionError(answer)
        return answer

    def _access(self) -> Access:
        """Where the document goes, with the token or else with the credentials of the URL."""
        redactor = self._context.redactor
        url, in_url = without_credentials(self._url(), redactor)
        authorization = self._authorization() or in_url
        headers = {AUTHORIZATION: authorization} if authorization else {}
        return Access(url=url, redactor=redactor, headers=headers)

    def _authorization(self) -> Secret | None:
        if not self._token_env:
            return None
        token = self._token()
        if not (token and token.isascii() and token.isprintable()):
            what = "is not a valid token" if token else "is not set"
            raise ConfigurationError(f"token_env: ${self._token_env} {what}")
        return Secret(f"Bearer {token}")

    def _token(self) -> str:
        return self._context.environ.get(self._token_env, "").strip()

    def _found(self) -> str:
        if self._key == "url":
            return self._place
        if self._key == "url_env":
            return self._context.environ.get(self._place, "").strip()
        try:
            return (self._context.directory / self._place).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _url(self) -> str:
        url = self._found()
        if not url:
            what = "is not set" if self._key == "url_env" else "cannot be read, or is empty"
            raise ConfigurationError(f"{self._key}: {self} {what}; it must contain the URL")
        _split(url, f"{self._key}: the value of {self}")
        return url


def hide(url: str, redactor: Redactor) -> None:
    """Hide a secret address, and each part of it that may be a token, in every output."""
    redactor.add(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    redactor.add(unquote(parts.password or ""))
    tokens = [*parts.path.split("/"), *(part.partition("=")[2] for part in parts.query.split("&"))]
    for token in [*tokens, parts.path]:
        if len(token) >= _SHORTEST_TOKEN:
            redactor.add(token)


def _split(url: str, what: str) -> SplitResult:
    """The parts of a URL.

    The message does not show the URL: it may be a secret of which only the scheme is missing.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{what} is not a valid http or https URL")
    return parts
