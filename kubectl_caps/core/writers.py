"""Who else writes a workload, and what that writer will do to the fields that a patch changes.

Predicted per field, never by name alone. What a writer's source declares is read from `metadata.managedFields`
(fieldsV1: kubernetes.io/docs, "Server-Side Apply") and, for client-side apply, from the annotation that kubectl keeps
(k8s.io/kubectl pkg/util/apply.go). A writer that declares a field sets it again; one that does not leaves it, with one
exception: Flux takes over the fields of managers whose names begin with `kubectl` and so removes what its source does
not have (fluxcd/pkg ssa/patch.go, kustomize-controller pull requests 527 and 562).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.hardening import Field, fields
from kubectl_caps.core.managed_fields import Entry, Named, Record, Steps, steps
from kubectl_caps.core.managed_fields import record as record_of
from kubectl_caps.core.patch import ABSENT, Json, Patch, lookup
from kubectl_caps.core.pod import Path

Effect = Literal["reverts", "conflicts", "removes", "unknown", "leaves"]
"""What becomes of our value: set back, the writer's own apply refused, removed, not known, kept."""

UNDONE: tuple[Effect, ...] = ("reverts", "conflicts", "removes")
"""Effects that make a change in the cluster alone a change that does not last."""


class Forecast(Struct, frozen=True):
    """What one writer will do to some of the changed fields, when, and how that is known."""

    writer: str
    effect: Effect
    when: str
    paths: tuple[Path, ...]
    why: str


class Tool(Struct, frozen=True, kw_only=True):
    """A writer that is known: by its field managers, or by a label or annotation that it puts on its objects.

    A mark is a key, or `key=value`. `operation` is the one that its entries have, empty for any. `annotates` says that
    it goes by kubectl's annotation; `forced` that its server-side apply overrides conflicts; `takes_over` is the prefix
    of the managers whose fields it makes its own; `released_by` are marks with which it lets an object be.
    """

    name: str
    managers: tuple[str, ...] = ()
    operation: str = ""
    marks: tuple[str, ...] = ()
    when: str
    annotates: bool = False
    forced: bool = False
    takes_over: str | None = None
    released_by: tuple[str, ...] = ()


_KUBECTL = Tool(
    name="kubectl apply",
    managers=("kubectl-client-side-apply",),
    when="with the next `kubectl apply`",
    annotates=True,
)

TOOLS: tuple[Tool, ...] = (
    Tool(
        name="Flux",
        managers=("kustomize-controller",),
        marks=("kustomize.toolkit.fluxcd.io/name",),
        when="at its next reconciliation",
        forced=True,
        takes_over="kubectl",
        released_by=(
            "kustomize.toolkit.fluxcd.io/reconcile=disabled",
            "kustomize.toolkit.fluxcd.io/ssa=Ignore",
            "kustomize.toolkit.fluxcd.io/ssa=IfNotPresent",
        ),
    ),
    Tool(
        name="Flux (Helm)",
        managers=("helm-controller",),
        marks=("helm.toolkit.fluxcd.io/name",),
        when="with the next upgrade of its release, or at once where drift detection is on",
        forced=True,
    ),
    Tool(
        name="Argo CD",
        managers=("argocd-controller", "argocd-application-controller"),
        marks=("argocd.argoproj.io/tracking-id",),
        when="at its next sync, or at once where selfHeal is on",
        annotates=True,
        forced=True,
    ),
    Tool(
        name="Helm",
        managers=("helm", "Helm"),
        marks=("meta.helm.sh/release-name", "app.kubernetes.io/managed-by=Helm"),
        when="with the next `helm upgrade`",
    ),
    Tool(
        name="Rancher Fleet",
        managers=("fleetagent", "fleet-agent"),
        marks=("objectset.rio.cattle.io/hash",),
        when="at its next deployment of the bundle",
    ),
    Tool(
        name="Config Sync",
        managers=("configsync", "configsync.gke.io"),
        marks=("configmanagement.gke.io/managed=enabled",),
        when="at once",
        forced=True,
    ),
    Tool(name="Pulumi", managers=("pulumi-kubernetes",), when="with the next `pulumi up`"),
    Tool(name="Terraform", managers=("Terraform", "HashiCorp"), when="with the next `terraform apply`"),
    Tool(
        name="Addon manager",
        marks=("addonmanager.kubernetes.io/mode=Reconcile",),
        when="within a minute",
        annotates=True,
    ),
    Tool(name="Operator Lifecycle Manager", marks=("olm.owner",), when="when it next looks"),
    Tool(
        name="kubectl apply --server-side",
        managers=("kubectl",),
        operation="Apply",
        when="with the next `kubectl apply --server-side`",
    ),
    _KUBECTL,
)
"""The writers that are known. A new one is a new row."""

_CONFLICT = "its source declares it: its apply is refused unless it is forced, and then sets it back"

# Commands that a person ran once, and controllers that write what they own and nothing of a template.
_ONCE = ("kubectl-", "kube-controller-manager", "kube-scheduler", "kubelet", "before-first-apply")


