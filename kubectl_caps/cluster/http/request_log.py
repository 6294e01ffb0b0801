"""Logs requests for `-v=6` and more, in the form of kubectl's lines (k8s.io/client-go, transport/round_trippers.go).

| -v | log                                                                                   |
| -- | ------------------------------------------------------------------------------------- |
| 6  | one line a response: method, URL, status, milliseconds                                |
| 7  | the request with its headers, then the status                                         |
| 8  | also the headers of the response, and 1,024 characters of each body                   |
| 9  | the request as a curl command, 10,240 characters of each body; from 10 on whole bodies |

Secrets are masked in headers, URLs and bodies. kubectl masks only the header Authorization.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Header = tuple[str, str]
Write = Callable[..., None]

_CUTS = {8: 1024, 9: 10240}
_MASK = "<masked>"
_SECRET_HEADERS = ("cookie", "set-cookie", "proxy-authorization", "x-csrf-token")
_USER_OF_URL = re.compile(r"^([a-z]+://)[^/@]*@")
_SECRET_FIELDS = {
    "Secret": ("data", "stringData", "annotations"),
    "TokenReview": ("token",),
    "TokenRequest": ("token",),
    "ExecCredential": ("status",),
}
"""The fields with secret values, by kind. An annotation of a Secret may hold a copy of the whole applied Secret."""


class RequestLog:
    """Logs the requests and responses of a transport. One call of `write` gets all lines of one entry."""

    def __init__(self, verbosity: int = 0, write: Write = lambda *lines: None) -> None:
        self._verbosity, self._write = verbosity, write

    def request(self, method: str, url: str, headers: Iterable[Header], body: bytes | None) -> float:
        """Write a request that is about to be sent, and return the time."""
        if self._verbosity >= 8:
            self._body("Request Body", body or b"")
        if self._verbosity >= 9:
            self._entry("Request", curlCommand=_curl(method, url, headers) + "\n")
        elif self._verbosity >= 7:
            self._entry("Request", verb=method, url=_without_user(url), headers=_block(headers))
        return time.monotonic()

    def response(
        self, method: str, url: str, status: str, headers: Iterable[Header], body: bytes, started: float
    ) -> None:
        """Write a response. `status` is empty for a request without a response, as in kubectl."""
        if self._verbosity < 6:
            return
        milliseconds = int((time.monotonic() - started) * 1000)
        asked = {"verb": method, "url": _without_user(url)} if self._verbosity in (6, 9) or self._verbosity > 9 else {}
        told = {"headers": _block(headers)} if self._verbosity >= 8 and status else {}
        self._entry("Response", **asked, status=status, **told, milliseconds=milliseconds)
        if self._verbosity >= 8 and status:
            self._body("Response Body", body)

    def _body(self, title: str, body: bytes) -> None:
        text = _masked_body(body).decode("utf-8", "replace")
        limit = _CUTS.get(self._verbosity, len(text))
        cut = f" [truncated {len(text) - limit} chars]" if len(text) > limit else ""
        self._entry(title, body=text[:limit] + cut)

    def _entry(self, title: str, **values: str | int) -> None:
        """Write klog's line: time, process, place, title, values. A value of several lines stands between < and >."""
        now = time.time()
        stamp = time.strftime("%m%d %H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1_000_000):06}"
        place = sys._getframe(1).f_lineno
        line = f'I{stamp} {os.getpid():7} request_log.py:{place}] "{title}"'
        lines: list[str] = []
        for name, value in values.items():
            text = str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)
            if isinstance(value, str) and "\n" in value:
                lines += [f"{line} {name}=<", *(f"\t{part}" for part in value.removesuffix("\n").split("\n"))]
                line = " >"
            else:
                line += f" {name}={text}"
        self._write(*lines, line)


def _block(headers: Iterable[Header]) -> str:
    """The headers in the order of their names, one in each line."""
    return "".join(f"{name}: {value}\n" for name, value in sorted(_masked(headers)))


def _masked(headers: Iterable[Header]) -> Iterator[Header]:
    for name, value in headers:
        title = "-".join(part.capitalize() for part in name.split("-"))
        if name.lower() == "authorization":
            scheme, blank, _ = value.partition(" ")
            value = f"{scheme} {_MASK}" if blank else _MASK
        yield title, _MASK if name.lower() in _SECRET_HEADERS else value


def _curl(method: str, url: str, headers: Iterable[Header]) -> str:
    words = " ".join(f'-H "{name}: {value}"' for name, value in _masked(headers))
    return f"curl -v -X{method}  {words} '{_without_user(url)}'"


def _without_user(url: str) -> str:
    """A URL without the user and password before its host."""
    return _USER_OF_URL.sub(rf"\1{_MASK}@", url)


def _masked_body(body: bytes) -> bytes:
    """A body without the values of secret fields. A body that names a secret kind and is no JSON is masked whole."""
    if not any(kind.encode() in body for kind in _SECRET_FIELDS):
        return body
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return _MASK.encode()
    return json.dumps(_masked_value(value), separators=(",", ":"), ensure_ascii=False).encode()


def _masked_value(value: Any, kind: str = "") -> Any:
    if isinstance(value, list):
        return [_masked_value(item, kind) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value["kind"].removesuffix("List") if isinstance(value.get("kind"), str) else kind
    secret = _SECRET_FIELDS.get(kind, ())
    return {name: _hidden(item) if name in secret else _masked_value(item, kind) for name, item in value.items()}


def _hidden(value: Any) -> Any:
    """The masked value. The keys of a map stay, as in `kubectl describe secret`."""
    return dict.fromkeys(value, _MASK) if isinstance(value, dict) else _MASK
