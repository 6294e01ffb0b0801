"""Objects of unknown kinds: which of their fields say that they make pods, and which kinds only hold such fields."""

from typing import Any

import pytest

from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.unknown_kinds import POD_FIELDS, WITHOUT_PODS, makes_no_pods, not_judged, pod_field

VALUES: dict[str, list[Any]] = {
    **{name: [True, False] for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace")},
    **{name: [True, False] for name in ("privileged", "allowPrivilegeEscalation", "runAsNonRoot")},
    **{name: [0, 1000] for name in ("runAsUser", "runAsGroup", "fsGroup", "hostPort")},
    **{name: [{}, {"a": 1}] for name in ("securityContext", "podSecurityContext", "containerSecurityContext")},
    **{name: [{"type": "Unconfined"}] for name in ("seccompProfile", "appArmorProfile")},
    **{name: [{"a": "b"}] for name in ("seLinuxOptions", "windowsOptions")},
    "capabilities": [{"add": ["SYS_ADMIN"]}, {"drop": []}],
    "hostPath": [{"path": "/"}],
}
PLACES = [("spec",), ("spec", "template"), ("spec", "workers", 0, "pod"), ("values",), ()]
OTHER: list[Any] = ["text", None, [], ["text"], 1.5, {"rule": "MustRunAs"}, {"type": "boolean"}]


def at(place: tuple[str | int, ...], value: Any) -> Any:
    for step in reversed(place):
        value = [value] if isinstance(step, int) else {step: value}
    return value


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("field", POD_FIELDS)
def test_a_field_of_a_pod_is_named_wherever_it_stands(field: str, place: tuple[str | int, ...]) -> None:
    for value in VALUES[field]:
        obj = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}, **at((*place, field), value)}
        assert pod_field(obj) == (*place, field)


@pytest.mark.parametrize("field", ["privileged", "runAsUser", "capabilities", "hostPath", "hostNetwork", "hostPort"])
def test_a_field_of_the_same_name_and_another_type_belongs_to_no_pod(field: str) -> None:
    for value in OTHER:
        assert pod_field({"apiVersion": "example.com/v1", "kind": "Thing", "spec": {field: value}}) is None, value


@pytest.mark.parametrize("top", ["metadata", "status"])
def test_metadata_and_status_make_no_pods(top: str) -> None:
    assert pod_field({"apiVersion": "example.com/v1", "kind": "Thing", top: {"hostNetwork": True}}) is None


CONTAINERS: list[tuple[str, dict[str, Any], str | None]] = [
    ("containers", {"spec": {"a": [{"containers": [{"image": "x"}]}]}}, "spec.a[0].containers"),
    (
        "init containers in a template",
        {"podTemplate": {"initContainers": [{"name": "x"}]}},
        "podTemplate.initContainers",
    ),
    ("containers as they are measured", {"containers": [{"name": "x", "usage": {"cpu": "1"}}]}, None),
    ("an Argo Workflow", {"spec": {"templates": [{"container": {"image": "x"}}]}}, "spec.templates[0].container"),
    ("an Argo script", {"spec": {"templates": [{"script": {"image": "x"}}]}}, "spec.templates[0].script"),
    ("a Tekton ClusterTask", {"spec": {"steps": [{"image": "x"}]}}, "spec.steps"),
    ("steps without containers", {"spec": {"canary": {"steps": [{"setWeight": 20}]}}}, None),
]


@pytest.mark.parametrize(("body", "field"), [row[1:] for row in CONTAINERS], ids=[row[0] for row in CONTAINERS])
def test_the_field_that_holds_containers_is_named(body: dict[str, Any], field: str | None) -> None:
    found = pod_field({"apiVersion": "example.com/v1", "kind": "Thing", **body})
    assert (None if found is None else field_path(found)) == field


@pytest.mark.parametrize("row", WITHOUT_PODS, ids=lambda row: f"{row.kind}.{row.group}")
def test_a_kind_that_only_holds_the_fields_makes_no_pods(row: Any) -> None:
    kind = "Any" if row.kind == "*" else row.kind
    group = f"{row.group}/v1" if row.group else "v1"
    body = {"spec": {"hostNetwork": True, "containers": [{"image": "x"}]}}
    assert makes_no_pods(group, kind) == row
    assert row.why
    assert pod_field({"apiVersion": group, "kind": kind, **body}) is None


def test_an_object_that_a_kyverno_policy_generates_may_make_pods() -> None:
    rules = [{"mutate": {"hostNetwork": True}}, {"generate": {"data": {"spec": {"hostNetwork": True}}}}]
    policy = {"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "spec": {"rules": rules}}
    assert pod_field(policy) == ("spec", "rules", 1, "generate", "data", "spec", "hostNetwork")


def test_the_error_of_such_an_object_names_the_field() -> None:
    assert not_judged(("spec", "hostPID")) == "seems to make pods (spec.hostPID), but the kind is unknown"


def test_another_kind_of_a_group_is_looked_into() -> None:
    server = {"apiVersion": "policies.kubewarden.io/v1", "kind": "PolicyServer", "spec": {"securityContext": {}}}
    assert pod_field(server) == ("spec", "securityContext")
