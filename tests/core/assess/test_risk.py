"""How dangerous a container is: by what code in it can come to hold, and by what it shares with its node."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.assess.accepted import NOTHING as ALLOWANCE
from kubectl_caps.core.assess.assess import assess, dangers_of
from kubectl_caps.core.assess.assessment import ContainerAssessment, NodeRuntime
from kubectl_caps.core.assess.risk import reachable
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import Pod, PodSpec
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.linux.capabilities import BY_NAME, CAPABILITIES, Risk, worst
from kubectl_caps.core.linux.prediction import ContainerRequest, predict
from kubectl_caps.core.linux.runtimes import RUNTIMES, Runtime, by_name, runtime_of
from kubectl_caps.core.linux.sets import CapabilitySet

CONTAINERD = runtime_of("containerd://2.3.1")
ASSUMED = runtime_of(None)


def container(
    spec: dict[str, Any],
    pods: Sequence[Pod] = (),
    node_all: CapabilitySet | None = None,
    kind: str = "Pod",
    runtime: Runtime = CONTAINERD,
) -> ContainerAssessment:
    """The assessment of the only container of a pod with this spec."""
    row = kind_of("v1", kind)
    assert row
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    (workload,) = read_workloads(row, msgspec.Raw(msgspec.json.encode(obj)), {})
    (only,) = assess(workload, pods, [NodeRuntime(runtime, 1, "observed", node_all)], 37).containers
    return only


def risk(
    context: dict[str, Any], mounts: Sequence[dict[str, Any]] = (), runtime: Runtime = CONTAINERD, **spec: Any
) -> Risk:
    """The risk of a container with this security context and these mounts."""
    only = {"name": "c", "image": "i", "securityContext": context, "volumeMounts": list(mounts)}
    return container({"containers": [only], **spec}, runtime=runtime).risk


def caps(add: Sequence[str] = (), drop: Sequence[str] = ("ALL",), **context: Any) -> dict[str, Any]:
    """A security context with these capabilities."""
    return {"capabilities": {"add": list(add), "drop": list(drop)}, **context}


SEALED: dict[str, Any] = {"allowPrivilegeEscalation": False}
USER: dict[str, Any] = {"runAsUser": 1000}

HELD: list[tuple[str, dict[str, Any], str]] = [
    ("nothing said: NET_RAW is among the defaults", {}, "high"),
    ("root with nothing", caps(**SEALED), "none"),
    ("another user with nothing", caps(**SEALED, **USER), "none"),
    ("another user, defaults, escalation forbidden", {**SEALED, **USER}, "none"),
    ("another user, defaults, setuid programs regain them", USER, "high"),
    ("another user, escalation explicitly allowed", {**USER, "allowPrivilegeEscalation": True}, "high"),
    ("unknown user, defaults, escalation forbidden", SEALED, "high"),
    ("unknown user that is not root, escalation forbidden", {**SEALED, "runAsNonRoot": True}, "none"),
    ("unknown user that is not root, setuid programs", {"runAsNonRoot": True}, "high"),
    ("root with one", caps(["SYS_TIME"], **SEALED), "medium"),
    ("root with the worst", caps(["KILL", "SYS_MODULE"], **SEALED), "critical"),
    ("an add in lower case", caps(["sys_module"], **SEALED), "critical"),
    ("an add that is void on containerd", caps(["CAP_SYS_MODULE"], **SEALED), "none"),
    ("a drop that is void on containerd", caps([], ["CAP_NET_RAW"]), "high"),
    ("all but the dangerous defaults", caps([], ["NET_RAW"]), "medium"),
    ("another user, a file capability may use the add", caps(["SYS_ADMIN"], **SEALED, **USER), "critical"),
    ("another user, a file capability may use all", caps(["ALL"], [], **SEALED, **USER), "critical"),
    ("added and dropped", caps(["SYS_ADMIN"], ["ALL", "SYS_ADMIN"], **SEALED), "none"),
    ("privileged", {"privileged": True}, "critical"),
    ("privileged and another user", {"privileged": True, **USER}, "critical"),
    ("privileged and drop ALL", caps(privileged=True), "critical"),
]


@pytest.mark.parametrize(("what", "context", "wanted"), HELD, ids=[row[0] for row in HELD])
def test_the_risk_is_the_worst_that_can_be_held(what: str, context: dict[str, Any], wanted: str) -> None:
    assert risk(context) == wanted, what


NOTHING = caps(**SEALED, runAsUser=0)
NOBODY = caps(**SEALED, **USER)
MOUNT = {"name": "v", "mountPath": "/v"}
READ_ONLY = {**MOUNT, "readOnly": True}


def host(path: str) -> dict[str, Any]:
    """A volume that is a directory of the node."""
    return {"volumes": [{"name": "v", "hostPath": {"path": path}}]}


SHARED: list[tuple[str, dict[str, Any], list[dict[str, Any]], dict[str, Any], str]] = [
    ("NET_ADMIN", caps(["NET_ADMIN"], **SEALED), [], {}, "high"),
    ("NET_ADMIN in the host's network", caps(["NET_ADMIN"], **SEALED), [], {"hostNetwork": True}, "critical"),
    ("NET_ADMIN beside hostPID", caps(["NET_ADMIN"], **SEALED), [], {"hostPID": True}, "high"),
    ("SYS_PTRACE with the host's processes", caps(["SYS_PTRACE"], **SEALED), [], {"hostPID": True}, "critical"),
    ("host network and nothing held", NOBODY, [], {"hostNetwork": True}, "medium"),
    ("host network that is false", NOBODY, [], {"hostNetwork": False}, "none"),
    ("host processes and root", NOTHING, [], {"hostPID": True}, "medium"),
    ("host processes and another user", NOBODY, [], {"hostPID": True}, "low"),
    ("host IPC and root", NOTHING, [], {"hostIPC": True}, "medium"),
    ("root of the node", NOTHING, [MOUNT], host("/"), "critical"),
    ("root of the node, unknown user", caps(**SEALED), [MOUNT], host("/"), "critical"),
    ("root of the node, another user", NOBODY, [MOUNT], host("/"), "high"),
    ("root of the node, read-only: its sockets answer", NOTHING, [READ_ONLY], host("/"), "critical"),
    ("root of the node, read-only, another user", NOBODY, [READ_ONLY], host("/"), "high"),
    ("root of the node, another user who may become root", caps(**USER), [MOUNT], host("/"), "critical"),
    ("the same, read-only", caps(**USER), [READ_ONLY], host("/"), "critical"),
    ("a host directory, another user who may become root", caps(**USER), [MOUNT], host("/data"), "high"),
    ("host processes and another user who may become root", caps(**USER), [], {"hostPID": True}, "medium"),
    ("root of the node, spelled otherwise", NOTHING, [MOUNT], host("//"), "critical"),
    ("accounts of the node, spelled otherwise", NOBODY, [MOUNT], host("//etc"), "high"),
    ("accounts and keys of the node, read-only", NOTHING, [READ_ONLY], host("/etc"), "critical"),
    ("a file of the node", NOTHING, [MOUNT], host("/etc/shadow"), "critical"),
    ("a file of the node, read-only", NOTHING, [READ_ONLY], host("/etc/localtime"), "medium"),
    ("pods that the kubelet starts", NOBODY, [MOUNT], host("/etc/kubernetes/manifests"), "high"),
    ("programs of the node", NOTHING, [MOUNT], host("/opt/cni/bin"), "critical"),
    ("settings of the kernel", NOTHING, [MOUNT], host("/proc/sys"), "critical"),
    ("a device, which the cgroup keeps shut", NOTHING, [MOUNT], host("/dev/fuse"), "high"),
    ("socket of the runtime by another name", NOTHING, [MOUNT], host("/var/run/crio/crio.sock"), "critical"),
    ("socket of k3s", NOBODY, [MOUNT], host("/run/k3s/containerd/containerd.sock"), "high"),
    ("socket, read-only", NOTHING, [READ_ONLY], host("/var/run/docker.sock"), "critical"),
    ("socket of the runtime", NOTHING, [MOUNT], host("/run/containerd/containerd.sock"), "critical"),
    ("parent of the socket", NOTHING, [MOUNT], host("/var/run/"), "critical"),
    ("any other host directory", NOTHING, [MOUNT], host("/data/x"), "high"),
    ("any other host directory, read-only", NOTHING, [READ_ONLY], host("/data/x"), "medium"),
    ("any other host directory, another user", NOBODY, [MOUNT], host("/data/x"), "medium"),
    ("host directory that another container mounts", NOTHING, [], host("/"), "none"),
    ("host directory without a path", NOTHING, [MOUNT], {"volumes": [{"name": "v", "hostPath": {}}]}, "critical"),
    ("DAC_OVERRIDE and a host directory", caps(["DAC_OVERRIDE"], **SEALED, **USER), [MOUNT], host("/data"), "high"),
    ("emptyDir", NOTHING, [MOUNT], {"volumes": [{"name": "v", "emptyDir": {}}]}, "none"),
    ("user namespace", caps(["SYS_ADMIN"], **SEALED), [], {"hostUsers": False}, "critical"),
    ("Windows", {}, [], {"os": {"name": "windows"}}, "none"),
    ("Windows host process", {"windowsOptions": {"hostProcess": True}}, [], {"os": {"name": "windows"}}, "critical"),
    (
        "Windows host process of the pod", {}, [],
        {"os": {"name": "windows"}, "securityContext": {"windowsOptions": {"hostProcess": True}}}, "critical",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("what", "context", "mounts", "spec", "wanted"), SHARED, ids=[row[0] for row in SHARED])
def test_a_part_shared_with_the_node_makes_the_risk_worse(
    what: str, context: dict[str, Any], mounts: list[dict[str, Any]], spec: dict[str, Any], wanted: str
) -> None:
    assert risk(context, mounts, **spec) == wanted, what


def test_a_capability_that_this_project_does_not_know_is_an_unknown_risk() -> None:
    node = CapabilitySet((1 << 42) - 1)
    adds = {"containers": [{"name": "c", "securityContext": caps(["ALL"], [item.name for item in CAPABILITIES])}]}
    assert container(adds, node_all=node).risk == "unknown"


def test_all_means_the_known_capabilities_of_the_node() -> None:
    spec = {"containers": [{"name": "c", "securityContext": caps(["ALL"], [])}]}
    node = CapabilitySet(0x1FFFEFFFFFF)
    (entry,) = container(spec, node_all=node).predicted
    assert entry.outcome.sets.effective == node
    assert not any("ALL" in text for text in entry.outcome.unknowns)


def test_nodes_that_give_the_same_are_one_entry_with_the_weakest_evidence() -> None:
    row = kind_of("v1", "Pod")
    assert row
    obj = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "securityContext": caps()}]}}
    (workload,) = read_workloads(row, msgspec.Raw(msgspec.json.encode(obj)), {})
    versions = ("containerd://2.1.4", "containerd://1.7.27", "containerd://2.1.4")
    places = [NodeRuntime(runtime_of(version), 1, "observed") for version in versions]
    (entry,) = assess(workload, [], places, 37).containers[0].predicted
    assert (entry.place.nodes, entry.place.runtime.evidence) == (3, "from source, not run")


def pod(uid: int, image: str = "i") -> Pod:
    """A running pod whose container is seen to run as a user."""
    status = {"containerStatuses": [{"name": "c", "user": {"linux": {"uid": uid}}}]}
    return msgspec.convert({"spec": {"containers": [{"name": "c", "image": image}]}, "status": status}, Pod)


USERS: list[tuple[str, list[Pod], dict[str, Any], tuple[int | None, str]]] = [
    ("nothing known", [], {}, (None, "image")),
    ("status", [pod(1000)], {}, (1000, "status")),
    ("any pod is root", [pod(1000), pod(0)], {}, (0, "status")),
    ("pods of another image tell nothing", [pod(1000, "old")], {}, (None, "image")),
    ("unless they are root", [pod(0, "old")], {}, (0, "status")),
    ("pods of another image beside one of this", [pod(1000, "old"), pod(2000)], {}, (1000, "status")),
    ("declared", [], {"runAsUser": 5}, (5, "container")),
]


@pytest.mark.parametrize(("what", "pods", "context", "wanted"), USERS, ids=[row[0] for row in USERS])
def test_the_user_is_read_from_the_pods(what: str, pods: list[Pod], context: dict[str, Any], wanted: object) -> None:
    user = container({"containers": [{"name": "c", "image": "i", "securityContext": context}]}, pods).user
    assert (user.uid, user.source) == wanted, what


REQUESTS = st.builds(
    ContainerRequest,
    add=st.lists(st.sampled_from([*BY_NAME, "ALL", "LOREM", "CAP_KILL"]), max_size=4).map(tuple),
    drop=st.lists(st.sampled_from([*BY_NAME, "ALL", "CAP_NET_RAW"]), max_size=4).map(tuple),
    privileged=st.booleans(),
    allow_privilege_escalation=st.sampled_from([None, True, False]),
    uid=st.sampled_from([None, 0, 1000]),
    non_root=st.booleans(),
)


@given(st.sampled_from(RUNTIMES), REQUESTS)
def test_never_less_than_the_permitted_set_and_never_more_than_the_bounding_set(
    runtime: Any, request: ContainerRequest
) -> None:
    sets = predict(runtime, request).sets
    reach = reachable(request, sets)
    assert not sets.permitted - reach
    assert not reach - sets.bounding


@given(st.sampled_from(RUNTIMES), REQUESTS)
def test_a_known_user_never_makes_the_risk_worse_than_an_unknown_one(runtime: Any, request: ContainerRequest) -> None:
    unknown = msgspec.structs.replace(request, uid=None, non_root=False)
    risks = [
        worst("none", *(CAPABILITIES[number].risk for number in reachable(item, predict(runtime, item).sets)))
        for item in (request, unknown)
    ]
    assert worst(*risks) == risks[1]


CONTEXTS = st.fixed_dictionaries(
    {
        "capabilities": st.fixed_dictionaries(
            {
                "add": st.lists(st.sampled_from([*BY_NAME, "ALL", "LOREM", "CAP_SYS_ADMIN", "cap_kill"]), max_size=4),
                "drop": st.lists(st.sampled_from([*BY_NAME, "ALL", "CAP_NET_RAW", "CAP_ALL"]), max_size=4),
            }
        )
    },
    optional={
        "privileged": st.booleans(),
        "allowPrivilegeEscalation": st.booleans(),
        "runAsUser": st.sampled_from([0, 1000]),
        "runAsNonRoot": st.booleans(),
    },
)
HOST_PATHS = st.sampled_from(["/", "/data", "/etc", "/run/dbus", "/var/lib/kubelet/pods"])


@given(CONTEXTS, HOST_PATHS, st.booleans())
def test_without_a_known_runtime_the_risk_is_the_worst_of_all_runtimes(
    context: dict[str, Any], path: str, read_only: bool
) -> None:
    mounts = [{**MOUNT, "readOnly": read_only}]
    names = dict.fromkeys(row.name for row in RUNTIMES)
    each = [risk(context, mounts, by_name(name), **host(path)) for name in names]
    assert risk(context, mounts, ASSUMED, **host(path)) == worst(*each)
    rows = [risk(context, mounts, row, **host(path)) for row in RUNTIMES]
    assert worst(*each) == worst(*rows), "an old version is worse than the newest of every runtime"


ONLY_ON: list[tuple[dict[str, Any], str, tuple[str, ...], list[str]]] = [
    (caps(["CAP_SYS_ADMIN"]), "critical", ("cri-o", "docker"), ["SYS_ADMIN on cri-o and docker"]),
    (caps(["ALL"]), "critical", ("docker",), ["SYS_ADMIN on docker", "SYS_MODULE on docker", "SYS_RAWIO on docker"]),
    (caps(["CAP_SYS_ADMIN", "SYS_ADMIN"]), "critical", (), ["SYS_ADMIN"]),
    (caps(["NET_RAW", "CAP_KILL"]), "high", (), ["NET_RAW"]),
    (caps(), "none", (), []),
]


@pytest.mark.parametrize(("context", "wanted", "runtimes", "names"), ONLY_ON)
def test_the_runtimes_that_make_the_risk_worse_are_named(
    context: dict[str, Any], wanted: str, runtimes: tuple[str, ...], names: list[str]
) -> None:
    spec = {"containers": [{"name": "c", "securityContext": context}]}
    found = container(spec, runtime=ASSUMED)
    assert (found.risk, found.risk_on) == (wanted, runtimes)
    assert [entry.place.runtime.name for entry in found.predicted] == ["containerd"]
    dangers = dangers_of(found, msgspec.convert(spec, PodSpec), ALLOWANCE)
    worst_ones = [danger.words(name) for name, danger in dangers.items() if danger.risk == wanted]
    assert set(names) <= set(worst_ones)
    assert bool(names) == bool(worst_ones)


EVADED: list[tuple[str, dict[str, Any], list[dict[str, Any]], dict[str, Any], str, str]] = [
    ("defaults and no escalation", {**SEALED, "runAsNonRoot": True}, [], {}, "none", "high"),
    ("restricted: root without capabilities", caps(**SEALED, runAsNonRoot=True), [], {}, "none", "none"),
    ("a host directory", caps(**SEALED, runAsNonRoot=True), [MOUNT], host("/data"), "medium", "high"),
    ("the node's processes", caps(**SEALED, runAsNonRoot=True), [], {"hostPID": True}, "low", "medium"),
    ("a number", {**SEALED, "runAsNonRoot": True, **USER}, [], {}, "none", "none"),
]


@pytest.mark.parametrize(
    ("what", "context", "mounts", "spec", "held", "evaded"), EVADED, ids=[row[0] for row in EVADED]
)
def test_the_risk_is_that_of_root_if_an_image_can_evade_run_as_non_root(
    what: str, context: dict[str, Any], mounts: list[dict[str, Any]], spec: dict[str, Any], held: str, evaded: str
) -> None:
    fixed = [runtime_of("containerd://2.3.1"), runtime_of("containerd://1.7.1", "v1.34.0"), by_name("cri-o")]
    old = [runtime_of("containerd://2.3.0"), runtime_of("containerd://1.7.1", "v1.33.9")]
    open_ = [*old, by_name("containerd"), ASSUMED]
    assert [risk(context, mounts, runtime, **spec) for runtime in fixed] == [held] * len(fixed), what
    assert [risk(context, mounts, runtime, **spec) for runtime in open_] == [evaded] * len(open_), what


@pytest.mark.parametrize("versions", [("2.3.1", "2.3.0"), ("2.3.0", "2.3.1"), ("2.3.1", "1.7.1"), ("1.7.1", "2.3.1")])
def test_the_risk_is_judged_as_root_if_one_node_lets_an_image_evade_run_as_non_root(versions: tuple[str, ...]) -> None:
    row = kind_of("v1", "Pod")
    assert row
    only = {"name": "c", "securityContext": caps(**SEALED, runAsNonRoot=True), "volumeMounts": [MOUNT]}
    obj = {"metadata": {"name": "x"}, "spec": {"containers": [only], **host("/data")}}
    (workload,) = read_workloads(row, msgspec.Raw(msgspec.json.encode(obj)), {})
    places = [NodeRuntime(runtime_of(f"containerd://{version}"), 1, "observed") for version in versions]
    assert assess(workload, [], places, 37).risk == "high"
