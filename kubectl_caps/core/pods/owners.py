"""Makes the rows of `inspect`: merges pods and ReplicaSets into the row of their owner, unless their rights differ."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import OwnerReference, Pod, PodTemplate
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.judged_fields import rights

Key = tuple[str, int, Path]


class WorkloadRow(Struct, gc=False):
    """A row of `inspect`: a workload, the pods merged into the row, and the row of its owner, if there is one."""

    workload: Workload
    pods: list[Pod]
    parent: "WorkloadRow | None" = None

    @property
    def key(self) -> Key:
        """The workload's key. No other row has it."""
        return workload_key(self.workload)


def same_rights(one: Workload, other: Workload) -> bool:
    """Whether two workloads give their containers the same rights, so that a pod is merged into its owner's row."""
    return same_security(_without_ended(one.template), _without_ended(other.template))


def _without_ended(template: PodTemplate) -> PodTemplate:
    """The pod without ephemeral containers that have ended and satisfy *restricted*, such as those of `--live`.

    Such containers never run again, but stay in the pod's record.
    """
    if not isinstance(template, Pod) or not template.spec.ephemeral_containers:
        return template
    ended = {name for name, status in template.status.containers.items() if status.state.terminated}
    left = [one for one in template.spec.ephemeral_containers if one.name not in ended or not _is_restricted(one)]
    return replace(template, spec=replace(template.spec, ephemeral_containers=left))


def _is_restricted(container: Container) -> bool:
    security, capabilities = container.security, container.capabilities
    profile = security.seccomp_profile.type if security.seccomp_profile else None
    return (
        (capabilities.add or [], capabilities.drop, profile) == ([], ["ALL"], "RuntimeDefault")
        and (security.run_as_non_root, security.allow_privilege_escalation) == (True, False)
        and not (security.privileged or security.proc_mount or security.se_linux_options or security.run_as_user == 0)
    )


def same_security(one: PodTemplate, other: PodTemplate) -> bool:
    """Whether two templates or pods give their containers the same rights: whether all judged fields are equal."""
    return rights(one) == rights(other)


def fold(
    shown: Sequence[Workload],
    others: Iterable[Workload] = (),
    same: Callable[[Workload, Workload], bool] = same_rights,
    *,
    history: bool = True,
) -> list[WorkloadRow]:
    """The rows for the workloads in `shown`. `others` are read only for their owner references and as running pods.

    A pod or ReplicaSet that a shown workload owns is merged into the owner's row if it is the `same` as the owner's
    template; else it has its own row after the owner's row. A ReplicaSet without pods is rollout history and is merged.
    With `history=False`, a ReplicaSet in `shown` has its own row even without pods.
    """
    known: dict[Key, Workload] = {}
    for workload in shown:
        known.setdefault(workload_key(workload), workload)
    unshown: dict[Key, Workload] = {}
    for workload in others:
        if (key := workload_key(workload)) not in known:
            unshown.setdefault(key, workload)
    every = [*known.values(), *unshown.values()]
    owners = {workload.metadata.uid: owner for workload in every if (owner := workload.metadata.controller)}
    above_another = {owner.uid for owner in owners.values()}
    busy = {owner.uid for workload in every if workload.is_pod and (owner := workload.metadata.controller)}
    rows: list[WorkloadRow] = []
    rows_of: dict[str, list[WorkloadRow]] = {}
    for workload in sorted(every, key=lambda workload: len(_ancestors(workload, owners))):
        above = [row for uid in _ancestors(workload, owners) for row in rows_of.get(uid, ())]
        row = next((row for row in above if same(workload, row.workload)), None)
        apart = workload.is_pod or workload.metadata.uid in busy or (not history and workload_key(workload) in known)
        if row is None and (apart if above else workload_key(workload) in known):
            row = WorkloadRow(workload, [], above[0] if above else None)
            rows.append(row)
            if (uid := workload.metadata.uid) and uid in above_another:
                rows_of.setdefault(uid, []).append(row)
        if row and isinstance(workload.template, Pod):
            row.pods.append(workload.template)
    return _ordered(rows)


def workload_key(workload: Workload) -> Key:
    """The identity of a workload: uid (or kind and name if there is none), position among those of files, and path."""
    return workload.metadata.uid or _name(workload), workload.position, workload.path


def _name(workload: Workload) -> str:
    return f"{workload.api_version} {workload.kind} {workload.namespace} {workload.name}"


def owner_chain(workload: Workload, by_uid: Mapping[str | None, Workload]) -> Iterator[Workload]:
    """The owners of a workload among these, the nearest first, each once: owner references may form a circle."""
    seen = {workload.metadata.uid}
    while (owner := workload.metadata.controller) and owner.uid not in seen and (above := by_uid.get(owner.uid)):
        seen.add(owner.uid)
        yield (workload := above)


def _ancestors(workload: Workload, owners: Mapping[str | None, OwnerReference]) -> list[str]:
    """The uids of a workload's owners, the top owner first."""
    chain: list[str] = []
    owner = workload.metadata.controller
    while owner and owner.uid not in chain:
        chain.insert(0, owner.uid)
        owner = owners.get(owner.uid)
    return chain


def _ordered(rows: Sequence[WorkloadRow]) -> list[WorkloadRow]:
    """Each row followed by the rows of the workloads that it owns."""
    children: dict[Key, list[WorkloadRow]] = {}
    for row in rows:
        if row.parent:
            children.setdefault(row.parent.key, []).append(row)
    tops = [row for row in rows if not row.parent]
    return [item for top in tops for item in (top, *children.get(top.key, ()))]
