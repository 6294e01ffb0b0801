"""Tests that a completion offers all names or none: whoever sees some of the names takes them for all.

tests/cluster/test_faults.py breaks the requests of completions in front of the real API server; here it is the later
request of several.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Answer, Seen, reply, serving, status

from kubectl_caps.commands.completion import objects
from kubectl_caps.commands.completion.answer import KEEP_ORDER, NO_FILES, answer

NOTHING = [f":{NO_FILES | KEEP_ORDER}"]
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
SETS = "/apis/apps/v1/namespaces/shop/statefulsets"


def _containers(*names: str) -> Answer:
    return reply({"spec": {"template": {"spec": {"containers": [{"name": name} for name in names]}}}})


def _names(*names: str, token: str = "") -> Answer:
    """A page of names, of which the token asks for the next one."""
    items = [{"metadata": {"name": name}} for name in names]
    return reply({"metadata": {"continue": token} if token else {}, "items": items or None})


WHOLE: Mapping[str, Answer] = {
    DEPLOYMENTS: _names("web", token="next/page"),
    f"{DEPLOYMENTS} next/page": _names("admin"),
    SETS: _names("db"),
    f"{DEPLOYMENTS}/web": _containers("web", "log"),
    f"{DEPLOYMENTS}/admin": _containers("proxy"),
}
"""What a server answers that does not fail, by path and `continue`."""

LINES = {
    "inspect -n shop deploy ": (["web", "admin"], f"{DEPLOYMENTS} next/page"),
    "inspect -n shop deploy,sts ": (["web\tDeployment", "admin\tDeployment", "db\tStatefulSet"], SETS),
    "harden -n shop deploy/web deploy/admin -c ": (["web", "log", "proxy"], f"{DEPLOYMENTS}/admin"),
}
"""What is typed, the candidates, and the last of its requests."""


def _half(whole: Answer, hold: float = 0.0) -> Answer:
    return replace(whole, cut=len(whole.body) // 2, hold=hold)


FAULTS: Mapping[str, Callable[[Answer], Answer]] = {
    "reset": lambda whole: Answer(cut=-1),
    "half an answer": _half,
    "a stuck answer": lambda whole: _half(whole, hold=60),
    "no answer": lambda whole: Answer(cut=-1, hold=60),
    "half, and well-formed HTTP": lambda whole: replace(whole, body=whole.body[: len(whole.body) // 2]),
    "410": lambda whole: status(410, "Expired", "The provided continue parameter is too old"),
    "500": lambda whole: status(500, "InternalError", "etcdserver: leader changed"),
    "429": lambda whole: status(429, "TooManyRequests", "please try again later", ("Retry-After", "0")),
    "403": lambda whole: status(403, "Forbidden", "forbidden"),
}


def _lines(line: str, answers: Mapping[str, Answer], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    def shop(seen: Seen) -> Answer:
        path = f"{seen.path} {seen.query.get('continue', '')}".strip()
        return answers.get(path, status(404, "NotFound", "not here"))

    with serving(shop, tls=True) as server:
        monkeypatch.setenv("KUBECONFIG", server.kubeconfig(folder))
        return answer(line.split(" "))


@pytest.mark.parametrize("line", LINES)
def test_the_names_of_all_pages_and_types_and_objects_are_offered(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "LIMIT", 60.0)
    assert _lines(line, WHOLE, tmp_path, monkeypatch) == [*LINES[line][0], *NOTHING]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("line", LINES)
def test_where_the_last_request_fails_no_name_is_offered(
    line: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "LIMIT", 2.0 if fault in ("a stuck answer", "no answer") else 60.0)
    last = LINES[line][1]
    assert _lines(line, {**WHOLE, last: FAULTS[fault](WHOLE[last])}, tmp_path, monkeypatch) == NOTHING


@pytest.mark.parametrize("sets", [_names(), status(404, "NotFound", "no such type")], ids=["empty", "unknown"])
def test_a_type_without_objects_takes_no_names_away(
    sets: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "LIMIT", 60.0)
    lines = _lines("inspect -n shop deploy,sts ", {**WHOLE, SETS: sets}, tmp_path, monkeypatch)
    assert lines == ["web\tDeployment", "admin\tDeployment", *NOTHING]


def test_a_server_that_closes_its_connections_is_asked_over_tls_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """http.client would connect again by itself, and send the token without TLS."""
    monkeypatch.setattr(objects, "LIMIT", 60.0)
    closing = {path: replace(one, headers=(("Connection", "close"),)) for path, one in WHOLE.items()}
    line = "inspect -n shop deploy,sts "
    assert _lines(line, closing, tmp_path, monkeypatch) == [*LINES[line][0], *NOTHING]
