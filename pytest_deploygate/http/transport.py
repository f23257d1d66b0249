"""How requests connects: TLS and proxy as an :class:`Access` says, whatever else is set."""

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

    requests prefers what the environment says (``REQUESTS_CA_BUNDLE``, ``HTTPS_PROXY``) to what a
    session says; here the configuration counts.
    """

    def __init__(self, access: Access, *, connections: int) -> None:
        self._access = access
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
        verify = tls.verify and (tls.ca_file or verify)
        return super().send(request, stream, timeout, verify, tls.certificate, proxies)

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """The pool of one server, whose responses are limited."""
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
        """Warnings are for the whole process; that nothing is verified is told in the report."""
        if not self._access.tls.verify:
            manager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _UnverifiedPool}


class _Unverified(HTTPSConnection):
    """A connection that does not verify its server, as it was told."""

    @property
    def is_verified(self) -> bool:
        return True

    @is_verified.setter
    def is_verified(self, value: bool) -> None:
        """It is as it is."""


class _UnverifiedPool(HTTPSConnectionPool):
    ConnectionCls = _Unverified
