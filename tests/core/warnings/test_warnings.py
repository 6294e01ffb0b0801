"""Each warning fires on a container that deserves it, stays silent on one that does not, and is documented."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.linux.runtimes import Runtime, by_name, runtime_of
from kubectl_caps.core.warnings import registry
from kubectl_caps.core.warnings.registry import RULES, CapabilityWarning
from kubectl_caps.core.warnings.rule import Rule
from kubectl_caps.report.warning_manual import warnings_markdown

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "warnings.md"
CONTAINERD, CRIO = by_name("containerd"), by_name("cri-o")
OBSERVED = runtime_of("containerd://2.1.4")
CONTAINERD_1 = runtime_of("containerd://1.7.27")
DOCKER = runtime_of("docker://28.2.2")
ASSUMED = runtime_of(None)


def assessed(obj: dict[str, Any], runtime: Runtime = OBSERVED) -> Assessment:
    """The assessment of a manifest on one runtime."""
    kind = kind_of(obj["apiVersion"], obj["kind"])
    assert kind
    (workload,) = read_workloads(kind, msgspec.Raw(msgspec.json.encode(obj)), {})
    pods = [workload.template] if isinstance(workload.template, Pod) else []
    return assess(workload, pods, [NodeRuntime(runtime, 1, "observed")], 37)


def found(spec: dict[str, Any], runtime: Runtime = OBSERVED, **more: Any) -> list[CapabilityWarning]:
    """The warnings of a pod with this spec."""
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec, **more}
    return [warning for container in assessed(obj, runtime).containers for warning in container.warnings]


def ids(context: dict[str, Any], runtime: Runtime = OBSERVED, image: str = "i", **spec: Any) -> list[str]:
    """The ids of the warnings for a container with this security context."""
    container = {"name": "c", "image": image, "securityContext": context}
    return [warning.id for warning in found({"containers": [container], **spec}, runtime)]


def caps(add: tuple[str, ...] = (), drop: tuple[str, ...] = ("ALL",), **context: Any) -> dict[str, Any]:
    """A security context with these capabilities."""
    return {"capabilities": {"add": list(add), "drop": list(drop)}, **context}


def sysctl(value: str) -> dict[str, Any]:
    """A pod that sets the first port of other users."""
    return {"securityContext": {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": value}]}}


USER = {"runAsUser": 1000}
NON_ROOT = {"runAsNonRoot": True}
BIND = caps(("NET_BIND_SERVICE",))

DESERVED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("privileged", {"privileged": True}, {}),
    ("privileged-ignores-capabilities", caps(privileged=True), {}),
    ("privileged-without-root", {"privileged": True, **USER}, {}),
    ("privileged-without-root", {"privileged": True}, {"securityContext": NON_ROOT}),
    ("add-all", caps(("all",), ()), {}),
    ("default-capabilities", {}, {}),
    ("default-capabilities", caps(drop=("NET_RAW",)), {}),
    ("default-capabilities", caps(drop=("CAP_ALL",)), {}),
    ("runtime-dependent-defaults", {}, {}),
    ("runtime-dependent-defaults", caps(drop=("NET_RAW",)), {}),
    ("assumed-runtime", caps(("CAP_KILL",)), {"runtime": ASSUMED}),
    ("assumed-runtime", caps(("KILL",), ("ALL", "KILL")), {"runtime": ASSUMED}),
    ("assumed-runtime", caps(("LOREM",)), {"runtime": ASSUMED}),
    ("assumed-runtime", {"privileged": True, **USER}, {"runtime": ASSUMED}),
    ("assumed-runtime", {}, {"runtime": CRIO}),
    ("cap-prefix", caps(("CAP_CHOWN",)), {}),
    ("cap-prefix", caps((), ("cap_net_raw",)), {}),
    ("unknown-capability", caps(("LOREM",)), {}),
    ("unknown-capability", caps((), (" NET_RAW",)), {}),
    ("unknown-capability", caps((), ("CAP_ALL",)), {}),
    ("unknown-capability", caps(("",)), {}),
    ("add-and-drop", caps(("CHOWN",), ("chown", "ALL")), {}),
    ("drop-all-spelling", caps((), ("all",)), {}),
    ("drop-all-spelling", caps((), ("KILL", "All")), {}),
    ("add-not-usable", {**BIND, **USER}, {}),
    ("add-not-usable", {**BIND, **NON_ROOT}, {}),
    ("add-not-usable", BIND, {"securityContext": USER}),
    ("setuid-regains", USER, {}),
    ("setuid-regains", {**BIND, **NON_ROOT, "allowPrivilegeEscalation": True}, {}),
    ("escalation-with-sys-admin", caps(("SYS_ADMIN",), allowPrivilegeEscalation=False), {}),
    ("escalation-with-sys-admin", caps(("All",), (), allowPrivilegeEscalation=False), {}),
    ("escalation-refused", {"privileged": True, "allowPrivilegeEscalation": False}, {}),
    ("escalation-refused", caps(("CAP_SYS_ADMIN",), allowPrivilegeEscalation=False), {}),
    ("root-refused", {"runAsNonRoot": True, "runAsUser": 0}, {}),
    ("root-refused", {"runAsUser": 0}, {"securityContext": NON_ROOT}),
    ("root-refused", {"runAsNonRoot": True}, {"securityContext": {"runAsUser": 0}}),
    ("non-root-assumed", NON_ROOT, {}),
    ("non-root-assumed", NON_ROOT, {"runtime": CONTAINERD_1}),
    ("non-root-assumed", NON_ROOT, {"runtime": CONTAINERD}),
    ("non-root-assumed", caps(), {"runtime": ASSUMED, "securityContext": NON_ROOT}),
    ("void-in-user-namespace", caps(("SYS_TIME",)), {"hostUsers": False}),
    ("void-in-user-namespace", caps(("sys_time", "CHOWN")), {"hostUsers": False}),
    ("low-ports-are-free", BIND, sysctl("0")),
    ("low-ports-are-free", BIND, {**sysctl("1"), "runtime": ASSUMED}),
    ("low-ports-are-free", BIND, {"runtime": OBSERVED}),
    ("low-ports-are-free", BIND, {"runtime": DOCKER}),
    ("file-capabilities-unmet", caps(), {"image": "registry:5000/coredns/coredns:v1@sha256:0"}),
    ("file-capabilities-unmet", caps(), {"image": "registry.k8s.io/ingress-nginx/controller:v1.12.1"}),
    ("file-capabilities-unmet", caps(("CAP_NET_BIND_SERVICE",)), {"image": "caddy"}),
    ("pod-level-settings", {}, {"securityContext": {"capabilities": {"drop": ["ALL"]}}}),
    ("pod-level-settings", {}, {"securityContext": {"allowPrivilegeEscalation": False}}),
]

UNDESERVED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("privileged", {"privileged": False}, {}),
    ("privileged-ignores-capabilities", {"privileged": True}, {}),
    ("privileged-without-root", {"privileged": True}, {}),
    ("privileged-without-root", {"privileged": True, "runAsUser": 0}, {}),
    ("add-all", caps(("CHOWN",)), {}),
    ("default-capabilities", caps(), {}),
    ("default-capabilities", {"privileged": True}, {}),
    ("runtime-dependent-defaults", caps(), {}),
    ("runtime-dependent-defaults", USER, {}),
    ("runtime-dependent-defaults", caps((), ("NET_RAW", "MKNOD", "AUDIT_WRITE", "SYS_CHROOT", "SETFCAP")), {}),
    ("assumed-runtime", caps(("CAP_KILL",)), {"runtime": OBSERVED}),
    ("assumed-runtime", caps(("KILL",)), {"runtime": ASSUMED}),
    ("assumed-runtime", {}, {"runtime": ASSUMED}),
    ("assumed-runtime", {"privileged": True}, {"runtime": ASSUMED}),
    ("assumed-runtime", caps(("ALL",), ()), {"runtime": CRIO}),
    ("assumed-runtime", caps(("KILL",)), {"runtime": CRIO}),
    ("cap-prefix", caps(("CHOWN",)), {}),
    ("cap-prefix", caps((), ("CAP_ALL", "CAP_LOREM")), {}),
    ("unknown-capability", caps(("chown", "CAP_KILL")), {}),
    ("add-and-drop", caps(("CHOWN",)), {}),
    ("drop-all-spelling", caps((), ("all", "ALL")), {}),
    ("add-not-usable", {**BIND, "runAsUser": 0}, {}),
    ("add-not-usable", BIND, {}),
    ("add-not-usable", {**caps(("CAP_KILL",), ("CAP_KILL",)), **USER}, {}),
    ("add-not-usable", {**BIND, **USER}, {"image": "registry.k8s.io/coredns/coredns:v1"}),
    ("setuid-regains", {**USER, "allowPrivilegeEscalation": False}, {}),
    ("setuid-regains", {**caps(), **USER}, {}),
    ("setuid-regains", {}, {}),
    ("escalation-with-sys-admin", caps(("SYS_ADMIN",)), {}),
    ("escalation-with-sys-admin", caps(("CHOWN",), allowPrivilegeEscalation=False), {}),
    ("escalation-with-sys-admin", caps(("ALL",), ("ALL",), allowPrivilegeEscalation=False), {}),
    ("escalation-with-sys-admin", {**caps(("SYS_ADMIN",), allowPrivilegeEscalation=False), **USER}, {}),
    ("escalation-refused", caps(("SYS_ADMIN",), allowPrivilegeEscalation=False), {}),
    ("escalation-refused", caps(("cap_sys_admin",), allowPrivilegeEscalation=False), {}),
    ("escalation-refused", {"privileged": True}, {}),
    ("root-refused", {"runAsUser": 0, "runAsNonRoot": False}, {"securityContext": NON_ROOT}),
    ("root-refused", USER, {"securityContext": {"runAsUser": 0, "runAsNonRoot": True}}),
    ("non-root-assumed", {}, {}),
    ("non-root-assumed", {**NON_ROOT, **USER}, {"runtime": ASSUMED}),
    ("non-root-assumed", NON_ROOT, {"securityContext": USER}),
    ("non-root-assumed", NON_ROOT, {"runtime": runtime_of("containerd://2.3.1")}),
    ("non-root-assumed", NON_ROOT, {"runtime": runtime_of("containerd://2.1.4", "v1.34.0")}),
    ("non-root-assumed", NON_ROOT, {"runtime": CRIO}),
    ("void-in-user-namespace", caps(("SYS_TIME",)), {}),
    ("void-in-user-namespace", caps(("CHOWN",)), {"hostUsers": False}),
    ("low-ports-are-free", BIND, {"runtime": ASSUMED}),
    ("low-ports-are-free", BIND, {"runtime": CONTAINERD_1}),
    ("low-ports-are-free", BIND, {"runtime": CRIO}),
    ("low-ports-are-free", BIND, sysctl("80")),
    ("low-ports-are-free", BIND, {"hostNetwork": True}),
    ("low-ports-are-free", caps(), sysctl("0")),
    ("low-ports-are-free", BIND, {**sysctl("0"), "image": "caddy:2"}),
    ("file-capabilities-unmet", BIND, {"image": "coredns/coredns"}),
    ("file-capabilities-unmet", {}, {"image": "coredns/coredns"}),
    ("file-capabilities-unmet", caps(), {"image": "example.com/not-caddy"}),
    ("file-capabilities-unmet", caps(), {"image": "example.com/coredns/sidecar"}),
    ("pod-level-settings", {}, {"securityContext": USER}),
]


def case(row: tuple[str, dict[str, Any], dict[str, Any]]) -> str:
    """A row's name."""
    return row[0]


