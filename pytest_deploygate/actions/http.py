"""POST requests to an address that may be a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from pytest_deploygate.actions.base import Context, Deadline
from pytest_deploygate.core.errors import ActionError, ConfigurationError
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.text import printable

if TYPE_CHECKING:
    import requests

_TEXT = {"type": "string", "minLength": 1}
SECRET_PLACES = ("url_env", "url_file")
"""Where an address stands that is a secret: never in the configuration itself."""

PLACES = ("url", *SECRET_PLACES)
"""Where any other address may stand, such as that of a service's admin endpoint."""

_MOST_BYTES = 64 * 1024
_LONG_ENOUGH_FOR_A_TOKEN = 12


def properties(places: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of each key of an address."""
    return dict.fromkeys((*places, "token_env"), _TEXT)


def one_of(options: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The one key of these that is given.

    Raises:
        ConfigurationError: more than one is given, or none.
    """
    given = [key for key in keys if key in options]
    if len(given) != 1:
        raise ConfigurationError(
            f"give exactly one of {', '.join(keys)}; given: {', '.join(given) or 'none'}"
        )
    return given[0]


class Endpoint:
    """An address that stands in the configuration, an environment variable or a file.

    Raises:
        ConfigurationError: ``url`` is no URL, or holds credentials.
    """

    def __init__(self, key: str, options: Mapping[str, Any], context: Context) -> None:
        self._key, self._place = key, str(options[key])
        self._token_env = str(options.get("token_env", ""))
        self._context = context
        if key == "url":
            if _split(self._place, "url").username is not None:
                raise ConfigurationError("url holds credentials; give url_env or url_file instead")
        else:
            hide(self._found(), context.redactor)
        context.redactor.add(self._token())

    def __str__(self) -> str:
        """Where the address stands; the address itself where it is no secret."""
        return f"${self._place}" if self._key == "url_env" else self._place

    def check(self) -> None:
        """Find out before the gate runs whether the address is there.

        Raises:
            ConfigurationError: it is not, or is no URL.
        """
        self._url()
        self._header()

    def post(self, document: Mapping[str, Any], deadline: Deadline) -> str:
        """Send a JSON document.

        Returns:
            The status and what was answered, for the report.

        Raises:
            ActionError: it cannot be sent, or the answer is no success.
            TimeoutError: no whole answer came in time.
        """
        import requests
        import urllib3

        try:
            return self._told(*self._exchange(document, deadline))
        except ConfigurationError as error:
            raise ActionError(str(error)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if not deadline.left or isinstance(error, requests.Timeout):
                raise TimeoutError(f"{self} does not answer") from None
            raise ActionError(f"{self}: {_cause(error)}") from None

    def _exchange(self, document: Mapping[str, Any], deadline: Deadline) -> tuple[int, str]:
        import requests

        url = self._url()
        with requests.Session() as session:
            session.auth = self._authorization(url)
            response = session.post(
                url,
                json=document,
                timeout=max(deadline.left, 0.001),
                stream=True,
                allow_redirects=False,
            )
            with response:
                body = _read(response, deadline)
        return response.status_code, printable(body.decode("utf-8", "replace").strip())

    def _told(self, status: int, body: str) -> str:
        answer = f"{self} answers {status}" + (f": {body}" if body else "")
        if 200 <= status < 300:
            return answer
        raise ActionError(f"{answer} (redirects are not followed)" if status < 400 else answer)

    def _authorization(
        self, url: str
    ) -> Callable[[requests.PreparedRequest], requests.PreparedRequest] | tuple[str, str]:
        """Always something, which keeps requests from asking ~/.netrc."""
        header, parts = self._header(), urlsplit(url)
        if not header and parts.username is not None:
            return unquote(parts.username), unquote(parts.password or "")

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers.update(header)
            return request

        return authorize

    def _header(self) -> dict[str, str]:
        if not self._token_env:
            return {}
        token = self._token()
        if not (token and token.isascii() and token.isprintable()):
            what = "is no token" if token else "is not set"
            raise ConfigurationError(f"token_env: ${self._token_env} {what}")
        return {"Authorization": f"Bearer {token}"}

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
            raise ConfigurationError(f"{self._key}: {self} {what}; it must hold the URL")
        _split(url, f"{self._key}: what {self} holds")
        return url


def hide(url: str, redactor: Redactor) -> None:
    """Keep a secret address, and whatever in it may be a token, out of everything written."""
    redactor.add(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    redactor.add(unquote(parts.password or ""))
    tokens = [*parts.path.split("/"), *(part.partition("=")[2] for part in parts.query.split("&"))]
    for token in [*tokens, parts.path]:
        if len(token) >= _LONG_ENOUGH_FOR_A_TOKEN:
            redactor.add(token)


def _split(url: str, what: str) -> SplitResult:
    """The parts of a URL; the message does not show it, a secret may only lack its scheme."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{what} is no http or https URL")
    return parts


def _read(response: requests.Response, deadline: Deadline) -> bytes:
    """The beginning of the body, however slowly it drips in."""
    import requests

    body = b""
    while len(body) < _MOST_BYTES and (chunk := response.raw.read1(decode_content=True)):
        body += chunk
        if not deadline.left:
            raise requests.Timeout("the body takes too long")
    return body


def _cause(error: BaseException) -> str:
    """The innermost cause: ``Connection refused`` instead of a pool's repr."""
    for _ in range(10):
        inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
