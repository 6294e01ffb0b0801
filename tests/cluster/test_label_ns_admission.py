"""label-ns where something stands between a template and its pods: webhooks, policies, quotas, exemptions."""

import json
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from labeling import ENFORCE, GOOD, deployment, inject, judged, labels, make, passing, pod, refused, spec, webhook
from testbed.cluster import Cluster
from testbed.serve import running

# --- what changes pods on their way


def broken(_: dict[str, Any]) -> list[dict[str, Any]]:
    """What a webhook does that is ill: nothing."""
    raise ConnectionError


@pytest.fixture(scope="module")
def hooks(api_cluster: Cluster) -> Iterator[dict[str, dict[str, str]]]:
    """Real webhooks by what they do to pods, each with the labels of the namespaces that it works in."""
    sidecar = {"name": "sidecar", "image": "none:1", "securityContext": {"privileged": True}}
    mend = [{"op": "add", "path": "/spec/containers/0/securityContext", "value": GOOD}]
    with (
        webhook(api_cluster, "inject", inject(sidecar)) as injecting,
        webhook(api_cluster, "mend", lambda _: mend) as mending,
        webhook(api_cluster, "broken", broken) as failing,
    ):
        yield {"inject": injecting, "mend": mending, "broken": failing, "none": {}}


@pytest.fixture
def places(api_cluster: Cluster, hooks: dict[str, dict[str, str]]) -> Iterator[dict[str, str]]:
    """A namespace for each webhook."""
    made = {name: api_cluster.make_namespace(selector) for name, selector in hooks.items()}
    yield made
    for name in made.values():
        api_cluster.delete_namespace(name)


def test_a_container_that_a_webhook_puts_in_refuses_the_template(api_cluster: Cluster, places: dict[str, str]) -> None:
    place = places["inject"]
    deployment(api_cluster, place, "web", spec(GOOD))
    result = judged(api_cluster, place)
    assert (result.status, refused(result.item), labels(api_cluster, place)) == (1, {("Deployment", "web")}, {})
    for violation in result.item["violations"]:
        assert (violation["asCreated"], violation["containers"]) == (True, ["sidecar"])
    fields = [field for violation in result.item["violations"] for field in violation["fields"]]
    assert "spec.containers[1].securityContext.privileged" in fields


def test_a_pod_that_nobody_makes_again_is_tried_as_it_is(api_cluster: Cluster, places: dict[str, str]) -> None:
    """It was made before the webhook was there; whoever makes it again gets a sidecar."""
    place = places["none"]
    pod(api_cluster, place, "bare", spec(GOOD))
    api_cluster.kubectl("label", "namespace", place, "webhook=inject")
    result = judged(api_cluster, place)
    assert (result.status, refused(result.item)) == (1, {("Pod", "bare")})
    assert {name for one in result.item["violations"] for name in one["containers"]} == {"sidecar"}


def test_a_stateful_set_is_tried_with_the_volumes_of_its_claims(api_cluster: Cluster, places: dict[str, str]) -> None:
    """Without them the server takes no pod of its template, and what a webhook puts in would stay unknown."""
    place = places["inject"]
    run = spec(GOOD)
    run["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body = {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": run},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    make(api_cluster, place, "apps/v1/statefulsets", {"metadata": {"name": "db"}, "spec": body})
    item = judged(api_cluster, place).item
    assert (refused(item), item["notes"]) == ({("StatefulSet", "db")}, [])


def test_a_template_that_a_webhook_mends_is_not_refused(api_cluster: Cluster, places: dict[str, str]) -> None:
    place = places["mend"]
    deployment(api_cluster, place, "web", spec())
    result = judged(api_cluster, place)
    assert (result.status, result.item["violations"], labels(api_cluster, place)) == (0, [], {ENFORCE: "restricted"})
    told = "deployment.apps/web: its template would be refused, but a webhook mends its pods on their way"
    assert told in result.item["notes"]


def test_a_webhook_that_does_not_answer_leaves_it_open(api_cluster: Cluster, places: dict[str, str]) -> None:
    place = places["broken"]
    deployment(api_cluster, place, "web", spec(GOOD))
    result = judged(api_cluster, place)
    (told,) = result.item["notJudged"]
    assert (result.status, "deployment.apps/web: " in told, "failed calling webhook" in told) == (2, True, True)
    assert labels(api_cluster, place) == {}


