"""Sends requests to the API server (`send`) and runs commands in containers (`run`).

`connect` makes the transport from a `Connection`, on a connection pool of urllib3 (`pool`), which is imported only when
a connection is made.
"""

import threading
import time
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from kubectl_caps.cluster.config.connection import Connection
from kubectl_caps.cluster.http import exec_websocket, responses
from kubectl_caps.cluster.http.credentials import Credential, Credentials
from kubectl_caps.cluster.http.dial import dial
from kubectl_caps.cluster.http.errors import Interrupted, connection_error
from kubectl_caps.cluster.http.exec_websocket import Outcome
from kubectl_caps.cluster.http.identity_headers import identity_headers
from kubectl_caps.cluster.http.request_limit import AnswerTooLarge, RequestLimit
from kubectl_caps.cluster.http.request_log import RequestLog
from kubectl_caps.cluster.http.tls import tls_context

JSON = "application/json"

REQUEST_TIMEOUT = 300.0
"""Seconds for a whole request, without --request-timeout. The API server answers with a timeout after 60 seconds."""
IDLE_TIMEOUT = 90.0
"""Seconds without a byte, without --request-timeout."""
HEADER_LIMIT = 10 << 20
"""The most bytes of the headers of an answer, as in Go's HTTP client."""
ANSWER_LIMIT = 256 << 20
"""The most bytes of an answer, both compressed and decompressed.

A page of 500 objects of 512 KiB each has so many bytes. A usual object has 20 kB."""
RETRIES = 10
"""client-go's `maxRetries`."""
RETRY_AFTER_LIMIT = 60.0
"""The most seconds that one request waits in all because of Retry-After."""
REPEATS = 3
"""How often a GET is sent again after a broken connection."""


class Request(Struct, frozen=True):
    """One request. `path` is percent-encoded. A query parameter with an empty value is left out."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON


class Response(Struct, frozen=True):
    """An answer with any status. The body is decompressed."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Transport(Protocol):
    """Sends requests to one API server."""

    def send(self, request: Request, /) -> Response:
        """Send a request and return the answer, also one with 4xx or 5xx. Raises Unreachable, ConfigError."""


class Runner(Protocol):
    """Runs programs in containers."""

    def run(self, request: Request, limit: float, /) -> Outcome:
        """Run a command for at most `limit` seconds and read all its output.

        Raises ApiError, Unreachable, ConfigError.
        """


class Connected(Transport, Runner, Protocol):
    """Sends requests and runs programs: the result of `connect`."""


def connect(
    connection: Connection, *, warn: Callable[[str], None] = lambda text: None, log: RequestLog | None = None
) -> Connected:
    """A transport that several threads may use. `warn` gets the text of each Warning header, `log` every request.

    Fetches the credential, by the credential plugin if there is one, but sends no request. Raises ConfigError.
    """
    return _HttpTransport(connection, Credentials(connection), warn, log or RequestLog())


