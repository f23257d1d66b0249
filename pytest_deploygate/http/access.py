"""How a server is reached: its URL, credentials, TLS, proxy and headers."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.secrets import Redactor, Secret
from pytest_deploygate.core.text import printable

AUTHORIZATION = "Authorization"
# Some servers take a key as a parameter of the URL.
_SECRET_NAME = re.compile(r"token|key|secret|passw|pwd|auth|signature|credential", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Tls(NamedTuple):
    """How the server and this client prove their identity.

    Args:
        ca_file: certificates of the only authorities to trust; empty for the usual ones.
        certificate: files with the client's certificate and its key.
        server_name: the name in the server's certificate, if it differs from the URL's host.
        verify: whether the server's certificate is checked.
        tls13: whether at least TLS 1.3 is required.
    """

    ca_file: str = ""
    certificate: tuple[str, str] | None = None
    server_name: str = ""
    verify: bool = True
    tls13: bool = False


class Access(NamedTuple):
    """How one server is reached.

    Args:
        url: without credentials. Its parameters are sent along with every request.
        redactor: knows the credentials.
        headers: added to every request, such as ``Authorization``.
        tls: how the server and this client prove their identity.
        proxy: the URL of a proxy; empty for no proxy; None for that of the environment.
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
    """Access from a URL alone, which may contain user:password.

    Raises:
        ConfigurationError: it is not a valid http or https URL.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is not a number raises ValueError
        misplaced = "@" in parts.path + parts.query + parts.fragment
    except ValueError:
        host, misplaced = None, False
    if not host or misplaced or parts.scheme not in ("http", "https"):
        # This URL cannot be split: whatever is before the last @ may be a password.
        credentials, at, rest = url.rpartition("@")
        shown = f"***@{rest}" if credentials or at else url
        raise ConfigurationError(
            f"{origin} {shown!r}: is not a valid URL; write it with its scheme, such as "
            "http://localhost:9090 or https://prometheus.example.com/base, and percent-encode "
            "special characters in a password (@ / ? #)"
        )
    if parts.fragment:
        raise ConfigurationError(
            f"{origin}: #{printable(redactor.text(parts.fragment), 40)} is for a browser, and is "
            "never sent to a server; cut it off"
        )
    clean, authorization = without_credentials(url, redactor)
    _hide_secrets(parts.query, redactor)
    headers = {AUTHORIZATION: authorization} if authorization else {}
    return Access(url=clean, redactor=redactor, headers=headers)


def _hide_secrets(query: str, redactor: Redactor) -> None:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if _SECRET_NAME.search(name):
            redactor.add(value)


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
    """The value of a header, checked.

    Args:
        value: it is not shown in messages, because it may be a secret.
        what: the name of the value in messages.

    Raises:
        ConfigurationError: it contains a line break, which would begin a header of its own, or
            another control character.
    """
    if _CONTROL.search(value):
        raise ConfigurationError(
            f"{what}: contains a line break or another control character, which is not allowed in "
            "an HTTP header; check what was pasted there"
        )
    return value
