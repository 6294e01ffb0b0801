"""Reads the parts of a response besides its object: the error, the warnings, Retry-After."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Raw, Struct, field

from kubectl_caps.cluster.http.deep_json import UNREADABLE, decode_deep
from kubectl_caps.errors import ApiError

T = TypeVar("T")

TEXT_LIMIT = 300
"""The most characters that an error shows of a body that is no Status (for example a proxy's page)."""
PAGE_LIMIT = 64 << 10
"""The most bytes of such a body that are searched for text."""

# client-go's reason and message for a status code, if the body is no Status (apimachinery, pkg/api/errors/errors.go).
_MEANINGS = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    401: ("Unauthorized", "the server has asked for the client to provide credentials"),
    403: ("Forbidden", ""),
    404: ("NotFound", "the server could not find the requested resource"),
    405: ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
    406: ("NotAcceptable", ""),
    409: ("Conflict", "the server reported a conflict"),
    410: ("Expired", ""),
    415: ("UnsupportedMediaType", ""),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: (
        "Timeout",
        "the server was unable to return a response in the time allotted, but may still be processing the request",
    ),
}


class ResponseParts(Protocol):
    """The parts of a `transport.Response` that this module reads."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...
    @property
    def body(self) -> bytes: ...


class ListMetadata(Struct, frozen=True):
    """The metadata of a page of a list, or of the Status for an expired list."""

    token: str | None = field(default=None, name="continue")


class _Status(Struct, frozen=True):
    kind: str = ""
    metadata: Raw = Raw(b"")
    message: str | None = None
    reason: str | None = None
    details: Raw = Raw(b"")


_STATUS = msgspec.json.Decoder(_Status)


def header(response: ResponseParts, name: str) -> str:
    """The first value of a header, empty if the header was not sent."""
    return next((value for key, value in response.headers if key.lower() == name.lower()), "")


def api_error(response: ResponseParts) -> ApiError:
    """The error for an answer other than 2xx: the Status in its body, or client-go's error for any other body."""
    try:
        body = decode_deep(_STATUS, response.body)
    except UNREADABLE:
        body = _Status()
    if body.kind == "Status" and (body.message or body.reason):
        words = body.message or body.reason or ""
        token = _part(body.metadata, ListMetadata).token or ""
        return ApiError(response.status, body.reason or "", words, _part(body.details, dict[str, Any]), token)
    text = _text(response)
    reason, words = _MEANINGS.get(response.status, ("InternalError" if response.status >= 500 else "", ""))
    if 300 <= response.status < 400:
        words = f"redirected to {header(response, 'Location')}: this is not the API server's own address"
    elif reason == "InternalError":
        words = f'an error on the server ("{text}") has prevented the request from succeeding'
    elif not words:
        words = text or f"the server responded with the status code {response.status} and nothing else"
    return ApiError(response.status, reason, words)


def _part(raw: Raw, wanted: type[T]) -> T:
    """A part of a Status; an empty one if the part cannot be read, because the message is enough."""
    try:
        return msgspec.json.decode(raw, type=wanted)
    except UNREADABLE:
        return wanted()


def not_json(response: ResponseParts, problem: str) -> ApiError:
    """The error for a 2xx whose body is not the requested object, for example a login page or half an object."""
    kind = header(response, "Content-Type").partition(";")[0] or "no content type"
    words = f"the server answered with {kind} that cannot be read ({problem}); is it a Kubernetes API server?"
    return ApiError(response.status, "UnexpectedServerResponse", words)


def retry_after(method: str, response: ResponseParts) -> float | None:
    """Seconds to wait before the request is sent again; None if the request must not be sent again.

    A request is sent again after a 429 or 5xx with Retry-After (client-go, rest/with_retry.go). After a 5xx only a GET
    is sent again, because the server may have made a part of a change. After a 429 it has made no change.
    """
    if response.status != 429 and not (response.status >= 500 and method == "GET"):
        return None
    seconds = header(response, "Retry-After").strip()
    return float(seconds) if re.fullmatch(r"\d{1,9}", seconds, re.ASCII) else None


def warnings(headers: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The texts of the headers `Warning: 299 AGENT "TEXT"` (RFC 9111 5.5). One header may have several texts."""
    for name, value in headers:
        if name.lower() == "warning":
            yield from _texts(value)


_ONE_WARNING = re.compile(r'\s*(\d{3}) (\S+) "((?:[^"\\]|\\.)*)"(?:\s*"[^"]*")?\s*(?:,|$)', re.DOTALL | re.ASCII)

# Each repetition ends at the first `?` or `>`, so the search takes linear time in the length of the text.
# The charsets are those of Go's mime.WordDecoder.
_ENCODED_WORD = re.compile(
    r"=\?(utf-8|iso-8859-1|us-ascii)\?([bq])\?([^?\s]*)\?=(?:\s+(?==\?))?", re.IGNORECASE | re.ASCII
)
_TAG = re.compile(r"<(style|script)\b.*?(?:</\1>|\Z)|<[^>]*(?:>|\Z)", re.DOTALL | re.IGNORECASE)


def _texts(value: str) -> Iterator[str]:
    position = 0
    while position < len(value) and (match := _ONE_WARNING.match(value, position)):
        code, _, quoted = match.groups()
        text = _ENCODED_WORD.sub(_decoded, _utf8(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)))
        if code == "299" and text:
            yield text
        position = match.end()


def _utf8(value: str) -> str:
    """The header's value in UTF-8, as Kubernetes sends it. http.client has decoded the value as Latin-1."""
    return value.encode("latin-1", "replace").decode("utf-8", "backslashreplace")


def _decoded(word: re.Match[str]) -> str:
    """The text of an encoded word (RFC 2047), or the word itself if it cannot be decoded."""
    charset, encoding, text = word.groups()
    try:
        data = binascii.a2b_qp(text, header=True) if encoding in "qQ" else base64.b64decode(text, validate=True)
        return data.decode(charset)
    except ValueError:
        return word[0]


def _text(response: ResponseParts) -> str:
    """The text of the body in one line, without HTML tags; empty if the body is no text."""
    kind = header(response, "Content-Type")
    if kind and not kind.startswith("text/"):
        return "unknown"
    line = " ".join(_TAG.sub(" ", response.body[:PAGE_LIMIT].decode("utf-8", "replace")).split())
    return line if len(line) <= TEXT_LIMIT else f"{line[:TEXT_LIMIT]}…"
