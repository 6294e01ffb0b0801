"""What an answer says beside its content: failures, warnings, Retry-After."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Answer, kubectl, serving

from kubectl_caps.cluster.http.responses import TEXT_LIMIT, api_error, not_json, retry_after, warnings
from kubectl_caps.cluster.http.transport import Response


def texts(*values: str) -> list[str]:
    return list(warnings([("Warning", value) for value in values]))


WARNINGS = [
    ('299 - "plain"', ["plain"]),
    ('299 - "plain" "Wed, 21 Oct 2015 07:28:00 GMT"', ["plain"]),
    (r'299 - "a \"b\" \\ c"', [r'a "b" \ c']),
    ('299 - "a", 299 - "b"', ["a", "b"]),
    ('299 - "a, 299 - b"', ["a, 299 - b"]),
    ('299 - "a" "Wed, 21 Oct 2015 07:28:00 GMT", 299 - "b"', ["a", "b"]),
    ('  299  kubernetes "a"', []),
    (' 299 kubernetes "a" ', ["a"]),
    ('299 - "=?UTF-8?Q?gr=C3=BC=C3=9Fe?="', ["grüße"]),
    ('299 - "' + "grüße".encode().decode("latin-1") + '"', ["grüße"]),
    ('299 - "=?UTF-8?B?Z3LDvMOfZQ==?= =?utf-8?q?_us?="', ["grüße us"]),
    ('299 - "before =?utf-8?q?a?= between =?utf-8?q?b?= after"', ["before a between b after"]),
    ('299 - "=?no-such-charset?q?a?="', ["=?no-such-charset?q?a?="]),
    ('299 - "=?utf-8?b?!!!?="', ["=?utf-8?b?!!!?="]),
    ('299 - "=?utf-8?x?a?="', ["=?utf-8?x?a?="]),
    ('299 - "=?utf-8?q?unfinished"', ["=?utf-8?q?unfinished"]),
    ('299 - ""', []),
    ('199 - "another code"', []),
    ('299 - "unterminated', []),
    ("299 - unquoted", []),
    ("", []),
    ('299 - "a" garbage', []),
]


@pytest.mark.parametrize(("value", "expected"), WARNINGS)
def test_a_warning_header_is_read_as_its_texts(value: str, expected: list[str]) -> None:
    assert texts(value) == expected


@pytest.mark.parametrize(("value", "expected"), WARNINGS)
def test_kubectl_reads_the_same(value: str, expected: list[str]) -> None:
    with serving(lambda _: Answer(headers=(("Warning", value),))) as server:
        said = kubectl("delete", "--raw", "/x", "-s", server.url).stderr
    assert said.splitlines() == [f"Warning: {text}" for text in expected]


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: "=?" not in text))
def test_any_text_is_passed_through_unchanged(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').encode().decode("latin-1")
    assert texts(f'299 - "{quoted}", 299 - "{quoted}"') == [text, text]


@given(st.text())
def test_no_warning_header_ends_the_run(value: str) -> None:
    assert isinstance(texts(value), list)


def answer(status: int, body: bytes, content_type: str = "text/plain") -> Response:
    return Response(status, (("Content-Type", content_type),), body)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 409, 415, 429, 500, 502, 503, 504])
def test_a_failure_without_status_has_kubectls_words(status: int) -> None:
    body = b"go away"
    with serving(lambda _: Answer(body, status, content_type="text/plain")) as server:
        theirs = kubectl("get", "--raw", "/x", "-s", server.url).stderr.strip()
    error = api_error(answer(status, body))
    assert theirs == (f"error: You must be logged in to the server ({error.message})" if status == 401 else str(error))
    assert error.code == status


def test_an_unknown_status_code_shows_the_body() -> None:
    assert str(api_error(answer(418, b"tea\npot"))) == "Error from server (418): tea pot"
    assert (
        str(api_error(answer(418, b"")))
        == "Error from server (418): the server responded with the status code 418 and nothing else"
    )


def test_a_status_is_the_error() -> None:
    body = b'{"kind": "Status", "reason": "Forbidden", "message": "pods is forbidden", "details": {"kind": "pods"}}'
    error = api_error(answer(403, body, "application/json"))
    assert (error.code, error.reason, error.message) == (403, "Forbidden", "pods is forbidden")
    assert error.details == {"kind": "pods"}
    assert str(error) == "Error from server (Forbidden): pods is forbidden"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"kind": "Status"}', b'{"kind": 7}', b"\xff\xfe"])
def test_a_body_that_is_no_status_still_makes_an_error(body: bytes) -> None:
    error = api_error(answer(404, body, "application/json"))
    assert str(error) == "Error from server (NotFound): the server could not find the requested resource"


def test_a_proxys_page_is_one_short_line() -> None:
    page = b"<html><head><style>p {x: y}</style></head>\n<body><h1>Bad\nGateway</h1>" + b"<p>more</p>" * 500
    error = api_error(answer(502, page, "text/html"))
    assert error.message.startswith('an error on the server ("Bad Gateway more')
    assert "\n" not in error.message
    assert len(error.message) < TEXT_LIMIT + 100


def test_a_redirect_says_where_to() -> None:
    error = api_error(Response(302, (("location", "https://login.example"),)))
    assert "https://login.example" in error.message


def test_a_login_page_is_not_a_list() -> None:
    error = not_json(answer(200, b"<html>", "text/html; charset=utf-8"), "malformed")
    assert "the server answered with text/html that cannot be read (malformed)" in str(error)


@pytest.mark.parametrize(
    ("method", "status", "value", "seconds"),
    [
        ("GET", 429, "3", 3), ("PATCH", 429, "3", 3), ("GET", 503, "3", 3), ("GET", 500, "0", 0),
        ("PATCH", 503, "3", None), ("POST", 500, "3", None), ("GET", 404, "3", None), ("GET", 200, "3", None),
        ("GET", 429, "", None), ("GET", 429, "-1", None), ("GET", 429, "soon", None), ("GET", 429, "9" * 30, None),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_seconds(method: str, status: int, value: str, seconds: float | None) -> None:
    assert retry_after(method, Response(status, (("retry-after", value),))) == seconds
