"""The one way to send HTTP requests: to Prometheus, to the endpoints of actions, to a Pushgateway.

Whoever sends decides what to send, how long it may take, and what a status means. Everything else
is decided here, and is the same for all of them:

- One deadline and one size limit hold for the whole response (see ``response_limits``).
- Credentials are sent to the given server only. A redirect to another server is not followed.
- ``~/.netrc`` is not read, and cookies are not kept: nothing but the configuration decides which
  credentials are sent.
- The environment (proxies, certificates) is read once, when the client is made.
- Every failure becomes a :class:`~pytest_deploygate.http.request_errors.RequestError`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests
import urllib3

from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.text import printable
from pytest_deploygate.core.urls import below
from pytest_deploygate.http.access import Access
from pytest_deploygate.http.request_errors import Cause, RequestError, request_error
from pytest_deploygate.http.response_limits import read_body
from pytest_deploygate.http.transport import Transport

_EXCERPT = 64 * 1024  # bytes of a body of which only the status and the first words are shown
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}


class Request(NamedTuple):
    """One request to the server of an :class:`~pytest_deploygate.http.access.Access`.

    Args:
        method: such as ``"POST"``.
        path: below the URL of the access; empty for that URL itself.
        params: sent in the URL.
        body: bytes as they are, or the fields of a form.
        content_type: of a body of bytes.
    """

    method: str
    path: str = ""
    params: Mapping[str, str] = MappingProxyType({})
    body: bytes | Mapping[str, str] | None = None
    content_type: str = ""


class Response(NamedTuple):
    """What a server sent. The names of headers are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the server did what was requested."""
        return 200 <= self.status < 300

    def summary(self, redactor: Redactor) -> str:
        """The status and the beginning of the body: ``answers 401: Unauthorized``."""
        # Secrets are removed before the text is cut: half a secret would not be recognised.
        body = printable(redactor.text(self.body.decode("utf-8", "replace").strip()))
        text = f"answers {self.status}" + (f": {body}" if body else "")
        redirects = not self.is_success and self.status < 400
        return f"{text} (redirects are not followed)" if redirects else text


class Client:
    """Sends requests to one server over one pool of connections, from any number of threads.

    Args:
        access: the server, and what it takes to be let in.
        connections: how many are kept open.
        redirects: how many redirects to the same server are followed. With 0 a redirect is
            returned like any other response.
        excerpt: how many bytes of a body are enough; 0 for whole bodies.
    """

    def __init__(
        self, access: Access, *, connections: int = 1, redirects: int = 0, excerpt: int = 0
    ) -> None:
        self._access = access
        self._redirects = redirects
        self._excerpt = excerpt
        self._session = _session(access, connections)

    def send(self, request: Request, deadline: float) -> Response:
        """Send a request, and receive the response before a deadline.

        Args:
            request: what to send.
            deadline: on the monotonic clock, in seconds. It does not limit the look-up of the
                server's name: the system's resolver has its own time limit.

        Raises:
            RequestError: there is no usable response.
        """
        url = below(self._access.url, request.path)
        try:
            return self._follow(request, url, deadline)
        except Exception as error:
            # without its context: the texts of the libraries may contain credentials of a proxy
            raise request_error(error, self._access.redactor) from None

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _follow(self, request: Request, url: str, deadline: float) -> Response:
        for _ in range(self._redirects + 1):
            with self._open(request, url, deadline) as response:
                target = _target(response) if self._redirects else None
                if target is None:
                    body = read_body(response, excerpt=self._excerpt)
                    return Response(response.status_code, response.headers, body)
            self._refuse_elsewhere(url, target)
            url = _with_parameters(target, self._access.url)
        raise RequestError(Cause.REDIRECT, "redirects in a circle")

    def _open(self, request: Request, url: str, deadline: float) -> requests.Response:
        left = deadline - time.monotonic()
        if left <= 0:
            raise requests.Timeout
        return self._session.request(
            request.method,
            url,
            params=request.params,
            data=request.body,
            headers={"Content-Type": request.content_type} if request.content_type else None,
            timeout=urllib3.Timeout(total=left),  # type: ignore[arg-type]
            stream=True,
            # requests would send headers such as X-Scope-OrgID on to any other server
            allow_redirects=False,
        )

    def _refuse_elsewhere(self, url: str, target: str) -> None:
        """Credentials go to the given server, at most with TLS added, and nowhere else."""
        here, there = _server(url), _server(target)
        upgraded = here[0] == "http" and there == ("https", here[1], _PORTS["https"])
        if here != there and not upgraded:
            # without path and query, which may contain a token
            shown = printable(self._access.redactor.text(urljoin(target, "/")), 120)
            raise RequestError(Cause.REDIRECT, f"redirects to {shown}, which is another server")


def send_once(access: Access, request: Request, deadline: float) -> Response:
    """Send one request over a connection of its own; of the body, the beginning is enough.

    Raises:
        RequestError: there is no usable response before the deadline (monotonic clock, seconds).
    """
    client = Client(access, excerpt=_EXCERPT)
    try:
        return client.send(request, deadline)
    finally:
        client.close()


def put(access: Access, path: str, body: bytes, *, content_type: str, within: float) -> str:
    """Send a document that replaces the one before.

    Args:
        access: the server.
        path: where the document is, below the URL of the server.
        body: the document.
        content_type: what it is.
        within: the longest time in seconds.

    Returns:
        Why the document did not arrive, empty if it did.
    """
    request = Request("PUT", path, body=body, content_type=content_type)
    try:
        response = send_once(access, request, time.monotonic() + within)
    except RequestError as error:
        return str(error)
    return "" if response.is_success else f"it {response.summary(access.redactor)}"


def _session(access: Access, connections: int) -> requests.Session:
    session = requests.Session()
    transport = Transport(access, connections=connections)
    session.mount("http://", transport)
    session.mount("https://", transport)
    session.headers["Accept-Encoding"] = "gzip"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    _read_environment_once(session, access.url)

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(access.header_bytes())  # type: ignore[arg-type]
        return request

    # last of all, so that no other header takes the place of a configured one
    session.auth = authorize
    return session


def _read_environment_once(session: requests.Session, url: str) -> None:
    """Take proxies and certificates from the environment before anything is sent.

    pytest sets and deletes a variable around every test. A thread that reads the environment
    meanwhile may find it changing, and fail. Not to trust the environment afterwards also keeps
    requests from reading ~/.netrc.
    """
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = found["proxies"], found["verify"]
    session.trust_env = False


def _target(response: requests.Response) -> str | None:
    location = response.headers.get("Location")
    if response.status_code in _REDIRECTS and location:
        return urljoin(response.url, location)
    return None


def _with_parameters(target: str, url: str) -> str:
    """The target of a redirect with the parameters of the server's own URL.

    One that chooses a tenant must not get lost on the way: the answer would be of all of them.
    """
    there = parse_qsl(urlsplit(target).query, keep_blank_values=True)
    own = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return below(target, "", urlencode([pair for pair in own if pair not in there]))


def _server(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port.

    Raises:
        ValueError: it is not a URL.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
