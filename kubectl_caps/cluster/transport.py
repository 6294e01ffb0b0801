"""The network is one method: `send(Request) -> Response`; and `run` for what is no response, a command's output.

`connect` makes it from a `Connection`, on the kubernetes client's REST layer: its proxies, its connection pool, its
handling of certificate data. The client's traps are closed here, each with the reason beside it. This is the only
module that imports kubernetes, and only when a connection is made.
"""

import http.client
import logging
import threading
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol
from urllib.parse import urlencode

from msgspec import Struct

from kubectl_caps.cluster import answers, streams
from kubectl_caps.cluster.client_settings import client_document, set_proxy
from kubectl_caps.cluster.connection import Connection
from kubectl_caps.cluster.credentials import Credential, Credentials
from kubectl_caps.cluster.failures import Interrupted, explain, timed_out
from kubectl_caps.cluster.identity_headers import identity_headers
from kubectl_caps.cluster.streams import Outcome
from kubectl_caps.cluster.tls import tls_context
from kubectl_caps.errors import ConfigError

JSON = "application/json"

CONNECT_TIMEOUT = 30.0
"""Go's dialer waits as long."""
READ_TIMEOUT = 90.0
"""Without --request-timeout. The API server gives up on a request after 60 seconds and says so."""
RETRIES = 10
"""client-go's `maxRetries`."""
PATIENCE = 60.0
"""Seconds of Retry-After that one request may add up to."""
REPEATS = 3
"""How often a GET whose connection broke is asked again."""

_WARNED: set[str] = set()
_WARNED_LOCK = threading.Lock()


class Request(Struct, frozen=True):
    """One request as a value. `path` is escaped already; an empty query value is left out."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON


class Response(Struct, frozen=True):
    """The answer, whatever its status; the body is decompressed."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Transport(Protocol):
    """What reaches an API server."""

    def send(self, request: Request, /) -> Response:
        """Any answer of the server, 4xx and 5xx included. Raises Unreachable, ConfigError."""


class Runner(Protocol):
    """What runs programs in containers."""

    def run(self, request: Request, limit: float, /) -> Outcome:
        """A command's output, read to its end, within `limit` seconds. Raises ApiError, Unreachable, ConfigError."""


class Connected(Transport, Runner, Protocol):
    """Both."""


def connect(connection: Connection, *, warn: Callable[[str], None] = lambda text: None) -> Connected:
    """A transport for several threads. `warn` gets each text of the server's Warning headers once per process.

    Runs a credential plugin if there is one. Raises ConfigError; nothing is sent yet.
    """
    return _HttpTransport(connection, Credentials(connection), warn)