@pytest.mark.parametrize("row", DESERVED, ids=case)
def test_a_warning_fires_in_each_case_that_deserves_it(row: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
    name, context, rest = row
    assert name in ids(context, **rest)


@pytest.mark.parametrize("row", UNDESERVED, ids=case)
def test_a_warning_is_silent_in_each_other_case(row: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
    name, context, rest = row
    assert name not in ids(context, **rest)


def test_every_warning_has_a_row_in_both_tables() -> None:
    assert {row[0] for row in DESERVED} == {row[0] for row in UNDESERVED} == set(registry.IDS)
    assert len(registry.IDS) == len(set(registry.IDS))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_bad_example_of_a_manual_is_warned_of_and_the_good_one_is_not(rule: Rule) -> None:
    runtime = ASSUMED if rule.id == "assumed-runtime" else OBSERVED
    deserving, other = (yaml.safe_load(text)["spec"] for text in (rule.bad_example, rule.good_example))
    assert rule.id in [warning.id for warning in found(deserving, runtime)]
    assert rule.id not in [warning.id for warning in found(other, runtime)]


def test_the_page_in_the_docs_is_made_of_the_table() -> None:
    wanted = warnings_markdown(RULES)
    if os.environ.get("UPDATE"):
        DOCS.write_text(wanted)
    assert DOCS.read_text() == wanted


def test_the_kubelets_words_for_a_refused_exec_are_evidence_of_file_capabilities() -> None:
    message = 'exec: "/bin/server": operation not permitted: unknown'
    status = {"containerStatuses": [{"name": "c", "lastState": {"terminated": {"message": message}}}]}
    warned = [warning.id for warning in found({"containers": [{"name": "c"}]}, status=status)]
    assert "file-capabilities-unmet" in warned


COMPLIANT = """
apiVersion: v1
kind: Pod
metadata: {name: compliant}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
  initContainers:
  - name: first
    image: busybox
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
  containers:
  - name: main
    image: registry.example.com/main
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""


@pytest.mark.parametrize("runtime", [ASSUMED, OBSERVED, CRIO, DOCKER], ids=lambda runtime: runtime.name)
@pytest.mark.parametrize("text", [(ROOT / "examples" / "api.yaml").read_text(), COMPLIANT], ids=["api", "pod"])
def test_a_compliant_workload_has_no_warnings(text: str, runtime: Runtime) -> None:
    containers = assessed(yaml.safe_load(text), runtime).containers
    assert containers
    assert [warning for container in containers for warning in container.warnings] == []


def test_a_windows_pod_has_no_warnings() -> None:
    assert ids({}, os={"name": "windows"}) == []


FIELDS = [
    ({"capabilities": {"drop": ["KILL", "cap_bpf"]}}, "cap-prefix", ".capabilities.drop[1]"),
    ({"capabilities": {"add": ["CAP_BPF", "CAP_KILL"]}}, "cap-prefix", ".capabilities.add"),
    ({"runAsUser": 1}, "default-capabilities", ".capabilities.drop"),
    ({"runAsUser": 1}, "setuid-regains", ".allowPrivilegeEscalation"),
]


@pytest.mark.parametrize(("context", "name", "field"), FIELDS)
def test_the_field_is_named_from_the_root_of_the_object(context: dict[str, Any], name: str, field: str) -> None:
    spec = {"containers": [{"name": "a"}, {"name": "c", "securityContext": context}]}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}
    warned = assessed({**deployment, "spec": {"template": {"spec": spec}}}).containers[1].warnings
    assert [field_path(warning.field) for warning in warned if warning.id == name] == [
        f"spec.template.spec.containers[1].securityContext{field}"
    ]


def test_a_setting_of_the_pod_is_told_once() -> None:
    spec = {"securityContext": {"privileged": False}, "containers": [{"name": "a"}, {"name": "b"}]}
    fields = [field_path(warning.field) for warning in found(spec) if warning.id == "pod-level-settings"]
    assert fields == ["spec.securityContext.privileged"]
