"""The table of the Linux kernel's capabilities: what each capability allows, and its risk in a container."""

from typing import Literal, NamedTuple

from kubectl_caps.core.nearest import hint

Risk = Literal["critical", "high", "medium", "low", "none", "unknown"]

WORST_FIRST: tuple[Risk, ...] = ("critical", "unknown", "high", "medium", "low", "none")


class UnknownCapability(ValueError):
    """A name that is not a capability. The message suggests the nearest name."""


class Capability(NamedTuple):
    """One capability. `name` has no CAP_ prefix; `since` is the first kernel with the capability.

    `risk` holds for a container in the host's user namespace that shares no other namespace or path with the host.
    `source` is the source of the danger.
    """

    number: int
    name: str
    since: str
    risk: Risk
    allows: str
    danger: str
    source: str


_MAN = "capabilities(7)"
_ESCAPES = "0xn3va/cheat-sheets, Container/Escaping"
_KUBESCAPE = "kubescape's list of insecure capabilities"

# Numbers: include/uapi/linux/capability.h. Texts of `allows`: capabilities(7). If capabilities(7) is the source of a
# danger, the risk is judged from the allowed operations, not from a known attack.
# fmt: off
CAPABILITIES: tuple[Capability, ...] = (
    Capability(0, "CHOWN", "2.2", "medium", "give a file to any user and group",
               "takes over files on volumes that are shared with the host or with other pods", _MAN),
    Capability(1, "DAC_OVERRIDE", "2.2", "medium", "read, write and execute files whatever their permissions say",
               "writes any file on a volume; with a hostPath volume, any file of that host directory", _MAN),
    Capability(2, "DAC_READ_SEARCH", "2.2", "critical", "read any file, search any directory, open files by handle",
               "open_by_handle_at(2) reaches the host's files from inside a container (the shocker exploit)",
               "cdk-team/CDK, cap-dac-read-search"),
    Capability(3, "FOWNER", "2.2", "medium", "act as the owner of any file: chmod, utime, ACLs, sticky directories",
               "changes the mode of files on shared volumes", _MAN),
    Capability(4, "FSETID", "2.2", "low", "keep setuid and setgid bits when a file changes",
               "leaves setgid files on shared volumes", _MAN),
    Capability(5, "KILL", "2.2", "low", "signal processes of any user",
               "with hostPID, ends processes of the node", _MAN),
    Capability(6, "SETGID", "2.2", "medium", "become any group",
               "joins the groups that own files on mounted volumes", _MAN),
    Capability(7, "SETUID", "2.2", "medium", "become any user",
               "becomes the user that owns files on mounted volumes", _MAN),
    Capability(8, "SETPCAP", "2.2", "low", "drop from the bounding set, raise the inheritable set, set securebits",
               "prepares capabilities for programs that it starts", _KUBESCAPE),
    Capability(9, "LINUX_IMMUTABLE", "2.2", "medium", "set and clear the immutable and append-only flags of files",
               "makes files on host directories and volumes impossible to delete", _MAN),
    Capability(10, "NET_BIND_SERVICE", "2.2", "low", "listen on ports below 1024",
               "with hostNetwork, takes the place of a service of the node", _MAN),
    Capability(11, "NET_BROADCAST", "2.2", "low", "nothing: no kernel code asks for it", "none is known", _MAN),
    Capability(12, "NET_ADMIN", "2.2", "high", "configure interfaces, routes and the firewall of its network",
               "reaches kernel code with a history of container escapes; with hostNetwork it rules the node's network",
               "CVE-2021-22555, CVE-2022-25636, CVE-2022-1015, CVE-2022-34918, CVE-2022-2588"),
    Capability(13, "NET_RAW", "2.2", "high", "use raw and packet sockets",
               "spoofs ARP and DNS towards other pods of the node; reaches packet socket bugs",
               "CVE-2020-14386, CVE-2017-7308, CVE-2016-8655"),
    Capability(14, "IPC_LOCK", "2.2", "low", "lock memory beyond its limit, use huge pages",
               "takes memory that the node cannot get back", _MAN),
    Capability(15, "IPC_OWNER", "2.2", "low", "use System V IPC objects whatever their permissions say",
               "with hostIPC, reads shared memory of the node's processes", _MAN),
    Capability(16, "SYS_MODULE", "2.2", "critical", "load and unload kernel modules",
               "loads its own code into the node's kernel", _ESCAPES),
    Capability(17, "SYS_RAWIO", "2.2", "critical", "use I/O ports, /dev/mem, low memory mappings and raw disk commands",
               "reads and writes physical memory and devices, where the device node is there", _ESCAPES),
    Capability(18, "SYS_CHROOT", "2.2", "low", "change its root directory; one half of entering a mount namespace",
               "leaves a plain chroot jail", _ESCAPES),
    Capability(19, "SYS_PTRACE", "2.2", "high", "trace, read and change any process that it sees",
               "reads secrets of other processes; with hostPID, injects code into the node's processes", _ESCAPES),
    Capability(20, "SYS_PACCT", "2.2", "low", "switch process accounting on and off",
               "records every command into a file of its choice", _MAN),
    Capability(21, "SYS_ADMIN", "2.2", "critical", "mount, create and enter namespaces, load BPF, and much more",
               "mounts host disks, and runs commands on the host through a cgroup's release_agent",
               "CVE-2022-0492, CVE-2022-0185"),
    Capability(22, "SYS_BOOT", "2.2", "high", "restart the machine, load another kernel",
               "stops the node; with kexec, replaces its kernel", _ESCAPES),
    Capability(23, "SYS_NICE", "2.2", "medium", "raise priorities, real-time scheduling, CPU affinity of others",
               "starves the node with real-time threads", _MAN),
    Capability(24, "SYS_RESOURCE", "2.2", "medium", "exceed resource limits and quotas, lower its oom_score_adj",
               "escapes its limits and leaves others to the OOM killer", _MAN),
    Capability(25, "SYS_TIME", "2.2", "medium", "set the system clock",
               "the clock is the node's: breaks certificates, logs and schedules of everything on it",
               "freeipa/freeipa-container#488"),
    Capability(26, "SYS_TTY_CONFIG", "2.2", "low", "hang up terminals, configure virtual consoles",
               "disturbs the node's consoles", _MAN),
    Capability(27, "MKNOD", "2.4", "medium", "create device nodes",
               "makes the node's disks reachable wherever the device cgroup lets them be opened", _ESCAPES),
    Capability(28, "LEASE", "2.4", "low", "take leases on files of others", "delays whoever opens those files", _MAN),
    Capability(29, "AUDIT_WRITE", "2.6.11", "low", "write to the kernel's audit log", "forges audit records", _MAN),
    Capability(30, "AUDIT_CONTROL", "2.6.11", "high", "switch auditing on and off, change its rules",
               "switches off the node's audit trail", _MAN),
    Capability(31, "SETFCAP", "2.6.24", "low", "give file capabilities to programs",
               "leaves programs with capabilities on host directories", _MAN),
    Capability(32, "MAC_OVERRIDE", "2.6.25", "high", "ignore mandatory access control (Smack)",
               "gets past the security module that confines it", _KUBESCAPE),
    Capability(33, "MAC_ADMIN", "2.6.25", "high", "change the policy of mandatory access control (Smack)",
               "rewrites the policy that confines it", _KUBESCAPE),
    Capability(34, "SYSLOG", "2.6.37", "medium", "read the kernel log, see kernel addresses",
               "learns the addresses that a kernel exploit needs", _ESCAPES),
    Capability(35, "WAKE_ALARM", "3.0", "low", "set timers that wake the machine", "none is known", _MAN),
    Capability(36, "BLOCK_SUSPEND", "3.5", "low", "keep the machine from being suspended", "none is known", _MAN),
    Capability(37, "AUDIT_READ", "3.16", "medium", "read the audit log",
               "sees the audit events of the whole node", _MAN),
    Capability(38, "PERFMON", "5.8", "high", "use perf and tracing",
               "observes the whole node; together with BPF it reads kernel memory", _KUBESCAPE),
    Capability(39, "BPF", "5.8", "high", "load BPF programs", "reaches bugs of the BPF verifier",
               "CVE-2020-8835, CVE-2021-31440"),
    Capability(40, "CHECKPOINT_RESTORE", "5.9", "medium", "choose process ids, read what other processes have mapped",
               "opens files through the mappings of other processes", _MAN),
)
# fmt: on

BY_NUMBER = {capability.number: capability for capability in CAPABILITIES}
BY_NAME = {capability.name: capability for capability in CAPABILITIES}


def worst(*risks: Risk) -> Risk:
    """The worst of the risks; `unknown` if there are none.

    Only critical is worse than unknown. An unknown risk may be critical, so a lower known risk must not hide it.
    """
    return min(risks, key=WORST_FIRST.index, default="unknown")


def canonical(text: str) -> str:
    """The name of a capability in Kubernetes' spelling (`NET_RAW`), or `ALL`, from a name in any spelling.

    Case, a `CAP_` prefix and surrounding blanks do not matter. Raises `UnknownCapability`.
    """
    name = text.strip().upper()
    short = name.removeprefix("CAP_")
    if name == "ALL" or short in BY_NAME:
        return short
    raise UnknownCapability(f'unknown capability "{text.strip()}"{hint(short, ["ALL", *BY_NAME])}')