def test_a_pod_that_the_quota_does_not_admit_leaves_it_open(api_cluster: Cluster, places: dict[str, str]) -> None:
    namespace = places["mend"]
    deployment(api_cluster, namespace, "web", spec(GOOD))
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    make(api_cluster, namespace, "v1/resourcequotas", quota)
    api_cluster.kubectl("wait", "-n", namespace, "--for=jsonpath={.status.hard.pods}=0", "resourcequota/none")
    (told,) = judged(api_cluster, namespace).item["notJudged"]
    assert "exceeded quota: none" in told


def test_a_template_that_the_present_policy_refuses_already_is_judged_by_itself(
    api_cluster: Cluster, places: dict[str, str]
) -> None:
    place = places["inject"]
    api_cluster.kubectl("label", "namespace", place, f"{ENFORCE}=baseline")
    deployment(api_cluster, place, "web", spec({"privileged": True}))
    item = judged(api_cluster, place, "--overwrite").item
    assert (refused(item), item["notJudged"]) == ({("Deployment", "web")}, [])
    assert any("its pods are refused already" in note for note in item["notes"])


def test_of_a_template_that_is_refused_now_nobody_knows_what_a_looser_policy_would_say(
    api_cluster: Cluster, places: dict[str, str]
) -> None:
    place = places["inject"]
    api_cluster.kubectl("label", "namespace", place, f"{ENFORCE}=restricted")
    deployment(api_cluster, place, "web", spec())
    result = judged(api_cluster, place, "--enforce=baseline", "--overwrite")
    assert "what the server puts into its pods: " in result.item["notJudged"][0]


def test_a_policy_that_changes_pods_is_met_as_a_webhook_is(api_cluster: Cluster, namespace: str) -> None:
    """A MutatingAdmissionPolicy, which is no process of its own. (Which namespaces it is bound to is not read.)"""
    deployment(api_cluster, namespace, "web", spec(GOOD))
    deployment(api_cluster, namespace, "api", spec(GOOD))
    root = "/apis/admissionregistration.k8s.io/v1"
    expression = "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'sidecar', image: 'none:1'}]}}"
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    policy = {
        "matchConstraints": {"resourceRules": [rule]},
        "reinvocationPolicy": "Never",
        "failurePolicy": "Fail",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
    }
    selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    for path, body in (
        ("mutatingadmissionpolicies", policy),
        ("mutatingadmissionpolicybindings", {"policyName": "sidecar", "matchResources": selector}),
    ):
        status, answer = api_cluster.api.request(
            "POST", f"{root}/{path}", {"metadata": {"name": "sidecar"}, "spec": body}
        )
        assert status == 201, answer
    try:
        await_containers(api_cluster, namespace, 2)
        found = refused(judged(api_cluster, namespace).item)
    finally:
        for path in ("mutatingadmissionpolicybindings", "mutatingadmissionpolicies"):
            api_cluster.api.request("DELETE", f"{root}/{path}/sidecar")
    assert found == {("Deployment", "web"), ("Deployment", "api")}


def test_where_nothing_changes_pods_one_template_is_tried_and_no_other(
    api_cluster: Cluster, places: dict[str, str]
) -> None:
    """The webhooks are in other namespaces."""
    for name in ("web", "api", "db"):
        deployment(api_cluster, places["none"], name, spec(GOOD))
    with passing(api_cluster) as server:
        result = judged(api_cluster, places["none"], "--server", server.url)
    tried = [seen for seen in server.seen if seen.method == "POST"]
    assert (result.status, len(tried)) == (0, 1)


def await_containers(cluster: Cluster, namespace: str, count: int) -> None:
    """Wait until a new pod gets so many containers."""
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec(GOOD)}
    deadline = time.monotonic() + 20
    while True:
        _, made = cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)
        if len(made["spec"]["containers"]) == count:
            return
        assert time.monotonic() < deadline, made
        time.sleep(0.05)


# --- the server's own verdict on running pods


