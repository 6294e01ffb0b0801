"""What the kubernetes client is told of a connection: a kubeconfig of one entry, and its proxy."""

from typing import Any
from urllib.parse import unquote, urlsplit

from kubectl_caps.cluster.connection import Connection


def client_document(connection: Connection) -> dict[str, Any]:
    """A kubeconfig for the client. It gets no token, plugin or certificate: `Credentials` and `tls` have those."""
    cluster = {
        "server": connection.server,
        "insecure-skip-tls-verify": connection.trust.insecure,
        **({"tls-server-name": connection.trust.server_name} if connection.trust.server_name else {}),
    }
    return {
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [],
        "contexts": [{"name": "it", "context": {"cluster": "it"}}],
        "current-context": "it",
    }


def set_proxy(configuration: Any, connection: Connection) -> None:
    """The connection's proxy and no other: the client has rules of its own for those of the environment."""
    from urllib3 import make_headers

    configuration.proxy, configuration.no_proxy = connection.proxy or None, None
    proxy = urlsplit(connection.proxy)
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        configuration.proxy_headers = make_headers(proxy_basic_auth=pair)
