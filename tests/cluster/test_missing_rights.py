"""Every right that inspect and label-ns use, taken away one at a time: it is named, with its verb and its resource.

Which rights these are is seen from the requests that the commands really send.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from labeling import ENFORCE, GOOD, Result, custom_kinds, deployment, make, pod, run, spec
from loopback import Answer, Seen, status
from middleman import CUT, between
from testbed.cluster import Cluster

RBAC = "rbac.authorization.k8s.io"


class Right(NamedTuple):
    """What RBAC allows: a verb on a resource of a group, or on a path where there is no resource."""

    verb: str
    resource: str
    group: str = ""

    @property
    def rule(self) -> dict[str, Any]:
        """As a rule of a ClusterRole."""
        return {"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb]}

    def is_named(self, text: str) -> bool:
        """Whether a text says that it is missing."""
        group = re.escape(f".{self.group}" if self.group else "")
        return bool(re.search(rf'cannot {self.verb} (resource "{self.resource}"|path "|{self.resource}{group} )', text))


def used(seen: Seen) -> Right:
    """The right that a request needs."""
    match = re.fullmatch(
        r"/(?:api/v1|apis/([^/]+)/[^/]+)(?:/namespaces/[^/]+(?=/))?/([^/]+)(/[^/]+)?(/[^/]+)?", seen.path
    )
    if match is None:
        return Right("get", seen.path)
    group, plural, name, part = match.groups()
    verb = {"GET": "get" if name else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[seen.method]
    return Right(verb, f"{plural}{part or ''}", group or "")


LABEL_NS = frozenset(
    {
        *(Right("get", path) for path in ("/version", "/api", "/apis")),
        *(Right(verb, "namespaces") for verb in ("get", "patch")),
        *(Right(verb, "pods") for verb in ("list", "create")),
        *(Right("list", plural) for plural in ("replicationcontrollers", "podtemplates")),
        *(Right("list", plural, "apps") for plural in ("deployments", "statefulsets", "daemonsets", "replicasets")),
        Right("list", "jobs", "batch"),
        Right("list", "cronjobs", "batch"),
        Right("list", "customresourcedefinitions", "apiextensions.k8s.io"),
        Right("list", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"),
        Right("list", "mutatingadmissionpolicies", "admissionregistration.k8s.io"),
        Right("list", "widgets", "example.com"),
        Right("list", "rollouts", "argoproj.io"),
    }
)
"""The rights that label-ns uses for a namespace with a pod that nobody makes again."""

INSPECT = frozenset(
    {
        Right("get", "/version"),
        Right("list", "nodes"),
        *(Right("list", plural) for plural in ("pods", "replicationcontrollers")),
        *(Right("list", plural, "apps") for plural in ("deployments", "statefulsets", "daemonsets", "replicasets")),
        *(Right("list", plural, "batch") for plural in ("jobs", "cronjobs")),
    }
)
"""The rights that inspect uses for everything in a namespace."""

INSPECT_ONE = frozenset(
    {
        *(Right("get", path) for path in ("/version", "/api", "/apis")),
        *(Right("list", plural) for plural in ("pods", "nodes")),
        *(Right("list", plural, group) for plural, group in (("replicasets", "apps"), ("jobs", "batch"))),
        Right("get", "rollouts", "argoproj.io"),
        Right("get", "validatingadmissionpolicybindings", "admissionregistration.k8s.io"),
    }
)
"""The rights that inspect uses for one object of a type that not every cluster has."""


@pytest.fixture(scope="module")
def place(api_cluster: Cluster) -> Iterator[str]:
    """A namespace with a pod, a CronJob, a Deployment and custom resources; a webhook that fails is called for pods."""
    namespace = api_cluster.make_namespace({"rights": "taken"})
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    hook = {
        "name": "rights.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"rights": "taken"}},
        "failurePolicy": "Ignore",
        "timeoutSeconds": 1,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    with custom_kinds(
        api_cluster, {"Widget": ("example.com/v1", "widgets"), "Rollout": ("argoproj.io/v1alpha1", "rollouts")}
    ):
        make(api_cluster, namespace, "example.com/v1/widgets", {"kind": "Widget", "metadata": {"name": "w"}})
        deployment(api_cluster, namespace, "web", spec(GOOD))
        pod(api_cluster, namespace, "alone", spec(GOOD))
        rollout = {"metadata": {"name": "rollout"}, "spec": {"template": {"spec": spec(GOOD)}}}
        make(api_cluster, namespace, "argoproj.io/v1alpha1/rollouts", {"kind": "Rollout", **rollout})
        template = {"spec": {"template": {"spec": {**spec(GOOD), "restartPolicy": "Never"}}}}
        body = {"schedule": "0 0 1 1 *", "jobTemplate": template}
        make(api_cluster, namespace, "batch/v1/cronjobs", {"metadata": {"name": "report"}, "spec": body})
        code, answer = api_cluster.api.request("POST", path, {"metadata": {"name": "rights"}, "webhooks": [hook]})
        assert code == 201, answer
        yield namespace
        api_cluster.api.request("DELETE", f"{path}/rights")
    api_cluster.delete_namespace(namespace)


def other_kinds(cluster: Cluster) -> frozenset[Right]:
    """The rights to list the custom resources whose definitions other tests have left in the cluster."""
    found = cluster.api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
    kinds = {Right("list", item["spec"]["names"]["plural"], item["spec"]["group"]) for item in found}
    return frozenset(kinds - LABEL_NS)


def sent(cluster: Cluster, folder: Path, command: str, *arguments: str) -> frozenset[Right]:
    """The rights that a run uses that may do everything."""
    with between(cluster, folder) as proxy:
        run(cluster, command, *arguments, "--kubeconfig", str(proxy.kubeconfig))
        return frozenset(map(used, proxy.seen)) - other_kinds(cluster)


def may(cluster: Cluster, rights: frozenset[Right], without: Right) -> str:
    """A user with these rights but one. What every user may do (discovery) is no matter of a role."""
    granted = rights | other_kinds(cluster)
    rules = [right.rule for right in sorted(granted - {without}) if not right.resource.startswith("/")]
    name = f"{len(rights)}-without-{'-'.join(without)}".rstrip("-")
    subjects = [{"kind": "User", "name": name, "apiGroup": RBAC}]
    role = {"metadata": {"name": name}, "rules": rules}
    reference = {"kind": "ClusterRole", "name": name, "apiGroup": RBAC}
    binding = {"metadata": {"name": name}, "subjects": subjects, "roleRef": reference}
    for plural, body in (("clusterroles", role), ("clusterrolebindings", binding)):
        code, answer = cluster.api.request("POST", f"/apis/{RBAC}/v1/{plural}", body)
        assert code in (201, 409), answer
    return name


def forbidding(path: str) -> Callable[[Seen], Answer | None]:
    """What the API server answers whom it does not tell what is at a path."""

    def before(seen: Seen) -> Answer | None:
        words = f'forbidden: User "somebody" cannot get path "{path}"'
        return status(403, "Forbidden", words, details={}) if seen.path == path else None

    return before


def lacking(cluster: Cluster, folder: Path, rights: frozenset[Right], without: Right, *command: str) -> Result:
    """A run without one right."""
    if without.resource.startswith("/"):
        with between(cluster, folder, before=forbidding(without.resource)) as proxy:
            return run(cluster, *command, "--kubeconfig", str(proxy.kubeconfig))
    return run(cluster, *command, "--as", may(cluster, rights, without))


def unlabel(cluster: Cluster, namespace: str) -> None:
    """Take the labels away that a run has set."""
    cluster.kubectl("label", "namespace", namespace, f"{ENFORCE}-", "pod-security.kubernetes.io/warn-")


COMMANDS: Mapping[str, tuple[frozenset[Right], tuple[str, ...]]] = {
    "label-ns": (LABEL_NS, ("label-ns", "NAMESPACE", "--enforce=baseline")),
    "inspect": (INSPECT, ("inspect", "-n", "NAMESPACE")),
    "inspect one": (INSPECT_ONE, ("inspect", "rollouts/rollout", "-n", "NAMESPACE")),
}


def words(name: str, namespace: str) -> tuple[str, ...]:
    return tuple(namespace if word == "NAMESPACE" else word for word in COMMANDS[name][1])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_requests_of_a_command_need_these_rights_and_no_others(
    api_cluster: Cluster, place: str, tmp_path: Path, name: str
) -> None:
    assert sent(api_cluster, tmp_path, *words(name, place)) == COMMANDS[name][0]
    unlabel(api_cluster, place)


SAID_ONLY = {
    "label-ns": {Right("get", "/version"), Right("list", "customresourcedefinitions", "apiextensions.k8s.io")},
    "inspect": {Right("get", "/version"), Right("list", "nodes")},
    "inspect one": {
        Right("get", "/version"),
        Right("list", "nodes"),
        Right("get", "validatingadmissionpolicybindings", "admissionregistration.k8s.io"),
    },
}
"""The rights on which no verdict depends, or without which it is judged for the worse."""


@pytest.mark.parametrize(
    ("name", "right"), [(name, right) for name, (rights, _) in COMMANDS.items() for right in sorted(rights)]
)
def test_a_right_that_is_missing_is_named_with_verb_and_resource(
    api_cluster: Cluster, place: str, tmp_path: Path, name: str, right: Right
) -> None:
    result = lacking(api_cluster, tmp_path, COMMANDS[name][0], right, *words(name, place))
    unlabel(api_cluster, place)
    assert right.is_named(result.out + result.err), result
    assert result.status == (0 if right in SAID_ONLY[name] else 2), result


NO_VERSION: dict[str, Callable[[Seen], Answer | None]] = {
    "forbidden": forbidding("/version"),
    "not there": lambda seen: status(404, "NotFound", "no such page") if seen.path == "/version" else None,
    "failing": lambda seen: status(500, "InternalError", "not now") if seen.path == "/version" else None,
    "cut off": lambda seen: CUT if seen.path == "/version" else None,
    "no JSON": lambda seen: Answer(b"<html>", content_type="text/html") if seen.path == "/version" else None,
    "no version": lambda seen: Answer(b'{"major": "x", "minor": "y"}') if seen.path == "/version" else None,
}
"""How a server may not tell its version."""
ROOT = spec({**GOOD, "runAsUser": 0}, hostUsers=False)
"""What restricted allows since v1.35."""


@pytest.mark.parametrize("why", NO_VERSION)
@pytest.mark.parametrize("command", ["label-ns", "inspect"])
def test_an_unreadable_server_version_is_reported_and_the_newest_rules_apply(
    api_cluster: Cluster, namespace: str, tmp_path: Path, command: str, why: str
) -> None:
    deployment(api_cluster, namespace, "web", spec(GOOD))
    words = (namespace,) if command == "label-ns" else ("-n", namespace, "--require", "restricted")
    with between(api_cluster, tmp_path, before=NO_VERSION[why]) as proxy:
        result = run(api_cluster, command, *words, "--kubeconfig", str(proxy.kubeconfig))
    assert (result.status, "by the rules of v1.37" in result.out + result.err) == (0, True), result
    assert "The API server does not tell its version: judged by the rules of v1.37: " in result.err


@pytest.mark.parametrize("command", ["label-ns", "inspect"])
def test_a_violation_of_older_servers_is_not_judged_if_the_server_may_be_older(
    api_cluster: Cluster, namespace: str, tmp_path: Path, command: str
) -> None:
    deployment(api_cluster, namespace, "web", ROOT)
    words = (namespace, "--dry-run=server") if command == "label-ns" else ("-n", namespace, "--require", "restricted")
    told = "not judged: on Kubernetes 1.34 deployment.apps/web violates restricted:latest: runAsUser: "
    assert run(api_cluster, command, *words).status == 0
    with between(api_cluster, tmp_path, before=NO_VERSION["forbidden"]) as proxy:
        result = run(api_cluster, command, *words, "--kubeconfig", str(proxy.kubeconfig))
    assert (result.status, told in result.out + result.err) == (2, True), result


def test_a_gate_of_inspect_on_a_cluster_counts_the_judged_objects(
    api_cluster: Cluster, place: str, tmp_path: Path
) -> None:
    """The pod, the Deployment and its ReplicaSet, which stands behind it, and the CronJob; then without a list."""
    words = ("inspect", "-n", place, "--fail-on", "critical")
    assert run(api_cluster, *words).err.endswith("Judged 3 objects, passed over 1, left 0 unread.\n")
    result = lacking(api_cluster, tmp_path, INSPECT, Right("list", "cronjobs", "batch"), *words, "-o", "json")
    assert result.err.endswith("Judged 2 objects, passed over 1, left 1 unread.\n")
    summary = json.loads(result.out)["summary"]
    assert [summary[key] for key in ("judged", "passedOver", "notRead")] == [2, 1, 1]
