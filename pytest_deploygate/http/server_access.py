"""Access to the server of a run: its URL, ``PROMETHEUS_TOKEN`` and ``--prometheus-config``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.secrets import Redactor, Secret
from pytest_deploygate.http.access import AUTHORIZATION, Access, access_by_url, sendable

RESERVED = frozenset(
    {
        *("query", "time", "start", "end", "step", "timeout"),
        *("partial_response", "deny_partial_response", "nocache"),
    }
)
"""The parameters of Prometheus' API that the gate gives a value of its own."""

_PAGE = re.compile(r"/(?:api/v1(?:/(?:query|query_range|series|labels|targets))?|graph|-/\w+)/?$")


def access_to(
    url: str,
    redactor: Redactor,
    *,
    origin: str,
    environ: Mapping[str, str],
    config: Path | None = None,
) -> Access:
    """Access from a URL, which may contain user:password, ``PROMETHEUS_TOKEN`` and a file.

    Args:
        url: the URL of the server.
        redactor: learns the credentials.
        origin: where the URL was given, for messages.
        environ: may contain ``PROMETHEUS_TOKEN``.
        config: ``--prometheus-config``, in the format of promtool's ``--http.config.file``.

    Raises:
        ConfigurationError: the URL is not a valid http or https URL, the file cannot be used, or
            two of them give different credentials.
    """
    located = access_by_url(url, redactor, origin=origin)
    _refuse_page(located, origin)
    given = {
        origin: located.headers.get(AUTHORIZATION),
        "PROMETHEUS_TOKEN": _token(environ, redactor),
    }
    if config is None:
        return Access(url=located.url, redactor=redactor, headers=_authorization(given))
    # most runs have no such file, and reading one loads ssl, YAML and a schema
    from pytest_deploygate.http.promtool_config import read

    file = read(config, located.url, redactor)
    given[f"--prometheus-config {config}"] = file.headers.get(AUTHORIZATION)
    return Access(
        url=located.url,
        redactor=redactor,
        headers={**file.headers, **_authorization(given)},
        tls=file.tls,
        proxy=file.proxy,
    )


def _refuse_page(access: Access, origin: str) -> None:
    """Refuse the address of one of the server's pages, as it is copied from a browser or a manual.

    Below it there is no API; what answers there may be anything.
    """
    parts = urlsplit(access.url)
    shown = access.redactor.text(access.url)
    if page := _PAGE.search(parts.path):
        raise ConfigurationError(
            f"{origin} {shown!r}: is a page of the server; cut off {page[0]}"
            f"{' and what follows' if parts.query else ''}"
        )
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    taken = next((name for name in names if name in RESERVED or name.startswith("g0.")), None)
    if taken:
        raise ConfigurationError(
            f"{origin} {shown!r}: the gate sends {taken} itself; cut it off, and leave only what "
            "every request needs"
        )


def _token(environ: Mapping[str, str], redactor: Redactor) -> Secret | None:
    token = environ.get("PROMETHEUS_TOKEN", "").strip()
    if not token:
        return None
    redactor.add(token)
    return Secret(f"Bearer {sendable(token, 'PROMETHEUS_TOKEN')}")


def _authorization(given: Mapping[str, Secret | None]) -> dict[str, Secret]:
    """The one Authorization header of everything that was given."""
    secrets = {origin: secret for origin, secret in given.items() if secret is not None}
    # The same token twice, such as in a file and in the environment, is not a contradiction.
    distinct = {secret.reveal(): secret for secret in secrets.values()}
    if len(distinct) > 1:
        raise ConfigurationError(
            f"{' and '.join(secrets)} give different credentials; keep one of them"
        )
    return dict(zip([AUTHORIZATION], distinct.values(), strict=False))
