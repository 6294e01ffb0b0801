"""Predicts what the other writers of an object will do to the fields that a patch changes.

A writer that declares a field sets the field again. A writer that does not declare a field leaves the field. Flux is
the exception: Flux takes over the fields of managers whose names begin with `kubectl`, and removes fields that its
source does not have (fluxcd/pkg ssa/patch.go, kustomize-controller pull requests 527 and 562).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.changed_fields import Field, fields
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.managed_fields import Entry, Steps, last_applied, managed, steps
from kubectl_caps.core.kubernetes.patch import ABSENT, Patch

Effect = Literal["reverts", "conflicts", "removes", "unknown", "leaves"]
_WHY: Mapping[Effect, str] = {
    "reverts": "its source declares it",
    "conflicts": "its source declares it: its apply is refused unless forced; a forced apply sets it back",
    "removes": "it takes over the fields of managers whose names begin with kubectl",
    "unknown": "it has written the field before",
    "leaves": "its source does not declare it",
}
"""The evidence for each effect. The first three undo a change that was made only in the cluster."""


class ManagerEffect(Struct, frozen=True):
    """The effect of one writer on some of the changed fields, the time, and the evidence.

    `by_itself` says that the writer reconciles on its own. Any other writer writes when a person runs it.
    """

    writer: str
    effect: Effect
    when: str
    paths: tuple[Path, ...]
    why: str
    by_itself: bool = True


class Writer(Struct, frozen=True):
    """A tool that writes objects under the names of these field managers; without names, an operator nobody knows.

    A known tool that writes `by_itself` reconciles and overrides conflicts. Any other tool writes when a person or a
    pipeline runs it.
    """

    name: str
    managers: tuple[str, ...]
    when: str
    by_itself: bool


_ARGO_CD = ("argocd-controller", "argocd-application-controller")
_FLUX = Writer("Flux", ("kustomize-controller",), "at its next reconciliation", True)
WRITERS: tuple[Writer, ...] = (
    _FLUX,
    Writer("Flux (Helm)", ("helm-controller",), "with its next upgrade, or at once where it detects drift", True),
    Writer("Argo CD", _ARGO_CD, "at its next sync, or at once where selfHeal is on", True),
    Writer("Rancher Fleet", ("fleetagent", "fleet-agent"), "at its next deployment of the bundle", True),
    Writer("Config Sync", ("configsync", "configsync.gke.io"), "at once", True),
    Writer("Helm", ("helm", "Helm"), "with the next `helm upgrade`", False),
    Writer("Pulumi", ("pulumi-kubernetes",), "with the next `pulumi up`", False),
    Writer("Terraform", ("Terraform", "HashiCorp"), "with the next `terraform apply`", False),
    Writer("kubectl apply --server-side", ("kubectl",), "with the next `kubectl apply --server-side`", False),
    Writer("kubectl apply", ("kubectl-client-side-apply",), "with the next `kubectl apply`", False),
)
"""The known writers. Any other manager that has written a changed field counts as an operator."""

_KNOWN = {manager for writer in WRITERS for manager in writer.managers}
# Commands that a person ran once, and controllers that write their own fields and no field of a template.
_ONCE = ("kubectl-", "kube-controller-manager", "kube-scheduler", "kubelet", "before-first-apply")


def predict_managers(obj: Mapping[str, Any], patch: Patch, manager: str) -> tuple[ManagerEffect, ...]:
    """The effects of every other writer of `obj` on the fields of `patch`, sent as field manager `manager`.

    Effects that undo the change come first. An operator nobody knows has no effect on fields that it has not written.
    """
    kind = kind_of(str(obj.get("apiVersion")), str(obj.get("kind")))
    changed = [(field, steps(obj, field.path)) for field in fields(patch, obj)]
    entries = [*managed(obj), *last_applied(obj, merges_lists=kind is not None and kind.builtin)]
    effects: list[ManagerEffect] = []
    for writer, own in _writers(entries, manager):
        found: dict[Effect, list[Path]] = {}
        for field, path in changed:
            found.setdefault(_effect(writer, own, field, path, manager), []).append(field.path)
        effects += [
            ManagerEffect(writer.name, effect, writer.when, tuple(paths), _WHY[effect], writer.by_itself)
            for effect, paths in found.items()
            if writer.managers or effect != "leaves"
        ]
    return tuple(sorted(effects, key=lambda one: one.effect == "leaves"))


def undone(effects: Sequence[ManagerEffect]) -> tuple[ManagerEffect, ...]:
    """The effects that undo the change."""
    return tuple(one for one in effects if one.effect in ("reverts", "conflicts", "removes"))


def reconciling(effects: Sequence[ManagerEffect]) -> tuple[ManagerEffect, ...]:
    """The effects of writers that reconcile by themselves and undo the change."""
    return tuple(one for one in undone(effects) if one.by_itself)


def _writers(entries: Sequence[Entry], manager: str) -> Iterator[tuple[Writer, list[Entry]]]:
    """The other writers of an object, each with its entries."""
    for writer in WRITERS:
        if own := [entry for entry in entries if entry.manager in writer.managers]:
            yield writer, own
    for entry in entries:
        if entry.manager not in (manager, *_KNOWN) and not entry.manager.startswith(_ONCE):
            when = "with its next apply" if entry.operation == "Apply" else "whenever it writes"
            yield Writer(entry.manager, (), when, by_itself=True), [entry]


def _effect(writer: Writer, own: Sequence[Entry], field: Field, path: Steps, manager: str) -> Effect:
    if any(entry.owns(path) for entry in own):
        if any(entry.operation == "Apply" for entry in own) and not (writer.managers and writer.by_itself):
            return "conflicts"
        return "reverts" if writer.managers else "unknown"
    takes_over = writer is _FLUX and manager.startswith("kubectl") and field.after is not ABSENT
    return "removes" if takes_over else "leaves"
