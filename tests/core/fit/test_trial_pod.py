"""A trial's pod and Job: what is left out, what is refused, and what they drop and add."""

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.trial_job import KEPT_FOR, LABEL, is_past_deadline, trial_job, trial_name, with_rights
from kubectl_caps.core.fit.trial_pod import (
    TrialVolumes,
    ends_by_itself,
    priority_given,
    trial_pod,
)
from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.patch import lookup
from kubectl_caps.core.kubernetes.workloads import read_workloads

DEPLOYMENT = next(kind for kind in WORKLOADS if kind.kind == "Deployment")


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


def mounting(volume: dict[str, Any], **mount: Any) -> dict[str, Any]:
    container = {"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/v", **mount}]}
    return pod(containers=[container], volumes=[{"name": "v", **volume}])


LEFT_OUT: list[tuple[dict[str, Any], str]] = [
    (pod(priorityClassName="high", priority=7, preemptionPolicy="Never"), "it has no priority class"),
    (pod(readinessGates=[{"conditionType": "x"}]), "its readiness gates are left out"),
    (
        pod(containers=[{"name": "c", "ports": [{"containerPort": 80, "hostPort": 8080, "hostIP": "::"}]}]),
        "host port 8080 of container c is left out",
    ),
    (
        pod(initContainers=[{"name": "c", "restartPolicy": "Always", "lifecycle": {"preStop": {"sleep": {}}}}]),
        "the preStop hook of container c is left out",
    ),
]


@pytest.mark.parametrize(("own", "says"), LEFT_OUT, ids=lambda value: str(value)[:50])
def test_a_field_that_would_disturb_other_pods_is_left_out_and_named(own: dict[str, Any], says: str) -> None:
    before = copy.deepcopy(own)
    made = trial_pod(own, "refuse")
    assert own == before
    assert made.differences[0].startswith(says)
    assert not made.refusals
    for word in ("priority", "readinessGates", "hostPort", "hostIP", "preStop"):
        assert word not in str(made.spec)


def marked(**metadata: dict[str, str]) -> dict[str, Any]:
    return {**pod(), "metadata": metadata}


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("cni.projectcalico.org/ipAddrs", "the address of the first"),
        ("k8s.v1.cni.cncf.io/networks", "the address of the first"),
        ("external-dns.alpha.kubernetes.io/hostname", "would be published"),
        ("prometheus.io/scrape", "taken for one that serves"),
        ("pre.hook.backup.velero.io/command", "a backup would run"),
        ("helm.sh/hook", "the tool that deploys"),
        ("argocd.argoproj.io/tracking-id", "the tool that deploys"),
        ("kubernetes.io/config.mirror", ""),
        ("kubectl.kubernetes.io/last-applied-configuration", ""),
    ],
)
def test_annotations_that_others_act_on_are_left_out_and_said(key: str, says: str) -> None:
    made = trial_pod(marked(annotations={key: "x", "sidecar.istio.io/inject": "true"}), "refuse")
    assert made.annotations == {"sidecar.istio.io/inject": "true"}
    assert len(made.differences) == bool(says)
    assert says in "".join(made.differences)


def test_labels_that_a_controller_wrote_on_its_own_pod_are_not_its_trials() -> None:
    theirs = ("job-name", "batch.kubernetes.io/controller-uid", "pod-template-hash", "apps.kubernetes.io/pod-index")
    made = trial_pod(marked(labels={**dict.fromkeys(theirs, "x"), "team": "shop"}), "refuse")
    assert made.labels == {"team": "shop"}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"priority": 100, "priorityClassName": "high", "preemptionPolicy": "PreemptLowerPriority"}, "high (100)"),
        ({"priority": 100, "priorityClassName": "high", "preemptionPolicy": "Never"}, ""),
        ({"priority": 0, "preemptionPolicy": "PreemptLowerPriority"}, ""),
        ({}, ""),
    ],
    ids=str,
)
def test_a_priority_that_the_cluster_gives_each_pod_is_said(spec: dict[str, Any], says: str) -> None:
    (found,) = list(priority_given(spec)) or [""]
    assert says in found
    assert bool(found) == bool(says)


