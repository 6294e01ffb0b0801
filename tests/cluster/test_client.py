"""Lists, objects, patches, logs and events: what is asked on the wire, and what becomes of each kind of answer."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Answer, Loopback, Seen, reply, serving, status

from kubectl_caps.cluster.api.client import EXPIRIES, LOG_LIMIT, Cluster, Listing
from kubectl_caps.cluster.api.resources import NAMESPACES, NODES, PODS
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.errors import UnreadableAnswer
from kubectl_caps.cluster.http.transport import Request, Response, connect
from kubectl_caps.errors import ApiError, Unreachable, UsageError

FORBIDDEN = status(403, "Forbidden", "pods is forbidden")


def cluster(server: Loopback) -> Cluster:
    return Cluster(connect(load_connection(Overrides(server=server.url), {})))


def page(names: list[str], token: str = "") -> Answer:
    items = [{"metadata": {"name": name, "uid": f"uid-{name}"}} for name in names]
    return reply({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": token}, "items": items})


def names(raws: Iterator[msgspec.Raw] | list[msgspec.Raw]) -> list[str]:
    return [msgspec.json.decode(raw)["metadata"]["name"] for raw in raws]


# --- lists


def test_a_list_comes_page_by_page() -> None:
    answers = {None: page(["a", "b"], "next"), "next": page(["c"])}
    with serving(lambda seen: answers[seen.query.get("continue")]) as server:
        pages = [names(raws) for raws in cluster(server).pages(PODS, "shop", label_selector="app in (a,b)", limit=2)]
    assert pages == [["a", "b"], ["c"]]
    assert [(seen.path, seen.query) for seen in server.seen] == [
        ("/api/v1/namespaces/shop/pods", {"labelSelector": "app in (a,b)", "limit": "2"}),
        ("/api/v1/namespaces/shop/pods", {"labelSelector": "app in (a,b)", "limit": "2", "continue": "next"}),
    ]


def test_pages_are_asked_for_only_when_they_are_read() -> None:
    with serving(lambda _: page(["a"], "more")) as server:
        pages = cluster(server).pages(PODS, None)
        next(pages)
        assert len(server.seen) == 1


@pytest.mark.parametrize("items", [[], None])
def test_an_empty_list_is_one_empty_page(items: list[Any] | None) -> None:
    with serving(lambda _: reply({"kind": "PodList", "metadata": {}, "items": items})) as server:
        assert list(cluster(server).pages(PODS, None)) == [[]]


def test_lists_of_all_namespaces_and_of_cluster_resources() -> None:
    with serving(lambda _: page([])) as server:
        for resource, namespace in ((PODS, None), (NODES, None), (NAMESPACES, "ignored")):
            list(cluster(server).pages(resource, namespace, field_selector="a=b"))
    assert [seen.path for seen in server.seen] == ["/api/v1/pods", "/api/v1/nodes", "/api/v1/namespaces"]
    assert {seen.query["fieldSelector"] for seen in server.seen} == {"a=b"}


def expired(token: str) -> Answer:
    """The answer for an expired token, with the token that continues the list."""
    return status(410, "Expired", "The provided continue parameter is too old", metadata={"continue": token})


class Changing:
    """A server whose objects change, and whose continue tokens may be told to expire."""

    def __init__(self, count: int, expiries: set[int]) -> None:
        self.objects = [f"{number:03}" for number in range(count)]
        self.expiries, self.requests = expiries, 0

    def __call__(self, seen: Seen) -> Answer:
        self.requests += 1
        token = seen.query.get("continue")
        if token and self.requests in self.expiries:
            self.objects = sorted([*self.objects, f"!{self.requests}"])  # sorts before what was listed already
            return expired(token)
        rest = [name for name in self.objects if name > (token or "")]
        size = int(seen.query["limit"])
        return page(rest[:size], rest[size - 1] if len(rest) > size else "")


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 12), st.integers(1, 5), st.sets(st.integers(2, 30)))
def test_a_list_that_expires_is_continued_and_gives_each_object_once(
    count: int, limit: int, expiries: set[int]
) -> None:
    rare = {number for number in expiries if number % (EXPIRIES + 1)}
    with serving(Changing(count, rare)) as server:
        found = [name for raws in cluster(server).pages(PODS, None, limit=limit) for name in names(raws)]
    assert found == [f"{number:03}" for number in range(count)]


def test_a_list_that_expires_again_and_again_is_an_error() -> None:
    with serving(lambda seen: expired("y") if "continue" in seen.query else page(["a"], "x")) as server:
        with pytest.raises(ApiError, match="too old") as caught:
            list(cluster(server).pages(PODS, None))
        assert (caught.value.code, len(server.seen)) == (410, 2 + EXPIRIES)


def test_a_list_that_expires_and_cannot_be_continued_is_an_error() -> None:
    gone = status(410, "Expired", "The provided continue parameter is too old")
    with serving(lambda seen: gone if "continue" in seen.query else page(["a"], "x")) as server:
        pages = cluster(server).pages(PODS, None)
        assert names(next(pages)) == ["a"]
        with pytest.raises(ApiError, match="too old"):
            next(pages)


def test_an_expiry_without_a_token_is_an_error() -> None:
    with serving(lambda _: expired("")) as server, pytest.raises(ApiError, match="too old"):
        list(cluster(server).pages(PODS, None))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply({"kind": "PodList"}), id="no items"),
        pytest.param(reply({"kind": "PodList", "items": {}}), id="items of another type"),
        pytest.param(reply([]), id="a list"),
        pytest.param(Answer(b"<html>log in</html>", content_type="text/html"), id="a login page"),
        pytest.param(Answer(b'{"items": ['), id="half of it"),
        pytest.param(Answer(b""), id="nothing"),
    ],
)
def test_an_answer_that_is_no_list_is_an_error_and_no_empty_list(answer: Answer) -> None:
    with serving(lambda _: answer) as server, pytest.raises(ApiError, match=r"is it a Kubernetes API server\?"):
        list(cluster(server).pages(PODS, None))


def test_the_last_page_may_be_refused() -> None:
    with serving(lambda seen: FORBIDDEN if "continue" in seen.query else page(["a"], "x")) as server:
        pages = cluster(server).pages(PODS, None)
        assert names(next(pages)) == ["a"]
        with pytest.raises(ApiError, match="forbidden"):
            next(pages)


# --- several lists


def by_path(answers: dict[str, Answer]) -> Callable[[Seen], Answer]:
    return lambda seen: answers[seen.path]


def test_lists_are_returned_in_order_and_a_forbidden_list_does_not_stop_the_rest() -> None:
    answers = {
        "/api/v1/namespaces/a/pods": page(["slow"]),
        "/api/v1/namespaces/b/pods": FORBIDDEN,
        "/api/v1/namespaces/c/pods": page([]),
        "/api/v1/namespaces/d/pods": page(["x", "y"]),
    }

    def api(seen: Seen) -> Answer:
        time.sleep(0.2 if "/a/" in seen.path else 0)
        return answers[seen.path]

    with serving(api) as server:
        found = [
            answer.code if isinstance(answer, ApiError) else names(answer)
            for answer in cluster(server).list_many([Listing(PODS, namespace) for namespace in "abcd"], workers=2)
        ]
    assert found == [["slow"], 403, [], ["x", "y"]]


def test_several_lists_are_asked_at_a_time() -> None:
    together = threading.Barrier(4, timeout=30)

    def api(_: Seen) -> Answer:
        together.wait()
        return page([])

    with serving(api) as server:
        for answer in cluster(server).list_many([Listing(PODS, str(number)) for number in range(4)]):
            assert not isinstance(answer, ApiError)
            assert list(answer) == []


def test_a_listing_carries_its_selectors() -> None:
    with serving(lambda _: page([])) as server:
        listing = Listing(PODS, "n", label_selector="a=b", field_selector="c=d")
        for answer in cluster(server).list_many([listing]):
            assert not isinstance(answer, ApiError)
    assert server.seen[0].query == {"labelSelector": "a=b", "fieldSelector": "c=d", "limit": "500"}


def test_a_server_that_is_gone_is_not_an_answer_for_one_list() -> None:
    gone = Cluster(connect(load_connection(Overrides(server="http://127.0.0.1:1"), {})))
    with pytest.raises(Unreachable):
        list(gone.list_many([Listing(PODS), Listing(NODES)]))


# --- objects

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}


@pytest.fixture
def pod() -> Iterator[Loopback]:
    with serving(lambda _: reply(POD)) as server:
        yield server


def test_get_returns_the_object_at_a_path(pod: Loopback) -> None:
    assert cluster(pod).get(PODS, "n", "web") == POD
    assert (pod.seen[0].method, pod.seen[0].path) == ("GET", "/api/v1/namespaces/n/pods/web")


@pytest.mark.parametrize(
    ("dry_run", "query"),
    [(False, {"fieldManager": "kubectl-caps"}), (True, {"fieldManager": "kubectl-caps", "dryRun": "All"})],
)
def test_patch_is_a_json_patch_on_the_wire(pod: Loopback, dry_run: bool, query: dict[str, str]) -> None:
    operations = [{"op": "test", "path": "/metadata/uid", "value": "1"}, {"op": "remove", "path": "/spec/x"}]
    patched = cluster(pod).patch(PODS, "n", "web", operations, dry_run=dry_run, field_manager="kubectl-caps")
    (seen,) = pod.seen
    assert patched == POD
    assert (seen.method, seen.path) == ("PATCH", "/api/v1/namespaces/n/pods/web")
    assert (seen.header("Content-Type"), json.loads(seen.body)) == ("application/json-patch+json", operations)
    assert seen.query == query


def test_a_dry_run_create_posts_the_object_and_returns_the_answer(pod: Loopback) -> None:
    assert cluster(pod).create(PODS, "n", POD, dry_run=True, field_manager="me") == POD
    (seen,) = pod.seen
    assert (seen.method, seen.path) == ("POST", "/api/v1/namespaces/n/pods")
    assert (seen.header("Content-Type"), json.loads(seen.body)) == ("application/json", POD)
    assert seen.query == {"dryRun": "All", "fieldManager": "me"}


def test_delete_can_demand_the_uid_that_was_read(pod: Loopback) -> None:
    cluster(pod).delete(PODS, "n", "web", uid="1")
    (seen,) = pod.seen
    assert (seen.method, seen.path, seen.query) == ("DELETE", "/api/v1/namespaces/n/pods/web", {})
    options = json.loads(seen.body)
    assert options["preconditions"] == {"uid": "1"}


@pytest.mark.parametrize("code", [403, 404, 409, 422, 500])
def test_a_refusal_is_an_api_error(code: int) -> None:
    details = {"kind": "pods", "name": "web"}
    with serving(lambda _: status(code, "Reason", "words", details=details)) as server:
        asks: list[Callable[[Cluster], object]] = [
            lambda it: it.get(PODS, "n", "web"),
            lambda it: it.patch(PODS, "n", "web", []),
            lambda it: it.create(PODS, "n", POD),
            lambda it: it.delete(PODS, "n", "web"),
            lambda it: it.log("n", "web", "c"),
            lambda it: it.events("n", "uid"),
            lambda it: it.server_version(),
        ]
        for ask in asks:
            with pytest.raises(ApiError) as caught:
                ask(cluster(server))
            assert (caught.value.code, caught.value.reason, caught.value.details) == (code, "Reason", details)


@pytest.mark.parametrize("name", ["", "..", "a/b", "%2e%2e"])
def test_a_name_that_would_be_another_path_is_never_sent(pod: Loopback, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        cluster(pod).delete(PODS, "n", name)
    assert pod.seen == []


# --- logs, events, version


@pytest.mark.parametrize("previous", [True, False])
def test_a_log_is_asked_for_with_limits(previous: bool) -> None:
    with serving(lambda _: Answer("zeile ü\n\xff".encode("latin-1"), content_type="text/plain")) as server:
        assert cluster(server).log("n", "web", "c", previous=previous, tail=7) == "zeile \ufffd\n\ufffd"
    (seen,) = server.seen
    expected = {"container": "c", "tailLines": "7", "limitBytes": str(LOG_LIMIT)}
    assert seen.path == "/api/v1/namespaces/n/pods/web/log"
    assert seen.query == ({**expected, "previous": "true"} if previous else expected)


def test_a_log_is_read_from_its_start_where_no_last_lines_are_asked_for() -> None:
    with serving(lambda _: Answer(b"longer than it should be", content_type="text/plain")) as server:
        assert cluster(server).log("n", "web", "c", limit=6) == "longer"
    assert server.seen[0].query == {"container": "c", "limitBytes": "6"}


def test_events_of_one_object() -> None:
    event = {"metadata": {"uid": "e", "name": "e"}, "type": "Warning", "reason": "Failed"}
    with serving(lambda _: reply({"kind": "EventList", "metadata": {}, "items": [event]})) as server:
        assert cluster(server).events("n", "uid-1") == [event]
    (seen,) = server.seen
    assert (seen.path, seen.query["fieldSelector"]) == ("/api/v1/namespaces/n/events", "involvedObject.uid=uid-1")


@pytest.mark.parametrize(
    ("major", "minor", "expected"),
    [("1", "37", (1, 37)), ("1", "27+", (1, 27)), ("1", "27-gke.3", (1, 27)), ("1+", "9", (1, 9))],
)
def test_the_servers_version_is_read_with_and_without_a_plus(major: str, minor: str, expected: tuple[int, int]) -> None:
    with serving(lambda _: reply({"major": major, "minor": minor, "gitVersion": "v1.x"})) as server:
        assert cluster(server).server_version() == (*expected, "v1.x")


@pytest.mark.parametrize(
    ("minor", "emulated", "expected"),
    [("37", "36", 36), ("37+", "36+", 36), ("37", "37", 37), ("37", "", 37), ("34", "33", 34)],
    ids=["emulated", "emulated with a plus", "itself", "not told", "Pod Security does not emulate yet"],
)
def test_the_version_that_the_server_emulates_is_the_one_that_counts(minor: str, emulated: str, expected: int) -> None:
    told = {"major": "1", "minor": minor, "gitVersion": "v1.x", "emulationMajor": "1", "emulationMinor": emulated}
    with serving(lambda _: reply(told)) as server:
        assert cluster(server).server_version() == (1, expected, "v1.x")


@pytest.mark.parametrize("body", [{}, {"major": "", "minor": ""}, {"major": 1, "minor": 2}])
def test_an_answer_without_a_version_is_an_error(body: dict[str, Any]) -> None:
    with serving(lambda _: reply(body)) as server, pytest.raises(ApiError, match=r"is it a Kubernetes API server\?"):
        cluster(server).server_version()


def test_the_client_works_with_any_transport(tmp_path: Path) -> None:
    class Fake:
        def send(self, request: Request, /) -> Response:
            return Response(
                200, (), msgspec.json.encode({"kind": "Namespace", "metadata": {"name": request.path[-4:]}})
            )

    assert Cluster(Fake()).get(NAMESPACES, None, "shop")["metadata"] == {"name": "shop"}


OTHERS = [
    {}, {"kind": "Status", "status": "Failure"}, {"kind": "PodList", "items": []}, {"kind": "Pod"},
    {"kind": "Pod", "metadata": None}, {"kind": "Pod", "metadata": {"name": "db"}},
    {"kind": "Node", "metadata": {"name": "web"}},
]  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_another_object_than_the_one_asked_for_is_an_error(other: dict[str, Any]) -> None:
    with serving(lambda _: reply(other)) as server:
        with pytest.raises(ApiError, match="it is not Pod web"):
            cluster(server).get(PODS, "n", "web")
        with pytest.raises(UnreadableAnswer, match="it is not Pod web"):
            cluster(server).patch(PODS, "n", "web", [])
