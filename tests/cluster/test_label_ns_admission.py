"""label-ns where something stands between a template and its pods: webhooks, policies, quotas, exemptions."""

import contextlib
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


def test_a_pod_without_a_template_is_tried_as_it_is(api_cluster: Cluster, places: dict[str, str]) -> None:
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


def test_a_template_that_a_webhook_fixes_is_not_refused(api_cluster: Cluster, places: dict[str, str]) -> None:
    place = places["mend"]
    deployment_with_pods(api_cluster, place, "web", spec(), replicas=1)
    result = judged(api_cluster, place)
    assert (result.status, result.item["violations"], labels(api_cluster, place)) == (0, [], {ENFORCE: "restricted"})
    told = "deployment.apps/web: its template would be refused, but not its pods, which a webhook fixes"
    assert told in result.item["notes"]


def test_a_dry_run_that_no_pod_of_the_controller_proves_does_not_overrule_the_template(
    api_cluster: Cluster, places: dict[str, str]
) -> None:
    """A webhook's own code may depend on the user, as Kyverno's exclusions and OpenShift's constraints do."""
    place = places["mend"]
    deployment(api_cluster, place, "web", spec())
    result = judged(api_cluster, place)
    assert (result.status, refused(result.item), labels(api_cluster, place)) == (1, {("Deployment", "web")}, {})
    why = "no pod that its controller has made shows that the controller gets the same"
    assert result.item["notes"] == [f"deployment.apps/web: its pod passes in a dry run, but {why}"]


AS_SOMEBODY = ("--as=somebody", "--as-group=system:masters")
"""Another user than the controllers, which are `admin` on this cluster."""


def deployment_with_pods(
    cluster: Cluster, namespace: str, name: str, pod_spec: dict[str, Any], replicas: int
) -> None:
    """A Deployment whose controllers have made so many pods."""
    deployment(cluster, namespace, name, pod_spec, replicas=replicas)
    if replicas:
        counted = f"--for=jsonpath={{.status.replicas}}={replicas}"
        cluster.kubectl("wait", "-n", namespace, counted, f"deployment/{name}")


@pytest.mark.parametrize("replicas", [0, 1])
def test_a_webhook_that_treats_controllers_differently_proves_nothing(
    api_cluster: Cluster, namespace: str, replicas: int
) -> None:
    """It mends the pods of one user, and no field of its configuration says so."""
    mend = [{"op": "add", "path": "/spec/containers/0/securityContext", "value": GOOD}]
    with webhook(api_cluster, "user", lambda _: mend, lambda name: name != "admin") as selector:
        api_cluster.kubectl("label", "namespace", namespace, *(f"{key}={value}" for key, value in selector.items()))
        deployment_with_pods(api_cluster, namespace, "web", spec(), replicas)
        result = judged(api_cluster, namespace, *AS_SOMEBODY)
    assert (result.status, labels(api_cluster, namespace)) == (1, {})
    assert ("Deployment", "web") in refused(result.item)


def test_a_namespace_whose_webhook_does_not_answer_is_not_judged(api_cluster: Cluster, places: dict[str, str]) -> None:
    place = places["broken"]
    deployment(api_cluster, place, "web", spec(GOOD))
    result = judged(api_cluster, place)
    (told,) = result.item["notJudged"]
    assert (result.status, "deployment.apps/web: " in told, "failed calling webhook" in told) == (2, True, True)
    assert labels(api_cluster, place) == {}


def test_a_workload_whose_pod_exceeds_the_quota_is_not_judged(api_cluster: Cluster, places: dict[str, str]) -> None:
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


def test_a_template_that_is_refused_now_is_not_judged_by_a_looser_policy(
    api_cluster: Cluster, places: dict[str, str]
) -> None:
    place = places["inject"]
    api_cluster.kubectl("label", "namespace", place, f"{ENFORCE}=restricted")
    deployment(api_cluster, place, "web", spec())
    result = judged(api_cluster, place, "--enforce=baseline", "--overwrite")
    assert "no pod could be created in a dry run: " in result.item["notJudged"][0]


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


def test_each_different_template_is_tried_once_whatever_is_configured(
    api_cluster: Cluster, places: dict[str, str]
) -> None:
    """The webhooks are in other namespaces. A ReplicaSet has its Deployment's template, and is not tried again."""
    for name in ("web", "api", "db"):
        deployment(api_cluster, places["none"], name, spec(GOOD), replicas=1)
    api_cluster.kubectl("wait", "-n", places["none"], "--for=jsonpath={.status.replicas}=1", "deployments", "--all")
    with passing(api_cluster) as server:
        result = judged(api_cluster, places["none"], "--server", server.url)
    tried = [json.loads(seen.body)["metadata"]["labels"]["app"] for seen in server.seen if seen.method == "POST"]
    assert (result.status, sorted(tried)) == (0, ["api", "db", "web"])


