"""The workloads of a cluster, namespace by namespace: order, errors, and the memory of one namespace."""

import tracemalloc
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Answer, Seen, reply, serving, status

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.transport import connect
from kubectl_caps.cluster.read.workloads import KindListing, by_namespace
from kubectl_caps.core.kubernetes.kinds import WORKLOADS, Kind
from kubectl_caps.errors import CapsError

POD, REPLICA_SET = (next(kind for kind in WORKLOADS if kind.kind == name) for name in ("Pod", "ReplicaSet"))
PATHS = {"/api/v1/pods": POD, "/apis/apps/v1/replicasets": REPLICA_SET}
NAMESPACES = ("a", "a-b", "ab", "b")
Names = list[tuple[str, str]]


def obj(kind: Kind, namespace: str, name: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "web"}]}
    metadata = {"name": name, "namespace": namespace, "uid": f"{kind.kind}-{namespace}-{name}"}
    return {"metadata": metadata, "spec": spec if kind is POD else {"template": {"spec": spec}}}


def in_pages(objects: Mapping[Kind, Sequence[dict[str, Any]]], size: int) -> Callable[[Seen], Answer]:
    """A server with these objects, sorted as etcd sorts their keys, and pages of so many objects."""

    def answer(seen: Seen) -> Answer:
        every = sorted(
            objects.get(PATHS[seen.path], ()),
            key=lambda one: f"{one['metadata']['namespace']}/{one['metadata']['name']}",
        )
        start = int(seen.query.get("continue", 0))
        token = str(start + size) if start + size < len(every) else ""
        return reply({"metadata": {"continue": token}, "items": every[start : start + size]})

    return answer


def read(server: Callable[[Seen], Answer], errors: list[CapsError] | None = None) -> list[list[Names]]:
    """For each namespace, and for each kind in it, the namespaces and names of the workloads."""
    failed = ([] if errors is None else errors).append
    with serving(server) as place:
        cluster = Cluster(connect(load_connection(Overrides(server=place.url))))
        found = by_namespace(cluster, [KindListing(POD), KindListing(REPLICA_SET)], None, {}, failed)
        return [[[(one.namespace, one.name) for one in some] for some in part] for part in found]


NAMED = st.lists(st.tuples(st.sampled_from(NAMESPACES), st.sampled_from("xyz")), unique=True)


@settings(deadline=None, max_examples=30)
@given(NAMED, NAMED, st.integers(1, 4))
def test_each_namespace_comes_once_with_all_its_workloads(pods: Names, replica_sets: Names, size: int) -> None:
    names = {POD: pods, REPLICA_SET: replica_sets}
    objects = {kind: [obj(kind, *one) for one in some] for kind, some in names.items()}
    found = read(in_pages(objects, size))
    for index, some in enumerate((pods, replica_sets)):
        assert list(chain.from_iterable(part[index] for part in found)) == sorted(some, key="/".join)
    assert len(found) == len({namespace for namespace, _ in (*pods, *replica_sets)})
    assert all(len({namespace for some in part for namespace, _ in some}) == 1 for part in found)


def test_no_object_of_an_unsorted_list_is_lost() -> None:
    names = [("b", "x"), ("a", "y"), ("b", "z")]
    found = read(lambda seen: reply({"items": [obj(PATHS[seen.path], *one) for one in names]}))
    assert sorted(one for part in found for one in part[0]) == sorted(names)


def test_a_refused_list_and_a_malformed_object_leave_the_other_workloads() -> None:
    broken = {**obj(POD, "a", "broken"), "spec": {"containers": "none"}}
    objects = [broken, obj(POD, "a", "well"), obj(POD, "b", "well")]
    refused = status(403, "Forbidden", "replicasets.apps is forbidden")
    errors: list[CapsError] = []
    found = read(lambda seen: reply({"items": objects}) if seen.path == "/api/v1/pods" else refused, errors)
    assert found == [[[("a", "well")], []], [[("b", "well")], []]]
    assert [type(error).__name__ for error in errors] == ["MalformedObject", "ApiError"]


def test_what_was_read_before_an_error_is_kept() -> None:
    page = reply({"metadata": {"continue": "x"}, "items": [obj(POD, "a", "first")]})
    fails = status(500, "InternalError", "etcd is gone")
    errors: list[CapsError] = []
    found = read(lambda seen: fails if "continue" in seen.query or seen.path != "/api/v1/pods" else page, errors)
    assert found == [[[("a", "first")], []]]
    assert len(errors) == 2


def test_the_memory_is_that_of_one_namespace() -> None:
    few, many = (_peak(f"n{number:03}" for number in range(count)) for count in (5, 40))
    assert many < 1.5 * few


def _peak(namespaces: Iterable[str]) -> int:
    """The most bytes while namespaces of ten pods are read, each pod with an annotation of its own of 100 kB."""
    pods = [obj(POD, namespace, str(number)) for namespace in namespaces for number in range(10)]
    for pod in pods:
        pod["metadata"]["annotations"] = {"text": f"{pod['metadata']['uid']:x>100000}"}
    pages = in_pages({POD: pods}, 5)
    with serving(pages) as place:
        cluster = Cluster(connect(load_connection(Overrides(server=place.url))))
        parts = by_namespace(cluster, [KindListing(POD)], None, {}, raised)
        next(parts)
        tracemalloc.start()
        assert sum(len(found) for found in map(list, parts)) > 0
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


def raised(error: CapsError) -> None:
    raise error