class _HttpTransport:
    def __init__(
        self, connection: Connection, credentials: Credentials, warn: Callable[[str], None], log: RequestLog
    ) -> None:
        self._connection, self._credentials, self._warn, self._log = connection, credentials, warn, log
        self._agent = f"kubectl-caps/{_version()}"
        self._prefix = urlsplit(connection.server).path
        self._lock = threading.Lock()
        self._pool: Any = None
        self._context: Any = None
        self._pool_certificate: bytes | None = None
        self._ready(credentials.current())

    def send(self, request: Request, /) -> Response:
        """See Transport."""
        credential = self._credentials.current()
        request_limit = self._new_limit()
        renewed, repeats, retries, waited = False, 0, 0, 0.0
        while True:
            try:
                with request_limit.applied():
                    response = self._exchange(request, credential, request_limit)
            except Interrupted:
                if request.method != "GET" or repeats == REPEATS:
                    raise
                repeats += 1
                time.sleep(0.1 * 2**repeats)
                continue
            if response.status == 401 and not renewed and self._credentials.renew(credential):
                credential, renewed = self._credentials.current(), True
                continue
            pause = responses.retry_after(request.method, response)
            longest = min(RETRY_AFTER_LIMIT, request_limit.left() or RETRY_AFTER_LIMIT)
            if pause is None or retries == RETRIES or waited + pause > longest:
                return response
            time.sleep(pause)
            retries, waited = retries + 1, waited + pause

    def run(self, request: Request, limit: float, /) -> Outcome:
        """See Runner."""
        url, trust = f"{self._connection.server}{_target(request)}", self._connection.trust
        credential, renewed = self._credentials.current(), False
        deadline = time.monotonic() + limit
        while True:
            self._ready(credential)
            headers = [("User-Agent", self._agent), *identity_headers(self._connection.impersonation, credential)]
            self._log.request(request.method, url, headers, None)
            request_limit = RequestLimit(deadline, None, HEADER_LIMIT)
            try:
                with request_limit.applied():
                    sock = dial(self._connection.server, self._connection.proxy, self._context, trust.server_name)
                    return exec_websocket.run_command(url, headers, sock, request_limit)
            except exec_websocket.HandshakeRefused as refused:
                if refused.status == 401 and not renewed and self._credentials.renew(credential):
                    credential, renewed = self._credentials.current(), True
                    continue
                raise responses.api_error(Response(refused.status, refused.headers, refused.body)) from refused

    def _new_limit(self) -> RequestLimit:
        limit = self._connection.timeout
        if limit is None:
            return RequestLimit(time.monotonic() + REQUEST_TIMEOUT, IDLE_TIMEOUT, 0)
        return RequestLimit(time.monotonic() + limit if limit else None, None, 0)

    def _exchange(self, request: Request, credential: Credential, request_limit: RequestLimit) -> Response:
        from urllib3.exceptions import HTTPError

        stage = "awaiting headers"
        pool = self._ready(credential)
        request_limit.size = HEADER_LIMIT
        target, headers = _target(request), self._headers(request, credential)
        url = f"{self._connection.server}{target}"
        started = self._log.request(request.method, url, headers.items(), request.body)
        try:
            answer = pool.urlopen(
                request.method,
                f"{self._prefix}{target}",
                body=request.body,
                headers=headers,
                retries=False,
                redirect=False,
                timeout=None,
                preload_content=False,
            )
            stage, request_limit.size = "reading body", ANSWER_LIMIT
            with answer:
                body = _body(answer, request_limit)
        except Exception as error:
            self._log.response(request.method, url, "", (), b"", started)
            if not isinstance(error, (HTTPError, OSError)):
                raise
            _close_sockets(error)
            raise connection_error(error, self._connection.server, self._connection.trust.server_name, stage) from error
        response = Response(answer.status, tuple(answer.headers.items()), body)
        status = f"{answer.status} {answer.reason or ''}".rstrip()
        self._log.response(request.method, url, status, response.headers, body, started)
        self._pass_on_warnings(response)
        return response

    def _headers(self, request: Request, credential: Credential) -> Any:
        from urllib3 import HTTPHeaderDict

        headers = HTTPHeaderDict({"Accept": request.accept, "User-Agent": self._agent})
        headers["Accept-Encoding"] = "gzip" if self._connection.compression else "identity"
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        for name, value in identity_headers(self._connection.impersonation, credential):
            # Kubernetes reads UTF-8, http.client sends Latin-1. An HTTPHeaderDict can hold several Impersonate-Group.
            headers.add(name, value.encode().decode("latin-1"))
        return headers

    def _ready(self, credential: Credential) -> Any:
        """The connection pool, which is made again when a plugin has given another client certificate."""
        with self._lock:
            if self._pool is None or self._pool_certificate != credential.certificate:
                from kubectl_caps.cluster.http.pool import connection_pool

                self._context = tls_context(self._connection.trust, self._connection.identity, credential)
                self._pool = connection_pool(self._connection, self._context)
                self._pool_certificate = credential.certificate
            return self._pool

    def _pass_on_warnings(self, response: Response) -> None:
        for text in responses.warnings(response.headers):
            self._warn(text)


def _version() -> str:
    try:
        return version("kubectl-caps")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0"


def _close_sockets(error: BaseException) -> None:
    """Close the sockets of a failed request. A response with malformed headers keeps its socket in a stack frame."""
    part: BaseException | None = error
    while part is not None:
        traceback.clear_frames(part.__traceback__)
        part = part.__context__


def _target(request: Request) -> str:
    query = urlencode([(name, value) for name, value in request.query if value])
    return f"{request.path}?{query}" if query else request.path


def _body(answer: Any, request_limit: RequestLimit) -> bytes:
    """The whole body, decompressed. Decompression can make a body a thousand times as long, so it is limited."""
    chunks, size = [], 0
    for chunk in answer.stream(1 << 16, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        request_limit.left()
        if size > ANSWER_LIMIT:
            raise AnswerTooLarge("the answer is too long when it is decompressed")
    return b"".join(chunks)
