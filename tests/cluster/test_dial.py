"""Names that no host can have: TLS and proxies cannot be told them."""

import ssl

import pytest
from wire import talking

from kubectl_caps.cluster.http.dial import dial
from kubectl_caps.errors import Unreachable

NAMES = ("a..b", ".a", "a" * 64, ".", "a\0b", "\udcff")


@pytest.mark.parametrize("name", NAMES)
def test_a_tls_server_name_that_is_no_host_name_is_an_error(name: str) -> None:
    with talking(lambda peer: None) as port, pytest.raises(Unreachable, match="is not a valid host name"):
        dial(f"https://127.0.0.1:{port}", "", ssl.create_default_context(), name)


@pytest.mark.parametrize("proxy", ["socks5", "http"])
@pytest.mark.parametrize("name", NAMES)
def test_a_server_behind_a_proxy_whose_name_is_no_host_name_is_an_error(name: str, proxy: str) -> None:
    with talking(lambda peer: None) as port, pytest.raises(Unreachable, match="is not a valid host name"):
        dial(f"https://{name}:1", f"{proxy}://127.0.0.1:{port}", ssl.create_default_context(), "")
