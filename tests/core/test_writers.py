"""Which tools are found on an object, what they are let off, and the change as a fragment for the source."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from kubectl_caps.core.hardening import Wishes, harden
from kubectl_caps.core.managed_fields import LAST_APPLIED
from kubectl_caps.core.patch import Patch
from kubectl_caps.core.workloads import kind_of
from kubectl_caps.core.workloads import read as read_workloads
from kubectl_caps.core.writers import for_source, foresee, undone

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
    wishes = Wishes(containers=("web",), remove_adds=remove_adds)
    return harden(obj, tuple(read_workloads(kind, obj, {})), wishes).patch


def owner(manager: str, operation: str = "Update") -> dict[str, Any]:
    """An entry that owns the capabilities that the container adds."""
    owned: dict[str, Any] = {"f:securityContext": {"f:capabilities": {"f:add": {}}}}
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': owned}}}}}
    return {"manager": manager, "operation": operation, "fieldsV1": fields}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (deployment(), []),
        (deployment(managed=(owner("kubectl-edit"), owner("kube-controller-manager"))), []),
        (deployment(managed=(owner("helm"),)), [("Helm", "reverts"), ("Helm", "leaves")]),
        (deployment(annotations={"meta.helm.sh/release-name": "web"}), [("Helm", "leaves")]),
        (deployment({"app.kubernetes.io/managed-by": "Helm"}), [("Helm", "leaves")]),
        (deployment({"app.kubernetes.io/managed-by": "Somebody"}), []),
        (deployment(managed=(owner("argocd-controller", "Apply"),)), [("Argo CD", "reverts"), ("Argo CD", "leaves")]),
        (deployment({"kustomize.toolkit.fluxcd.io/name": "apps"}), [("Flux", "removes"), ("Flux", "leaves")]),
        (
            deployment({"kustomize.toolkit.fluxcd.io/name": "apps"}, {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}),
            [],
        ),
        (deployment(managed=(owner("operator"),)), [("operator", "unknown")]),
        (deployment(managed=(owner("operator", "Apply"),)), [("operator", "conflicts")]),
        (deployment(annotations={LAST_APPLIED: "not JSON"}), []),
        (
            deployment(annotations={LAST_APPLIED: '{"spec":{"template":{"spec":null}}}'}),
            [("kubectl apply", "reverts")],
        ),
        (
            deployment(annotations={LAST_APPLIED: "{}", "argocd.argoproj.io/tracking-id": "x"}),
            [("Argo CD", "leaves")],
        ),
    ],
    ids=str,
)
def test_each_writer_is_found_with_what_it_does(obj: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert [(forecast.writer, forecast.effect) for forecast in foresee(obj, change(obj), "kubectl-caps")] == expected


def test_what_is_undone_comes_first_and_what_is_left_alone_is_not_among_it() -> None:
    obj = deployment(managed=(owner("helm"), owner("operator")))
    forecasts = foresee(obj, change(obj), "kubectl-caps")
    assert [forecast.effect for forecast in forecasts] == ["reverts", "unknown", "leaves"]
    assert [forecast.effect for forecast in undone(forecasts)] == ["reverts"]


def test_the_fragment_for_the_source_names_containers_and_nulls_what_has_to_go() -> None:
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": None}}
    container = {"name": "web", "securityContext": context}
    obj = deployment()
    assert for_source(obj, change(obj)) == {"spec": {"template": {"spec": {"containers": [container]}}}}
    assert json.loads(json.dumps(for_source(obj, change(obj))))
