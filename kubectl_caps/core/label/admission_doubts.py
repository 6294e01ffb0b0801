"""Names the webhooks and policies that may change real pods differently from the pods of a dry run."""

from collections.abc import Iterable, Iterator, Sequence

from kubectl_caps.core.kubernetes.kinds import KINDS, Kind
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.created import intermediate_kinds
from kubectl_caps.core.pods.mutating_admission import AdmissionScope, Hook
from kubectl_caps.core.text import first_few


def admission_doubts(
    scope: AdmissionScope, active: Sequence[Workload], unproven: Sequence[Workload] = ()
) -> Iterator[str]:
    """The hooks because of which a namespace counts as not judged; none if no workload is `active`.

    A dry run shows how admission changes pods before the labels are set. It does not show how admission changes the
    objects between a workload and its pods. The `unproven` workloads pass only by a dry run, and no pod of their
    controllers proves its result.
    """
    on_the_way = _on_the_way(active)
    hooks = scope.running([*KINDS[:1], *on_the_way]) if active else []
    if switched := _sources(filter(scope.is_switched, hooks)):
        why = "by a label that would be set: how pods are changed afterwards is not known"
        yield f"{switched} selects namespaces {why}"
    if changed := [kind for kind in on_the_way if scope.running([kind])]:
        names = " and ".join(sorted(f"{kind.kind}s" for kind in changed))
        why = f"may change the {names} that controllers create before pods, which is not tried"
        yield f"{_sources(scope.running(changed))} {why}"
    telling = [hook for hook in scope.running(KINDS[:1]) if hook.tells_samples] if unproven else []
    if telling:
        why = "differently, because the user or a generated label differs; no pod of their controllers shows the result"
        yield f"{_sources(telling)} may change the pods of {_names(unproven)} {why}"


def needs_all_hooks(scope: AdmissionScope, active: Sequence[Workload]) -> bool:
    """Whether a verdict depends on hooks that cannot be listed because a right is missing."""
    return bool(_on_the_way(active)) or (bool(active) and scope.before != scope.after)


def _on_the_way(active: Sequence[Workload]) -> set[Kind]:
    return {kind for workload in active for kind in intermediate_kinds(workload)}


def _names(workloads: Sequence[Workload]) -> str:
    """Some of the workloads, without workloads that another of them owns."""
    uids = {one.metadata.uid for one in workloads}
    top = [one for one in workloads if not (owner := one.metadata.controller) or owner.uid not in uids]
    return first_few(list(dict.fromkeys(one.reference for one in top)), _NAMED)


_NAMED = 5


def _sources(hooks: Iterable[Hook]) -> str:
    return ", ".join(dict.fromkeys(hook.source for hook in hooks))
