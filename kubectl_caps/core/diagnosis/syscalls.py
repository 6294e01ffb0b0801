"""The table of system calls and the capabilities that the kernel asks for.

The rows were tried as uid 0 without capabilities on kernel 6.18 (tests/core/linux/test_strace.py tries them again).
Modules, kexec, I/O ports, swap, quotas and huge pages could not be tried; their rows are from capabilities(7). A row
without capabilities names another reason for the refusal.
"""

import re

from msgspec import Struct

from kubectl_caps.core.diagnosis.patterns.pattern import CauseKind, Certainty

Needs = tuple[tuple[str, ...], ...]
"""Alternatives, the least dangerous first. All capabilities of one alternative are needed."""


class Operation(Struct, frozen=True):
    """One operation of a system call.

    `when` matches the arguments as strace prints them; None matches all. `words` are other names of the operation:
    library functions and constants. `what` is the subject of a sentence; with capabilities "needs …" follows.
    """

    calls: tuple[str, ...]
    what: str
    needs: Needs
    when: re.Pattern[str] | None
    errors: tuple[str, ...]
    certainty: Certainty
    words: tuple[str, ...]

    kind: CauseKind
    """`capability` with empty `needs`: file capabilities, which only the file can name."""


def _op(
    needs: str, calls: str, what: str, when: str = "", *, errors: str = "EPERM", certainty: Certainty = "likely",
    words: str = "", kind: CauseKind | None = None,
) -> Operation:  # fmt: skip
    alternatives = tuple(tuple(part.strip().split("+")) for part in needs.split("|") if part.strip())
    pattern = re.compile(when) if when else None
    names = tuple(calls.split())
    kind = kind or ("capability" if alternatives else "other")
    return Operation(names, what, alternatives, pattern, tuple(errors.split()), certainty, tuple(words.split()), kind)


def needed(needs: Needs) -> str:
    """`BPF and PERFMON, or SYS_ADMIN`; empty if no capability helps."""
    separator = " or " if all(len(names) == 1 for names in needs) else ", or "
    return separator.join(" and ".join(names) for names in needs)


_LOW = r"sin6?_port=htons\((?:\d{1,3}|10[01]\d|102[0-3])\)|svm_port=(?:\d{1,3}|10[01]\d|102[0-3])\D"
_PATHS = (
    "open openat openat2 creat access faccessat faccessat2 stat lstat newfstatat statx stat64 lstat64 fstatat64"
    " readlink readlinkat chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat"
    " symlink symlinkat mknod mknodat truncate statfs getdents64 chown lchown fchownat chmod fchmodat fchmodat2"
    " utimensat utime utimes futimesat setxattr lsetxattr getxattr lgetxattr removexattr connect bind chroot mount"
    " inotify_add_watch"
)

