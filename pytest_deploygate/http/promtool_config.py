"""``--prometheus-config``: promtool's ``--http.config.file``, Prometheus' own ``http_config``.

Source: https://prometheus.io/docs/prometheus/latest/configuration/promtool/
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.secrets import Redactor, Secret
from pytest_deploygate.http.access import AUTHORIZATION, Access, Tls, access_by_url, basic, sendable
from pytest_deploygate.http.promtool_file import load, switched_on

Table = Mapping[str, Any]

# Set by the client itself, or would change the connection; the list is Prometheus' own.
_RESERVED = frozenset({
    "accept-encoding", "authorization", "connection", "content-encoding", "content-length",
    "content-type", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "transfer-encoding", "user-agent", "www-authenticate",
})  # fmt: skip
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.1


def read(path: Path, url: str, redactor: Redactor) -> Access:
    """Access to a server as a file describes it.

    Args:
        path: the file; the files that it names are relative to its directory.
        url: the URL of the server, without credentials.
        redactor: learns every secret.

    Raises:
        ConfigurationError: the file, or one that it names, cannot be read or used.
    """
    table, files = load(path), _Files(path, redactor)
    given = table.get("http_headers", {})
    headers = {name: _header(name, one, files) for name, one in given.items()}
    if authorization := _authorization(table, files):
        headers[AUTHORIZATION] = authorization
    return Access(
        url=url,
        redactor=redactor,
        headers=headers,
        tls=_tls(table.get("tls_config", {}), files),
        proxy=_proxy(table, url, files),
    )


@dataclass(frozen=True, slots=True)
class _Files:
    """The configuration file, and the files that it names."""

    path: Path
    redactor: Redactor

    def refusal(self, complaint: str) -> ConfigurationError:
        return ConfigurationError(f"--prometheus-config {self.path}: {complaint}")

    def beside(self, name: str) -> str:
        return str(self.path.parent / name)

    def text(self, table: Table, key: str, where: str) -> str:
        """The value of a key, or of the file that ``KEY_file`` names."""
        if file := table.get(f"{key}_file"):
            return self.content(str(file), f"{where}{key}_file")
        return str(table.get(key, ""))

    def secret(self, table: Table, key: str, where: str = "") -> str:
        """The same, hidden from every output."""
        value = self.text(table, key, where)
        self.redactor.add(value)  # before anything can go wrong, and a message show it
        return value

    def content(self, name: str, what: str) -> str:
        """The content of a file, without white space around it."""
        path = self.beside(name)
        with self.explained(f"{what} {path}", "is not UTF-8 text"):
            text = Path(path).read_text(encoding="utf-8").strip()
        if not text:
            raise self.refusal(f"{what} {path}: is empty")
        return text

    @contextmanager
    def explained(self, what: str, unusable: str) -> Iterator[None]:
        """Describe a file that cannot be used in one line, without its content: it is secret."""
        try:
            yield
        except (ssl.SSLError, ValueError):
            raise self.refusal(f"{what}: {unusable}") from None
        except OSError as error:
            raise self.refusal(f"{what}: {error.strerror}") from None


def _header(name: str, given: Table, files: _Files) -> Secret:
    """Several values become one list in one header (RFC 9110, 5.3)."""
    what = f"http_headers.{name}"
    if name.lower() in _RESERVED:
        raise files.refusal(f"{what}: the client itself sets this header, leave it out")
    if not _NAME.fullmatch(name):
        raise files.refusal(f"{what!r}: is not a valid name of a header")
    hidden = [*given.get("secrets", ())]
    hidden += [files.content(file, what) for file in given.get("files", ())]
    for secret in hidden:
        files.redactor.add(secret)
    values = [*given.get("values", ()), *hidden]
    if not values:
        raise files.refusal(f"{what}: give values, secrets or files")
    return Secret(sendable(", ".join(values), f"--prometheus-config {files.path}: {what}"))


def _authorization(table: Table, files: _Files) -> Secret | None:
    if given := table.get("basic_auth"):
        user = files.text(given, "username", "basic_auth.")
        return basic(user, files.secret(given, "password", "basic_auth."), files.redactor)
    given = table.get("authorization", {})
    token = files.secret(given, "credentials", "authorization.")
    token = token or files.secret(table, "bearer_token")
    kind = str(given.get("type", "Bearer")).strip()
    if kind.lower() == "basic":
        raise files.refusal("authorization.type: for basic authentication write basic_auth")
    what = f"--prometheus-config {files.path}: the credentials"
    return Secret(sendable(f"{kind} {token}", what)) if token else None


def _tls(table: Table, files: _Files) -> Tls:
    paths = {key: files.beside(table[key]) for key in table if key.endswith("_file")}
    tls = Tls(
        ca_file=paths.get("ca_file", ""),
        certificate=(paths["cert_file"], paths["key_file"]) if "cert_file" in paths else None,
        server_name=str(table.get("server_name", "")),
        verify=not switched_on(table.get("insecure_skip_verify", "")),
        tls13=table.get("min_version") == "TLS13",
    )
    _refuse_unusable(tls, files)
    return tls


def _refuse_unusable(tls: Tls, files: _Files) -> None:
    """Check certificates and keys before the run, not in every query."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_file:
        with files.explained(f"tls_config.ca_file {tls.ca_file}", "contains no PEM certificate"):
            context.load_verify_locations(tls.ca_file)
    if tls.certificate:
        named = f"tls_config.cert_file {tls.certificate[0]}, key_file {tls.certificate[1]}"
        with files.explained(named, "are not a PEM certificate and its key without a passphrase"):
            # With an empty passphrase OpenSSL refuses an encrypted key, and does not ask for one.
            context.load_cert_chain(*tls.certificate, password=lambda: "")


def _proxy(table: Table, url: str, files: _Files) -> Secret | None:
    if "proxy_url" not in table:
        switch = table.get("proxy_from_environment")
        return None if switch is None or switched_on(switch) else Secret("")
    from requests.utils import should_bypass_proxies

    given = str(table["proxy_url"])
    access_by_url(given, files.redactor, origin=f"--prometheus-config {files.path}: proxy_url")
    bypassed = "no_proxy" in table and should_bypass_proxies(url, str(table["no_proxy"]))
    return Secret("" if bypassed else given)
