"""Makes the kubernetes client's connection pool, with connections that `dial` opens."""

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
    """The connection pool of the client's REST layer. The client gets no token, plugin, certificate or proxy."""
    configuration = Configuration()
    load_kube_config_from_dict(  # type: ignore[no-untyped-call]
        _document(connection), client_configuration=configuration
    )
    # `dial` connects through the connection's proxy. The client would choose a proxy by other rules than kubectl.
    configuration.proxy, configuration.no_proxy = None, None
    _silence_urllib3()
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
    # For a server without TLS an HTTP proxy forwards the request, and needs the whole URL in it.
    passed_on = proxy.startswith("http") and not connection.secure

    class DialedConnection(HTTPSConnection):
        is_verified = True  # the TLS context verifies, or the user has turned it off: urllib3 must not warn

        def connect(self) -> None:
            self.sock = dial(server, proxy, tls, name, tunnel=False)

        def putrequest(self, method: str, url: str, *args: Any, **options: Any) -> None:
            origin = f"http://{self.host}:{self.port}" if passed_on else ""
            super().putrequest(method, f"{origin}{url}", *args, **options)
            if passed_on and (login := authorization(proxy)):
                self.putheader("Proxy-Authorization", login)

    class Plain(HTTPConnectionPool):
        ConnectionCls = DialedConnection

    class Secure(HTTPSConnectionPool):
        ConnectionCls = DialedConnection

    return {"http": Plain, "https": Secure}


def _silence_urllib3() -> None:
    """Turn off urllib3's messages, because `connection_error` words each error once, and allow many headers."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    # The answer to a namespace's new label may have a Warning header for each pod that violates the level. http.client
    # raises an error at the hundredth header, when the server has already made the change.
    http.client._MAXHEADERS = max(http.client._MAXHEADERS, 10_000)  # type: ignore[attr-defined]
    urllib3.disable_warnings()
