"""`-v=6` and more: the lines of requests have the shape of kubectl's, on the same API server."""

import re
from typing import Any

import pytest
from loopback import Answer, serving
from testbed.cluster import Cluster

from kubectl_caps import main
from kubectl_caps.cluster.http.request_log import RequestLog

_VALUE = re.compile(r'(?<==)"(?:[^"\\]|\\.)*"|(?<=milliseconds=)[0-9]+')
_HEAD = re.compile(r"^I[0-9]{4} [0-9:]{8}\.[0-9]{6} +[0-9]+ [a-z_]+\.(?:go|py):[0-9]+\] ")
_TRACE = re.compile(r" (?:dnsLookup|dial|tlsHandshake|serverProcessing)Milliseconds=[0-9]+")
_ENTRIES = ("Request", "Response", "Request Body", "Response Body")
_OURS_ONLY = "\tAccept-Encoding"
"""Go adds this header below the layer that kubectl logs."""


def shape(stderr: str) -> list[str]:
    """The entries about requests, with every value replaced; of the lines between < and > the names of headers."""
    lines: list[str] = []
    inside = wanted = False
    for line in stderr.splitlines():
        if not inside:
            wanted = any(f'] "{title}" ' in line for title in _ENTRIES)
        if wanted and not line.startswith(_OURS_ONLY):
            name = line.partition(":")[0] if re.match(r"\t[A-Z][A-Za-z-]+: ", line) else line
            name = "\tcurl" if line.startswith("\tcurl ") else name
            lines.append(_TRACE.sub("", _VALUE.sub("…", _HEAD.sub("HEAD ", name))))
        inside = line.endswith("=<") if not inside else not line.startswith(" >")
        inside = inside or line.endswith("=<")
    return lines


@pytest.mark.parametrize("verbosity", ["6", "7", "8", "9"])
def test_the_lines_have_the_shape_of_kubectls(verbosity: str, api_cluster: Cluster) -> None:
    of_kubectl = shape(api_cluster.kubectl("version", f"-v={verbosity}").stderr)
    ours = api_cluster.caps("version", f"-v={verbosity}")
    assert ours.returncode == 0
    assert shape(ours.stderr) == of_kubectl
    assert of_kubectl


def test_no_request_is_logged_below_level_6(api_cluster: Cluster) -> None:
    assert api_cluster.caps("version", "-v=5").stderr == ""


def test_a_request_without_an_answer_has_an_empty_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["version", "-s", "http://127.0.0.1:1", "-v=6"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert re.search(r'"Response" verb="GET" url="http://127.0.0.1:1/version" status="" milliseconds=[0-9]+$', first)
    assert second.startswith("The connection to the server 127.0.0.1:1 was refused")


@pytest.mark.parametrize(("verbosity", "kept"), [(8, 1024), (9, 10240), (10, 20000)])
def test_long_bodies_are_cut_as_by_kubectl(verbosity: int, kept: int) -> None:
    entries: list[tuple[str, ...]] = []
    log = RequestLog(verbosity, lambda *lines: entries.append(lines))
    log.response("GET", "https://a", "200 OK", (), b"x" * 20000, 0)
    cut = f" [truncated {20000 - kept} chars]" if kept < 20000 else ""
    assert entries[-1][0].endswith(f'] "Response Body" body="{"x" * kept}{cut}"')


def test_text_of_a_server_reaches_the_terminal_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda _: Answer(b"\x1b[31mred\n\x9b\ttab", headers=(("X-Odd", "a\x07b"),))) as server:
        main.main(["version", "-s", server.url, "-v=8"])
    told = capsys.readouterr().err
    assert "\\x1b[31mred" in told
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", told)


def test_the_lines_of_a_log_entry_stay_together() -> None:
    entries: list[Any] = []
    log = RequestLog(7, lambda *lines: entries.append(lines))
    log.request("GET", "https://a", [("Accept", "x"), ("User-Agent", "y")], None)
    (lines,) = entries
    assert [line[:8] for line in lines[1:]] == ["\tAccept:", "\tUser-Ag", " >"]
