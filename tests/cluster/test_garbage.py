"""Text that only informs: whatever bytes a server sends as a warning, an error page, a log or an exit status, the
parsers return, and in time that grows with the length of the text."""

import contextlib
import time
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.http import exec_websocket, responses
from kubectl_caps.cluster.http.deep_json import shallow
from kubectl_caps.cluster.http.transport import Request, Response
from kubectl_caps.cluster.read.processes import LOG_LINES
from kubectl_caps.core.assess.processes import Ambiguous, ProcessScope, decode
from kubectl_caps.core.diagnosis.diagnose import diagnose
from kubectl_caps.core.diagnosis.line_cause import Evidence
from kubectl_caps.core.podsecurity import enforce_warnings
from kubectl_caps.errors import ApiError, CapsError
from kubectl_caps.report.terminal import escaped


class Saying:
    """A server that gives one answer, whatever it is asked."""

    def __init__(self, body: bytes, headers: tuple[tuple[str, str], ...] = (), status: int = 200) -> None:
        self.answer = Response(status, headers, body)

    def send(self, request: Request, /) -> Response:
        return self.answer


def latin(data: bytes) -> str:
    """A header's value as http.client hands it on."""
    return data.translate(None, b"\r\n\0").decode("latin-1")


def refused(call: Callable[[], object]) -> None:
    """An answer that is needed: it may be refused, by one of our own errors."""
    with contextlib.suppress(CapsError):
        call()


def observed(data: bytes) -> None:
    with contextlib.suppress(Ambiguous):
        decode([data.decode("utf-8", "replace")], ProcessScope())


def status_of(data: bytes) -> None:
    for content_type in ("text/html", "application/json", "", latin(data)):
        for code in (200, 302, 403, 404, 418, 500, 504):
            response = Response(code, (("Content-Type", content_type), ("Location", latin(data))), data)
            error = responses.api_error(response)
            assert isinstance(error.details, dict)
            assert escaped(str(error)).isprintable()
            responses.not_json(response, "x")


PARSERS: dict[str, Callable[[bytes], object]] = {
    "Warning header": lambda data: list(responses.warnings([("Warning", latin(data))])),
    "Warning header, quoted": lambda data: list(responses.warnings([("Warning", f'299 - "{latin(data)}"')])),
    "Warning header, encoded": lambda data: list(
        responses.warnings([("Warning", f'299 - "=?utf-8?q?{latin(data)}?="')])
    ),
    "Retry-After": lambda data: responses.retry_after("GET", Response(429, (("Retry-After", latin(data)),))),
    "the body of a failure": status_of,
    "a Status whose message is garbage": lambda data: status_of(
        msgspec.json.encode({"kind": "Status", "message": latin(data), "reason": latin(data)})
    ),
    "warnings of Pod Security": lambda data: enforce_warnings.read_warnings(
        [latin(data), "new PodSecurity" + latin(data)], "shop"
    ),
    "a log": lambda data: Cluster(Saying(data)).log("shop", "web", "app", tail=LOG_LINES),
    "a log line": lambda data: diagnose([Evidence("log", f"permission denied {data.decode('utf-8', 'replace')}")]),
    "an event": lambda data: diagnose([Evidence("event", data.decode("utf-8", "replace"))]),
    "an exit status": lambda data: exec_websocket._outcome({1: data, 2: data, 3: data}),
    "an exit code": lambda data: exec_websocket._outcome({1: b"", 2: b"", 3: _exit_status(latin(data))}),
    "the output of exec": observed,
    "what is printed": lambda data: escaped(latin(data)),
    "the version": lambda data: refused(lambda: Cluster(Saying(data)).server_version()),
    "a version number": lambda data: refused(
        lambda: Cluster(
            Saying(msgspec.json.encode({"major": latin(data), "minor": latin(data), "emulationMinor": latin(data)}))
        ).server_version()
    ),
    "discovery": lambda data: refused(lambda: Cluster(Saying(data)).served()),
    "a page of a list": lambda data: refused(lambda: Cluster(Saying(data)).events("shop", "uid")),
}
"""Each parser of what a server says beside the objects themselves."""


def _exit_status(text: str) -> bytes:
    cause = {"reason": "ExitCode", "message": text}
    return msgspec.json.encode({"status": "Failure", "message": text, "details": {"causes": [cause]}})


_PIECES = (b"=?", b"?=", b"utf-8", b"?q?", b"?b?", b'"', b"\\", b"299 - ", b",", b"<", b"<script>")
_KEYS = ("kind", "message", "reason", "details", "causes", "items", "status")

GARBAGE = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")[:-1]),
    st.lists(st.sampled_from(_PIECES)).map(b"".join),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner),
    ).map(msgspec.json.encode),
)
DEEP = b'{"kind":"Status","message":"m","details":' + b'{"a":' * 20_000
HALF = "grüße".encode()[:3]


@pytest.mark.parametrize("parser", PARSERS)
@given(data=GARBAGE)
@example(DEEP)
@example(HALF)
@example(b'{"kind":"Status","message":"m","details":[]}')
@example(b"9" * 5000)
@example(b'"\\ud800"')
def test_a_malformed_part_that_only_informs_is_ignored(parser: str, data: bytes) -> None:
    PARSERS[parser](data)


REPEATED = {
    name: text
    for text in (
        b"<script>", b"<style ", b"<", b"=?", b"=?utf-8?q?", b"=?utf-8?q?a?=", b"\\", b'"', b" ", b'" ', b"a, ", b"[",
        b'{"a":',
        b'"a", 299 - "', b"permission denied ", b"exec: ", b"CAP_", b"\xff", b"&", b"\n", b"0", b'\\"',
    )
    for name in [repr(text)]
}  # fmt: skip


@pytest.mark.parametrize("text", REPEATED.values(), ids=list(REPEATED))
def test_the_time_of_a_parser_grows_with_the_length_of_the_text(text: bytes) -> None:
    """Eight times the text: a quadratic parser takes 64 times as long."""
    for name, parse in (*PARSERS.items(), ("nested too deep", lambda data: shallow(b'"' + data))):
        times = []
        for size in (8_000, 64_000):
            started = time.process_time()
            parse(text * (size // len(text)))
            times.append(time.process_time() - started)
        small, large = times
        assert large < 24 * max(small, 0.005), f"{name}: {small:.3f} s for 8 kB, {large:.3f} s for 64 kB"


def test_a_warning_that_is_not_utf8_is_shown_with_escapes() -> None:
    assert list(responses.warnings([("Warning", '299 - "caf\xe9 \xff"')])) == ["caf\\xe9 \\xff"]


@pytest.mark.parametrize("details", [b"7", b"[]", b'"x"', b'{"a":' * 9000 + b"1" + b"}" * 9000])
def test_a_status_with_malformed_details_keeps_its_message(details: bytes) -> None:
    body = b'{"kind": "Status", "reason": "Forbidden", "message": "pods is forbidden", "details": ' + details + b"}"
    error = responses.api_error(Response(403, (), body))
    assert str(error) == "Error from server (Forbidden): pods is forbidden"


def test_a_page_that_is_too_deep_and_broken_is_an_error_of_the_server() -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        Cluster(Saying(b'{"items":[' + b"[" * 5000)).events("shop", "uid")
