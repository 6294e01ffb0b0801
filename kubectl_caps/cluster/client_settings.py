"""What the kubernetes client is told of a connection: a kubeconfig of one entry, and its proxy."""

import ipaddress
from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit

from kubectl_caps.cluster.connection import Connection
from kubectl_caps.cluster.credentials import Credential


def client_document(connection: Connection, credential: Credential) -> dict[str, Any]:
    """A kubeconfig of one entry for the client. It gets no token or plugin: `Credentials` has those."""
    trust, identity = connection.trust, connection.identity
    cluster = {
        "server": connection.server,
        "insecure-skip-tls-verify": trust.insecure,
        **_file_or_data("certificate-authority", trust.authority, trust.authority_data),
        **({"tls-server-name": trust.server_name} if trust.server_name else {}),
        **({"proxy-url": connection.proxy_url} if connection.proxy_url else {}),
    }
    if identity.has_certificate:
        user = {
            **_file_or_data("client-certificate", identity.certificate, identity.certificate_data),
            **_file_or_data("client-key", identity.key, identity.key_data),
        }
    else:
        user = {
            **_file_or_data("client-certificate", "", credential.certificate),
            **_file_or_data("client-key", "", credential.key),
        }
    return {
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }


def _file_or_data(name: str, path: str, data: bytes) -> dict[str, str]:
    if data:
        return {f"{name}-data": b64encode(data).decode()}
    return {name: path} if path else {}


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
