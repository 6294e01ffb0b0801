"""Chooses the proxy for a server, by the rules of Go's HTTP client, which kubectl uses.

A `proxy-url` of the kubeconfig always counts (client-go, tools/clientcmd/client_config.go). Without a `proxy-url`,
$HTTPS_PROXY or $HTTP_PROXY counts, by the server's scheme, unless $NO_PROXY names the server
(golang.org/x/net/http/httpproxy):

| entry of $NO_PROXY          | servers without a proxy                          |
| --------------------------- | ------------------------------------------------ |
| `*`                         | all servers                                      |
| `10.0.0.0/8`, `fd00::/8`    | the addresses of the network                     |
| `10.1.2.3`, `[fd00::1]:443` | the address, on every port or only on port 443   |
| `corp.example`, also `:443` | the name and all names below it                  |
| `.corp.example`, `*.…`      | all names below `corp.example`, not the name     |

A proxy of the environment never counts for a loopback address or `localhost`.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from kubectl_caps.errors import ConfigError

_PORTS = {"http": 80, "https": 443, "socks5h": 1080}
_NAMED = re.compile(r"(?:\[([^][]*)\]|([^][:]*)):([^][:]*)")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def checked_proxy(url: str, cluster: str) -> str:
    """The kubeconfig's `proxy-url` with a port. Raises ConfigError in kubectl's words, without the password."""
    problem = f'invalid \'proxy-url\' "{without_login(url)}" for cluster "{cluster}"'
    return _usable(url, problem, ("http", "https", "socks5"))


def environments_proxy(server: str, environment: Mapping[str, str]) -> str:
    """The proxy that the environment names for this server, or an empty text. Raises ConfigError."""
    scheme = urlsplit(server).scheme.upper()
    name = next((name for name in _both(f"{scheme}_PROXY") if environment.get(name)), None)
    if name is None or _goes_direct(server, next(filter(None, map(environment.get, _both("NO_PROXY"))), "")):
        return ""
    text = environment[name].strip()
    url = text if re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) else f"http://{text}"
    return _usable(url, f'invalid {name} "{without_login(url)}"', ("http", "https", "socks5", "socks5h"))


def _both(name: str) -> tuple[str, str]:
    return name, name.lower()


def _usable(url: str, problem: str, schemes: tuple[str, ...]) -> str:
    """The proxy as SCHEME://[USER@]HOST:PORT. Raises ConfigError.

    With `socks5` the proxy resolves names, as in Go. Python's libraries call this scheme `socks5h`.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigError(f"{problem}: could not parse: {without_login(url)}") from error
    if parts.scheme not in schemes:
        known = f"{', '.join(schemes[:-1])}, or {schemes[-1]}"
        raise ConfigError(f'{problem}: unsupported scheme "{parts.scheme}", must be {known}')
    if not (_address(host) or re.fullmatch(r"[a-z0-9_.-]+", host, re.ASCII)):
        raise ConfigError(f"{problem}: could not parse: {without_login(url)}")
    scheme = "socks5h" if parts.scheme == "socks5" else parts.scheme
    login, at, _ = parts.netloc.rpartition("@")
    return f"{scheme}://{login}{at}{f'[{host}]' if ':' in host else host}:{port or _PORTS[scheme]}"


def without_login(url: str) -> str:
    """A URL without user and password, for messages. The URL may be one that cannot be parsed."""
    return re.sub(r"^(\w+://)?.*@", r"\1", url, flags=re.DOTALL)


def _goes_direct(server: str, no_proxy: str) -> bool:
    url = urlsplit(server)
    host, port = url.hostname or "", str(url.port or _PORTS[url.scheme])
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    return any(_covers(entry.strip().lower(), host, port, address) for entry in no_proxy.split(","))


def _covers(entry: str, host: str, port: str, address: _Address | None) -> bool:
    if entry == "*":
        return True
    if re.search(r"/\d+$", entry, re.ASCII):
        return address is not None and _in_network(address, entry)
    named = _NAMED.fullmatch(entry)
    name, only = (named[1] or named[2] or "", named[3]) if named else (entry, "")
    if not name or only not in ("", port):
        return False
    if address is not None:
        return _address(name) == address
    below = name.removeprefix("*") if name.startswith("*.") else name
    return host.endswith(below) if below.startswith(".") else host == below or host.endswith(f".{below}")


def _in_network(address: _Address, text: str) -> bool:
    try:
        return address in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False


def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
