"""Which tools are found on an object, what they are let off, and the change as a fragment for the source."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.kubernetes.changed_fields import for_source
from kubectl_caps.core.kubernetes.field_managers import predict_managers, reconciling, undone
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.managed_fields import LAST_APPLIED
from kubectl_caps.core.kubernetes.patch import Patch
from kubectl_caps.core.kubernetes.workloads import read_workloads

CONTAINER = {"name": "web", "image": "web:1", "securityContext": {"capabilities": {"add": ["KILL"]}}}


def deployment(
    labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None, managed: tuple[Any, ...] = ()
) -> dict[str, Any]:
    metadata = {"name": "web", "labels": labels or {}, "annotations": annotations or {}, "managedFields": list(managed)}
    template = {"spec": {"containers": [{"name": "proxy", "image": "proxy:1"}, CONTAINER]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


def change(obj: Mapping[str, Any], *, remove_adds: bool = True) -> Patch:
    kind = kind_of("apps/v1", "Deployment")
    assert kind
    options = HardenOptions(containers=("web",), remove_adds=remove_adds)
    return harden(obj, tuple(read_workloads(kind, obj, {})), options).patch


def owner(manager: str, operation: str = "Update", *, of: str = "add") -> dict[str, Any]:
    """An entry that owns the capabilities that the container adds, or another field of them."""
    owned: dict[str, Any] = {"f:securityContext": {"f:capabilities": {f"f:{of}": {}}}}
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': owned}}}}}
    return {"manager": manager, "operation": operation, "fieldsV1": fields}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (deployment(), []),
        (deployment(managed=(owner("kubectl-edit"), owner("kube-controller-manager"))), []),
        (deployment(managed=(owner("helm"),)), [("Helm", "reverts"), ("Helm", "leaves")]),
        (deployment(managed=(owner("helm", of="other"),)), [("Helm", "leaves")]),
        (deployment(managed=(owner("helm", "Apply"),)), [("Helm", "conflicts"), ("Helm", "leaves")]),
        (deployment({"app.kubernetes.io/managed-by": "Helm"}), []),
        (deployment(managed=(owner("argocd-controller", "Apply"),)), [("Argo CD", "reverts"), ("Argo CD", "leaves")]),
        (
            deployment(managed=(owner("kustomize-controller", "Apply", of="other"),)),
            [("Flux", "removes"), ("Flux", "leaves")],
        ),
        (deployment(managed=(owner("operator"),)), [("operator", "unknown")]),
        (deployment(managed=(owner("operator", "Apply"),)), [("operator", "conflicts")]),
        (deployment(annotations={LAST_APPLIED: "not JSON"}), []),
        (
            deployment(annotations={LAST_APPLIED: '{"spec":{"template":{"spec":null}}}'}),
            [("kubectl apply", "reverts")],
        ),
        (
            deployment(annotations={LAST_APPLIED: '{"spec":{"template":{"spec":{"containers":[{"name":"web"}]}}}}'}),
            [("kubectl apply", "leaves")],
        ),
        (
            deployment(annotations={LAST_APPLIED: "{}"}, managed=(owner("argocd-controller", of="other"),)),
            [("Argo CD", "leaves")],
        ),
        (deployment(managed=(owner("operator", of="other"), owner("other", "Apply", of="other"))), []),
    ],
    ids=str,
)
def test_each_writer_is_found_with_its_effect(obj: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert [(one.writer, one.effect) for one in predict_managers(obj, change(obj), "kubectl-caps")] == expected


@pytest.mark.parametrize(
    ("manager", "operation", "by_itself"),
    [
        ("kubectl-client-side-apply", "Update", False),
        ("kubectl", "Apply", False),
        ("helm", "Update", False),
        ("Terraform", "Apply", False),
        ("pulumi-kubernetes", "Apply", False),
        ("argocd-controller", "Update", True),
        ("kustomize-controller", "Apply", True),
        ("helm-controller", "Update", True),
        ("fleetagent", "Update", True),
        ("configsync", "Apply", True),
        ("operator", "Apply", True),
    ],
)
def test_reconciling_writers_are_distinguished_from_commands_of_a_person(
    manager: str, operation: str, by_itself: bool
) -> None:
    """The first is a refusal, the second a warning."""
    obj = deployment(managed=(owner(manager, operation),))
    effects = predict_managers(obj, change(obj), "caps")
    assert len(undone(effects)) == 1
    assert bool(reconciling(effects)) is by_itself


def test_a_second_run_reads_the_declared_fields_from_the_annotation() -> None:
    """The first took the field over in managedFields."""
    declared = {"name": "web", "securityContext": {"capabilities": {"add": ["CHOWN"]}}}
    manifest = {"spec": {"template": {"spec": {"containers": [declared]}}}}
    obj = deployment(annotations={LAST_APPLIED: json.dumps(manifest)}, managed=(owner("kubectl-caps"),))
    effects = predict_managers(obj, change(obj), "kubectl-caps")
    assert [(one.writer, one.effect) for one in effects] == [("kubectl apply", "reverts"), ("kubectl apply", "leaves")]


def test_effects_that_undo_the_change_come_first() -> None:
    obj = deployment(managed=(owner("helm"), owner("operator")))
    effects = predict_managers(obj, change(obj), "kubectl-caps")
    assert [one.effect for one in effects] == ["reverts", "unknown", "leaves"]
    assert [one.effect for one in undone(effects)] == ["reverts"]


def test_the_fragment_for_the_source_names_containers_and_nulls_removed_fields() -> None:
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": None}}
    container = {"name": "web", "securityContext": context}
    obj = deployment()
    assert for_source(obj, change(obj)) == {"spec": {"template": {"spec": {"containers": [container]}}}}
    assert json.loads(json.dumps(for_source(obj, change(obj))))
