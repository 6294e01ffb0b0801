"""A loopback API server that answers whatever a test's function says, and records what really came over the wire.

It stands in for faults and headers that a real API server will not produce on demand. TLS certificates are made with
openssl once per run.
"""

import atexit
import base64
import contextlib
import functools
import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KUBECTL = Path(sys.executable).parent / "kubectl"


@dataclass(frozen=True)
class Seen:
    """One request as it came over the wire; `peer` is the name in the client's certificate."""

    method: str
    path: str
    query: dict[str, str]
    headers: list[tuple[str, str]]
    body: bytes
    connection: int = 0
    peer: str = ""

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The only value of a header, None where it was not sent."""
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else None


@dataclass(frozen=True)
class Answer:
    """What to send back. `cut` ends the connection after so many bytes of the body; negative: before any answer.

    With a `pause` the body is sent in chunks of one byte, and so long waited before each. What is cut off is held open
    for `hold` seconds first. `raw` bytes go out past TLS instead of any answer.
    """

    body: bytes = b"{}"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    cut: int | None = None
    pause: float = 0.0
    hold: float = 0.0
    raw: bytes = b""


def reply(value: Any, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """A JSON answer."""
    return Answer(json.dumps(value).encode(), status, headers)


def status(code: int, reason: str, message: str, *headers: tuple[str, str], **more: Any) -> Answer:
    """A failure, as the API server words it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return reply({**body, "message": message, **more}, code, *headers)


def expired_list(seen: Seen) -> Answer:
    """The API server's answer for a continue token that has expired, with a token for the rest of the list.

    The token is the expired one without a resource version (apiserver pkg/storage/continue.go).
    """
    content = json.loads(base64.urlsafe_b64decode(seen.query["continue"] + "=="))
    token = base64.urlsafe_b64encode(json.dumps({**content, "rv": -1}).encode()).decode().rstrip("=")
    message = "The provided continue parameter is too old to display a consistent list result."
    return status(410, "Expired", message, metadata={"continue": token})


@dataclass
class Loopback:
    """A running server: its address, and every request so far."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    ca: Path | None = None
    shown: ssl.SSLContext | None = None

    def show_certificate(self, name: str) -> None:
        """What new connections are shown instead of the server's own: `other` is for another host; empty: its own."""
        self.shown = _server_context(name) if name else None

    def swap(self, connection: ssl.SSLObject, *_: object) -> None:
        """For `sni_callback`. Another context, not another certificate in it: other threads shake hands meanwhile."""
        if self.shown:
            connection.context = self.shown

    def cluster(self, **more: Any) -> dict[str, Any]:
        """Its entry in a kubeconfig."""
        trust = {"certificate-authority": str(self.ca)} if self.ca else {}
        return {"server": self.url, **trust, **more}

    def kubeconfig(self, folder: Path, user: Mapping[str, Any] | None = None, /, **cluster: Any) -> str:
        """The path of a kubeconfig for it, with one context; the user has a token unless told otherwise."""
        user = {"token": "secret"} if user is None else user
        return kubeconfig(folder / "config", self.cluster(**cluster), user)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One segment an answer: with Nagle, every keep-alive answer would wait 40 ms for the client's delayed ACK.
    disable_nagle_algorithm = True
    loopback: Loopback
    answer: Callable[[Seen], Answer]

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query, headers = dict(parse_qsl(url.query)), list(self.headers.items())
        seen = Seen(self.command, url.path, query, headers, body, self.client_address[1], self._peer())
        self.loopback.seen.append(seen)
        self._send(type(self).answer(seen))

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def _peer(self) -> str:
        found: Any = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        return dict(part[0] for part in found["subject"])["commonName"] if found else ""

    def _send(self, answer: Answer) -> None:
        if answer.raw:
            os.write(self.connection.fileno(), answer.raw)
        if answer.raw or (answer.cut is not None and answer.cut < 0):
            time.sleep(answer.hold)
            return self._hang_up()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        length = ("Transfer-Encoding", "chunked") if answer.pause else ("Content-Length", str(len(answer.body)))
        self.send_header(*length)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if answer.pause:
            return self._trickle(answer)
        self.wfile.write(answer.body[: answer.cut])
        if answer.cut is None:
            return None
        time.sleep(answer.hold)
        return self._hang_up()

    def _trickle(self, answer: Answer) -> None:
        for byte in answer.body:
            time.sleep(answer.pause)
            self.wfile.write(b"1\r\n%c\r\n" % byte)
        self.wfile.write(b"0\r\n\r\n")

    def do_CONNECT(self) -> None:
        """Be a proxy: pass bytes on in both directions until one side has enough."""
        host, _, port = self.path.partition(":")
        self.loopback.seen.append(Seen("CONNECT", self.path, {}, list(self.headers.items()), b""))
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        at = host if host.replace(".", "").isdigit() else "127.0.0.1"  # it knows every name, which nobody else does
        with socket.create_connection((at, int(port))) as server:
            pass_on(self.connection, server)

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def pass_on(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes between two sockets both ways, until one of them has ended."""
    ends = {one: other, other: one}
    while True:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(1 << 16)
            if not data:
                return
            ends[end].sendall(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # a connection that does not fit into the queue would wait a second for the next try

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that refuses our certificate, or goes away, is part of a test."""


@contextlib.contextmanager
def serving(
    answer: Callable[[Seen], Answer] | Mapping[str, Answer],
    *,
    tls: bool = False,
    names: str = "localhost",
    client_ca: bool = False,
) -> Iterator[Loopback]:
    """Serve until the block ends: a function of the request, or a table of paths (others: 404)."""
    if isinstance(answer, Mapping):
        table = answer
        answer = lambda seen: table.get(seen.path, status(404, "NotFound", "not here"))  # noqa: E731
    loopback = Loopback("")
    handler = type("Handler", (_Handler,), {"loopback": loopback, "answer": staticmethod(answer)})
    server = _Server(("127.0.0.1", 0), handler)
    if tls:
        context = _server_context(names)
        context.sni_callback = loopback.swap
        if client_ca:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(certificates() / "ca.crt")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        loopback.ca = certificates() / "ca.crt"
    loopback.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _server_context(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates() / f"{name}.crt", certificates() / f"{name}.key")
    return context


def kubeconfig(path: Path, cluster: Mapping[str, Any], user: Mapping[str, Any], /, **context: Any) -> str:
    """Write a kubeconfig with one cluster, user and context (`it` each); returns its path."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it", **context}}],
        "current-context": "it",
    }
    path.write_text(json.dumps(document))
    return str(path)


@functools.cache
def certificates() -> Path:
    """A folder with a CA, server certificates (`localhost`, `other`) and a client's (`client`), each with its key."""
    folder = Path(tempfile.mkdtemp(prefix="kubectl-caps-tls-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for authority in ("ca", "another"):
        subject = ["-subj", f"/CN={authority}", "-keyout", f"{authority}.key", "-out", f"{authority}.crt"]
        _openssl(folder, "req", "-x509", *curve, "-days", "30", *subject)
    for name, alternatives, days in (
        ("localhost", "DNS:localhost,IP:127.0.0.1", "30"),
        ("other", "DNS:other.example", "30"),
        ("client", "DNS:client", "30"),
    ):
        (folder / "extensions").write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n")
        _openssl(folder, "req", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"]
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", *sign, "-days", days, "-out", f"{name}.crt")
    return folder


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def kubectl(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real kubectl, with nothing of this machine's configuration: the oracle."""
    home = str(certificates())
    env = {"PATH": "/usr/bin:/bin", "HOME": home, **environment}
    command = [str(KUBECTL), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