WRITABLE = [
    {"persistentVolumeClaim": {"claimName": "data"}},
    {"hostPath": {"path": "/var/lib"}},
    {"nfs": {"server": "s", "path": "/"}},
    {"csi": {"driver": "d"}},
]
SOCKETS = [{"path": "/run/docker.sock"}, {"path": "/run/x", "type": "Socket"}]
HARMLESS = [
    mounting({"persistentVolumeClaim": {"claimName": "data"}}, readOnly=True),
    mounting({"persistentVolumeClaim": {"claimName": "data", "readOnly": True}}),
    mounting({"hostPath": {"path": "/etc"}}, readOnly=True),
    mounting({"configMap": {"name": "x"}}),
    mounting({"emptyDir": {}}),
    mounting({}),
    mounting({"ephemeral": {"volumeClaimTemplate": {}}}),
]


@pytest.mark.parametrize("volume", WRITABLE, ids=lambda volume: next(iter(volume)))
def test_writable_data_is_refused_without_a_decision_by_flag(volume: dict[str, Any]) -> None:
    own = mounting(volume)
    refused, empty, shared = (trial_pod(own, how) for how in ("refuse", "empty", "share"))
    assert "--trial-volumes=empty" in refused.refusals[0]
    assert empty.spec["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert shared.spec["volumes"] == own["spec"]["volumes"]
    assert (empty.refusals, shared.refusals) == ((), ())
    assert empty.differences
    assert shared.differences


@pytest.mark.parametrize("path", SOCKETS, ids=str)
def test_a_socket_on_a_read_only_mount_is_dangerous(path: dict[str, str]) -> None:
    assert trial_pod(mounting({"hostPath": path}, readOnly=True), "refuse").refusals


def test_a_block_device_is_written_through_volume_devices() -> None:
    own = pod(
        containers=[{"name": "c", "volumeDevices": [{"name": "v", "devicePath": "/dev/x"}]}],
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
    )
    assert trial_pod(own, "refuse").refusals


@pytest.mark.parametrize("own", HARMLESS, ids=lambda own: str(own["spec"]["volumes"])[:50])
@pytest.mark.parametrize("how", ["refuse", "empty"])
def test_volumes_that_are_the_pods_own_or_only_read_stay(own: dict[str, Any], how: TrialVolumes) -> None:
    made = trial_pod(own, how)
    assert (made.spec["volumes"], made.refusals, made.differences) == (own["spec"]["volumes"], (), ())


WINDOWS_OR_HOST: list[dict[str, Any]] = [
    {"hostNetwork": True},
    {"os": {"name": "windows"}},
    {"nodeSelector": {"kubernetes.io/os": "windows"}},
]


@pytest.mark.parametrize("spec", WINDOWS_OR_HOST, ids=str)
def test_a_pod_that_cannot_be_tried_without_harm_or_sense_is_refused(spec: dict[str, Any]) -> None:
    assert trial_pod(pod(**spec), "share").refusals


@pytest.mark.parametrize(("policy", "ends"), [(None, False), ("Always", False), ("Never", True), ("OnFailure", True)])
def test_a_trial_is_never_restarted_and_knows_whether_it_is_meant_to_end(policy: str | None, ends: bool) -> None:
    own = pod(**({"restartPolicy": policy} if policy else {}), terminationGracePeriodSeconds=600)
    made = trial_pod(own, "refuse")
    assert ends_by_itself(own) == ends
    assert (made.spec["restartPolicy"], made.spec["terminationGracePeriodSeconds"]) == ("Never", 1)


def test_the_node_of_a_bare_pod_is_not_that_of_its_trial() -> None:
    own = pod(nodeName="n1", ephemeralContainers=[{"name": "debug"}])
    assert trial_pod(own, "refuse", is_pod=True).spec.keys() & {"nodeName", "ephemeralContainers"} == set()
    assert trial_pod(own, "refuse").spec["nodeName"] == "n1"


def deployment(*contexts: dict[str, Any]) -> dict[str, Any]:
    containers = [{"name": f"c{i}", "image": "i", "securityContext": one} for i, one in enumerate(contexts)]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}
    return {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template}}


