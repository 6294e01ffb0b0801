"""Which way a request goes: through which proxy, and past it. The real kubectl is asked the same questions."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Loopback, kubeconfig, kubectl, serving
from test_exec_websocket import EXEC, SUCCESS, answering, saying

from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.transport import Request, connect
from kubectl_caps.errors import ApiError, CapsError, ConfigError, Unreachable

GET = Request("GET", "/version")


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def proxy() -> Iterator[Loopback]:
    with serving({}) as server:
        yield server


# What goes direct must fail at once: names that nobody has, addresses without a route.
NO_PROXY = [
    ("*.example.invalid", "api.example.invalid", True),
    ("*.example.invalid", "example.invalid", False),
    (".example.invalid", "example.invalid", False),
    (".example.invalid", "api.example.invalid", True),
    ("example.invalid", "api.example.invalid", True),
    ("example.invalid", "example.invalid", True),
    ("example.invalid", "badexample.invalid", False),
    ("Example.INVALID , other", "API.example.invalid", True),
    ("api.example.invalid:6443", "api.example.invalid:6443", True),
    ("api.example.invalid:443", "api.example.invalid:6443", False),
    ("api.example.invalid:443", "api.example.invalid", True),
    (":6443,,", "api.example.invalid:6443", False),
    ("other,*", "api.example.invalid", True),
    ("240.1.2.3", "240.1.2.3:6443", True),
    ("240.1.2.3:6443", "240.1.2.3:6443", True),
    ("240.1.2.3:443", "240.1.2.3:6443", False),
    ("240.0.0.0/8", "240.1.2.3:6443", True),
    ("241.0.0.0/8", "240.1.2.3:6443", False),
    ("240.0.0.0/255.0.0.0", "240.1.2.3:6443", False),
    ("2.3", "240.1.2.3", False),
    ("2001:db8::/32", "[2001:db8::1]:6443", True),
    ("[2001:db8::1]:6443", "[2001:db8::1]:6443", True),
    ("2001:db8::1", "[2001:db8::1]:6443", True),
    ("[2001:db8::1]", "[2001:db8::1]:6443", False),
    ("", "api.example.invalid", False),
]


@pytest.mark.parametrize(("no_proxy", "server", "direct"), NO_PROXY)
def test_no_proxy_has_the_same_meaning_as_in_kubectl(
    proxy: Loopback, monkeypatch: pytest.MonkeyPatch, no_proxy: str, server: str, direct: bool
) -> None:
    environment = {"HTTPS_PROXY": proxy.url, "NO_PROXY": no_proxy}
    before = len(proxy.seen)
    arguments = ("get", "--raw", "/version", "--token=t", "--request-timeout=2s")
    kubectl(*arguments, "--server", f"https://{server}", **environment)
    assert (len(proxy.seen) == before) is direct
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connection = load_connection(Overrides(server=f"https://{server}", token="t", request_timeout="2s"))
    assert connection.proxy == ("" if direct else proxy.url)
    before = len(proxy.seen)
    for send in (lambda: connect(connection).send(GET), lambda: connect(connection).run(EXEC, 2)):
        with pytest.raises(Unreachable):
            send()
    assert len(proxy.seen) == before + (0 if direct else 2)


@pytest.mark.parametrize("no_proxy", [".corp.invalid", "*", "api.corp.invalid"])
def test_lists_and_streams_go_through_the_proxy_url_whatever_no_proxy_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    """To a server whose name only the proxy knows."""
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with serving({}) as proxy, answering(saying(b"\x01x", SUCCESS)) as (url, _):
        cluster = {"server": url.replace("127.0.0.1", "api.corp.invalid"), "proxy-url": proxy.url}
        transport = connect(
            load_connection(Overrides(kubeconfig=kubeconfig(tmp_path / "config", cluster, {"token": "t"})))
        )
        assert transport.send(GET).status == 404
        assert transport.run(EXEC, 5).stdout == "x"
        assert [seen.method for seen in proxy.seen] == ["GET", "CONNECT"]


@pytest.mark.parametrize("written", ["{host}", "http://{host}", "HTTP://{host}/", "me:secret@{host}"])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_of_the_environment_needs_no_scheme(
    proxy: Loopback, monkeypatch: pytest.MonkeyPatch, name: str, written: str
) -> None:
    value = written.format(host=proxy.url.removeprefix("http://"))
    before = len(proxy.seen)
    kubectl("get", "--raw", "/version", "--token=t", "--server=https://api.example.invalid", **{name: value})
    monkeypatch.setenv(name, value)
    with pytest.raises(Unreachable):
        connect(load_connection(Overrides(server="https://api.example.invalid", token="t"))).send(GET)
    theirs, ours = proxy.seen[before:]
    assert (theirs.method, theirs.path) == (ours.method, ours.path) == ("CONNECT", "api.example.invalid:443")
    assert theirs.header("Proxy-Authorization") == ours.header("Proxy-Authorization")


BAD = {
    "ftp://host:1": 'unsupported scheme "ftp", must be http, https, or socks5',
    "nohost:1": 'unsupported scheme "nohost", must be http, https, or socks5',
    "socks4://host:1": 'unsupported scheme "socks4", must be http, https, or socks5',
    "http://host:x": "could not parse: http://host:x",
    "http://a b:1": "could not parse: http://a b:1",
}


@pytest.mark.parametrize("url", BAD)
def test_a_proxy_url_that_cannot_be_used_is_said_in_kubectls_words(tmp_path: Path, url: str) -> None:
    path = kubeconfig(tmp_path / "config", {"server": "https://api.example", "proxy-url": url}, {"token": "t"})
    with pytest.raises(ConfigError) as caught:
        load_connection(Overrides(kubeconfig=path))
    assert str(caught.value) == f"error: invalid 'proxy-url' \"{url}\" for cluster \"it\": {BAD[url]}"
    assert kubectl("get", "--raw", "/version", "--kubeconfig", path).stderr.strip() == str(caught.value)


SECRETS = [
    "http://me:S3cret@nohost.invalid:99999",
    "ftp://me:S3cret@nohost.invalid",
    "http://me:S3c/S3cret@nohost.invalid:80",
    "http://me:S3c#S3cret@nohost.invalid:80",
    "http://me:S3cret@no host:80",
    "http://me:S3cret@[::1:80",
    "http://me:S3cret@",
    "http://me:S3cret@nohost.invalid",
    "me:S3cret@nohost.invalid:99999",
]


@pytest.mark.parametrize("url", SECRETS)
@pytest.mark.parametrize("where", ["HTTPS_PROXY", "proxy-url"])
def test_the_password_of_a_proxy_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, where: str
) -> None:
    cluster = {"server": "https://api.example.invalid"}
    if where == "proxy-url":
        cluster[where] = url
    else:
        monkeypatch.setenv(where, url)
    path = kubeconfig(tmp_path / "config", cluster, {"token": "t"})
    with pytest.raises(CapsError) as caught:
        connect(load_connection(Overrides(kubeconfig=path))).send(GET)
    assert not isinstance(caught.value, ApiError)
    assert "S3c" not in str(caught.value)
    assert "me:" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_no_other_proxy_of_the_environment_is_used(proxy: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python knows ALL_PROXY, kubectl does not."""
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    before = len(proxy.seen)
    with contextlib.suppress(Unreachable):
        connect(load_connection(Overrides(server="https://api.example.invalid", token="t"))).send(GET)
    assert len(proxy.seen) == before
