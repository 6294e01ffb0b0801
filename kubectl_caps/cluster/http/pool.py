"""The kubernetes client's connection pool, with connections that `dial` opens."""

import http.client
import logging
import ssl
from typing import Any

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import load_kube_config_from_dict
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from kubectl_caps.cluster.config.connection import Connection
from kubectl_caps.cluster.http.dial import authorization, dial


def pool_manager(connection: Connection, tls: ssl.SSLContext) -> urllib3.PoolManager:
    """The REST layer's pool for a connection. Its client gets no token, plugin, certificate or proxy."""
    configuration = Configuration()
    load_kube_config_from_dict(  # type: ignore[no-untyped-call]
        _document(connection), client_configuration=configuration
    )
    # `dial` goes through the connection's proxy; the client has rules of its own for those of the environment.
    configuration.proxy, configuration.no_proxy = None, None
    _quieten()
    manager: urllib3.PoolManager = ApiClient(configuration).rest_client.pool_manager
    manager.pool_classes_by_scheme = _pools(connection, tls)
    return manager


def _document(connection: Connection) -> dict[str, Any]:
    return {
        "clusters": [{"name": "server", "cluster": {"server": connection.server}}],
        "users": [],
        "contexts": [{"name": "server", "context": {"cluster": "server"}}],
        "current-context": "server",
    }


def _pools(connection: Connection, tls: ssl.SSLContext) -> dict[str, Any]:
    server, proxy, name = connection.server, connection.proxy, connection.trust.server_name
    # A server without TLS is asked for through an HTTP proxy, not behind it: the proxy wants the whole address.
    passed_on = proxy.startswith("http") and not connection.secure

    class Line(HTTPSConnection):
        is_verified = True  # by the context, or not at all because the user said so: nothing to warn of

        def connect(self) -> None:
            self.sock = dial(server, proxy, tls, name, tunnel=False)

        def putrequest(self, method: str, url: str, *args: Any, **options: Any) -> None:
            origin = f"http://{self.host}:{self.port}" if passed_on else ""
            super().putrequest(method, f"{origin}{url}", *args, **options)
            if passed_on and (login := authorization(proxy)):
                self.putheader("Proxy-Authorization", login)

    class Plain(HTTPConnectionPool):
        ConnectionCls = Line

    class Secure(HTTPSConnectionPool):
        ConnectionCls = Line

    return {"http": Plain, "https": Secure}


def _quieten() -> None:
    """urllib3 logs each refused connection; what went wrong is said once, by us."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    # A label on a namespace may be answered with a warning for each pod that it would refuse; http.client stops
    # reading at the hundredth header, after the change was made.
    http.client._MAXHEADERS = max(http.client._MAXHEADERS, 10_000)  # type: ignore[attr-defined]
    urllib3.disable_warnings()