def test_a_custom_controllers_pod_that_a_webhook_fixes_does_not_overrule_its_template(
    api_cluster: Cluster, places: dict[str, str]
) -> None:
    """Nobody knows which labels the controller adds, and a webhook may go by them."""
    place = places["mend"]
    make(api_cluster, place, "v1/podtemplates", {"metadata": {"name": "x"}, "template": {"spec": spec()}})
    result = judged(api_cluster, place)
    assert (result.status, refused(result.item), labels(api_cluster, place)) == (1, {("PodTemplate", "x")}, {})


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


# --- policies that change what a controller makes otherwise than what we try


UNSEEN = (
    "a dry run does not show what admission makes of real pods once the labels are set, by way of the Jobs or "
    "ReplicaSets before them, or for the user of a controller"
)
JOB_NAME = "batch.kubernetes.io/job-name"
OWNED = "has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(o, o.kind == 'ReplicaSet')"
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": "u"}
HOST, MINE = "Object{spec: Object.spec{hostNetwork: true}}", "Object{spec: Object.spec{hostNetwork: false}}"
TEMPLATE = (
    "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{hostNetwork: true}}}}"
)


def selector(key: str, operator: str) -> dict[str, Any]:
    """A selector of one requirement."""
    return {"matchExpressions": [{"key": key, "operator": operator}]}


def probe(pod_spec: dict[str, Any], **metadata: Any) -> tuple[str, dict[str, Any]]:
    """A pod that tells whether a policy is at work."""
    return "/api/v1/namespaces/{}/pods", {"metadata": {"name": "probe", **metadata}, "spec": pod_spec}


def job_probe() -> tuple[str, dict[str, Any]]:
    template = {"spec": spec(GOOD, restartPolicy="Never")}
    return "/apis/batch/v1/namespaces/{}/jobs", {"metadata": {"name": "probe"}, "spec": {"template": template}}


def set_probe() -> tuple[str, dict[str, Any]]:
    labels = {"app": "probe"}
    body = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec(GOOD)}}
    return "/apis/apps/v1/namespaces/{}/replicasets", {"metadata": {"name": "probe"}, "spec": body}


@contextlib.contextmanager
def mutating(
    cluster: Cluster,
    namespace: str,
    resource: str,
    expression: str,
    tried: tuple[str, dict[str, Any]],
    **more: Any,
) -> Iterator[None]:
    """A MutatingAdmissionPolicy that is at work in a namespace; `more` are its constraints, and `conditions`."""
    root = "/apis/admissionregistration.k8s.io/v1"
    group, _, plural = resource.rpartition("/")
    rule = {"operations": ["CREATE"], "apiGroups": [group], "apiVersions": ["v1"], "resources": [plural]}
    conditions = more.pop("conditions", [])
    policy = {
        "matchConstraints": {"resourceRules": [rule], **more},
        "matchConditions": [{"name": f"c{index}", "expression": text} for index, text in enumerate(conditions)],
        "reinvocationPolicy": "Never",
        "failurePolicy": "Fail",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
    }
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    name = f"mutating-{namespace}"
    bodies = {
        "mutatingadmissionpolicies": policy,
        "mutatingadmissionpolicybindings": {"policyName": name, "matchResources": here},
    }
    try:
        for path, body in bodies.items():
            status, answer = cluster.api.request("POST", f"{root}/{path}", {"metadata": {"name": name}, "spec": body})
            assert status == 201, answer
        await_change(cluster, tried[0].format(namespace), tried[1])
        yield
    finally:
        for path in reversed(bodies):
            cluster.api.request("DELETE", f"{root}/{path}/{name}")


def await_change(cluster: Cluster, path: str, body: dict[str, Any]) -> None:
    """Wait until the host namespaces of a new object are not those that are asked for."""
    deadline = time.monotonic() + 20
    while True:
        _, made = cluster.api.request("POST", f"{path}?dryRun=All", body)
        if host(made["spec"]) != host(body["spec"]):
            return
        assert time.monotonic() < deadline, made
        time.sleep(0.05)


def host(found: dict[str, Any]) -> list[bool]:
    inner = found["template"]["spec"] if "template" in found else found
    return [bool(inner.get(name)) for name in ("hostNetwork", "hostPID")]


def cron_job(cluster: Cluster, namespace: str, pod_spec: dict[str, Any]) -> None:
    job = {"template": {"spec": {**pod_spec, "restartPolicy": "Never"}}}
    body = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
    make(cluster, namespace, "batch/v1/cronjobs", {"metadata": {"name": "x"}, "spec": body})


GUESSES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a label that a Job adds switches it on": (
        "CronJob",
        spec(GOOD),
        {
            "resource": "pods",
            "expression": HOST,
            "objectSelector": selector(JOB_NAME, "Exists"),
            "tried": probe(spec(GOOD), labels={JOB_NAME: "x"}),
        },
    ),
    "a label that a Job adds switches it off": (
        "CronJob",
        spec(GOOD, hostNetwork=True),
        {
            "resource": "pods",
            "expression": MINE,
            "objectSelector": selector(JOB_NAME, "DoesNotExist"),
            "tried": probe(spec(GOOD, hostNetwork=True)),
        },
    ),
    "a condition about the owner": (
        "Deployment",
        spec(GOOD),
        {
            "resource": "pods",
            "expression": "Object{spec: Object.spec{hostPID: true}}",
            "conditions": [OWNED],
            "tried": probe(spec(GOOD), ownerReferences=[OWNER]),
        },
    ),
    "a condition about who asks": (
        "Deployment",
        spec(GOOD, hostNetwork=True),
        {
            "resource": "pods",
            "expression": MINE,
            "conditions": ["!request.userInfo.username.startsWith('system:serviceaccount:')"],
            "tried": probe(spec(GOOD, hostNetwork=True)),
        },
    ),
}


