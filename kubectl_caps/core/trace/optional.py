"""The table of capability checks that do not prove a need: the call succeeds without the capability, or is only tried.

A trial decides whether a program needs such a capability. The table only decides which trial is made first.
"""

import re
from collections.abc import Iterator

from msgspec import Struct


class OptionalCheck(Struct, frozen=True):
    """A check that does not prove a need. `frame` matches a function in the kernel's stack, `calls` are system calls.

    `calls` count if there is no stack. A row without both matches every check of the capability. `says` continues the
    sentence "asked for only because …".
    """

    capability: str
    says: str
    source: str
    frame: re.Pattern[str] | None = None
    calls: tuple[str, ...] = ()


def _row(capability: str, says: str, source: str, frame: str = "", calls: str = "") -> OptionalCheck:
    return OptionalCheck(capability, says, source, re.compile(frame) if frame else None, tuple(calls.split()))


# fmt: off
OPTIONAL: tuple[OptionalCheck, ...] = (
    _row("SYS_ADMIN", "memory is reserved: a privileged process may use the last of it",
         "security/commoncap.c cap_vm_enough_memory, mm/util.c __vm_enough_memory", "vm_enough_memory",
         "mmap mremap mprotect brk execve execveat clone clone3 fork vfork"),
    _row("FSETID", "a mode or an owner changes: without it the setgid bit is cleared, and the call succeeds",
         "fs/attr.c setattr_prepare, setattr_copy and setattr_should_drop_sgid; fs/inode.c mode_strip_sgid"),
    _row("SETPCAP", "capset asks before it compares: it succeeds if no new capability becomes inheritable",
         "security/commoncap.c cap_inh_is_capped", r"\bcap_capset\b", "capset"),
    _row("SYS_RESOURCE", "blocks, pipes or processes are counted: a privileged process may exceed the soft limit",
         "fs/ext4/balloc.c ext4_has_free_clusters, fs/pipe.c pipe_is_unprivileged_user, kernel/fork.c copy_process",
         r"has_free_(?:clusters|blocks)|pipe_is_unprivileged_user|alloc_pipe_info|\bcopy_process\b|f2fs_|xfs_.*reserv"),
    _row("NET_ADMIN", "a socket option is requested: most programs go on without it",
         "net/core/sock.c sk_setsockopt (SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_PRIORITY)", "sk_setsockopt", "setsockopt"),
    _row("SYS_PTRACE", "/proc/PID/stat is read: without it some addresses are shown as 0",
         "fs/proc/array.c do_task_stat", "do_task_stat|proc_pid_wchan"),
    _row("SYSLOG", "kernel addresses are printed: without it they are shown as 0",
         "kernel/kallsyms.c kallsyms_show_value, lib/vsprintf.c restricted_pointer",
         "kallsyms_show_value|restricted_pointer"),
    _row("BLOCK_SUSPEND", "EPOLLWAKEUP is asked for: the flag is ignored without it", "fs/eventpoll.c",
         "epoll", "epoll_ctl"),
    _row("SYS_ADMIN", "a seccomp filter is set: allowPrivilegeEscalation false (no_new_privs) allows it as well",
         "kernel/seccomp.c seccomp_prepare_filter", "seccomp", "seccomp"),
)
# fmt: on


_OVERLAY = re.compile(r"<ovl_\w+")
_OWN = re.compile(r"<(?:setattr_prepare|generic_permission|inode_owner_or_capable)$")


def is_of_the_mounter(stack: str) -> bool:
    """Whether overlayfs made a check with the credentials of the mounter of the image, and not of the process.

    overlayfs checks a file of a lower layer with the mounter's credentials (fs/overlayfs, ovl_override_creds). Before
    that it checks the process, directly from ovl_permission, ovl_setattr and the functions of ACLs and attributes.
    """
    first = _OVERLAY.search(stack)
    return first is not None and not _OWN.search(stack[: first.start()])


def why_optional(capability: str, stack: str, call: str) -> str:
    """The reason why a check does not prove a need; empty if no row of the table matches."""
    return next((row.says for row in _rows(capability) if _matches(row, stack, call)), "")


def _rows(capability: str) -> Iterator[OptionalCheck]:
    return (row for row in OPTIONAL if row.capability == capability)


def _matches(row: OptionalCheck, stack: str, call: str) -> bool:
    if row.frame is None and not row.calls:
        return True
    if stack and row.frame:
        return bool(row.frame.search(stack))
    return call in row.calls
