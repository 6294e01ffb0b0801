"""Predicts what the other writers of an object will do to the fields that a patch changes.

A writer that declares a field sets the field again. A writer that does not declare a field leaves the field. Flux is
the exception: Flux takes over the fields of managers whose names begin with `kubectl`, and removes fields that its
source does not have (fluxcd/pkg ssa/patch.go, kustomize-controller pull requests 527 and 562).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.changed_fields import Field, fields
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.managed_fields import Entry, Steps, last_applied, managed, steps
from kubectl_caps.core.kubernetes.patch import ABSENT, Json, Patch, lookup

Effect = Literal["reverts", "conflicts", "removes", "unknown", "leaves"]
"""The writer sets our value back, its own apply is refused, it removes the field, not known, it leaves our value."""

UNDONE: tuple[Effect, ...] = ("reverts", "conflicts", "removes")
"""Effects that undo a change that was made only in the cluster."""


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
    """A tool that writes objects under the names of these field managers.

    A known tool that writes `by_itself` reconciles and overrides conflicts. Any other tool writes when a person or a
    pipeline runs it. `takes_over` is the prefix of the managers whose fields the tool takes over.
    """

    name: str
    managers: tuple[str, ...]
    when: str
    by_itself: bool
    takes_over: str = ""
    is_known: bool = True


_ARGO_CD = ("argocd-controller", "argocd-application-controller")
WRITERS: tuple[Writer, ...] = (
    Writer("Flux", ("kustomize-controller",), "at its next reconciliation", True, takes_over="kubectl"),
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

_DECLARED = "its source declares it"
_KNOWN = {manager for writer in WRITERS for manager in writer.managers}
# Commands that a person ran once, and controllers that write their own fields and no field of a template.
_ONCE = ("kubectl-", "kube-controller-manager", "kube-scheduler", "kubelet", "before-first-apply")


def predict_managers(
    obj: Mapping[str, Any], patch: Patch, manager: str, *, merges_lists: bool = True
) -> tuple[ManagerEffect, ...]:
    """The effects of every other writer of `obj` on the fields of `patch`, sent as field manager `manager`.

    `merges_lists`: see last_applied. Effects that undo the change come first.
    """
    changed = [(field, steps(obj, field.path)) for field in fields(patch, obj)]
    effects: list[ManagerEffect] = []
    for writer, own in _writers([*managed(obj), *last_applied(obj, merges_lists=merges_lists)], manager):
        found: dict[tuple[Effect, str], list[Path]] = {}
        for field, path in changed:
            found.setdefault(_effect(writer, own, field, path, manager), []).append(field.path)
        effects += [
            ManagerEffect(writer.name, effect, writer.when, tuple(paths), why, writer.by_itself)
            for (effect, why), paths in found.items()
            if why
        ]
    return tuple(sorted(effects, key=lambda one: one.effect == "leaves"))


def undone(effects: Sequence[ManagerEffect]) -> tuple[ManagerEffect, ...]:
    """The effects that undo the change."""
    return tuple(one for one in effects if one.effect in UNDONE)


def reconciling(effects: Sequence[ManagerEffect]) -> tuple[ManagerEffect, ...]:
    """The effects of writers that reconcile by themselves and undo the change."""
    return tuple(one for one in undone(effects) if one.by_itself)


def reverted(obj: Mapping[str, Any], patch: Patch) -> tuple[tuple[Path, str], ...]:
    """The fields that no longer have the value that `patch` gave them, each with the manager that owns it now."""
    changed = (field for field in fields(patch, obj) if lookup(obj, field.path) != field.after)
    return tuple((field.path, owner_of(obj, field.path)) for field in changed)


def owner_of(obj: Mapping[str, Any], path: Path) -> str:
    """The field manager that owns a field of an object; empty if managedFields names none."""
    return next((entry.manager for entry in managed(obj) if entry.owns(steps(obj, path))), "")


def for_source(obj: Mapping[str, Any], patch: Patch) -> dict[str, Json]:
    """The change as a fragment of a manifest, containers by their names; null for a field to remove.

    The fragment is a strategic merge patch for kustomize, and can be copied into a chart or a manifest.
    """
    fragment: dict[str, Json] = {}
    for field in fields(patch, obj):
        _put(fragment, steps(obj, field.path), None if field.after is ABSENT else field.after)
    return fragment


def _writers(entries: Sequence[Entry], manager: str) -> Iterator[tuple[Writer, list[Entry]]]:
    """The other writers of an object, each with its entries."""
    for writer in WRITERS:
        if own := [entry for entry in entries if entry.manager in writer.managers]:
            yield writer, own
    for entry in entries:
        if entry.manager not in (manager, *_KNOWN) and not entry.manager.startswith(_ONCE):
            when = "with its next apply" if entry.operation == "Apply" else "whenever it writes"
            yield Writer(entry.manager, (), when, by_itself=True, is_known=False), [entry]


def _effect(writer: Writer, own: Sequence[Entry], field: Field, path: Steps, manager: str) -> tuple[Effect, str]:
    """The effect of a writer on a field, and the reason. The reason is empty if an unknown writer leaves the field."""
    if any(entry.owns(path) for entry in own):
        if any(entry.operation == "Apply" for entry in own) and not (writer.is_known and writer.by_itself):
            return "conflicts", f"{_DECLARED}: its apply is refused unless forced; a forced apply sets it back"
        return ("reverts", _DECLARED) if writer.is_known else ("unknown", "it has written the field before")
    if writer.takes_over and manager.startswith(writer.takes_over) and field.after is not ABSENT:
        return "removes", f"it takes over the fields of managers whose names begin with {writer.takes_over}"
    return "leaves", "its source does not declare it" if writer.is_known else ""


def _put(target: Json, path: Steps, value: Json) -> None:
    step, rest = path[0], path[1:]
    if step.startswith("k:"):
        name = json.loads(step[2:])
        item = next((item for item in target if item["name"] == name["name"]), None)
        if item is None:
            target.append(item := name)
        _put(item, rest, value)
    elif not rest:
        target[step[2:]] = value
    else:
        _put(target.setdefault(step[2:], [] if rest[0].startswith("k:") else {}), rest, value)
