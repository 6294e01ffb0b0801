"""TYPE and NAME as kubectl reads them: kubectl itself, on the same server, is the oracle."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Answer, Loopback, Seen, kubectl, reply, serving, status

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import NAMESPACES, PODS, not_served, parse_targets, workload_kinds
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.transport import connect
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.errors import ApiError, UsageError

Served = tuple[str, str, str, tuple[str, ...], bool]

GROUPS: dict[str, dict[str, list[Served]]] = {
    "": {
        "v1": [
            ("pods", "Pod", "pod", ("po",), True),
            ("namespaces", "Namespace", "namespace", ("ns",), False),
            ("nodes", "Node", "node", ("no",), False),
            ("services", "Service", "service", ("svc",), True),
            ("replicationcontrollers", "ReplicationController", "replicationcontroller", ("rc",), True),
            ("podtemplates", "PodTemplate", "podtemplate", (), True),
            ("events", "Event", "event", ("ev",), True),
        ]
    },
    "apps": {
        "v1": [
            ("deployments", "Deployment", "deployment", ("deploy",), True),
            ("statefulsets", "StatefulSet", "statefulset", ("sts",), True),
            ("daemonsets", "DaemonSet", "daemonset", ("ds",), True),
            ("replicasets", "ReplicaSet", "replicaset", ("rs",), True),
        ]
    },
    "batch": {"v1": [("jobs", "Job", "job", (), True), ("cronjobs", "CronJob", "cronjob", ("cj",), True)]},
    "argoproj.io": {"v1alpha1": [("rollouts", "Rollout", "rollout", ("ro",), True)]},
    "serving.knative.dev": {"v1": [("services", "Service", "service", ("kservice", "ksvc"), True)]},
    "example.com": {
        "v2": [("widgets", "Widget", "widget", ("wd",), True)],
        "v1": [("widgets", "Widget", "widget", ("wd",), True), ("olds", "Old", "old", (), True)],
    },
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def discovery(*groups: str) -> Answer:
    items = [
        {"metadata": {"name": group}, "versions": [_version(group, *pair) for pair in GROUPS[group].items()]}
        for group in groups
    ]
    document = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}
    return Answer(json.dumps(document).encode(), content_type=AGGREGATED)


def _version(group: str, version: str, served: list[Served]) -> dict[str, Any]:
    resources = [
        {
            "resource": plural,
            "responseKind": {"group": group, "version": version, "kind": kind},
            "scope": "Namespaced" if namespaced else "Cluster",
            "singularResource": singular,
            "shortNames": list(short),
            "verbs": ["get", "list"],
        }
        for plural, kind, singular, short, namespaced in served
    ]
    return {"version": version, "resources": resources, "freshness": "Current"}


PLURALS = {served[0] for versions in GROUPS.values() for resources in versions.values() for served in resources}


def api(seen: Seen) -> Answer:
    if seen.path == "/api":
        return discovery("")
    if seen.path == "/apis":
        return discovery(*list(GROUPS)[1:])
    if seen.path.rpartition("/")[2] in PLURALS:
        return reply({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []})
    return status(404, "NotFound", "no such object")


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with serving(api) as loopback:
        yield loopback


def asked(server: Loopback) -> list[str]:
    """The paths asked for since the last time, but discovery."""
    paths = [seen.path for seen in server.seen if seen.path not in ("/api", "/apis")]
    server.seen.clear()
    return paths


def of_kubectl(server: Loopback, words: str) -> tuple[list[str], str]:
    done = kubectl("get", "-s", server.url, *shlex.split(words))
    refused = "".join(line for line in done.stderr.splitlines() if line.startswith("error: "))
    return asked(server), refused.partition(" (e.g. ")[0]


def ours(server: Loopback, words: str) -> tuple[list[str], str]:
    cluster = Cluster(connect(load_connection(Overrides(server=server.url), {})))
    try:
        found = [(cluster.resource(kind), name) for kind, name in parse_targets(shlex.split(words))]
        paths = [resource.path("default", *([name] if name else [])) for resource, name in found]
    except UsageError as error:
        return [], str(error).partition(" (e.g. ")[0].partition(", did you mean ")[0]
    asked(server)
    return paths, ""


ARGUMENTS = """
deploy|Deployment|DEPLOYMENTS|DEPLOY|Deploy|deployments.apps|deployments.v1.apps|deployments.v2.apps|deployment.v1.apps
Deployment.apps|Deployment.v1.apps|deployments.ap|deploy.apps|deploy.ap|deploy.v1.apps|deploy.v1|deployments.v1
pods.v1|pods.v1.|pods.|po.v1.|services|services.serving|ksvc|widgets|widgets.v1.example.com|widgets.v2.example.com
olds|nosuch|nosuch.apps|nosuch.v1.apps|a.b.c.d|.apps|.|''|,|' deploy'|rollout|po,deploy,sts|cronjob.batch/x cj/y
deploy web|deploy web web2|deploy,sts web|deploy,sts web web2|deploy,deploy web|deploy/web sts/x|deploy/web ns/prod
deploy/|/web|/|deploy,sts/prod|deploy/a/b|deploy web ns/prod|deploy/web web|deploy,ns|deploy,deploy|,deploy|deploy,
deploy ''|'' web|deploy a%b|deploy ..|deploy .|deploy/..|deploy 'a b'|deploy web,foo|deploy/web,foo|all/web
ns prod foo|nosuch/x deploy/y|pod/web.|deploy/web deploy|ns
"""


@pytest.mark.parametrize("words", [words for line in ARGUMENTS.split("\n") if line for words in line.split("|")])
def test_type_and_name_have_the_same_meaning_as_in_kubectl(server: Loopback, words: str) -> None:
    assert ours(server, words) == of_kubectl(server, words)


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("deploy web web", [("deploy", "web")], id="each once"),
        pytest.param("deploy/web deploy/web", [("deploy", "web")], id="each pair once"),
        pytest.param("all,ns", [*((kind, None) for kind in (
            "pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps",
            "replicationcontrollers", "jobs.batch", "cronjobs.batch",
        )), ("ns", None)], id="all"),
    ],
)  # fmt: skip
def test_targets_that_kubectl_resolves_differently(words: str, targets: list[tuple[str, str | None]]) -> None:
    assert parse_targets(words.split()) == targets


def test_all_cannot_be_combined_with_a_name() -> None:
    with pytest.raises(UsageError, match="you must specify only one resource"):
        parse_targets(["all", "web"])


@pytest.mark.parametrize(("namespace", "problem"), [("a/b", "contain '/'"), ("..", "be '..'"), ("%", "contain '%'")])
def test_a_namespace_that_would_be_another_path_is_refused(server: Loopback, namespace: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        PODS.path(namespace)
    assert str(caught.value) == f'error: invalid namespace "{namespace}": [may not {problem}]'
    if namespace != "%":
        theirs = kubectl("get", "-s", server.url, "po", "-n", namespace).stderr.strip()
        assert str(caught.value).removeprefix("error: ") == theirs


def test_the_path_of_a_resource_names_group_namespace_object_and_subresource() -> None:
    assert PODS.path() == "/api/v1/pods"
    assert PODS.path("n", "p", "log") == "/api/v1/namespaces/n/pods/p/log"
    assert NAMESPACES.path("ignored", "n") == "/api/v1/namespaces/n"
    assert PODS.path("ü", "a b?c#d") == "/api/v1/namespaces/%C3%BC/pods/a%20b%3Fc%23d"


# --- discovery


def cluster_of(server: Loopback) -> Cluster:
    server.seen.clear()
    return Cluster(connect(load_connection(Overrides(server=server.url), {})))


def test_built_in_kinds_need_no_discovery(server: Loopback) -> None:
    cluster = cluster_of(server)
    assert [cluster.resource(kind.plural).kind for kind in WORKLOADS] == [kind.kind for kind in WORKLOADS]
    assert server.seen == []


def test_discovery_is_two_requests_once(server: Loopback) -> None:
    cluster = cluster_of(server)
    assert (cluster.resource("rollouts").group, cluster.resource("ksvc").group) == (
        "argoproj.io",
        "serving.knative.dev",
    )
    assert [seen.path for seen in server.seen] == ["/api", "/apis"]


def test_the_older_aggregated_discovery_is_read(tmp_path: Path) -> None:
    def older(seen: Seen) -> Answer:
        accepted = seen.header("Accept") or ""
        return api(seen) if "g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList" in accepted else Answer(b"{}")

    with serving(older) as server:
        assert cluster_of(server).resource("rollouts").group == "argoproj.io"


def test_a_server_without_aggregated_discovery_is_an_error_not_an_unknown_type() -> None:
    with serving({"/api": reply({"kind": "APIVersions", "versions": ["v1"]})}) as server:
        with pytest.raises(ApiError, match=r"older than Kubernetes 1\.26"):
            cluster_of(server).resource("rollouts")
        with pytest.raises(ApiError):
            cluster_of(server).resource("rollouts")


def test_discovery_that_is_forbidden_is_an_error_not_an_unknown_type() -> None:
    with serving(lambda _: status(403, "Forbidden", "no")) as server, pytest.raises(ApiError, match="no"):
        cluster_of(server).resource("rollouts")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [("deploy", ["Deployment"]), ("po", ["Pod"]), ("rollouts", ["Rollout"]), ("ksvc", ["Service"]),
     ("podtemplates", ["PodTemplate"])],
)  # fmt: skip
def test_a_type_names_its_kinds_of_workloads(server: Loopback, text: str, kinds: list[str]) -> None:
    assert [kind.kind for kind in workload_kinds(cluster_of(server), text)] == kinds


@pytest.mark.parametrize("text", ["svc", "ns", "widgets"])
def test_a_type_that_runs_no_pods_is_refused(server: Loopback, text: str) -> None:
    with pytest.raises(UsageError, match="not a kind of workload that can be judged"):
        list(workload_kinds(cluster_of(server), text))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("deploymnt", '"deploymnt", did you mean deployment?'),
        ("Deploymnets", '"Deploymnets", did you mean deployments?'),
        ("widgets", '"widgets"'),
        ("deploymnt.example.com", '"deploymnt" in group "example.com"'),
    ],
)
def test_a_misspelt_type_is_answered_with_the_nearest(typed: str, words: str) -> None:
    assert str(not_served(typed)) == f"error: the server doesn't have a resource type {words}"
