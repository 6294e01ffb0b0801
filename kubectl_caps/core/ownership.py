"""Which pods belong to which workload, and which of them are no longer what its template says."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.assessment import same_security
from kubectl_caps.core.pod import OwnerReference, Path, Pod
from kubectl_caps.core.workloads import Workload

Key = tuple[str, Path]


class Family(Struct):
    """A row of `inspect`: a workload, the pods folded into it, and the row that it belongs to, if any."""

    workload: Workload
    pods: list[Pod]
    parent: "Family | None" = None


def same_rights(one: Workload, other: Workload) -> bool:
    """Whether two workloads give their containers the same rights."""
    return same_security(one.template.spec, other.template.spec)


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
