"""What files of evidence say, what trials cost, what pods need, and how a trial's pod stands."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from kubectl_caps.cluster.read.quantities import quantity
from kubectl_caps.core.fit.candidates import likely_needed
from kubectl_caps.core.fit.cost import cost_words, requests_of
from kubectl_caps.core.fit.evidence import evidence_of, joined
from kubectl_caps.core.fit.held import held_today, needs_to_be_seen, varied_containers
from kubectl_caps.core.fit.judgement import TrialStep, late, trial_standing
from kubectl_caps.core.fit.references import named_objects
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.kubernetes.pod import Pod, PodSpec
from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.core.linux.sets import CapabilitySet

CONTAINERS = ["web", "log"]


def both(*names: str) -> Grants:
    return frozenset((container, name) for container in CONTAINERS for name in names)


def event(cap: str, **more: Any) -> dict[str, Any]:
    return {"cap": cap, "audit": 1, "verdict": "Allow", **more}


TEXTS: list[tuple[str, Grants]] = [
    ('chown("/data", 33, 33) = -1 EPERM (Operation not permitted)', both("CHOWN")),
    ('2026/01/01 [emerg] 1#1: chown("/x", 33) failed (1: Operation not permitted)', both("CHOWN")),
    ('type=1400 apparmor="DENIED" operation="capable" pid=1 capability=12  capname="net_admin"', both("NET_ADMIN")),
    ("avc:  denied  { sys_admin net_raw } for pid=1 capability=21 tclass=capability", both("SYS_ADMIN", "NET_RAW")),
    ("avc:  denied  { read } for pid=1 tclass=file", frozenset()),
    ("all is well", frozenset()),
]


def stable(value: object) -> str:
    """A value as text that is the same in every process, as the names of tests have to be; sets are sorted."""
    return str(sorted(value)) if isinstance(value, frozenset) else str(value)


@pytest.mark.parametrize(("text", "likely"), TEXTS, ids=lambda value: stable(value)[:40])
def test_a_text_of_evidence_names_likely_capabilities_of_all_containers(text: str, likely: Grants) -> None:
    assert evidence_of(text, [], CONTAINERS).likely == likely


def test_a_trace_of_running_containers_names_what_they_were_granted_and_not_only_asked_for() -> None:
    used = [
        {"capability": "SETUID", "granted": 2, "optional": ""},
        {"capability": "FSETID", "granted": 1, "optional": "a mode changes"},
        {"capability": 7},
    ]
    containers = [{"name": "web", "used": used}, {"name": "other", "used": used}]
    items = [{"incomplete": ["pod x: gap"], "containers": containers}]
    found = evidence_of("", [{"kind": "Trace", "items": [*items, None]}], CONTAINERS)
    assert (found.likely, found.possible) == (frozenset({("web", "SETUID")}), frozenset())
    assert found.notes == ("SETUID used in the traced time; the record is incomplete",)


EVENTS: list[tuple[dict[str, Any], Grants]] = [
    (event("CAP_CHOWN"), both("CHOWN")),
    (event("chown", container="web"), frozenset({("web", "CHOWN")})),
    (event("CAP_CHOWN", k8s={"containerName": "log"}), frozenset({("log", "CHOWN")})),
    (event("CAP_CHOWN", container="other"), frozenset()),
    ({"capName": "CHOWN", "audit": 1, "verdict": "Allow"}, both("CHOWN")),
    ({"cap": "CAP_CHOWN", "audit": True, "capable": True}, both("CHOWN")),
    ({"cap": "CAP_CHOWN", "audit": True, "capable": False}, frozenset()),
    (event("CAP_CHOWN", audit=0), frozenset()),
    (event("CAP_CHOWN", verdict="Deny"), frozenset()),
    (event("CAP_NOBODY_KNOWS"), frozenset()),
]


@pytest.mark.parametrize(("item", "likely"), EVENTS, ids=lambda value: stable(value)[:60])
def test_only_audited_and_granted_checks_of_a_gadget_count(
    item: dict[str, Any], likely: Grants
) -> None:
    for documents in ([item], [[item]]):
        found = evidence_of("", documents, CONTAINERS)
        assert (found.likely, found.possible) == (likely, frozenset())


def test_a_profile_of_kubescape_is_only_an_upper_bound() -> None:
    spec = {
        "containers": [
            {"name": "web", "capabilities": ["CAP_CHOWN", "NET_RAW"]},
            {"name": "x", "capabilities": ["KILL"]},
        ]
    }
    found = evidence_of("", [{"kind": "ApplicationProfile", "spec": spec}], CONTAINERS)
    assert (found.likely, found.possible) == (frozenset(), frozenset({("web", "CHOWN"), ("web", "NET_RAW")}))
    assert joined([found, found]).possible == found.possible


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"containers": [{}]}, "no CPU and no memory"),
        (
            {"containers": [{"resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}]},
            "400m CPU and 512Mi memory",
        ),
        ({"containers": [{"resources": {"limits": {"cpu": 0.5, "memory": "1Gi"}}}]}, "2 CPU and 4Gi memory"),
        (
            {
                "initContainers": [
                    {"resources": {"requests": {"cpu": "2"}}},
                    {"restartPolicy": "Always", "resources": {"requests": {"memory": "1k"}}},
                ],
                "containers": [{"resources": {"requests": {"cpu": "1", "memory": "1e3"}}}],
            },
            "8 CPU and 8000 memory",
        ),
        (
            {"containers": [{"resources": {"requests": {"cpu": "1e40", "memory": "10e9999"}}}]},
            "36893488147419103228 CPU and 36893488147419103228 memory",
        ),
        ({"containers": [{"resources": {"requests": {"cpu": "1m", "memory": "1500m"}}}]}, "4m CPU and 6 memory"),
    ],
    ids=lambda value: stable(value)[:50],
)
def test_the_cost_of_a_pod_is_counted_as_by_the_scheduler(spec: dict[str, Any], words: str) -> None:
    assert cost_words(requests_of(spec, quantity), 4) == words


def test_a_pod_names_the_objects_that_must_exist() -> None:
    spec = {
        "serviceAccountName": "sa",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [
            {
                "envFrom": [{"configMapRef": {"name": "cm"}}, {"secretRef": {"name": "maybe", "optional": True}}],
                "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}, {"name": "B"}],
            }
        ],
        "volumes": [
            {"name": "a", "secret": {"secretName": "tls"}},
            {"name": "b", "projected": {"sources": [{"configMap": {"name": "part"}}, {"serviceAccountToken": {}}]}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "d", "configMap": {"name": "cm"}},
        ],
    }
    assert [f"{item.kind}/{item.name}" for item in named_objects(spec)] == [
        "ServiceAccount/sa", "Secret/pull", "ConfigMap/cm", "Secret/key", "Secret/tls", "ConfigMap/part",
        "PersistentVolumeClaim/data",
    ]  # fmt: skip


def spec_of(*contexts: dict[str, Any]) -> PodSpec:
    containers = [{"name": f"c{i}", "image": "x/coredns:1", "securityContext": one} for i, one in enumerate(contexts)]
    return msgspec.convert({"containers": containers}, PodSpec)


def test_trials_add_only_capabilities_that_the_container_holds() -> None:
    spec = spec_of({"capabilities": {"drop": ["ALL"], "add": ["CHOWN", "CAP_KILL"]}}, {"privileged": True}, {})
    held = held_today(
        spec, varied_containers(spec, ()), by_name("containerd"), {"c1": CapabilitySet.from_names(["BPF"])}
    )
    assert {name for where, name in held if where == "c0"} == {"CHOWN"}
    assert {name for where, name in held if where == "c1"} == {"BPF"}
    assert len({name for where, name in held if where == "c2"}) == 14
    assert needs_to_be_seen(spec, ["c0", "c1", "c2"]) == ["c1"]
    likely = likely_needed(spec, ["c0", "c1", "c2"], held, by_name("containerd"))
    assert likely == {("c0", "CHOWN"), ("c2", "NET_BIND_SERVICE")}
    assert varied_containers(spec, ("c2",)) == ["c2"]


def pod(phase: str, state: dict[str, Any], *, ready: bool = False, **status: Any) -> Pod:
    conditions = [{"type": "Ready", "status": str(ready)}, {"type": "PodScheduled", "status": "True"}]
    container = {"name": "c", "ready": ready, "restartCount": 0, "state": state}
    whole = {"phase": phase, "conditions": conditions, "containerStatuses": [container], **status}
    return msgspec.convert({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}, "status": whole}, Pod)


def going(one: Pod) -> Pod:
    return replace(one, metadata=replace(one.metadata, deletion_timestamp="2026-01-01T00:00:00Z"))


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": "m"}}


def ended(code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code}}


STANDINGS: list[tuple[Pod, bool, TrialStep]] = [
    (pod("Pending", waiting("ContainerCreating")), False, "starting"),
    (pod("Running", {"running": {}}), False, "starting"),
    (pod("Running", {"running": {}}, ready=True), False, "up"),
    (pod("Running", {"running": {}}, ready=True), True, "starting"),
    (pod("Succeeded", ended(0)), True, "done"),
    (going(pod("Running", {"running": {}}, ready=True)), False, "notTried"),
    (pod("Succeeded", ended(0)), False, "failed"),
    (pod("Failed", ended(1)), True, "failed"),
    (pod("Failed", ended(1)), False, "failed"),
    (pod("Pending", waiting("ImagePullBackOff")), False, "notTried"),
    (pod("Pending", waiting("CreateContainerConfigError")), False, "notTried"),
    (pod("Pending", waiting("RunContainerError")), False, "failed"),
    (pod("Failed", ended(137), reason="Evicted"), False, "notTried"),
    (pod("Failed", ended(137), reason="DeadlineExceeded"), False, "notTried"),
]


@pytest.mark.parametrize(("found", "ends", "step"), STANDINGS, ids=lambda value: stable(value)[:30])
def test_a_pod_that_never_ran_for_other_reasons_is_no_failed_trial(found: Pod, ends: bool, step: TrialStep) -> None:
    assert trial_standing(found, ends=ends).step == step


@pytest.mark.parametrize(
    ("policy", "count", "step"), [("Always", 0, "up"), ("Always", 1, "failed"), (None, 1, "up")], ids=str
)
def test_a_sidecar_that_ends_well_and_is_started_again_has_failed(
    policy: str | None, count: int, step: TrialStep
) -> None:
    last = {"lastState": ended(0)} if count else {}
    side = {"name": "side", "ready": True, "restartCount": count, "state": {"running": {}}, **last}
    main = {"name": "c", "ready": True, "restartCount": 0, "state": {"running": {}}}
    conditions = [{"type": "Ready", "status": "True"}]
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [main]}
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "side", "restartPolicy": policy}]}
    found = {"metadata": {"name": "p"}, "spec": spec, "status": {**status, "initContainerStatuses": [side]}}
    assert trial_standing(msgspec.convert(found, Pod), ends=False).step == step


def test_a_pod_that_does_not_start_in_time_was_not_tried_and_one_that_is_not_ready_failed() -> None:
    creating, running = pod("Pending", waiting("ContainerCreating")), pod("Running", {"running": {}})
    assert late(creating, 0, 30, None, ()) is None
    assert late(running, 0, 30, 40.0, ()) is None
    not_started, not_ready = late(creating, 0, 61, None, ["FailedMount"]), late(running, 0, 41, 40.0, ["HTTP 500"])
    assert not_started
    assert not_ready
    assert (not_started.step, not_ready.step) == ("notTried", "failed")
    assert not_started.failure
    assert not_started.failure.message.endswith("after 61 s: FailedMount")
    assert not_ready.failure
    assert not_ready.failure.message == "container c is not ready after 41 s: HTTP 500"
