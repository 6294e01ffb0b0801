"""System calls that the seccomp profile RuntimeDefault refuses, and the capabilities for which it allows them: a table.

Source: containerd 2.2, contrib/seccomp/seccomp_default.go. Those of other runtimes differ in details, so that only a
trial with the profile decides. Calls that the profile judges by their arguments are left out (clone, personality,
socket), and so are calls that a program makes all the time (io_uring_enter).
"""

from collections.abc import Collection

_ALLOWED_FOR = {
    "": "add_key io_uring_setup kexec_file_load kexec_load keyctl migrate_pages move_pages pivot_root request_key "
    "swapoff swapon userfaultfd",
    "BPF": "bpf",
    "DAC_READ_SEARCH": "open_by_handle_at",
    "PERFMON": "perf_event_open",
    "SYSLOG": "syslog",
    "SYS_ADMIN": "bpf fanotify_init fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree "
    "perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount unshare",
    "SYS_BOOT": "reboot",
    "SYS_CHROOT": "chroot",
    "SYS_MODULE": "delete_module finit_module init_module",
    "SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "SYS_PACCT": "acct",
    "SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "SYS_RAWIO": "ioperm iopl",
    "SYS_TIME": "clock_settime settimeofday",
    "SYS_TTY_CONFIG": "vhangup",
}
"""By capability (short name; empty: none opens the profile), the calls as the kernel's trace events name them."""

MOUNTS = frozenset({"mount", "move_mount"})
"""Calls that mount. The AppArmor profile RuntimeDefault denies them (contrib/apparmor/template.go), and allows umount.
"""

RECORDED_CALLS = tuple(sorted({call for calls in _ALLOWED_FOR.values() for call in calls.split()}))
"""Every call of the table: the tracer records those that succeed."""


def opening_capabilities(call: str) -> tuple[str, ...]:
    """The capabilities for which RuntimeDefault allows a call of the table; empty if there is none."""
    return tuple(name for name, calls in _ALLOWED_FOR.items() if name and call in calls.split())


def is_refused_by_default(call: str, held: Collection[str]) -> bool:
    """Whether RuntimeDefault refuses a call of the table to a container that holds these capabilities (short names)."""
    return call in RECORDED_CALLS and not set(opening_capabilities(call)) & set(held)
