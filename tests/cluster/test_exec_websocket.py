"""A command's output over a websocket: how it ends, who it is run as, and what a network does to it."""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import kubeconfig, serving, status

from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http import exec_websocket
from kubectl_caps.cluster.http.transport import Request, Runner, connect
from kubectl_caps.errors import ApiError, CapsError, Unreachable

EXEC = Request("GET", "/api/v1/namespaces/shop/pods/web/exec", (("command", "cat"), ("command", "a b")))
SUCCESS = b'\x03{"status":"Success"}'
FAILED = json.dumps({
    "status": "Failure", "message": "command terminated with exit code 3", "reason": "NonZeroExitCode",
    "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
}).encode()  # fmt: skip


def frame(data: bytes, opcode: int = 2) -> bytes:
    """A whole frame from the server (RFC 6455, 5.2)."""
    length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
    return bytes([0x80 | opcode]) + length + data


@contextlib.contextmanager
def answering(talk: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that takes one websocket, and then says what `talk` sends. Yields its URL and the requests' heads."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                peer, _ = server.accept()
                with peer:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += peer.recv(4096)
                    heads.append(head)
                    (key,) = (line.split(b": ")[1] for line in head.split(b"\r\n") if b"Sec-WebSocket-Key" in line)
                    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
                    peer.sendall(
                        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Protocol: v5.channel.k8s.io\r\nSec-WebSocket-Accept: "
                        + base64.b64encode(digest)
                        + b"\r\n\r\n"
                    )
                    talk(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heads
        server.close()
        thread.join(5)


def saying(*messages: bytes) -> Callable[[socket.socket], None]:
    return lambda peer: peer.sendall(b"".join(frame(message) for message in messages) + frame(b"\x03\xe8", 8))


def runner(url: str, **overrides: str) -> Runner:
    return connect(load_connection(Overrides(server=url, **overrides)))  # type: ignore[arg-type]


ENDS = {
    "success": ([b"\x01one ", b"\x02oops", b"\x01two", SUCCESS], exec_websocket.Outcome("one two", "oops", code=0)),
    "channel closed first": ([b"\x01one", b"\xff\x01", SUCCESS], exec_websocket.Outcome("one", code=0)),
    "another exit status": (
        [b"\x01x", b"\x03" + FAILED],
        exec_websocket.Outcome("x", failure="command terminated with exit code 3", code=3),
    ),
    "no such program": (
        [b'\x03{"status":"Failure","message":"exec: \\"sh\\": executable file not found in $PATH"}'],
        exec_websocket.Outcome("", failure='exec: "sh": executable file not found in $PATH'),
    ),
    "half of it": ([b"\x01x"], exec_websocket.Outcome("x", failure="the connection ended before the command did")),
    "not UTF-8": ([b"\x01\xff", SUCCESS], exec_websocket.Outcome("�", code=0)),
}


@pytest.mark.parametrize(("messages", "outcome"), ENDS.values(), ids=list(ENDS))
def test_the_messages_of_the_server_give_the_outcome_of_a_command(
    messages: list[bytes], outcome: exec_websocket.Outcome
) -> None:
    with answering(saying(*messages)) as (url, _):
        assert runner(url).run(EXEC, 5) == outcome


def test_exec_impersonates_the_user_of_as() -> None:
    """Without these headers it would run as the real user."""
    with answering(saying(SUCCESS)) as (url, heads):
        runner(url, as_user="alice").run(EXEC, 5)
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /api/v1/namespaces/shop/pods/web/exec?command=cat&command=a+b HTTP/1.1"
    assert "Impersonate-User: alice" in lines
    assert "Sec-WebSocket-Protocol: v5.channel.k8s.io,v4.channel.k8s.io" in lines
    assert not [line for line in lines if line.startswith("Origin")]


def test_a_silent_command_ends_at_the_deadline() -> None:
    over = threading.Event()

    def silent(peer: socket.socket) -> None:
        over.wait(10)

    with answering(silent) as (url, _):
        with pytest.raises(Unreachable, match="deadline exceeded"):
            runner(url).run(EXEC, 0.3)
        over.set()


def test_an_endless_output_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_websocket, "OUTPUT_LIMIT", 1000)

    def chatter(peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer.sendall(frame(b"\x01" + b"y\n" * 50))

    with answering(chatter) as (url, _):
        outcome = runner(url).run(EXEC, 5)
    assert (outcome.cut, outcome.stdout[:4]) == (True, "y\ny\n")


def test_a_broken_connection_is_no_success() -> None:
    with answering(lambda peer: peer.sendall(frame(b"\x01x"))) as (url, _), pytest.raises(Unreachable):
        runner(url).run(EXEC, 5)


def test_a_refusal_is_the_servers_own_words() -> None:
    refusal = status(403, "Forbidden", 'pods "web" is forbidden: User "a" cannot create resource "pods/exec"')
    with serving(lambda _: refusal) as server, pytest.raises(ApiError, match="cannot create") as caught:
        runner(server.url).run(EXEC, 5)
    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")


@pytest.mark.parametrize("code", [200, 302])
def test_an_answer_that_is_no_websocket_is_an_error(code: int) -> None:
    """A redirect is not followed: it would take the credentials elsewhere."""
    with serving(lambda _: status(code, "", "", ("Location", "http://127.0.0.1:9/"))) as server:
        with pytest.raises(CapsError):
            runner(server.url).run(EXEC, 5)
        assert len(server.seen) == 1


def test_exec_goes_through_the_proxy_of_the_kubeconfig(tmp_path: Path) -> None:
    with serving({}) as proxy, answering(saying(b"\x01x", SUCCESS)) as (url, _):
        config = tmp_path / "config"
        cluster = {"server": url, "proxy-url": proxy.url}
        names = {"clusters": [{"name": "it", "cluster": cluster}], "users": [{"name": "it", "user": {"token": "t"}}]}
        context = [{"name": "it", "context": {"cluster": "it", "user": "it"}}]
        config.write_text(json.dumps({**names, "contexts": context, "current-context": "it"}))
        outcome = connect(load_connection(Overrides(kubeconfig=str(config)))).run(EXEC, 5)
    assert outcome.stdout == "x"
    assert [seen.method for seen in proxy.seen] == ["CONNECT"]


def test_the_password_of_an_https_proxy_is_not_sent_in_the_open(tmp_path: Path) -> None:
    with serving({}) as proxy:
        cluster = {"server": "http://api.example", "proxy-url": proxy.url.replace("http://", "https://me:S3cret@")}
        path = kubeconfig(tmp_path / "config", cluster, {"token": "t"})
        with pytest.raises(CapsError, match="proxyconnect tcp: tls: first record does not look like a TLS handshake"):
            connect(load_connection(Overrides(kubeconfig=path))).run(EXEC, 5)
        assert proxy.seen == []
