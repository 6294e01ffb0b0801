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

from kubectl_caps.cluster.strangers import WITHOUT_PODS

TEMPLATE = {"spec": spec()}
CONTAINER = {"name": "main", "image": "none:1"}
CUSTOM: dict[str, tuple[str, str, dict[str, Any]]] = {
    "SparkApplication": (
        "sparkoperator.k8s.io/v1beta2",
        "sparkapplications",
        {"driver": {"template": TEMPLATE}},
    ),
    "CronWorkflow": (
        "argoproj.io/v1alpha1",
        "cronworkflows",
        {"schedule": "* * * * *", "workflowSpec": {"templates": [{"name": "a", "container": CONTAINER}]}},
    ),
    "Task": ("tekton.dev/v1", "tasks", {"steps": [{**CONTAINER, "securityContext": {"privileged": True}}]}),
}
"""Kinds that others have made: apiVersion, plural, and a spec that makes pods."""


@pytest.fixture(scope="module")
def custom(api_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that serves them."""
    kinds = {kind: (api_version, plural) for kind, (api_version, plural, _) in CUSTOM.items()}
    with custom_kinds(api_cluster, kinds) as cluster:
        yield cluster


@pytest.mark.parametrize("kind", CUSTOM)
def test_what_others_have_made_is_looked_into_whatever_its_group(custom: Cluster, namespace: str, kind: str) -> None:
    api_version, plural, body = CUSTOM[kind]
    make(custom, namespace, f"{api_version}/{plural}", {"kind": kind, "metadata": {"name": "x"}, "spec": body})
    result = judged(custom, namespace)
    group = api_version.partition("/")[0]
    told = f"{kind.lower()}.{group}/x seems to hold a pod template, but the kind is unknown"
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

    with serving(answer, tls=True) as server:
        port = urlsplit(server.url).port
        outside = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
        make(cluster, "default", "v1/services", {"metadata": {"name": plural}, "spec": outside})
        service = {"name": plural, "namespace": "default", "port": port}
        body = {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"v1.{group}"},
            "spec": {
                "group": group,
                "version": "v1",
                "service": service,
                "insecureSkipTLSVerify": True,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        }
        cluster.kubectl("apply", "-f", "-", input=json.dumps(body))
        try:
            await_served(cluster, f"{plural}.{group}")
            yield
        finally:
            cluster.kubectl("delete", "apiservice", f"v1.{group}")
            cluster.kubectl("delete", "service", "-n", "default", plural)


def await_served(cluster: Cluster, qualified: str) -> None:
    """Wait until the API server tells of it."""
    deadline = time.monotonic() + 30
    while qualified not in cluster.kubectl("api-resources", "-o", "name", "--cached=false", check=False).stdout:
        assert time.monotonic() < deadline, f"{qualified} is not served"
        time.sleep(0.2)


def test_what_another_api_server_serves_is_looked_into(api_cluster: Cluster, namespace: str) -> None:
    """As OpenShift's DeploymentConfigs, which no CustomResourceDefinition defines."""
    metadata = {"name": "web", "namespace": namespace, "uid": "u"}
    config = {"kind": "DeploymentConfig", "apiVersion": "apps.openshift.io/v1", "metadata": metadata}
    item = {**config, "spec": {"replicas": 0, "template": TEMPLATE}}
    with served(api_cluster, "apps.openshift.io", "deploymentconfigs", "DeploymentConfig", item):
        result = judged(api_cluster, namespace)
    told = "deploymentconfig.apps.openshift.io/web seems to hold a pod template, but the kind is unknown"
    assert (result.status, result.item["notJudged"], labels(api_cluster, namespace)) == (2, [told], {})


@pytest.mark.parametrize(("group", "judges"), [("metrics.k8s.io", True), ("apps.openshift.io", False)])
def test_a_list_that_fails_leaves_it_open_unless_its_group_is_known_to_hold_no_templates(
    api_cluster: Cluster, namespace: str, group: str, judges: bool
) -> None:
    with served(api_cluster, group, "things", "Thing"):
        item = judged(api_cluster, namespace, "--dry-run=server").item
    assert item["notJudged"] == ([] if judges else [f"what kinds unknown here make: things.{group} (not listed)"])


def test_every_group_that_kubernetes_serves_is_known(api_cluster: Cluster) -> None:
    found = json.loads(api_cluster.kubectl("get", "--raw", "/apis").stdout)
    groups = {group["name"] for group in found["groups"]}
    definitions = json.loads(api_cluster.kubectl("get", "crd", "-o", "json").stdout)["items"]
    assert groups - {item["spec"]["group"] for item in definitions} <= WITHOUT_PODS
