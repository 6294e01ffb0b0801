"""Which pods belong to which workload, and which of them are no longer what its template says."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.pod import Container, OwnerReference, Path, Pod, PodTemplate, Volume, members
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.workloads import Workload

Key = tuple[str, Path]


class Family(Struct):
    """A row of `inspect`: a workload, the pods folded into it, and the row that it belongs to, if any."""

    workload: Workload
    pods: list[Pod]
    parent: "Family | None" = None


def same_rights(one: Workload, other: Workload) -> bool:
    """Whether two workloads give their containers the same rights: what folds a pod under its owner."""
    return same_security(_without_ended(one.template), _without_ended(other.template))


def _without_ended(template: PodTemplate) -> PodTemplate:
    """The pod without ephemeral containers that have ended and satisfied *restricted*, as those of `--live` do.

    They never run again, but stay in the pod's record.
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
    """Whether two templates or pods give their containers the same rights.

    Compared is every field that a prediction, a risk or a Pod Security check reads, but those that admission adds to
    any pod (the token of its service account) and that no check minds.
    """
    return _rights(one) == _rights(other)


# Volumes that Pod Security restricted allows, and that say nothing about the node.
_HARMLESS = ("config_map", "csi", "downward_api", "empty_dir", "ephemeral", "image", "persistent_volume_claim",
             "projected", "secret")  # fmt: skip


def _rights(template: PodTemplate) -> object:
    if template.spec.host_network or template.annotations:
        template = as_admitted(template, pod=True)  # the API server has done so to a pod, and not to its template
    spec = template.spec
    volumes = [volume for volume in spec.volumes or () if not _is_harmless(volume)]
    names = {volume.name for volume in volumes}
    return (
        [bool(flag) for flag in (spec.host_network, spec.host_pid, spec.host_ipc, spec.host_users is not False)],
        (spec.security, spec.os and spec.os.name, spec.runtime_class_name, volumes),
        {member.container.name: (member.role, _container_rights(member.container, names)) for member in members(spec)},
    )


def _container_rights(container: Container, volumes: set[str]) -> object:
    handlers = (container.liveness_probe, container.readiness_probe, container.startup_probe, container.lifecycle)
    ports = {port.host_port for port in container.ports or () if port.host_port}
    mounts = [mount for mount in container.volume_mounts or () if mount.name in volumes]
    return container.security, container.capabilities, handlers, ports, mounts


def _is_harmless(volume: Volume) -> bool:
    return any(getattr(volume, source) is not None for source in _HARMLESS)


def fold(
    shown: Sequence[Workload],
    others: Iterable[Workload] = (),
    same: Callable[[Workload, Workload], bool] = same_rights,
    *,
    history: bool = True,
) -> list[Family]:
    """The rows for the workloads in `shown`; `others` are objects that only tell who owns whom, and running pods.

    A pod or ReplicaSet that a shown workload owns is folded while it is the `same` as its owner's template; else it
    has a row of its own, behind its owner's. A ReplicaSet without pods is rollout history: folded, unless nothing of
    `shown` is (`history=False`).
    """
    known: dict[Key, Workload] = {}
    for workload in [*shown, *others]:
        known.setdefault(key(workload), workload)
    asked = {key(workload) for workload in shown}
    owners = {workload.metadata.uid: workload.metadata.controller for workload in known.values()}
    busy = {owner.uid for workload in known.values() if workload.is_pod and (owner := workload.metadata.controller)}
    rows: dict[str, list[Family]] = {}
    for workload in sorted(known.values(), key=lambda workload: _depth(workload, owners)):
        above = [row for uid in _ancestors(workload, owners) for row in rows.get(uid, ())]
        row = next((row for row in above if same(workload, row.workload)), None)
        apart = workload.is_pod or workload.metadata.uid in busy or (not history and key(workload) in asked)
        if row is None and (apart if above else key(workload) in asked):
            row = Family(workload, [], above[0] if above else None)
            rows.setdefault(key(workload)[0], []).append(row)
        if row and isinstance(workload.template, Pod):
            row.pods.append(workload.template)
    return _ordered([row for group in rows.values() for row in group])


def key(workload: Workload) -> Key:
    """What tells a workload from all others: the object's uid (or itself, where a file gives it none), and the path."""
    return workload.metadata.uid or f"no uid {id(workload)}", workload.path


def _ancestors(workload: Workload, owners: Mapping[str | None, OwnerReference | None]) -> list[str]:
    """The uids of its owners, the highest first."""
    chain: list[str] = []
    owner = workload.metadata.controller
    while owner and owner.uid not in chain:
        chain.insert(0, owner.uid)
        owner = owners.get(owner.uid)
    return chain


def _depth(workload: Workload, owners: Mapping[str | None, OwnerReference | None]) -> int:
    return len(_ancestors(workload, owners))


def _ordered(rows: Sequence[Family]) -> list[Family]:
    """Each row followed by those that belong to it."""
    children: dict[int, list[Family]] = {}
    for row in rows:
        if row.parent:
            children.setdefault(id(row.parent), []).append(row)
    return [item for row in rows if not row.parent for item in (row, *children.get(id(row), ()))]
