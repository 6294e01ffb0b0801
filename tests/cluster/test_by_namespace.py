"""The workloads of a cluster, namespace by namespace: order, errors, and the memory of one namespace."""

import tracemalloc
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Answer, Seen, reply, serving, status

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.transport import connect
from kubectl_caps.cluster.read.workloads import KindListing, by_namespace
from kubectl_caps.core.kubernetes.kinds import WORKLOADS, Kind
from kubectl_caps.errors import NotByNamespace
from kubectl_caps.main import main

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


def connected(url: str) -> Cluster:
    return Cluster(connect(load_connection(Overrides(server=url))))


def read(server: Callable[[Seen], Answer], wanted: Sequence[KindListing] = ()) -> list[list[Names]]:
    """For each namespace, and for each kind in it, the namespaces and names of the workloads."""
    wanted = wanted or [KindListing(POD), KindListing(REPLICA_SET)]
    with serving(server) as place:
        found = by_namespace(connected(place.url), wanted, {})
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


@pytest.mark.parametrize("names", [[("b", "x"), ("a", "y")], [("", "x")], [("a", "x"), ("b", "x"), ("a", "y")]])
def test_a_list_that_is_not_sorted_by_namespaces_is_not_read_by_namespace(names: Names) -> None:
    with pytest.raises(NotByNamespace):
        read(lambda seen: reply({"items": [obj(PATHS[seen.path], *one) for one in names]}))


def test_a_refused_list_and_a_malformed_object_leave_the_other_workloads() -> None:
    broken = {**obj(POD, "a", "broken"), "spec": {"containers": "none"}}
    objects = [broken, obj(POD, "a", "well"), obj(POD, "b", "well")]
    refused = status(403, "Forbidden", "replicasets.apps is forbidden")
    wanted = [KindListing(POD), KindListing(REPLICA_SET)]
    found = read(lambda seen: reply({"items": objects}) if seen.path == "/api/v1/pods" else refused, wanted)
    assert found == [[[("a", "well")], []], [[("b", "well")], []]]
    assert [[type(error).__name__ for error in one.errors] for one in wanted] == [["MalformedObject"], ["ApiError"]]


def test_what_was_read_before_an_error_is_kept() -> None:
    page = reply({"metadata": {"continue": "x"}, "items": [obj(POD, "a", "first")]})
    fails = status(500, "InternalError", "etcd is gone")
    wanted = [KindListing(POD)]
    found = read(lambda seen: fails if "continue" in seen.query else page, wanted)
    assert (found, len(wanted[0].errors)) == ([[[("a", "first")]]], 1)


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
        parts = by_namespace(connected(place.url), [KindListing(POD)], {})
        next(parts)
        tracemalloc.start()
        assert sum(len(found) for found in map(list, parts)) > 0
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


# --- clusters that cannot be read so, and `inspect -A`

PRIVILEGED = {"containers": [{"name": "web", "securityContext": {"privileged": True}}]}
CLEAN = {"containers": [{"name": "web"}]}
LISTS = {
    "Node": "/api/v1/nodes", "Pod": "/api/v1/pods", "Deployment": "/apis/apps/v1/deployments",
    "ReplicaSet": "/apis/apps/v1/replicasets", "Fleet": "/apis/x.io/v1/fleets",
}  # fmt: skip
FLEETS = {"resource": "fleets", "responseKind": {"kind": "Fleet"}, "scope": "Cluster", "singularResource": "fleet"}
GROUPS: dict[str, list[dict[str, Any]]] = {
    "/api": [], "/apis": [{"metadata": {"name": "x.io"}, "versions": [{"version": "v1", "resources": [FLEETS]}]}],
}  # fmt: skip


def owned(name: str, namespace: str, owner: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """An object with a controller: the apiVersion, the kind and the name of the owner, whose uid is its name."""
    version, kind, of = owner
    above = {"apiVersion": version, "kind": kind, "name": of, "uid": of, "controller": True}
    return {"metadata": {"name": name, "namespace": namespace, "uid": name, "ownerReferences": [above]}, **more}


def on_node(name: str, namespace: str, node: str, **status: Any) -> dict[str, Any]:
    """A pod on a node."""
    return {"metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": {**CLEAN, "nodeName": node}, **(
        {"status": status} if status else {}
    )}  # fmt: skip


def top(kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": "x.io/v1" if kind == "Fleet" else "apps/v1", "kind": kind,
        "metadata": {"name": name, "uid": name, **place}, "spec": {"template": {"spec": CLEAN}},
    }  # fmt: skip


RUNNING = {"containerStatuses": [{"name": "web", "containerID": "containerd://1"}]}
CLUSTERS: dict[str, tuple[dict[str, list[dict[str, Any]]], list[str]]] = {
    "a list that is not sorted": (
        {
            "Deployment": [top("Deployment", "web", "a"), top("Deployment", "api", "b")],
            "ReplicaSet": [owned("web-1", "a", ("apps/v1", "Deployment", "web"), spec={"template": {"spec": CLEAN}})],
            "Pod": [
                {"metadata": {"name": "z", "namespace": "b", "uid": "z"}, "spec": CLEAN},
                owned("web-1-x", "a", ("apps/v1", "ReplicaSet", "web-1"), spec=PRIVILEGED),
            ],
        },
        ["deployments"],
    ),
    "an owner without a namespace": (
        {
            "Fleet": [top("Fleet", "sea")],
            "Pod": [owned("sea-1", "a", ("x.io/v1", "Fleet", "sea"), spec=PRIVILEGED)],
        },
        ["fleets.x.io", "--kind=x.io/Fleet=spec.template"],
    ),
    "a node that only a pod of another namespace tells of": (
        {"Pod": [on_node("waits", "a", "n2"), on_node("runs", "b", "n2", **RUNNING)]},
        ["--runtime=cri-o", "--fail-on=high"],
    ),
}


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_cluster_that_cannot_be_judged_by_namespace_is_judged_at_once(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lists, flags = CLUSTERS[name]
    objects = {LISTS[kind]: some for kind, some in lists.items()}

    def answer(seen: Seen) -> Answer:
        if seen.path == "/version":
            return reply({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})
        if seen.path in GROUPS:
            return reply({"kind": "APIGroupDiscoveryList", "items": GROUPS[seen.path]})
        return reply({"items": objects.get(seen.path, [])})

    gate = [] if any(flag.startswith("--fail-on") for flag in flags) else ["--fail-on=critical"]
    with serving(answer) as place:
        code = main(["inspect", "-A", "--server", place.url, *flags, *gate])
    said = capsys.readouterr().err
    assert (code, said.count("the risk is")) == (1, 2 if "node" in name else 1)
