"""What the kubernetes client is told of a connection: a kubeconfig of one entry, and its proxy."""

import ipaddress
from typing import Any
from urllib.parse import unquote, urlsplit

from kubectl_caps.cluster.connection import Connection


def client_document(connection: Connection) -> dict[str, Any]:
    """A kubeconfig for the client. It gets no token, plugin or certificate: `Credentials` and `tls` have those."""
    cluster = {
        "server": connection.server,
        "insecure-skip-tls-verify": connection.trust.insecure,
        **({"tls-server-name": connection.trust.server_name} if connection.trust.server_name else {}),
        **({"proxy-url": connection.proxy_url} if connection.proxy_url else {}),
    }
    return {
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [],
        "contexts": [{"name": "it", "context": {"cluster": "it"}}],
        "current-context": "it",
    }


def set_proxy(configuration: Any, connection: Connection) -> None:
    """kubectl's rules: proxy-url always counts; a proxy of the environment never for a loopback server."""
    from urllib3 import make_headers

    if connection.proxy_url:
        configuration.no_proxy = None
    elif _is_loopback(urlsplit(connection.server).hostname or ""):
        configuration.no_proxy = "*"
    proxy = urlsplit(configuration.proxy or "")
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        configuration.proxy_headers = make_headers(proxy_basic_auth=pair)


def proxy_of(configuration: Any, connection: Connection) -> str | None:
    """The proxy that the client goes through to this server, if any."""
    from requests.utils import should_bypass_proxies

    proxy: str | None = configuration.proxy
    return None if not proxy or should_bypass_proxies(connection.server, configuration.no_proxy) else proxy


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
