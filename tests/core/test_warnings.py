"""Each warning fires on a container that deserves it, stays silent on one that does not, and is documented."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubectl_caps.core import warnings
from kubectl_caps.core.linux.prediction import predict
from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.core.pod import members
from kubectl_caps.core.workloads import kind_of, read

DOCS = Path(__file__).parents[2] / "docs" / "warnings.md"


def ids(context: dict[str, Any], uid: int | None = None, **spec: Any) -> set[str]:
    """The ids of the warnings for a container with this security context."""
    kind = kind_of("v1", "Pod")
    assert kind
    obj = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "securityContext": context}], **spec}}
    (pod,) = read(kind, obj, {})
    (member,) = members(pod.template.spec)
    outcome = predict(
        by_name("containerd"),
        capabilities=member.container.capabilities,
        privileged=bool(member.container.security.privileged),
        allow_privilege_escalation=member.container.security.allow_privilege_escalation,
        uid=uid,
    )
    return {warning.id for warning in warnings.of(member, pod, [outcome], uid)}


def caps(add: tuple[str, ...] = (), drop: tuple[str, ...] = ("ALL",), **context: Any) -> dict[str, Any]:
    """A security context with these capabilities."""
    return {"capabilities": {"add": list(add), "drop": list(drop)}, **context}


FREE_PORTS = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}

DESERVED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("privileged", {"privileged": True}, {}),
    ("privileged-ignores-capabilities", caps(privileged=True), {}),
    ("default-capabilities", {}, {}),
    ("default-capabilities", caps(drop=("NET_RAW",)), {}),
    ("add-all", caps(("all",), ()), {}),
    ("cap-prefix", caps(("CAP_CHOWN",)), {}),
    ("cap-prefix", caps((), ("cap_net_raw",)), {}),
    ("unknown-capability", caps(("LOREM",)), {}),
    ("unknown-capability", caps((), (" NET_RAW",)), {}),
    ("add-and-drop", caps(("CHOWN",), ("chown", "ALL")), {}),
    ("drop-all-spelling", caps((), ("all",)), {}),
    ("add-not-usable", caps(("NET_BIND_SERVICE",)), {"uid": 1000}),
    ("escalation-with-sys-admin", caps(("SYS_ADMIN",), allowPrivilegeEscalation=False), {}),
    ("void-in-user-namespace", caps(("SYS_TIME",)), {"hostUsers": False}),
    ("low-ports-are-free", caps(("NET_BIND_SERVICE",)), {"securityContext": FREE_PORTS}),
]

UNDESERVED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("privileged", {"privileged": False}, {}),
    ("privileged-ignores-capabilities", {"privileged": True}, {}),
    ("default-capabilities", caps(), {}),
    ("default-capabilities", {"privileged": True}, {}),
    ("add-all", caps(("CHOWN",)), {}),
    ("cap-prefix", caps(("CHOWN",)), {}),
    ("unknown-capability", caps(("chown", "CAP_KILL")), {}),
    ("add-and-drop", caps(("CHOWN",)), {}),
    ("drop-all-spelling", caps((), ("all", "ALL")), {}),
    ("add-not-usable", caps(("NET_BIND_SERVICE",)), {"uid": 0}),
    ("add-not-usable", caps(("NET_BIND_SERVICE",)), {"uid": None}),
    ("escalation-with-sys-admin", caps(("SYS_ADMIN",)), {}),
    ("escalation-with-sys-admin", caps(("CHOWN",), allowPrivilegeEscalation=False), {}),
    ("void-in-user-namespace", caps(("SYS_TIME",)), {}),
    ("void-in-user-namespace", caps(("CHOWN",)), {"hostUsers": False}),
    ("low-ports-are-free", caps(("NET_BIND_SERVICE",)), {}),
]


@pytest.mark.parametrize(("name", "context", "rest"), DESERVED)
def test_a_warning_fires_where_it_is_deserved(name: str, context: dict[str, Any], rest: dict[str, Any]) -> None:
    assert name in ids(context, **rest)


@pytest.mark.parametrize(("name", "context", "rest"), UNDESERVED)
def test_a_warning_is_silent_where_it_is_not(name: str, context: dict[str, Any], rest: dict[str, Any]) -> None:
    assert name not in ids(context, **rest)


def test_every_warning_has_a_row_in_both_tables() -> None:
    assert {row[0] for row in DESERVED} == {row[0] for row in UNDESERVED} == set(warnings.IDS)


def test_every_warning_has_a_section_in_the_docs_and_none_is_left_over() -> None:
    assert tuple(re.findall(r"^## (.+)$", DOCS.read_text(), re.MULTILINE)) == warnings.IDS


def test_a_windows_pod_is_warned_of_nothing() -> None:
    assert ids({}, os={"name": "windows"}) == set()


def test_the_field_is_named_from_the_root_of_the_object() -> None:
    kind = kind_of("apps/v1", "Deployment")
    assert kind
    raw = msgspec.Raw(b'{"metadata":{"name":"x"},"spec":{"template":{"spec":{"containers":[{"name":"c"}]}}}}')
    (web,) = read(kind, raw, {})
    (member,) = members(web.template.spec)
    (warning,) = warnings.of(member, web, [], None)
    path = ("spec", "template", "spec", "containers", 0, "securityContext", "capabilities", "drop")
    assert warning.field == path
