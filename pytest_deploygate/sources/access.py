"""How a server is reached: its URL, credentials, TLS, proxy and headers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from pytest_deploygate.errors import ConfigurationError
from pytest_deploygate.redaction import Redactor, Secret

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A server's URL without credentials, and what is needed to be let in."""

    url: str
    redactor: Redactor
    headers: Mapping[str, Secret] = field(default_factory=dict)

    def apply(self, session: requests.Session) -> None:
        """Set up a session; an explicit ``auth`` keeps requests from asking ~/.netrc."""
        headers = {name: secret.reveal() for name, secret in self.headers.items()}

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers.update(headers)
            return request

        if headers:
            session.auth = authorize


def access_to(url: str, environ: Mapping[str, str], redactor: Redactor, origin: str) -> Access:
    """Access from a URL, which may hold user:password, and ``PROMETHEUS_TOKEN``.

    Raises:
        ConfigurationError: it is no http or https URL.
    """
    headers: dict[str, Secret] = {}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https"):
        shown = redactor.text(url)
        raise ConfigurationError(
            f"{origin} {shown!r}: is no URL; write it with its scheme, such as "
            "http://localhost:9090 or https://prometheus.example.com/base"
        )
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        headers["Authorization"] = basic(user, password, redactor)
    if token := environ.get("PROMETHEUS_TOKEN", "").strip():
        redactor.add(token)
        headers["Authorization"] = Secret(f"Bearer {token}")
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port is not None else ""
    clean = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
    return Access(url=clean, redactor=redactor, headers=headers)


def basic(user: str, password: str, redactor: Redactor) -> Secret:
    """The Authorization header of HTTP basic authentication (RFC 7617, UTF-8)."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    redactor.add(password)
    redactor.add(pair)
    return Secret(f"Basic {pair}")