@pytest.mark.parametrize(
    "contexts",
    [
        [{}],
        [{"capabilities": {"add": ["NET_ADMIN"], "drop": ["CHOWN"]}}],
        [{"allowPrivilegeEscalation": True, "runAsUser": 5, "readOnlyRootFilesystem": True}],
        [{}, {"capabilities": {"drop": ["ALL"]}}],
    ],
    ids=str,
)
@pytest.mark.parametrize("adds", [{}, {"c0": ("CHOWN", "SETUID")}])
def test_a_trial_runs_with_the_settings_that_harden_would_write(
    contexts: list[Any], adds: dict[str, tuple[str, ...]]
) -> None:
    obj = deployment(*contexts)
    pairs: Grants = frozenset((name, one) for name, names in adds.items() for one in names)
    options = HardenOptions(add_in=tuple(sorted(pairs)), remove_adds=True, agreed=True)
    hardened = harden(obj, tuple(read_workloads(DEPLOYMENT, obj, {})), options).patch.applied(obj)
    names = [f"c{index}" for index in range(len(contexts))]
    tried = with_rights(obj["spec"]["template"]["spec"], pairs, names)
    assert tried == lookup(hardened, ("spec", "template", "spec"))


def test_a_trial_varies_only_the_chosen_containers_and_is_never_privileged() -> None:
    spec = {"containers": [{"name": "a", "securityContext": {"privileged": True}}, {"name": "b"}]}
    made = with_rights(spec, frozenset({("a", "SYS_ADMIN"), ("b", "CHOWN")}), ["a"])
    context = {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}, "allowPrivilegeEscalation": False}
    assert made == {"containers": [{"name": "a", "securityContext": context}, {"name": "b"}]}


def test_the_job_ends_and_is_deleted_by_itself_and_has_no_owner() -> None:
    job = trial_job("web-caps-fit-r-1", "r", trial_pod(pod(), "refuse"), {"tier": "front"}, 70.5)
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 70, KEPT_FOR)
    assert job["metadata"] == {"name": "web-caps-fit-r-1", "labels": {LABEL: "r"}}
    assert spec["template"]["metadata"]["labels"] == {"tier": "front", LABEL: "r"}


@pytest.mark.parametrize("name", ["web", "a" * 63, "a." * 31 + "a", "x" * 40 + ".-y"])
def test_a_name_fits_into_a_label(name: str) -> None:
    made = trial_name(name, "x7k2p", 123)
    assert len(made) <= 63
    assert made.endswith("-caps-fit-x7k2p-123")
    assert made[0].isalnum()
    assert "..-" not in made.replace(".-caps", "..-caps")


NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def ago(seconds: int) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ended(kind: str, seconds: int) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "lastTransitionTime": ago(seconds)}]}


@pytest.mark.parametrize(
    ("age", "status", "past"),
    [
        (10, {}, False),
        (101, {}, True),
        (90, ended("Failed", 5), False),
        (90, ended("Failed", KEPT_FOR + 1), True),
        (90, ended("Complete", 5), False),
        (90, ended("Complete", KEPT_FOR + 1), True),
        (90, ended("Suspended", KEPT_FOR + 1), False),
        (101, ended("Complete", 5), True),
    ],
)
def test_a_job_is_left_over_once_no_run_can_still_read_its_log(age: int, status: dict[str, Any], past: bool) -> None:
    job = {"metadata": {"creationTimestamp": ago(age)}, "spec": {"activeDeadlineSeconds": 100}, "status": status}
    assert is_past_deadline(job, NOW) == past


def test_a_mount_is_not_shared_back_without_privileged() -> None:
    mount = {"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}
    container = {"name": "c", "securityContext": {"privileged": True}, "volumeMounts": [mount]}
    made = trial_pod({"spec": {"containers": [container], "volumes": [{"name": "v", "emptyDir": {}}]}}, "refuse")
    assert "mount /v of container c is HostToContainer without privileged" in made.differences
    bare = with_rights(made.spec, frozenset(), ["c"])["containers"][0]
    assert bare["volumeMounts"][0]["mountPropagation"] == "HostToContainer"
    assert "privileged" not in bare["securityContext"]
    assert made.spec["containers"][0]["volumeMounts"] == [mount]
