"""How a server is reached: its URL, credentials, TLS, proxy and headers."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.secrets import Redactor, Secret

AUTHORIZATION = "Authorization"
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Tls(NamedTuple):
    """How the server proves who it is, and how this client does.

    Args:
        ca_file: certificates of the only authorities to trust; the usual ones without it.
        certificate: files with the client's certificate and its key.
        server_name: the name in the server's certificate, when it is not the URL's host.
        verify: whether the server has to prove anything.
        tls13: whether TLS 1.2 is too old.
    """

    ca_file: str = ""
    certificate: tuple[str, str] | None = None
    server_name: str = ""
    verify: bool = True
    tls13: bool = False


class Access(NamedTuple):
    """A server's URL without credentials, and what is needed to be let in.

    ``proxy`` is the URL of one, empty for none at all, and None to do as the environment says.
    """

    url: str
    redactor: Redactor
    headers: Mapping[str, Secret] = MappingProxyType({})
    tls: Tls = Tls()
    proxy: Secret | None = None

    def header_bytes(self) -> dict[str, bytes]:
        """The headers to send, as UTF-8: Python would encode text as Latin-1, or fail."""
        sent = {name: secret.reveal() for name, secret in self.headers.items()}
        return {name: text.encode("utf-8", "surrogateescape") for name, text in sent.items()}


def access_by_url(url: str, redactor: Redactor, *, origin: str) -> Access:
    """Access with nothing but a URL, which may hold user:password.

    Raises:
        ConfigurationError: it is not an http or https URL.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is not a number raises ValueError
        misplaced = "@" in parts.path + parts.query + parts.fragment
    except ValueError:
        host, misplaced = None, False
    if not host or misplaced or parts.scheme not in ("http", "https"):
        credentials, at, rest = url.rpartition("@")
        shown = f"***@{rest}" if credentials or at else url
        raise ConfigurationError(
            f"{origin} {shown!r}: is not a valid URL; write it with its scheme, such as "
            "http://localhost:9090 or https://prometheus.example.com/base, and percent-encode what "
            "is special in a password (@ / ? #)"
        )
    clean, authorization = without_credentials(url, redactor)
    clean = urlunsplit(urlsplit(clean)._replace(query="", fragment=""))
    headers = {AUTHORIZATION: authorization} if authorization else {}
    return Access(url=clean, redactor=redactor, headers=headers)


def without_credentials(url: str, redactor: Redactor) -> tuple[str, Secret | None]:
    """A valid URL without its user and password, and the Authorization header they become."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{parts.port}" if parts.port is not None else ""
    clean = urlunsplit(parts._replace(netloc=netloc))
    if parts.username is None:
        return clean, None
    return clean, basic(unquote(parts.username), unquote(parts.password or ""), redactor)


def basic(user: str, password: str, redactor: Redactor) -> Secret:
    """The Authorization header of HTTP basic authentication (RFC 7617, UTF-8)."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    redactor.add(password)
    redactor.add(pair)
    return Secret(f"Basic {pair}")


def sendable(value: str, what: str) -> str:
    """A header's value, if it can be one.

    Raises:
        ConfigurationError: a line break or another control character would end the header; the
            value is not shown.
    """
    if _CONTROL.search(value):
        raise ConfigurationError(
            f"{what}: holds a line break or another control character, which no HTTP header can "
            "carry; check what was pasted there"
        )
    return value