@pytest.mark.parametrize("replicas", [0, 1])
def test_a_policy_that_changes_only_pods_of_controllers_leaves_the_namespace_not_judged(
    api_cluster: Cluster, namespace: str, replicas: int
) -> None:
    """The user's pod passes in a dry run. A pod that the controller has made shows what it gets."""
    condition = "request.userInfo.username == 'admin'"
    with mutating(api_cluster, namespace, "pods", HOST, probe(spec(GOOD)), conditions=[condition]):
        deployment_with_pods(api_cluster, namespace, "x", spec(GOOD), replicas)
        result = judged(api_cluster, namespace, "--enforce=baseline", *AS_SOMEBODY)
    assert (result.status, labels(api_cluster, namespace)) == (2, {})
    (told,) = result.item["notJudged"]
    assert told == f"{UNSEEN}: {policy(namespace)}"


@pytest.mark.parametrize("case", GUESSES)
def test_a_sample_pod_meets_a_policy_as_a_controllers_pod_does(api_cluster: Cluster, namespace: str, case: str) -> None:
    kind, pod_spec, policy = GUESSES[case]
    with mutating(api_cluster, namespace, **policy):
        if kind == "CronJob":
            cron_job(api_cluster, namespace, pod_spec)
        else:
            deployment(api_cluster, namespace, "x", pod_spec)
        result = judged(api_cluster, namespace, "--enforce=baseline")
    assert (result.status, refused(result.item), result.item["notJudged"]) == (1, {(kind, "x")}, [])
    assert labels(api_cluster, namespace) == {}


@pytest.mark.parametrize(
    ("kind", "resource"), [("CronJob", "batch/jobs"), ("Deployment", "apps/replicasets"), ("DaemonSet", "")]
)
def test_a_webhook_for_objects_between_a_workload_and_its_pods_leaves_it_not_judged(
    api_cluster: Cluster, namespace: str, kind: str, resource: str
) -> None:
    """Only pods are tried. A DaemonSet makes its pods itself."""
    if kind == "CronJob":
        cron_job(api_cluster, namespace, spec(GOOD))
    elif kind == "Deployment":
        deployment(api_cluster, namespace, "x", spec(GOOD))
    else:
        body = {"selector": {"matchLabels": {"app": "x"}}, "template": set_probe()[1]["spec"]["template"]}
        body["template"]["metadata"]["labels"] = {"app": "x"}
        make(api_cluster, namespace, "apps/v1/daemonsets", {"metadata": {"name": "x"}, "spec": body})
    tried = job_probe() if kind == "CronJob" else set_probe()
    with mutating(api_cluster, namespace, resource or "apps/replicasets", TEMPLATE, tried):
        result = judged(api_cluster, namespace, "--enforce=baseline")
    told = [f"{UNSEEN}: {policy(namespace)}"] if resource else []
    assert (result.status, result.item["notJudged"]) == (2 if told else 0, told)
    assert labels(api_cluster, namespace) == ({} if told else {ENFORCE: "baseline"})


def policy(namespace: str) -> str:
    """How the policy of `mutating` is named."""
    return f"mutatingadmissionpolicy.admissionregistration.k8s.io/mutating-{namespace}"


@pytest.mark.parametrize(("operator", "expression"), [("DoesNotExist", MINE), ("Exists", HOST)])
def test_a_policy_that_the_new_labels_switch_leaves_the_namespace_not_judged(
    api_cluster: Cluster, namespace: str, operator: str, expression: str
) -> None:
    own = spec(GOOD, hostNetwork=expression == MINE)
    deployment(api_cluster, namespace, "x", own)
    if operator == "Exists":
        api_cluster.kubectl("label", "namespace", namespace, f"{ENFORCE}=privileged")
    with mutating(
        api_cluster, namespace, "pods", expression, probe(own), namespaceSelector=selector(ENFORCE, operator)
    ):
        if operator == "Exists":
            api_cluster.kubectl("label", "namespace", namespace, f"{ENFORCE}-")
        result = judged(api_cluster, namespace, "--enforce=baseline")
    told = f"{UNSEEN}: {policy(namespace)}"
    assert (result.status, result.item["notJudged"], labels(api_cluster, namespace)) == (2, [told], {})
    assert refused(result.item) == ({("Deployment", "x")} if expression == MINE else set())


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


def test_pods_of_an_exempt_user_or_runtime_class_are_reported(exempting: Cluster) -> None:
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
