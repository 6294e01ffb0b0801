"""The table of kinds: where the pod template is, and what is said of an object that is not as Kubernetes has it."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.container_signs import looks_like_pods
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.kinds import KINDS, Kind, kind_of
from kubectl_caps.core.kubernetes.made_pods import pod_of
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, read_workloads, reference

POD: dict[str, Any] = {"metadata": {"annotations": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def holding(kind: Kind) -> dict[str, Any]:
    """An object of this kind with one pod template at the place that the table says."""
    node: Any = POD
    for step in reversed(kind.template):
        node = [node] if step == "*" else {step: node}
    metadata = {"name": "x", **node.get("metadata", {})}
    return {"apiVersion": kind.api_version, "kind": kind.kind, **node, "metadata": metadata}


WITH_TEMPLATE = [kind for kind in KINDS if kind.convert is None]


@pytest.mark.parametrize("kind", WITH_TEMPLATE, ids=lambda kind: f"{kind.kind}.{kind.group}")
@pytest.mark.parametrize("raw", [False, True], ids=["manifest", "api"])
def test_every_kind_gives_its_pod_template_and_the_path(kind: Kind, raw: bool) -> None:
    obj = holding(kind)
    workloads = list(read_workloads(kind, msgspec.Raw(msgspec.json.encode(obj)) if raw else obj, {}))
    path = tuple(0 if step == "*" else step for step in kind.template)
    assert [(workload.path, workload.template.spec.containers[0].name) for workload in workloads] == [  # type: ignore[index]
        (path, "c")
    ]


@pytest.mark.parametrize(
    ("api_version", "kind", "found"),
    [
        ("v1", "Pod", "Pod"),
        ("apps/v1", "Deployment", "Deployment"),
        ("apps/v1beta2", "Deployment", "Deployment"),
        ("extensions/v1beta1", "DaemonSet", "DaemonSet"),
        ("batch/v1beta1", "CronJob", "CronJob"),
        ("serving.knative.dev/v1", "Service", "Service"),
        ("v1", "Service", None),
        ("example.com/v1", "Deployment", None),
        ("v1", "Deployment", None),
    ],
)
def test_kind_is_found_by_group_and_kind_whatever_the_version(api_version: str, kind: str, found: str | None) -> None:
    row = kind_of(api_version, kind)
    assert (row.kind if row else None) == found


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"hostPID": "yes"}, "spec.template.spec.hostPID: expected bool | null, got str"),
        ({"containers": {"name": "x"}}, "spec.template.spec.containers: expected array | null, got object"),
        (
            {"containers": [{"securityContext": {"capabilities": {"drop": "ALL"}}}]},
            "spec.template.spec.containers[0].securityContext.capabilities.drop: expected array | null, got str",
        ),
        (
            {"containers": [{"securityContext": {"runAsUser": -1}}]},
            "spec.template.spec.containers[0].securityContext.runAsUser: expected int >= 0",
        ),
        (
            {"securityContext": {"runAsUser": 1 << 32}},
            "spec.template.spec.securityContext.runAsUser: expected int <= 2147483647",
        ),
    ],
)
def test_a_field_of_a_wrong_type_is_named(spec: dict[str, Any], message: str) -> None:
    kind = kind_of("apps/v1", "Deployment")
    assert kind
    with pytest.raises(MalformedWorkload) as error:
        list(read_workloads(kind, {"metadata": {"name": "x"}, "spec": {"template": {"spec": spec}}}, {}))
    assert str(error.value) == message


def test_a_missing_template_is_an_error_and_not_an_empty_workload() -> None:
    kind = kind_of("apps/v1", "Deployment")
    assert kind
    with pytest.raises(MalformedWorkload, match=r"spec\.template: Required value"):
        list(read_workloads(kind, {"metadata": {"name": "x"}, "spec": {}}, {}))


def test_members_come_as_init_main_ephemeral_with_role_and_path() -> None:
    kind = kind_of("v1", "Pod")
    assert kind
    spec = {
        "ephemeralContainers": [{"name": "e"}],
        "containers": [{"name": "m"}],
        "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}],
    }
    (pod,) = read_workloads(kind, {"metadata": {"name": "x"}, "spec": spec}, {})
    assert [(item.container.name, item.role, field_path(item.path)) for item in members(pod.template.spec)] == [
        ("i", "init", "spec.initContainers[0]"),
        ("s", "sidecar", "spec.initContainers[1]"),
        ("m", "main", "spec.containers[0]"),
        ("e", "ephemeral", "spec.ephemeralContainers[0]"),
    ]


DEEP: Any = {"containers": [{"image": "x"}]}
for _ in range(500):
    DEEP = {"a": [DEEP]}
SOFT = {"securityContext": {"privileged": True}}
UNKNOWN: list[tuple[str, dict[str, Any], bool]] = [
    ("a pod spec somewhere", {"spec": {"workers": [{"podSpec": {"containers": [{"image": "x"}]}}]}}, True),
    ("only init containers", {"spec": {"podTemplate": {"spec": {"initContainers": [{"name": "x"}]}}}}, True),
    ("no image but a security context", {"spec": {"containers": [{"name": "x", **SOFT}]}}, True),
    ("containers as they are measured", {"containers": [{"name": "x", "usage": {"cpu": "1"}}]}, False),
    ("very deep", {"spec": DEEP}, True),
    ("texts", {"spec": {"containers": ["a"]}}, False),
    ("a text", {"data": {"containers": "text"}}, False),
    ("a pipeline that is no object of Kubernetes", {"steps": [{"image": "x"}]}, False),
]


@pytest.mark.parametrize(("obj", "answer"), [row[1:] for row in UNKNOWN], ids=[row[0] for row in UNKNOWN])
def test_an_unknown_kind_that_holds_containers_is_noticed(obj: dict[str, Any], answer: bool) -> None:
    assert looks_like_pods(obj) is answer


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        (("apps.kruise.io/v1alpha1", "CloneSet"), {"templte": {"spec": {"containers": [SOFT]}}}, "spec.template"),
        (
            ("jobset.x-k8s.io/v1alpha2", "JobSet"),
            {"replicatedJobs": [{"template": {"spec": {"template": POD}}}, {"template": {"spec": {"templte": POD}}}]},
            "spec.replicatedJobs[1].template.spec.template",
        ),
    ],
)
@pytest.mark.parametrize("raw", [False, True], ids=["manifest", "api"])
def test_a_template_that_stands_elsewhere_is_missing(kind: Any, spec: Any, field: str, raw: bool) -> None:
    row = kind_of(*kind)
    assert row
    obj = {"metadata": {"name": "x"}, "spec": spec}
    with pytest.raises(MalformedWorkload, match=f"{re.escape(field)}: Required value"):
        list(read_workloads(row, msgspec.Raw(msgspec.json.encode(obj)) if raw else obj, {}))


def test_the_documentation_lists_every_kind() -> None:
    text = (Path(__file__).parents[3] / "docs" / "files.md").read_text()
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    listed = {
        (group.strip(" `").replace("core", ""), kind)
        for _, group, kinds, _ in rows[2:]
        for kind in kinds.strip().split(", ")
    }
    assert listed == {(kind.group, kind.kind) for kind in KINDS}


def test_a_label_key_is_bracketed_in_a_field_path() -> None:
    assert field_path(("metadata", "labels", "a.b/c")) == "metadata.labels[a.b/c]"


def test_reference_is_printed_as_kubectl_prints_it() -> None:
    assert [reference("apps/v1", "Deployment", "web"), reference("v1", "Pod", "x")] == ["deployment.apps/web", "pod/x"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"template": {"metadata": {"labels": {"a": "b"}}}}, "spec.template.spec: Required value"),
        ({"template": {"spec": None}}, "spec.template.spec: Required value"),
        (
            {"template": POD, "volumeClaimTemplates": [{"spec": {}}]},
            "spec.volumeClaimTemplates[0]: object missing required field `metadata`",
        ),
        (
            {"template": POD, "volumeClaimTemplates": [{"metadata": {}}]},
            "spec.volumeClaimTemplates[0].metadata: object missing required field `name`",
        ),
        (
            {"template": POD, "volumeClaimTemplates": [{"metadata": "x"}]},
            "spec.volumeClaimTemplates[0].metadata: expected object, got str",
        ),
    ],
)
def test_a_template_of_which_no_pod_can_be_made_is_malformed(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedWorkload) as caught:
        pod_of({"spec": spec}, ("spec", "template"), "x", "shop")
    assert str(caught.value) == words.replace("`", "")