class _HttpTransport:
    def __init__(self, connection: Connection, credentials: Credentials, warn: Callable[[str], None]) -> None:
        self._connection, self._credentials, self._warn = connection, credentials, warn
        self._agent = f"kubectl-caps/{_version()}"
        self._lock = threading.Lock()
        self._pool: Any = None
        self._context: Any = None
        self._pool_certificate: bytes | None = None
        self._ready(credentials.current())

    def send(self, request: Request, /) -> Response:
        """See Transport."""
        credential = self._credentials.current()
        renewed, repeats, retries, waited = False, 0, 0, 0.0
        while True:
            try:
                response = self._exchange(request, credential)
            except Interrupted:
                if request.method != "GET" or repeats == REPEATS:
                    raise
                repeats += 1
                time.sleep(0.1 * 2**repeats)
                continue
            if response.status == 401 and not renewed and self._credentials.renew(credential):
                credential, renewed = self._credentials.current(), True
                continue
            pause = answers.retry_after(request.method, response)
            if pause is None or retries == RETRIES or waited + pause > PATIENCE:
                return response
            time.sleep(pause)
            retries, waited = retries + 1, waited + pause

    def run(self, request: Request, limit: float, /) -> Outcome:
        """See Runner."""
        url, name = _url(self._connection.server, request), self._connection.trust.server_name
        credential, renewed = self._credentials.current(), False
        while True:
            self._ready(credential)
            headers = [("User-Agent", self._agent), *identity_headers(self._connection.impersonation, credential)]
            try:
                return streams.run(url, headers, self._context, name, self._connection.proxy, limit)
            except streams.Refused as refused:
                if refused.status == 401 and not renewed and self._credentials.renew(credential):
                    credential, renewed = self._credentials.current(), True
                    continue
                raise answers.failure(Response(refused.status, refused.headers, refused.body)) from refused

    def _exchange(self, request: Request, credential: Credential) -> Response:
        from urllib3.exceptions import HTTPError

        limit = self._connection.timeout
        started = time.monotonic()
        try:
            # Not `call_api`: it re-encodes JSON bodies, and sends a JSON Patch that is not a list object as a
            # strategic merge patch, whatever content type was asked for. The pool sends these bytes and headers.
            answer = self._ready(credential).request(
                request.method,
                _url(self._connection.server, request),
                headers=self._headers(request, credential),
                body=request.body,
                timeout=_timeouts(limit),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            with answer:
                body = _body(answer, started + limit if limit else None)
        except (HTTPError, OSError) as error:
            raise explain(error, self._connection.server, self._connection.trust.server_name) from error
        response = Response(answer.status, tuple(answer.headers.items()), body)
        self._pass_on_warnings(response)
        return response

    def _headers(self, request: Request, credential: Credential) -> Any:
        from urllib3 import HTTPHeaderDict

        headers = HTTPHeaderDict({"Accept": request.accept, "User-Agent": self._agent})
        headers["Accept-Encoding"] = "gzip" if self._connection.compression else "identity"
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        for name, value in identity_headers(self._connection.impersonation, credential):
            headers.add(name, value)  # a dict holds one Impersonate-Group, this all
        return headers

    def _ready(self, credential: Credential) -> Any:
        """The connection pool, made anew when a plugin has handed out another client certificate."""
        with self._lock:
            if self._pool is None or self._pool_certificate != credential.certificate:
                self._pool, self._context = _pool(self._connection, credential)
                self._pool_certificate = credential.certificate
            return self._pool

    def _pass_on_warnings(self, response: Response) -> None:
        for text in answers.warnings(response.headers):
            with _WARNED_LOCK:
                new = text not in _WARNED
                _WARNED.add(text)
            if new:
                self._warn(text)


def _version() -> str:
    try:
        return version("kubectl-caps")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0"


def _url(server: str, request: Request) -> str:
    query = urlencode([(name, value) for name, value in request.query if value])
    return f"{server}{request.path}?{query}" if query else f"{server}{request.path}"


def _timeouts(limit: float | None) -> Any:
    from urllib3 import Timeout

    if limit is None:
        return Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
    return Timeout(connect=min(limit or CONNECT_TIMEOUT, CONNECT_TIMEOUT), read=limit or None)


def _body(answer: Any, deadline: float | None) -> bytes:
    chunks = []
    for chunk in answer.stream(1 << 16, decode_content=True):
        chunks.append(chunk)
        if deadline is not None and time.monotonic() > deadline:
            raise timed_out("reading body")
    return b"".join(chunks)


def _pool(connection: Connection, credential: Credential) -> tuple[Any, Any]:
    """The REST layer's connection pool and its TLS context. Raises ConfigError."""
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config import load_kube_config_from_dict

    configuration = Configuration()
    load_kube_config_from_dict(  # type: ignore[no-untyped-call]
        client_document(connection), client_configuration=configuration
    )
    _quieten()
    set_proxy(configuration, connection)
    context = tls_context(connection.trust, connection.identity, credential)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # urllib3 warns beside raising where PySocks is missing
            pool = ApiClient(configuration).rest_client.pool_manager
    except ImportError as error:
        raise ConfigError(f"a socks proxy needs the package PySocks: pip install PySocks ({error})") from error
    pool.connection_pool_kw["ssl_context"] = context
    return pool, context


def _quieten() -> None:
    """urllib3 logs each refused connection; what went wrong is said once, by us."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    # A label on a namespace may be answered with a warning for each pod that it would refuse; http.client stops
    # reading at the hundredth header, after the change was made.
    http.client._MAXHEADERS = max(http.client._MAXHEADERS, 10_000)  # type: ignore[attr-defined]
    from urllib3 import disable_warnings

    disable_warnings()
