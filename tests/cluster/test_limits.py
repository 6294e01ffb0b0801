"""One deadline and one limit of size for a whole request, whatever the server does, for every transport."""

import gzip
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import Answer, Loopback, certificates, kubeconfig, kubectl, pass_on, reply, serving
from test_exec_websocket import EXEC, SUCCESS, frame
from test_exec_websocket import answering as websocket
from wire import Talk, dripping, flooding, talking

from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http import exec_websocket, transport
from kubectl_caps.cluster.http.errors import TooLong
from kubectl_caps.cluster.http.transport import Connected, Request, connect
from kubectl_caps.errors import CapsError, Unreachable

GET = Request("GET", "/version")
OK = b"HTTP/1.1 200 OK\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
SECONDS = "400ms"
GENEROUS = 10.0
"""Seconds that a loaded machine may take for what has to end after 0.4."""

Call = Callable[[Connected], object]
CALLS: dict[str, Call] = {"request": lambda to: to.send(GET), "exec": lambda to: to.run(EXEC, 0.4)}

DRIPS: dict[str, Talk] = {
    "nothing at all": lambda peer: time.sleep(GENEROUS + 5),
    "the status line": dripping(b"", b"HTTP/1.1 200 " + b"O" * 1000),
    "a header": dripping(OK, b"X-Header: " + b"a" * 1000),
    "headers without end": dripping(OK, b"X: y\r\n"),
    "continue after continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body with a length": dripping(OK + b"Content-Length: 1000000\r\n\r\n", b" "),
    "a body without a length": dripping(OK + b"Connection: close\r\n\r\n", b" "),
    "chunks": dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "the length of a chunk": dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "the handshake of a websocket": dripping(SWITCHING, b"X: y\r\n"),
    "the body of a refusal": dripping(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100000\r\n\r\n", b" "),
}


def to(port: int, scheme: str) -> Connected:
    server = f"{scheme}://127.0.0.1:{port}"
    return connect(load_connection(Overrides(server=server, token="t", request_timeout=SECONDS)))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("drip", DRIPS)
def test_a_server_that_drips_is_left_at_the_deadline(drip: str, scheme: str, call: str) -> None:
    """Over https the same bytes are a TLS handshake that never ends, or none."""
    with talking(DRIPS[drip]) as port:
        connection = to(port, scheme)
        started = time.monotonic()
        with pytest.raises(CapsError):  # exec needs no body to know that there is no websocket
            CALLS[call](connection)
        assert time.monotonic() - started < GENEROUS


@pytest.mark.parametrize("messages", [frame(b"\x01x"), frame(b"", 9), b"\x01\x01x", b"\x82\x7f\0\0\0\0\0\0"])
def test_frames_that_drip_are_left_at_the_deadline(messages: bytes) -> None:
    """Output, pings, fragments, and a header that never ends."""

    def talk(peer: socket.socket) -> None:
        while True:
            for byte in messages:
                peer.sendall(bytes([byte]))
                time.sleep(0.02)

    with websocket(talk) as (url, _):
        connection = connect(load_connection(Overrides(server=url)))
        started = time.monotonic()
        with pytest.raises(Unreachable):
            connection.run(EXEC, 0.4)
        assert time.monotonic() - started < GENEROUS


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("proxy", ["http", "https", "socks5"])
def test_a_proxy_that_drips_is_left_at_the_deadline(proxy: str, call: str, tmp_path: Path) -> None:
    drop = b"\x05\x00\x05\x00\x00\x03\xff" if proxy == "socks5" else b"HTTP/1.1 200 OK\r\n"
    with talking(dripping(b"", drop)) as port:
        cluster = {"server": "https://api.example", "proxy-url": f"{proxy}://127.0.0.1:{port}"}
        path = kubeconfig(tmp_path / "config", cluster, {"token": "t"})
        connection = connect(load_connection(Overrides(kubeconfig=path, request_timeout=SECONDS)))
        started = time.monotonic()
        with pytest.raises(Unreachable):
            CALLS[call](connection)
        assert time.monotonic() - started < GENEROUS


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 200 ",
        OK,
        OK + b"X: y",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99999999999\r\n\r\n",
        OK + b"Connection: close\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n",
    ],
)
def test_a_server_that_floods_is_left_at_the_limit(before: bytes, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "HEADER_LIMIT", 1 << 18)
    monkeypatch.setattr(transport, "ANSWER_LIMIT", 2 << 20)
    monkeypatch.setattr(transport, "REPEATS", 0)
    sent: list[int] = []
    with talking(flooding(before, b"X-Header: yyyy\r\n" * 4000, sent)) as port:
        connection = connect(load_connection(Overrides(server=f"http://127.0.0.1:{port}", request_timeout="20s")))
        with pytest.raises(CapsError):
            connection.send(GET) if call == "request" else connection.run(EXEC, 20)
        time.sleep(0.1)
    assert sum(sent) < 24 << 20, "what the buffers of two sockets hold beside the limit is a few MiB"


def test_a_frame_that_claims_more_than_the_limit_costs_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_websocket, "OUTPUT_LIMIT", 1 << 20)
    sent = [0]

    def talk(peer: socket.socket) -> None:
        peer.sendall(b"\x82\x7f" + struct.pack(">Q", 1 << 62))
        while True:
            sent[0] += peer.send(b"\x01" * 65536)

    with websocket(talk) as (url, _):
        outcome = connect(load_connection(Overrides(server=url))).run(EXEC, 20)
    assert (outcome.cut, outcome.stdout, outcome.failure) == (True, "", "too much output")
    assert sent[0] < 16 << 20