def test_an_answer_that_the_server_cuts_is_completed_by_ours(api_cluster: Cluster, namespace: str) -> None:
    """Many pods, each refused for other reasons: more text than the API server puts into one answer."""
    parts: list[dict[str, Any]] = [
        {"hostPID": True},
        {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    ]
    contexts: list[dict[str, Any]] = [
        {"privileged": True},
        {"runAsUser": 0},
        {"seLinuxOptions": {"user": "u"}},
        {"appArmorProfile": {"type": "Unconfined"}},
    ]
    choices = list(product((False, True), repeat=len(parts) + len(contexts)))[::3]
    for index, chosen in enumerate(choices):
        security = {
            key: value for on, part in zip(chosen[3:], contexts, strict=True) if on for key, value in part.items()
        }
        more = {key: value for on, part in zip(chosen[:3], parts, strict=True) if on for key, value in part.items()}
        pod(api_cluster, namespace, f"pod-{index}", spec(security, **more))
    said = api_cluster.kubectl("label", "--dry-run=server", "namespace", namespace, f"{ENFORCE}=restricted").stderr
    lines = [line for line in said.splitlines() if line.startswith("Warning: pod-")]
    assert 0 < len(lines) < len(choices)
    item = judged(api_cluster, namespace).item
    assert refused(item) == {("Pod", f"pod-{index}") for index in range(len(choices))}
    assert item["notes"] == []


EXEMPT = "exempt-by-name"
CONFIGURATION = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "AdmissionConfiguration",
    "plugins": [
        {
            "name": "PodSecurity",
            "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1",
                "kind": "PodSecurityConfiguration",
                "exemptions": {
                    "namespaces": [EXEMPT],
                    "runtimeClasses": ["gvisor"],
                    "usernames": ["system:serviceaccount:kube-system:replicaset-controller"],
                },
            },
        }
    ],
}


@pytest.fixture(scope="module")
def exempting(tmp_path_factory: pytest.TempPathFactory, api_cluster: Cluster) -> Iterator[Cluster]:
    """An API server of its own, whose configuration exempts a namespace, a runtime class and a user."""
    file: Path = tmp_path_factory.mktemp("exempting") / "admission.yaml"
    file.write_text(json.dumps(CONFIGURATION))
    with running("api", f"--admission-control-config-file={file}") as place:
        yield Cluster(place)


def test_a_namespace_that_the_server_exempts_is_told(exempting: Cluster) -> None:
    exempting.kubectl("create", "namespace", EXEMPT)
    result = judged(exempting, EXEMPT)
    told = "the server exempts this namespace from Pod Security, so its labels are ignored"
    assert (result.status, result.item["notes"][0]) == (0, told)


def test_pods_that_the_server_exempts_are_told_and_nobody_chooses(exempting: Cluster) -> None:
    place = exempting.make_namespace()
    body = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "gvisor"}, "handler": "gvisor"}
    exempting.kubectl("apply", "-f", "-", input=json.dumps(body))
    pod(exempting, place, "sandboxed", spec(runtimeClassName="gvisor"))
    pod(exempting, place, "plain", spec())
    result = judged(exempting, place)
    assert (result.status, refused(result.item)) == (1, {("Pod", "plain"), ("Pod", "sandboxed")})
    reasons = "allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile"
    assert result.item["notes"] == [
        f"only the server says: plain: {reasons}",
        f"the server does not say (its configuration may exempt it): plain (and 1 other pod): {reasons}",
    ]


# --- the server's version

SYSCTL = {"sysctls": [{"name": "net.ipv4.tcp_notsent_lowat", "value": "1"}]}
"""What baseline allows from v1.37."""


@pytest.fixture(scope="module")
def emulating(api_cluster: Cluster) -> Iterator[Cluster]:
    """An API server of its own, which behaves as the version before its own."""
    with running("api", "--emulated-version=1.36") as place:
        yield Cluster(place)


def test_latest_are_the_rules_of_the_version_that_the_server_emulates(emulating: Cluster) -> None:
    place = emulating.make_namespace()
    deployment(emulating, place, "web", spec(GOOD, securityContext=SYSCTL))
    result = judged(emulating, place, "--enforce=baseline")
    assert (result.status, refused(result.item), labels(emulating, place)) == (1, {("Deployment", "web")}, {})
    emulating.kubectl("label", "namespace", place, f"{ENFORCE}=baseline")
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec(GOOD, securityContext=SYSCTL)}
    status, answer = emulating.api.request("POST", f"/api/v1/namespaces/{place}/pods", body)
    (violation,) = result.item["violations"]
    assert (status, answer["message"].partition("violates")[2]) == (
        403,
        f' PodSecurity "baseline:latest": {violation["reason"]} ({violation["detail"]})',
    )