def foresee(obj: Mapping[str, Any], patch: Patch, manager: str, *, merges_lists: bool = True) -> tuple[Forecast, ...]:
    """What every other writer of `obj` will do to the fields that `patch` changes, sent as field manager `manager`.

    `merges_lists` says that client-side apply merges containers by name, as it does for built-in kinds; for custom
    resources it replaces the list. Forecasts of what will be undone come first.
    """
    changed = tuple(fields(patch, obj))
    record = record_of(obj, merges_lists=merges_lists)
    forecasts = [*_of_tools(record, changed, manager), *_of_strangers(record, changed, manager)]
    return tuple(sorted(forecasts, key=lambda forecast: forecast.effect == "leaves"))


def undone(forecasts: Sequence[Forecast]) -> tuple[Forecast, ...]:
    """Those that say that the change will not last."""
    return tuple(forecast for forecast in forecasts if forecast.effect in UNDONE)


def taken_back(obj: Mapping[str, Any], patch: Patch) -> tuple[tuple[Path, str], ...]:
    """The fields that no longer have the value that `patch` gave them, each with the manager that owns it now."""
    record = record_of(obj, merges_lists=True)
    return tuple(
        (field.path, next((entry.manager for entry in record.entries if record.owns(entry, field.path)), ""))
        for field in fields(patch, obj)
        if lookup(obj, field.path) != field.after
    )


def for_source(obj: Mapping[str, Any], patch: Patch) -> dict[str, Json]:
    """The change as a fragment of a manifest, containers by their names; null where a field has to go.

    A strategic merge patch for kustomize, and what to write into a chart or a manifest by hand.
    """
    fragment: dict[str, Json] = {}
    for field in fields(patch, obj):
        _put(fragment, steps(obj, field.path), None if field.after is ABSENT else field.after)
    return fragment


def _of_tools(record: Record, changed: Sequence[Field], manager: str) -> Iterator[Forecast]:
    for tool in _present(record):
        found: dict[tuple[Effect, str], list[Path]] = {}
        for field in changed:
            found.setdefault(_effect(tool, record, field, manager), []).append(field.path)
        for (effect, why), some in found.items():
            yield Forecast(tool.name, effect, tool.when, tuple(some), why)


def _present(record: Record) -> list[Tool]:
    """The known writers of an object, less those that are told to let it be."""
    found = [tool for tool in TOOLS if _of(record, tool) or any(_is_marked(record.marks, mark) for mark in tool.marks)]
    if record.applied is not None and not any(tool.annotates for tool in found):
        found.append(_KUBECTL)
    return [tool for tool in found if not any(_is_marked(record.marks, mark) for mark in tool.released_by)]


def _effect(tool: Tool, record: Record, field: Field, manager: str) -> tuple[Effect, str]:
    if _declares(record, tool, field.path):
        if _applies(_of(record, tool)) and not tool.forced:
            return "conflicts", _CONFLICT
        return "reverts", "its source declares it"
    if tool.takes_over and manager.startswith(tool.takes_over) and field.after is not ABSENT:
        return "removes", f"it takes over the fields of managers whose names begin with {tool.takes_over}"
    return "leaves", "its source does not declare it"


def _of_strangers(record: Record, changed: Sequence[Field], manager: str) -> Iterator[Forecast]:
    """Managers in no row that have written a field that changes: an operator, perhaps."""
    for entry in record.entries:
        if entry.manager == manager or entry.manager.startswith(_ONCE) or any(_is_of(entry, tool) for tool in TOOLS):
            continue
        if owned := tuple(field.path for field in changed if record.owns(entry, field.path)):
            if entry.operation == "Apply":
                yield Forecast(entry.manager, "conflicts", "with its next apply", owned, _CONFLICT)
            else:
                yield Forecast(entry.manager, "unknown", "whenever it writes", owned, "it has written it before")


def _of(record: Record, tool: Tool) -> list[Entry]:
    return [entry for entry in record.entries if _is_of(entry, tool)]


def _declares(record: Record, tool: Tool, path: Path) -> bool:
    """Whether a tool's source says something about a field."""
    own = _of(record, tool)
    if tool.annotates and record.applied is not None and not _applies(own):
        return record.is_applied(path)
    return any(record.owns(entry, path) for entry in own)


def _is_of(entry: Entry, tool: Tool) -> bool:
    return entry.manager in tool.managers and tool.operation in ("", entry.operation)


def _is_marked(marks: Mapping[str, str], mark: str) -> bool:
    key, equals, value = mark.partition("=")
    return marks.get(key) == value if equals else key in marks


def _applies(entries: Sequence[Entry]) -> bool:
    return any(entry.operation == "Apply" for entry in entries)


def _put(target: Json, path: Steps, value: Json) -> None:
    step, rest = path[0], path[1:]
    if isinstance(step, Named):
        item = next((item for item in target if item["name"] == step.name), None)
        if item is None:
            target.append(item := {"name": step.name})
        _put(item, rest, value)
    elif not rest:
        target[step] = value
    else:
        _put(target.setdefault(step, [] if isinstance(rest[0], Named) else {}), rest, value)