def test_a_small_answer_that_becomes_a_huge_one_is_left_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_LIMIT", 4 << 20)
    bomb = Answer(gzip.compress(b" " * (64 << 20)), headers=(("Content-Encoding", "gzip"),))
    with serving(lambda _: bomb) as server:
        with pytest.raises(TooLong) as caught:
            connect(load_connection(Overrides(server=server.url))).send(GET)
        assert len(server.seen) == 1
    host = server.url.removeprefix("http://")
    words = "is too long to be one of a Kubernetes API server"
    assert str(caught.value) == f"error: the answer of the server {host} {words}"


def test_an_answer_below_the_limit_is_read_whole() -> None:
    with serving(lambda _: reply(["x" * 1000] * 21_000)) as server:
        assert len(connect(load_connection(Overrides(server=server.url))).send(GET).body) > 20 << 20


def test_retries_share_the_deadline() -> None:
    busy = Answer(b"{}", 429, (("Retry-After", "60"),))
    with serving(lambda _: busy) as server:
        started = time.monotonic()
        assert connect(load_connection(Overrides(server=server.url, request_timeout="5s"))).send(GET).status == 429
        assert time.monotonic() - started < 30


# --- SOCKS


def socks(peer: socket.socket, wanted: tuple[bytes, bytes] | None, seen: list[bytes]) -> None:
    """A SOCKS5 proxy (RFC 1928) that connects every name to this machine."""
    peer.recv(1)
    methods = peer.recv(peer.recv(1)[0])
    if wanted:
        if 2 not in methods:
            peer.sendall(b"\x05\xff")
            return
        peer.sendall(b"\x05\x02")
        peer.recv(1)
        name = peer.recv(peer.recv(1)[0])
        good = (name, peer.recv(peer.recv(1)[0])) == wanted
        peer.sendall(b"\x01" + (b"\x00" if good else b"\x01"))
        if not good:
            return
    else:
        peer.sendall(b"\x05\x00")
    kind = peer.recv(4)[3]
    host = peer.recv(peer.recv(1)[0] if kind == 3 else 4)
    port = int.from_bytes(peer.recv(2), "big")
    seen.append(host)
    with socket.create_connection(("127.0.0.1", port)) as server:
        peer.sendall(b"\x05\x00\x00\x01" + bytes(6))
        pass_on(peer, server)


@pytest.fixture
def secure() -> Iterator[Loopback]:
    with serving({"/version": reply({})}, tls=True) as server:
        yield server


def test_a_socks_proxy_is_used_as_installed_for_requests_and_exec(secure: Loopback, tmp_path: Path) -> None:
    seen: list[bytes] = []
    with talking(lambda peer: socks(peer, (b"me", b"p@ss"), seen)) as port:
        address = f"socks5://me:p%40ss@127.0.0.1:{port}"
        named = secure.url.replace("127.0.0.1", "localhost")
        path = secure.kubeconfig(tmp_path, server=named, **{"proxy-url": address})
        assert kubectl("get", "--raw", "/version", "--kubeconfig", path).returncode == 0
        assert connect(load_connection(Overrides(kubeconfig=path))).send(GET).status == 200
        with websocket(lambda peer: peer.sendall(frame(SUCCESS) + frame(b"\x03\xe8", 8))) as (url, _):
            own = kubeconfig(tmp_path / "exec", {"server": url, "proxy-url": address}, {"token": "t"})
            assert connect(load_connection(Overrides(kubeconfig=own))).run(EXEC, 5).code == 0
    assert seen[0] == seen[1] == b"localhost"
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x05\xff", "none of the ways to log in"),
        (b"\x04\x00", "does not speak SOCKS5"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SOCKS5"),
        (b"\x05\x00\x05\x02\x00\x01", "connection not allowed by ruleset"),
        (b"\x05\x00\x05\x63\x00\x01", "unknown reply 99"),
        (b"\x05", "EOF"),
        (b"", "EOF"),
    ],
)
def test_a_socks_proxy_that_refuses_is_said(answer: bytes, words: str, tmp_path: Path) -> None:
    def talk(peer: socket.socket) -> None:
        peer.recv(100)
        peer.sendall(answer)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(100):
            pass

    with talking(talk) as port:
        cluster = {"server": "https://api.example", "proxy-url": f"socks5://me:S3cret@127.0.0.1:{port}"}
        path = kubeconfig(tmp_path / "config", cluster, {"token": "t"})
        with pytest.raises(Unreachable, match=words) as caught:
            connect(load_connection(Overrides(kubeconfig=path))).send(GET)
    assert "S3cret" not in str(caught.value)


def test_an_https_proxy_is_spoken_to_over_tls(secure: Loopback, tmp_path: Path) -> None:
    """TLS in TLS: the proxy's and the server's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates() / "localhost.crt", certificates() / "localhost.key")
    heads: list[bytes] = []

    def talk(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as peer:
            heads.append(peer.recv(1 << 16))
            with socket.create_connection(("127.0.0.1", int(secure.url.rpartition(":")[2]))) as server:
                peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                pass_on(peer, server)

    with talking(talk) as port:
        path = secure.kubeconfig(tmp_path, **{"proxy-url": f"https://me:S3cret@127.0.0.1:{port}"})
        assert kubectl("get", "--raw", "/version", "--kubeconfig", path).returncode == 0
        assert connect(load_connection(Overrides(kubeconfig=path))).send(GET).status == 200
    assert [b"Proxy-Authorization: Basic bWU6UzNjcmV0" in text for text in heads] == [True, True]
