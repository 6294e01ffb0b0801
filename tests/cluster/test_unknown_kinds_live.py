"""Objects of kinds that are in no row of the kinds table: which of them are looked into, and what is said of them."""

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from labeling import custom_kinds, judged, labels, make, spec
from loopback import reply, serving, status
from testbed.cluster import Cluster

from kubectl_caps.cluster.read.unknown_kinds import WITHOUT_PODS

TEMPLATE = {"spec": spec()}
CONTAINER = {"name": "main", "image": "none:1"}
CUSTOM: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "OpenTelemetryCollector": (
        "opentelemetry.io/v1beta1",
        "opentelemetrycollectors",
        {"mode": "daemonset", "securityContext": {"privileged": True}},
        " (spec.securityContext)",
    ),
    "CronWorkflow": (
        "argoproj.io/v1alpha1",
        "cronworkflows",
        {"schedule": "* * * * *", "workflowSpec": {"templates": [{"name": "a", "container": CONTAINER}]}},
        " (spec.workflowSpec.templates[0].container)",
    ),
    "ClusterTask": (
        "tekton.dev/v1beta1",
        "clustertasks",
        {"steps": [{**CONTAINER, "securityContext": {"privileged": True}}]},
        " (spec.steps)",
    ),
}
"""Kinds that others have made: apiVersion, plural, a spec that makes pods, and the field that shows it."""


@pytest.fixture(scope="module")
def custom(api_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that serves them."""
    kinds = {kind: (api_version, plural) for kind, (api_version, plural, *_) in CUSTOM.items()}
    with custom_kinds(api_cluster, kinds) as cluster:
        yield cluster


@pytest.mark.parametrize("kind", CUSTOM)
def test_custom_resources_of_any_group_are_searched_for_pod_fields(custom: Cluster, namespace: str, kind: str) -> None:
    api_version, plural, body, field = CUSTOM[kind]
    make(custom, namespace, f"{api_version}/{plural}", {"kind": kind, "metadata": {"name": "x"}, "spec": body})
    result = judged(custom, namespace)
    group = api_version.partition("/")[0]
    told = f"{kind.lower()}.{group}/x seems to make pods{field}, but the kind is unknown"
    assert (result.status, result.item["notJudged"], labels(custom, namespace)) == (2, [told], {})


@contextlib.contextmanager
def served(cluster: Cluster, group: str, plural: str, kind: str, *items: Any) -> Iterator[None]:
    """A kind that another API server serves: discovery and lists, through an APIService. No items: lists fail."""
    version = f"{group}/v1"
    resource = {"name": plural, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["list"]}
    root = f"/apis/{version}"
    pages = {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": list(items)}
    failing = status(503, "ServiceUnavailable", "not now")

    def answer(seen: Any) -> Any:
        if seen.path == root:
            return reply({"kind": "APIResourceList", "groupVersion": version, "resources": [resource]})
        if seen.path.endswith(f"/{plural}"):
            return reply(pages) if items else failing
        return status(404, "NotFound", "not here")

    with serving(answer, tls=True) as server, api_service(cluster, group, plural, urlsplit(server.url).port):
        await_served(cluster, f"{plural}.{group}")
        yield


@contextlib.contextmanager
def api_service(cluster: Cluster, group: str, name: str, port: int | None) -> Iterator[None]:
    """An APIService for a group whose server listens on a port of this machine."""
    outside = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    make(cluster, "default", "v1/services", {"metadata": {"name": name}, "spec": outside})
    spec = {
        "group": group,
        "version": "v1",
        "service": {"name": name, "namespace": "default", "port": port},
        "insecureSkipTLSVerify": True,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    }
    metadata = {"name": f"v1.{group}"}
    body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": metadata, "spec": spec}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(body))
    try:
        yield
    finally:
        cluster.kubectl("delete", "apiservice", f"v1.{group}")
        cluster.kubectl("delete", "service", "-n", "default", name)


def await_served(cluster: Cluster, qualified: str) -> None:
    """Wait until the API server tells of it."""
    deadline = time.monotonic() + 30
    while qualified not in cluster.kubectl("api-resources", "-o", "name", "--cached=false", check=False).stdout:
        assert time.monotonic() < deadline, f"{qualified} is not served"
        time.sleep(0.2)


def test_resources_of_another_api_server_are_searched_for_pod_fields(api_cluster: Cluster, namespace: str) -> None:
    """As OpenShift's, which no CustomResourceDefinition defines.

    The group is this test's own: Kubernetes takes back an APIService of a group that a definition serves, too.
    """
    metadata = {"name": "web", "namespace": namespace, "uid": "u"}
    thing = {"kind": "Thing", "apiVersion": "apps.example.org/v1", "metadata": metadata, "spec": {"template": TEMPLATE}}
    with served(api_cluster, "apps.example.org", "things", "Thing", thing):
        result = judged(api_cluster, namespace)
    told = "thing.apps.example.org/web seems to make pods (spec.template.spec.containers), but the kind is unknown"
    assert (result.status, result.item["notJudged"], labels(api_cluster, namespace)) == (2, [told], {})


@pytest.mark.parametrize(("group", "judges"), [("metrics.k8s.io", True), ("apps.example.org", False)])
def test_a_failed_list_leaves_the_namespace_not_judged_unless_its_group_has_no_templates(
    api_cluster: Cluster, namespace: str, group: str, judges: bool
) -> None:
    with served(api_cluster, group, "things", "Thing"):
        item = judged(api_cluster, namespace, "--dry-run=server").item
    why = f"cannot list things.{group}: Error from server (ServiceUnavailable): not now"
    assert item["notJudged"] == ([] if judges else [f"objects of unknown kinds: {why}"])


def test_resources_of_an_api_server_that_is_down_are_not_known(api_cluster: Cluster, namespace: str) -> None:
    nobody_listens = 1
    with api_service(api_cluster, "down.example.org", "down", nobody_listens):
        deadline = time.monotonic() + 60
        while not (result := judged(api_cluster, namespace, "--dry-run=server")).item["notJudged"]:
            assert time.monotonic() < deadline, result
            time.sleep(1)
    told = "objects of unknown kinds: the API server of down.example.org/v1 does not answer"
    assert (result.status, result.item["notJudged"]) == (2, [told])


def test_every_group_that_kubernetes_serves_is_known(api_cluster: Cluster) -> None:
    found = json.loads(api_cluster.kubectl("get", "--raw", "/apis").stdout)
    groups = {group["name"] for group in found["groups"]}
    definitions = json.loads(api_cluster.kubectl("get", "crd", "-o", "json").stdout)["items"]
    assert groups - {item["spec"]["group"] for item in definitions} <= WITHOUT_PODS
