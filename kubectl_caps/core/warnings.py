"""What surprises people about a container's capabilities. Each warning is a row: id, when it holds, what it says.

The behaviour behind each row: containerd internal/cri/opts/spec_opts.go, CRI-O internal/factory/container, execve in
capabilities(7), and Kubernetes' validation of securityContext.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from kubectl_caps.core.hardening import void_adds
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.linux.prediction import Prediction
from kubectl_caps.core.pod import Member, Path
from kubectl_caps.core.workloads import Workload


class CapabilityWarning(Struct, frozen=True):
    """`field` is the path in the object; `message` says what is the matter and what to do."""

    id: str
    message: str
    field: Path


class Subject(Struct, frozen=True):
    """One container as the rows see it."""

    member: Member
    workload: Workload
    outcomes: Sequence[Prediction]
    uid: int | None

    @property
    def add(self) -> list[str]:
        """Its declared adds."""
        return self.member.container.capabilities.add or []

    @property
    def drop(self) -> list[str]:
        """Its declared drops."""
        return self.member.container.capabilities.drop or []

    @property
    def drops_all(self) -> bool:
        """Whether ALL is dropped, in whatever case."""
        return any(name.upper() == "ALL" for name in self.drop)

    @property
    def privileged(self) -> bool:
        """Whether it is privileged."""
        return bool(self.member.container.security.privileged)


_CAPABILITIES: Path = ("securityContext", "capabilities")
_ADD: Path = (*_CAPABILITIES, "add")
_DROP: Path = (*_CAPABILITIES, "drop")
_SYSCTL = "net.ipv4.ip_unprivileged_port_start"

# Void in a user namespace even when held: measured with all capabilities in a child user namespace, kernel 6.18.
_VOID_IN_USER_NAMESPACE = {
    "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BPF", "DAC_READ_SEARCH", "IPC_LOCK", "LEASE", "LINUX_IMMUTABLE",
    "MKNOD", "PERFMON", "SYSLOG", "SYS_BOOT", "SYS_MODULE", "SYS_PACCT", "SYS_RAWIO", "SYS_TIME", "WAKE_ALARM",
}  # fmt: skip


def of(
    member: Member, workload: Workload, outcomes: Sequence[Prediction], uid: int | None
) -> Iterator[CapabilityWarning]:
    """The warnings for one container with what it is predicted to get; `uid` is None where it is unknown."""
    subject = Subject(member, workload, outcomes, uid)
    if workload.template.spec.os and workload.template.spec.os.name == "windows":
        return
    for name, path, says in _ROWS:
        if message := says(subject):
            yield CapabilityWarning(name, message, (*workload.path, *member.path, *path))


def _privileged(subject: Subject) -> str | None:
    if not subject.privileged:
        return None
    return "privileged: holds every capability of the node, without seccomp or masked paths; name the few it needs"


def _privileged_lists(subject: Subject) -> str | None:
    if not subject.privileged or not (subject.add or subject.drop):
        return None
    return "capabilities.add and drop have no effect on a privileged container; unset privileged first"


def _default_capabilities(subject: Subject) -> str | None:
    if subject.privileged or subject.drops_all:
        return None
    return 'does not drop ALL, so it gets the container runtime\'s default capabilities; set drop: ["ALL"]'


def _prefix(subject: Subject) -> str | None:
    names = [name for name in [*subject.add, *subject.drop] if name.upper().startswith("CAP_")]
    if not names or subject.privileged:
        return None
    return f"{', '.join(names)}: containerd ignores names with CAP_, in add and in drop; write them without"


def _unknown(subject: Subject) -> str | None:
    messages = []
    for name in [*subject.add, *subject.drop]:
        try:
            canonical(name)
        except UnknownCapability as error:
            messages.append(str(error))
        else:
            if name != name.strip():
                messages.append(f'"{name}" has blanks around it')
    if not messages:
        return None
    return f"{'; '.join(messages)}: ignored by containerd with runc, and fatal at the start on CRI-O and crun"


def _add_and_drop(subject: Subject) -> str | None:
    names = void_adds(subject.add, subject.drop)
    if not names or subject.privileged:
        return None
    return f"{', '.join(names)} is in add and in drop: drop wins on containerd and CRI-O, add on Docker; keep one"


def _add_all(subject: Subject) -> str | None:
    if subject.privileged or not any(name.upper() == "ALL" for name in subject.add):
        return None
    return "adds ALL capabilities of the node; name the few it needs"


def _drop_all_spelling(subject: Subject) -> str | None:
    if not subject.drops_all or "ALL" in subject.drop:
        return None
    return 'drops ALL for the runtime, but Pod Security restricted wants it spelled "ALL"'


def _add_not_usable(subject: Subject) -> str | None:
    if not subject.add or subject.privileged or not subject.uid or "ALL" in subject.add:
        return None
    return (
        f"runs as user {subject.uid}, so added capabilities are only in its bounding set: "
        "they work only for programs with file capabilities"
    )


def _escalation_with_admin(subject: Subject) -> str | None:
    if subject.member.container.security.allow_privilege_escalation is not False:
        return None
    names = [name for name in subject.add if name.upper() in ("SYS_ADMIN", "ALL")]
    if not names or void_adds(names, subject.drop):
        return None
    return f"allowPrivilegeEscalation=false does not limit a container that adds {', '.join(names)}"


def _void_in_user_namespace(subject: Subject) -> str | None:
    if subject.workload.template.spec.host_users is not False:
        return None
    names = [name for name in subject.add if name.upper() in _VOID_IN_USER_NAMESPACE]
    if not names:
        return None
    return f"{', '.join(names)} does nothing in a user namespace (hostUsers: false); remove it"


def _low_ports_free(subject: Subject) -> str | None:
    sysctls = subject.workload.template.spec.security.sysctls or ()
    free = any(item.name == _SYSCTL and item.value == "0" for item in sysctls)
    if not free or "NET_BIND_SERVICE" not in (name.upper() for name in subject.add):
        return None
    return f"NET_BIND_SERVICE is not needed where the pod sets {_SYSCTL}=0; remove it"


_ROWS: tuple[tuple[str, Path, Callable[[Subject], str | None]], ...] = (
    ("privileged", ("securityContext", "privileged"), _privileged),
    ("privileged-ignores-capabilities", _CAPABILITIES, _privileged_lists),
    ("default-capabilities", _DROP, _default_capabilities),
    ("add-all", _ADD, _add_all),
    ("cap-prefix", _CAPABILITIES, _prefix),
    ("unknown-capability", _CAPABILITIES, _unknown),
    ("add-and-drop", _CAPABILITIES, _add_and_drop),
    ("drop-all-spelling", _DROP, _drop_all_spelling),
    ("add-not-usable", _ADD, _add_not_usable),
    ("escalation-with-sys-admin", ("securityContext", "allowPrivilegeEscalation"), _escalation_with_admin),
    ("void-in-user-namespace", _ADD, _void_in_user_namespace),
    ("low-ports-are-free", _ADD, _low_ports_free),
)

IDS = tuple(row[0] for row in _ROWS)
"""Every warning's stable id."""