# fmt: off
OPERATIONS: tuple[Operation, ...] = (
    # users and groups
    _op("SETUID", "setuid setreuid setresuid setfsuid setuid32 setreuid32 setresuid32", "becoming another user",
        certainty="certain", words="seteuid"),
    _op("SETGID", "setgid setregid setresgid setfsgid setgid32 setregid32 setresgid32", "taking on another group",
        certainty="certain", words="setegid"),
    _op("SETGID", "setgroups setgroups32", "setting the supplementary groups", certainty="certain", words="initgroups"),
    _op("SETPCAP", "prctl", "dropping from the bounding set, or setting securebits",
        "PR_CAPBSET_DROP|PR_SET_SECUREBITS",
        certainty="certain", words="PR_CAPBSET_DROP PR_SET_SECUREBITS"),
    _op("", "prctl", "only what is permitted and inheritable can become ambient", "PR_CAP_AMBIENT"),
    _op("SYS_RESOURCE", "prctl", "changing the layout of its memory", "PR_SET_MM", words="PR_SET_MM"),
    _op("SYS_ADMIN", "seccomp prctl", "setting a seccomp filter without no_new_privs",
        "SECCOMP_SET_MODE_FILTER|PR_SET_SECCOMP",
        errors="EACCES", words="PR_SET_SECCOMP"),
    _op("SETPCAP", "capset", "keeping or inheriting capabilities beyond those permitted", certainty="possible",
        words="cap_set_proc"),
    _op("SETUID+SETFCAP", "write", "mapping user 0 into a user namespace", r"uid_map>", words="uid_map"),
    # files
    _op("CHOWN", "chown fchown lchown fchownat chown32 fchown32 lchown32",
        "giving a file to another user, or to a group that one is not in"),
    _op("SETFCAP", "setxattr lsetxattr fsetxattr removexattr", "writing file capabilities", r"security\.capability",
        certainty="certain", words="setcap security.capability"),
    _op("SYS_ADMIN", "setxattr lsetxattr fsetxattr removexattr", "setting trusted or security attributes",
        r"\"(?:trusted|security)\."),
    _op("FOWNER", "chmod fchmod fchmodat fchmodat2", "changing the mode of a file of another user"),
    _op("FOWNER", "utimensat utime utimes futimesat", "setting the times of a file of another user"),
    _op("FOWNER", "setxattr lsetxattr fsetxattr", "setting an ACL on a file of another user", "posix_acl",
        words="setfacl"),
    _op("FOWNER", "open openat openat2", "opening a file of another user with O_NOATIME", "O_NOATIME",
        words="O_NOATIME"),
    _op("FOWNER", "unlink unlinkat rename renameat renameat2 rmdir",
        "removing or renaming a file of another user in a sticky directory"),
    _op("DAC_OVERRIDE|FOWNER", "link linkat", "linking to a file of another user (fs.protected_hardlinks)"),
    _op("DAC_READ_SEARCH", "open_by_handle_at", "opening a file by handle", certainty="certain"),
    _op("LINUX_IMMUTABLE", "ioctl", "setting immutable or append-only flags", "FS_IOC_(?:SETFLAGS|FSSETXATTR)",
        words="FS_IOC_SETFLAGS chattr"),
    _op("LEASE", "fcntl", "taking a lease on a file of another user", "F_SETLEASE", errors="EACCES EPERM",
        words="F_SETLEASE"),
    _op("MKNOD", "mknod mknodat", "creating a device node", "S_IFCHR|S_IFBLK", certainty="certain"),
    _op("SYS_CHROOT", "chroot", "changing the root directory", certainty="certain"),
    _op("SYS_RAWIO", "ioctl", "sending raw commands to disks", "FIBMAP|SG_IO|SCSI_IOCTL|HDIO_", words="FIBMAP SG_IO"),
    _op("SYS_PTRACE", "open openat openat2 readlink readlinkat access stat newfstatat statx",
        "looking into a process with more capabilities, or of another user (some files: DAC_OVERRIDE, too)",
        r"\"/proc/(?!self|sys|thread)\d{1,10}(?:/task/\d{1,10})?/(?:root|cwd|exe|fd|environ|maps|mem|ns|smaps|io|auxv|stack)",
        errors="EACCES EPERM", words="/proc/PID/environ /proc/PID/exe /proc/PID/root"),
    _op("SYS_RAWIO", "open openat openat2", "reading physical memory or ports",
        r"\"(?:/dev/(?:mem|kmem|port|cpu/)|/proc/kcore)", errors="EPERM EACCES", words="/dev/mem /proc/kcore"),
    _op("SYSLOG", "open openat openat2", "reading the kernel log", r"\"/(?:dev/kmsg|proc/kmsg)\"", words="/dev/kmsg"),
    _op("", "open openat openat2", "the container's device cgroup does not have this device: it needs a device plugin",
        r"\"/dev/"),
    # network
    _op("NET_BIND_SERVICE", "bind", "listening on a port below 1024 (or below net.ipv4.ip_unprivileged_port_start)",
        _LOW, errors="EACCES EPERM", certainty="certain"),
    _op("", "bind", "a port from 1024 on needs no capability: SELinux or another policy refused it",
        r"sin6?_port=htons\(\d", errors="EACCES EPERM"),
    _op("AUDIT_READ", "bind", "reading the audit log", r"NETLINK:\[AUDIT", words="AUDIT_NLGRP_READLOG"),
    _op("NET_ADMIN", "bind", "listening to multicast groups of the kernel (for the audit log: AUDIT_READ)",
        "AF_NETLINK"),
    _op("", "socket", "no capability helps, but the sysctl net.ipv4.ping_group_range lets a group ping so",
        r"^(?:A|P)F_INET6?, SOCK_DGRAM[^,]{0,60}, IPPROTO_ICMP", errors="EACCES"),
    _op("NET_RAW", "socket", "opening a raw or packet socket", r"SOCK_RAW|(?:A|P)F_PACKET|SOCK_PACKET",
        certainty="certain",
        words="SOCK_RAW AF_PACKET"),
    _op("NET_ADMIN|NET_RAW", "setsockopt", "setting marks, high priorities or transparent proxying",
        r"SO_MARK|SO_PRIORITY|IPV?6?_TRANSPARENT", words="SO_MARK SO_PRIORITY IP_TRANSPARENT"),
    _op("NET_RAW", "setsockopt", "binding to another interface, or raw IPv6 options",
        r"SO_BINDTODEVICE|IPV6_\w{0,10}OPTS",
        words="SO_BINDTODEVICE IPV6_HOPOPTS"),
    _op("NET_ADMIN", "setsockopt getsockopt", "setting privileged socket options, or the firewall",
        r"SO_(?:RCV|SND)BUFFORCE|SO_DEBUG|TCP_REPAIR|TCP_CONGESTION|(?:IPT|IP6T|ARPT|EBT)_SO_|SO_(?:ATTACH_REUSEPORT|BUSY)",
        errors="EPERM EACCES",
        words="SO_RCVBUFFORCE SO_SNDBUFFORCE SO_DEBUG TCP_REPAIR TCP_CONGESTION IPT_SO_GET_INFO"),
    _op("NET_ADMIN", "ioctl", "configuring interfaces, routes, tunnels and bridges",
        r"\bSIOC[A-Z]|TUNSET|PPPIOC", errors="EPERM EACCES",
        words="SIOCSIFFLAGS SIOCSIFADDR SIOCADDRT TUNSETIFF"),
    _op("NET_ADMIN", "recvmsg recvfrom recvmmsg", "configuring the network (netlink)",
        r"error=-EPERM[^\n]{0,60}nlmsg_type=(?:RTM_|NFNL|IPSET|XFRM_|NFT_|0x)", errors="netlink",
        words="rtnetlink nfnetlink RTM_NEWLINK"),
    _op("AUDIT_CONTROL", "recvmsg recvfrom sendto sendmsg", "changing audit rules",
        r"nlmsg_type=(?:AUDIT_(?:GET|SET|LIST|ADD|DEL|TTY|TRIM|MAKE|SIGNAL)|0x3e[89a-f])", errors="EPERM netlink",
        words="auditctl loginuid"),
    _op("AUDIT_WRITE", "recvmsg recvfrom sendto sendmsg", "writing audit records",
        r"nlmsg_type=(?:AUDIT_|0x4[0-9a-f]{2}\b)", errors="EPERM netlink", words="NETLINK_AUDIT"),
    _op("NET_ADMIN", "sendto sendmsg", "configuring the network (netlink)", r"AF_NETLINK|nlmsg_"),
    _op("SETUID", "sendmsg", "sending credentials of another user", r"SCM_CREDENTIALS[^\n]{0,60}\buid=(?!0,)",
        words="SCM_CREDENTIALS"),
    _op("SETGID", "sendmsg", "sending credentials of another group", r"SCM_CREDENTIALS[^\n]{0,80}\bgid=(?!0\})"),
    _op("SYS_ADMIN", "sendmsg", "sending credentials of another process", "SCM_CREDENTIALS"),
    # memory and System V IPC
    _op("IPC_LOCK", "mlock mlock2 mlockall", "locking memory beyond RLIMIT_MEMLOCK", errors="EPERM ENOMEM"),
    _op("IPC_LOCK", "mmap mmap2 memfd_create shmget", "locking memory, or using huge pages",
        "MAP_LOCKED|MAP_HUGETLB|MFD_HUGETLB|SHM_HUGETLB",
        words="MAP_LOCKED MAP_HUGETLB MFD_HUGETLB SHM_HUGETLB"),
    _op("IPC_LOCK", "shmctl", "locking shared memory", "SHM_LOCK|SHM_UNLOCK", words="SHM_LOCK"),
    _op("SYS_RAWIO", "mmap mmap2", "mapping memory below vm.mmap_min_addr", r"^0x[0-9a-f]{1,4},"),
    _op("IPC_OWNER", "shmget msgget semget shmat msgsnd msgrcv semop semtimedop shmctl msgctl semctl",
        "using System V IPC of another user", errors="EACCES"),
    _op("SYS_ADMIN", "shmctl msgctl semctl", "removing or changing System V IPC of another user"),
    # other processes
    _op("KILL", "kill tkill tgkill pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo",
        "signalling a process of another user"),
    _op("SYS_PTRACE", "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise",
        "reading or controlling a process of another user, or with more capabilities",
        words="PTRACE_ATTACH PTRACE_SEIZE"),
    _op("SYS_NICE", "move_pages mbind", "moving pages that others share", "MPOL_MF_MOVE_ALL"),
    _op("SYS_PTRACE", "migrate_pages move_pages", "moving the pages of a process of another user"),
    _op("SYS_NICE", "mbind set_mempolicy get_mempolicy",
        "opening this call in the seccomp profile of the container runtime (most programs also run without the call)",
        certainty="possible"),
    _op("SYS_PTRACE", "userfaultfd", "handling page faults of the kernel"),
    _op("SYS_NICE", "setpriority", "raising a priority (a nice value below that of now)", errors="EACCES EPERM",
        words="nice renice"),
    _op("SYS_NICE", "sched_setscheduler sched_setparam sched_setattr",
        "real-time scheduling beyond RLIMIT_RTPRIO, or scheduling others", words="SCHED_FIFO SCHED_RR"),
    _op("SYS_NICE", "sched_setaffinity", "choosing the CPUs of a process of another user"),
    _op("SYS_NICE|SYS_ADMIN", "ioprio_set", "setting a real-time I/O priority", words="IOPRIO_CLASS_RT"),
    _op("SYS_RESOURCE", "setrlimit prlimit64", "raising a hard limit, or changing the limits of others",
        words="prlimit ulimit RLIMIT_NOFILE"),
    _op("SYS_RESOURCE", "write", "lowering an oom_score_adj", r"oom_score_adj>", errors="EACCES",
        words="oom_score_adj"),
    _op("SYS_RESOURCE", "fcntl", "growing a pipe beyond fs.pipe-max-size", "F_SETPIPE_SZ", words="F_SETPIPE_SZ"),
    _op("CHECKPOINT_RESTORE|SYS_ADMIN", "clone3", "choosing a process id", r"set_tid=\[", words="set_tid"),
    _op("CHECKPOINT_RESTORE|SYS_ADMIN", "write", "choosing the next process id", r"ns_last_pid>", words="ns_last_pid"),
    # mounts and namespaces
    _op("SYS_ADMIN",
        "mount umount umount2 pivot_root fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr statmount",
        "mounting and unmounting", words="MS_BIND"),
    _op("SYS_ADMIN", "unshare clone clone3", "making a new namespace",
        r"CLONE_NEW(?:NS|NET|PID|UTS|IPC|CGROUP|TIME)",
        words="CLONE_NEWNS CLONE_NEWNET CLONE_NEWPID CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWCGROUP"),
    _op("", "unshare clone clone3",
        "a user namespace needs no capability: a sysctl of the node, AppArmor or seccomp refused it", "CLONE_NEWUSER",
        errors="EPERM EACCES", words="CLONE_NEWUSER"),
    _op("SYS_ADMIN+SYS_CHROOT", "setns", "entering a mount namespace", r"CLONE_NEWNS|/mnt[>:]|mnt:\["),
    _op("SYS_ADMIN", "setns", "entering a namespace (a mount namespace: SYS_CHROOT, too)"),
    _op("SYS_ADMIN", "sethostname setdomainname", "changing the host name", certainty="certain"),
    _op("SYS_ADMIN", "swapon swapoff quotactl quotactl_fd lookup_dcookie", "setting up swap, quotas or profiling"),
    _op("SYS_ADMIN", "fanotify_init fanotify_mark", "watching whole file systems, and deciding on access"),
    _op("SYS_ADMIN", "ioctl", "typing into a terminal of others", "TIOCSTI|TIOCCONS", words="TIOCSTI"),
    _op("SYS_ADMIN", "madvise", "marking memory as broken", "MADV_(?:HWPOISON|SOFT_OFFLINE)", words="MADV_HWPOISON"),
    _op("SYS_ADMIN", "keyctl", "changing keys of another user", "KEYCTL_(?:CHOWN|SETPERM|SET_TIMEOUT)", errors="EACCES",
        words="KEYCTL_CHOWN KEYCTL_SETPERM"),
    _op("SETUID", "keyctl", "getting the keyring of another user", "KEYCTL_GET_PERSISTENT",
        words="KEYCTL_GET_PERSISTENT"),
    _op("", "keyctl add_key request_key", "the seccomp profile of container runtimes refuses keyrings",
        kind="setting"),
    _op("", "io_uring_setup io_uring_enter io_uring_register",
        "the seccomp profile of container runtimes, or kernel.io_uring_disabled, refuses io_uring",
        kind="setting"),
    # BPF and tracing
    _op("BPF|SYS_ADMIN", "bpf", "creating BPF maps", "BPF_MAP_CREATE|BPF_BTF_LOAD", words="BPF_MAP_CREATE"),
    _op("BPF+PERFMON|SYS_ADMIN", "bpf", "loading BPF programs that trace",
        r"BPF_PROG_LOAD[^\n]{0,20}prog_type=BPF_PROG_TYPE_(?:KPROBE|TRACEPOINT|PERF_EVENT|RAW_TRACEPOINT|TRACING|LSM)"),
    _op("BPF+NET_ADMIN|SYS_ADMIN", "bpf", "loading BPF programs for the network",
        r"BPF_PROG_LOAD[^\n]{0,20}prog_type=BPF_PROG_TYPE_(?:XDP|SCHED|SK_|SOCK_|CGROUP|LWT|FLOW|NETFILTER|STRUCT)"),
    _op("BPF|SYS_ADMIN", "bpf", "loading BPF programs", "BPF_PROG_LOAD", words="BPF_PROG_LOAD"),
    _op("SYS_ADMIN", "bpf", "listing BPF objects of others", "GET_NEXT_ID|GET_FD_BY_ID|TASK_FD_QUERY"),
    _op("BPF|SYS_ADMIN", "bpf", "using BPF", certainty="possible"),
    _op("PERFMON|SYS_ADMIN", "perf_event_open", "observing other processes or the kernel", errors="EACCES EPERM"),
    # the machine
    _op("SYS_TIME", "settimeofday clock_settime clock_settime64 stime adjtimex clock_adjtime clock_adjtime64",
        "setting the clock of the node", certainty="certain", words="ntp_adjtime"),
    _op("SYS_TIME", "ioctl", "setting the hardware clock", r"RTC_SET_TIME", errors="EPERM EACCES",
        words="RTC_SET_TIME"),
    _op("SYSLOG", "syslog", "reading the kernel log, and choosing what reaches the console", words="klogctl dmesg"),
    _op("SYS_BOOT", "reboot kexec_load kexec_file_load", "restarting the machine, or loading another kernel"),
    _op("SYS_MODULE", "init_module finit_module delete_module", "loading and unloading kernel modules",
        words="modprobe insmod rmmod"),
    _op("SYS_RAWIO", "iopl ioperm", "using I/O ports"),
    _op("SYS_PACCT", "acct", "switching process accounting"),
    _op("SYS_TTY_CONFIG", "vhangup", "hanging up the terminal"),
    _op("SYS_TTY_CONFIG", "ioctl", "configuring virtual consoles", r"\b(?:VT_|KD)[A-Z]", words="VT_ACTIVATE"),
    _op("WAKE_ALARM", "timerfd_create timer_create", "setting timers that wake the machine", "_ALARM",
        words="CLOCK_REALTIME_ALARM CLOCK_BOOTTIME_ALARM"),
    _op("BLOCK_SUSPEND", "epoll_ctl", "keeping the machine awake (the flag is ignored without)", "EPOLLWAKEUP",
        words="EPOLLWAKEUP"),
    _op("NET_ADMIN", "write", "changing the network's sysctls", r"/proc/sys/net/[^>]{0,80}>",
        words="net.ipv4.ip_forward"),
    _op("", "personality", "the seccomp profile of container runtimes refuses it", kind="setting"),
    # programs that do not start
    _op("", "execve execveat",
        "the program has file capabilities that the container lacks: add those that getcap names",
        kind="capability"),
    _op("", "execve execveat", "the file cannot be executed: its mode, its directory, or a volume without exec",
        errors="EACCES"),
    # any path
    _op("DAC_OVERRIDE|DAC_READ_SEARCH", "open openat openat2", "reading a file of another user against its mode",
        r"\bO_RDONLY\b(?!.{0,60}O_CREAT)", errors="EACCES", certainty="possible"),
    _op("DAC_OVERRIDE|DAC_READ_SEARCH",
        "stat lstat newfstatat statx stat64 lstat64 fstatat64 readlink readlinkat chdir fchdir getdents64",
        "searching a directory of another user against its mode", errors="EACCES", certainty="possible"),
    _op("DAC_OVERRIDE", _PATHS, "writing to a file or directory of another user against its mode", errors="EACCES",
        certainty="possible"),
    _op("", _PATHS, "the file system is read-only: readOnlyRootFilesystem, or the volume", errors="EROFS",
        certainty="certain", kind="setting"),
)
# fmt: on


def _index() -> dict[str, tuple[Operation, ...]]:
    rows: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        for name in (*operation.calls, *operation.words):
            rows.setdefault(name.lower(), []).append(operation)
    return {name: tuple(found) for name, found in rows.items()}


BY_CALL = _index()
"""Operations by the name of a system call or another word for the call, in lower case, the most specific first."""

SPELLED = {name.lower(): name for operation in OPERATIONS for name in (*operation.calls, *operation.words)}
"""The words of `BY_CALL` as they are written."""


def asked_for(capability: str) -> tuple[Operation, ...]:
    """The operations that need a capability (short name), also as one of several alternatives."""
    return tuple(item for item in OPERATIONS if any(capability in names for names in item.needs))
