"""Connections of requests whose TLS and proxy are those of an :class:`Access`."""

from __future__ import annotations

import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from pytest_deploygate.http.access import Access
from pytest_deploygate.http.response_limits import with_limits


class Transport(HTTPAdapter):
    """One pool of connections to one server.

    It is needed because requests prefers the environment (``REQUESTS_CA_BUNDLE``,
    ``HTTPS_PROXY``) to the settings of a session. Here the configuration counts.
    """

    def __init__(self, access: Access, *, connections: int) -> None:
        self._access = access
        # One pool: an access is for one server, and redirects stay on it.
        super().__init__(pool_connections=1, pool_maxsize=connections)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """The pool of direct connections."""
        super().init_poolmanager(connections, maxsize, block, **options, **self._tls_options())
        self._quiet(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The pool of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **options, **self._tls_options())
        self._quiet(manager)
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send one request."""
        tls, proxy = self._access.tls, self._access.proxy
        if proxy is not None:
            proxies = {"http": proxy.reveal(), "https": proxy.reveal()} if proxy.reveal() else {}
        # requests passes what the environment says; a CA of the configuration takes its place.
        verify = tls.verify and (tls.ca_file or verify)
        return super().send(request, stream, timeout, verify, tls.certificate, proxies)

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """The pool of connections to one server, with limited responses."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = with_limits(pool.ConnectionCls)
        return pool

    def _tls_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._access.tls.server_name:
            options["server_hostname"] = self._access.tls.server_name
        if self._access.tls.tls13:
            options["ssl_minimum_version"] = ssl.TLSVersion.TLSv1_3
        return options

    def _quiet(self, manager: Any) -> None:
        """Give no warning about unverified servers: the report has a notice about it.

        Warnings can only be switched off for the whole process, for the user's own tests too.
        """
        if not self._access.tls.verify:
            manager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _UnverifiedPool}


class _Unverified(HTTPSConnection):
    """A connection to a server whose certificate is not checked, as configured.

    urllib3 warns about every request for which ``is_verified`` is false.
    """

    @property
    def is_verified(self) -> bool:
        return True

    @is_verified.setter
    def is_verified(self, value: bool) -> None:
        """Ignored: urllib3 sets it when it has connected."""


class _UnverifiedPool(HTTPSConnectionPool):
    ConnectionCls = _Unverified
