"""Every command against a server that drips, floods, lies and cuts: one of our own errors, in time, and no wrong word
about what is stored.

The server is made by hand, over real sockets: no honest one does this. It knows one namespace with one Deployment and
one running pod, and applies the patches that it gets before it answers them wrongly.
"""

import contextlib
import gzip
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from wire import head, talking

from kubectl_caps import main
from kubectl_caps.cluster.http import exec_websocket, transport

SECRET = "S3cretT0ken"
LONGEST = 120.0
"""Seconds of a run on a busy machine: a few requests, each of at most three seconds where an answer has no end."""
_SPEC = {"containers": [{"name": "app", "image": "nginx"}]}
_LABELS = {"app": "web"}
_DISCOVERY = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": []}


class Store:
    """What is stored, and every patch that was applied."""

    def __init__(self) -> None:
        self.patched: list[str] = []
        self.namespace: dict[str, Any] = {
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "n1", "labels": {}},
        }  # fmt: skip
        self.deployment: dict[str, Any] = {
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "uid": "d1", "generation": 1},
            "spec": {"replicas": 0, "selector": {"matchLabels": _LABELS},
                     "template": {"metadata": {"labels": _LABELS}, "spec": _SPEC}},
            "status": {"observedGeneration": 1},
        }  # fmt: skip
        self.pod: dict[str, Any] = {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone", "namespace": "shop", "uid": "p1"},
            "spec": _SPEC,
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "app", "state": {"running": {}}, "containerID": "containerd://1"}]},
        }  # fmt: skip

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON of an honest server."""
        path = urlsplit(target).path
        found = {"/api/v1/namespaces/shop": "namespace", "/apis/apps/v1/namespaces/shop/deployments/web": "deployment"}
        if path == "/version":
            return 200, {"major": "1", "minor": "37", "gitVersion": "v1.37.2"}
        if path in ("/api", "/apis"):
            return 200, _DISCOVERY
        if path in found and method == "PATCH":
            changed = applied(getattr(self, found[path]), json.loads(body))
            if "dryRun" not in target:
                setattr(self, found[path], changed)
                self.patched.append(path)
            return 200, changed
        if path.endswith("/pods/alone"):
            return 200, self.pod
        if path in found:
            return 200, getattr(self, found[path])
        if method == "POST":
            return 201, {**json.loads(body), "status": {"allowed": True}}
        items = [self.deployment] if path.endswith("/deployments") else [self.pod] if path.endswith("/pods") else []
        return 200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}


def applied(obj: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """A JSON Patch (RFC 6902) of `test`, `add`, `replace` and `remove`."""
    changed: dict[str, Any] = json.loads(json.dumps(obj))
    for operation in operations:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        at: Any = changed
        for key in parents:
            at = at[int(key)] if isinstance(at, list) else at[key]
        if operation["op"] == "remove":
            del at[last]
        elif operation["op"] != "test":
            at[int(last) if isinstance(at, list) else last] = operation["value"]
    return changed


def raw(status: int, body: bytes, *headers: bytes) -> bytes:
    """An honest answer."""
    lines = [b"HTTP/1.1 %d Some Reason" % status, b"Content-Type: application/json", *headers]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


Fault = Callable[[bytes, socket.socket], None]
"""Says something else than the honest body to a client, and then its connection ends."""


def says(make: Callable[[bytes], bytes]) -> Fault:
    return lambda body, peer: peer.sendall(make(body))


def drips(make: Callable[[bytes], bytes]) -> Fault:
    def fault(body: bytes, peer: socket.socket) -> None:
        for byte in make(body):
            peer.sendall(bytes([byte]))
            time.sleep(0.05)

    return fault


def floods(start: bytes, wave: bytes) -> Fault:
    def fault(body: bytes, peer: socket.socket) -> None:
        peer.sendall(start)
        while True:
            peer.sendall(wave)

    return fault


def late(body: bytes, peer: socket.socket) -> None:
    time.sleep(60)
    peer.sendall(raw(200, body))


def cut(part: float) -> Fault:
    return says(lambda body: (answer := raw(200, body))[: int(len(answer) * part)])


OK = b"HTTP/1.1 200 OK\r\n"
FAULTS: dict[str, Fault] = {
    **{f"cut at {part:.0%}": cut(part) for part in (0, 0.02, 0.08, 0.2, 0.35, 0.5, 0.8, 0.99)},
    "drips headers": drips(lambda _: OK + b"X: y\r\n" * 10_000),
    "drips a body": drips(lambda body: raw(200, body + b" " * 10_000)),
    "floods headers": floods(OK, b"X-Header: " + b"y" * 60_000 + b"\r\n"),
    "floods a body": floods(OK + b"\r\n", b" " * 65_536),
    "is late": late,
    "Content-Length too large": says(lambda body: raw(200, body).replace(b"Content-Length: ", b"Content-Length: 9")),
    "Content-Length too small": says(lambda body: OK + b"Content-Length: 2\r\n\r\n" + body),
    "Content-Length negative": says(lambda body: OK + b"Content-Length: -1\r\n\r\n" + body),
    "Content-Length no number": says(lambda body: OK + b"Content-Length: x\xb2\r\n\r\n" + body),
    "Content-Length twice": says(lambda body: OK + b"Content-Length: 2, 3\r\n\r\n" + body),
    "chunks of garbage": says(lambda body: OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body),
    "a chunk of -1": says(lambda body: OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + body),
    "gzip that is none": says(lambda body: raw(200, body, b"Content-Encoding: gzip")),
    "gzip cut off": says(lambda body: raw(200, gzip.compress(body)[:-6], b"Content-Encoding: gzip")),
    "gzip of gzip": says(lambda body: raw(200, gzip.compress(gzip.compress(body)), b"Content-Encoding: gzip")),
    "gzip bomb": says(lambda body: raw(200, gzip.compress(b" " * (8 << 20)), b"Content-Encoding: gzip")),
    "an unknown encoding": says(lambda body: raw(200, body, b"Content-Encoding: rot13")),
    "another content type": says(lambda _: raw(200, b"<html>log in</html>").replace(b"application/json", b"text/html")),
    "an empty body": says(lambda _: raw(200, b"")),
    "null": says(lambda _: raw(200, b"null")),
    "a list": says(lambda _: raw(200, b"[1, 2]")),
    "not UTF-8": says(lambda _: raw(200, b"\xff\xfe{}")),
    "nested too deep": says(lambda _: raw(200, b'{"metadata":' * 20_000)),
    "a Status with 200": says(lambda _: raw(200, b'{"kind": "Status", "status": "Failure", "message": "no"}')),
    "a redirect": says(lambda _: raw(302, b"", b"Location: http://127.0.0.1:9/" + b"x" * 900)),
    "a redirect to nowhere": says(lambda _: raw(307, b"")),
    "500": says(lambda _: raw(500, b'{"kind": "Status", "message": "etcd\x1b[31m is gone", "code": 500}')),
    "504": says(lambda _: raw(504, b"<script>" * 9000)),
    "401": says(lambda _: raw(401, b"")),
    "429 for ever": says(lambda _: raw(429, b"{}", b"Retry-After: 0")),
    "status 999": says(lambda body: raw(999, body)),
    "status 0": says(lambda body: b"HTTP/1.1 000 x\r\n\r\n" + body),
    "no status": says(lambda body: b"HTTP/1.1\r\n\r\n" + body),
    "no HTTP": says(lambda _: b"SSH-2.0-OpenSSH_9.2\r\n"),
    "bytes": says(lambda _: bytes(range(256)) * 8),
    "HTTP/9": says(lambda body: raw(200, body).replace(b"HTTP/1.1", b"HTTP/9.9")),
    "headers without a colon": says(lambda body: raw(200, body, b"no colon here", b": no name", b"\xff\xfe: \xff")),
    "a cookie of garbage": says(lambda body: raw(200, body, b'Set-Cookie: \x01="; ;;=;=\xff')),
}
ENDLESS = ("drips headers", "drips a body", "is late")
"""Answers that only the timeout ends."""
REFUSALS = ("a redirect", "a redirect to nowhere", "401", "429 for ever")
"""Answers that say that nothing was done. A server that lies so is believed."""
HARMLESS: dict[str, Fault] = {
    "Warning garbage": says(
        lambda body: raw(200, body, b'Warning: 299 - "=?zip?q?a?="', b'Warning: 299 - "\xff\x1b[31m"', b"Warning: \xff")
    ),
    "Warnings without end": says(lambda body: raw(200, body, *[b'Warning: 299 - "%d"' % n for n in range(2000)])),
}
"""What only informs: the run goes on."""

COMMANDS: dict[str, list[str]] = {
    "inspect": ["inspect", "-n", "shop", "-o", "json"],
    "inspect --live": ["inspect", "pods/alone", "-n", "shop", "--live"],
    "harden": ["harden", "deploy/web", "-n", "shop", "--yes", "--settle=0", "--wait=false"],
    "label-ns": ["label-ns", "shop", "--enforce=privileged", "--force"],
}
_STORED = re.compile(r"^(?:deployment\.apps/web patched|namespace/shop labeled)\b", re.MULTILINE)
_NOT_STORED = re.compile(r"nothing was (?:sent|changed)|are as before|is unchanged", re.IGNORECASE)


@contextlib.contextmanager
def lying(store: Store, fault: Fault, when: Callable[[str, str], bool]) -> Iterator[int]:
    """The port of a server that answers honestly except where `when` (method, target) says."""

    def talk(peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            request = head(peer)
            start, _, body = request.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", start)
            while length and len(body) < int(length[1]):
                body += peer.recv(1 << 16)
            method, target, _ = start.decode().split(" ", 2)
            status, answer = store.answer(method, target, body)
            data = json.dumps(answer).encode()
            if when(method, target):
                fault(data, peer)
                return
            peer.sendall(raw(status, data))

    with talking(talk) as port:
        yield port


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "HEADER_LIMIT", 1 << 20)
    monkeypatch.setattr(transport, "ANSWER_LIMIT", 2 << 20)
    monkeypatch.setattr(transport, "REPEATS", 0)
    monkeypatch.setattr(exec_websocket, "OUTPUT_LIMIT", 1 << 20)


def run(command: str, port: int, capsys: pytest.CaptureFixture[str], timeout: str = "20s") -> tuple[int, str]:
    """Exit status, and all that was printed."""
    flags = ["-s", f"http://me:{SECRET}@127.0.0.1:{port}", "--token", SECRET, "--request-timeout", timeout]
    status = main.main([*COMMANDS[command], *flags])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def judged(status: int, text: str, store: Store) -> None:
    """What holds whatever the server did."""
    assert status in (0, 1, 2)
    for word in ("Traceback", "this is a bug", SECRET, "\x1b"):
        assert word not in text, text
    if _STORED.search(text):
        assert store.patched, text
    if store.patched:
        assert not _NOT_STORED.search(text), text
    if status == 2:
        assert "rror" in text or "Unable" in text or "refused" in text or "not " in text, text


EVERYTHING: dict[str, Callable[[str, str], bool]] = {
    "each answer": lambda method, target: True,
    "each list": lambda method, target: method == "GET" and "limit=" in target,
    "the patch": lambda method, target: method == "PATCH" and "dryRun" not in target,
    "exec": lambda method, target: "/exec" in target,
}
_ASKED_BY = {
    "exec": ("inspect --live",),
    "the patch": ("harden", "label-ns"),
    "each list": ("inspect", "inspect --live", "label-ns"),
}
_MEANT = [(command, when) for command in COMMANDS for when in EVERYTHING if command in _ASKED_BY.get(when, COMMANDS)]


@pytest.mark.parametrize(("command", "when"), _MEANT)
def test_every_faked_answer_is_asked_for_by_the_command(
    command: str, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else the faults below would be answers to requests that are never made."""
    store, asked = Store(), []

    def counted(method: str, target: str) -> bool:
        asked.append(EVERYTHING[when](method, target))
        return False

    with lying(store, lambda body, peer: None, counted) as port:
        status, text = run(command, port, capsys)
    judged(status, text, store)
    assert any(asked)
    if command in ("harden", "label-ns"):
        assert (status, len(store.patched)) == (0, 1), text


@pytest.mark.parametrize(("command", "when"), _MEANT)
@pytest.mark.parametrize("fault", [*FAULTS, *HARMLESS])
def test_every_command_survives_a_lying_server(
    fault: str, command: str, when: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, one = Store(), when == "the patch"
    if one:  # the next request may be sent on the connection that the server is about to end
        monkeypatch.setattr(transport, "REPEATS", 1)
    endless = "3s" if one else "500ms"  # the honest answers beside the one without end have to come before it, too
    timeout = endless if fault in ENDLESS else "20s"
    with lying(store, {**FAULTS, **HARMLESS}[fault], EVERYTHING[when]) as port:
        started = time.monotonic()
        status, text = run(command, port, capsys, timeout)
        seconds = time.monotonic() - started
    judged(status, text, store)
    assert seconds < LONGEST
    if one and fault not in REFUSALS:  # it is stored, and every later answer is honest
        assert _STORED.search(text), text
    if fault in HARMLESS and one:
        assert (status, len(store.patched)) == (0, 1), text
