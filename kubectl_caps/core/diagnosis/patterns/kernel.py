"""Lines about refusals of the kernel, for programs that have no row in servers.py or tools.py.

Each line holds the text of EPERM or EACCES, or names a capability. The capability of each system call was measured as
uid 0 without capabilities on kernel 6.18. Calls that could not be tried there are from capabilities(7).
"""

import re

from msgspec.structs import replace

from kubectl_caps.core.diagnosis.patterns.pattern import (
    DESCRIBE,
    EACCES,
    EPERM,
    INSPECT,
    LOW,
    MOUNTS,
    SECCOMP,
    TRACE,
    Certainty,
    LogPattern,
    needs,
    not_a_capability,
)
from kubectl_caps.core.linux.capabilities import BY_NAME

HINT = re.compile(rf"{EPERM}|{EACCES}|spawn (?:\S{{1,255}} )?E(?:PERM|ACCES)|\bE(?:PERM|ACCES)\b|AccessDeniedException")
"""Only a line that matches this pattern can match `REFUSALS`."""

_GETCAP = "kubectl run getcap -n NAMESPACE --rm -it --restart=Never --image=IMAGE --command -- getcap -r /"
_EITHER = f"(?:{EPERM}|{EACCES})"


def _call(names: str, capability: str, certainty: Certainty = "likely", error: str = EPERM) -> LogPattern:
    """A line that names a system call, or another word for the call, before the error (Node.js: just after it)."""
    words = names.replace(" ", "|")
    pattern = rf"(?<![\w/.-])(?:{words})(?![\w/.-])[^\n]{{0,160}}?{error}|{error}, (?:{words})\b"
    row = needs(capability, certainty, "", pattern, f"{names.split()[0]} and its like need {capability}")
    return replace(row, words=frozenset(re.findall(r"\w+", names)))


_RUNS = (
    r"(?:/|[\"'‘]|sh: (?:\d{1,5}: )?|dumb-init\] |exec |failed to execute |xargs: |[Ss]pawn )"
    r"(?:[\w/.-]{0,200}/)?"
)
_STARTS = r"(?:env|nohup|timeout|nice|setpriv|xargs|chroot|ionice|chrt|stdbuf|su-exec|gosu)"


def _program(name: str, capability: str) -> LogPattern:
    """A program that has a file capability in its image. Its execve fails if the bounding set lacks the capability."""
    pattern = rf"{_RUNS}{name}[\"`'’]?(?: failed)?: (?:cannot execute: )?{EPERM}"
    note = f"the program has the file capability {capability}, and does not start without it"
    return replace(needs(capability, "likely", name, pattern, note), users="any")


def _exec(pattern: str, certainty: Certainty = "likely") -> LogPattern:
    note = "the program has file capabilities that the container lacks: add those that getcap names"
    return replace(needs("", certainty, "exec", pattern, note), users="any", next_command=_GETCAP)


def _file(pattern: str) -> LogPattern:
    note = "as root it meets files of another user, which needs DAC_OVERRIDE; its own files need nothing"
    return replace(needs("DAC_OVERRIDE", "likely", "files", pattern, note), users="root")


_OPENS = (
    r"(?:[Cc]annot|[Cc]an't|[Cc]ould not|[Ff]ailed to|[Uu]nable to) "
    r"(?:open(?! (?:\w{1,20} ){0,2}(?:socket|port|connection|interface|device|terminal)\b)|create(?! "
          r"symbolic)|read(?! kernel)|remove|rename|move|stat|access|touch|list|opendir|write|lock)\b"
    r"|(?:open|mkdir|unlink|stat|rename|scandir|opendir|access|creat)(?:\(\))? \\?[\"']?/"
    r"|\b(?:cat|ls|find|cp|mv|rm|ln|tee|dd|mkdir|touch|tail|head|sed|grep): |unix[: ]/"
    r"|\b[Bb]ind\b[^\n]{0,60}?[\s\"'(]/|Error checking file|[Ee]rrors? reading|fopen:|BIO_new_file:"
)

# fmt: off
_NAME = rf"\bCAP_(?P<capability>{'|'.join(BY_NAME)})\b"
_WANTED = r"(?:is )?(?:not (?:present|set|held|granted|available|permitted)|missing|required|needed)"
_WANTS = r"(?i:missing|lacks?|requires?|needs?|without|no) (?:the |required |linux )?(?:capability |capabilities )?"
NAMED: tuple[LogPattern, ...] = (
    needs("", "certain", "", rf"{_NAME}[\"'`]? {_WANTED}", "the line names the missing capability"),
    needs("", "likely", "", rf"{_WANTS}[\"'`]?{_NAME}", "the line names the missing capability"),
)

REFUSALS: tuple[LogPattern, ...] = (
    # programs that do not start
    not_a_capability("other", "exec",
              rf"cannot execute: {EACCES}|"
              rf"(?<![\w/])exec:? [^\n:]{{1,120}}:? \"?{EACCES}|spawn(?:Sync)? (?:\S{{1,255}} )?EACCES",
              "the file cannot be executed: its mode, or a volume without exec", MOUNTS, "likely"),
    _program("ping", "NET_RAW"),
    _program("fping", "NET_RAW"),
    _program("arping", "NET_RAW"),
    _program("coredns", "NET_BIND_SERVICE"),
    _program("caddy", "NET_BIND_SERVICE"),
    _program("nginx-ingress-controller", "NET_BIND_SERVICE"),
    _program("vault", "IPC_LOCK"),
    _exec(rf"(?<![\w/])exec:? [^\n:]{{1,120}}:? \"?{EPERM}"),
    _exec(rf"(?:sh:|dumb-init\]) (?:(?:line )?\d{{1,5}}: )?(?:exec: )?/[^\s:]{{1,255}}: (?:cannot execute: )?{EPERM}"
          rf"|dumb-init\] [^\s:]{{1,255}}: {EPERM}"),
    _exec(rf"\b{_STARTS}: (?:failed to (?:run command|execute) )?['‘]?[\w./-]{{1,255}}['’]?: {EPERM}"),
    replace(_exec(rf"fork/exec \S{{1,255}}: {EPERM}|spawn(?:Sync)? (?:\S{{1,255}} )?EPERM", "possible"),
            note="the program has file capabilities that the container lacks, or is to become another user (SETUID)"),
    # system calls
    _call("setuid setresuid setreuid seteuid setfsuid posix_setuid posix_seteuid", "SETUID"),
    _call("setgid setresgid setregid setegid setgroups initgroups setfsgid posix_setgid posix_setegid posix_initgroups",
          "SETGID"),
    _call("chown fchown lchown fchownat", "CHOWN"),
    _call("chmod fchmod fchmodat utimensat utime utimes futime chtimes O_NOATIME unlink unlinkat", "FOWNER"),
    _call("chroot", "SYS_CHROOT"),
    _call("mlock mlock2 mlockall SHM_LOCK MAP_LOCKED MAP_HUGETLB MFD_HUGETLB SHM_HUGETLB", "IPC_LOCK"),
    _call("settimeofday clock_settime adjtimex clock_adjtime ntp_adjtime stime RTC_SET_TIME", "SYS_TIME"),
    _call("setrlimit prlimit prlimit64 F_SETPIPE_SZ PR_SET_MM", "SYS_RESOURCE"),
    needs("SYS_RESOURCE", "likely", "", rf"\boom_score_adj\b[^\n]{{0,80}}?{_EITHER}",
          "lowering an oom_score_adj needs SYS_RESOURCE"),
    _call("sched_setscheduler sched_setparam sched_setattr ioprio_set", "SYS_NICE", "possible"),
    _call("setpriority uv_os_setpriority", "SYS_NICE", "likely", _EITHER),
    _call("mknod mknodat", "MKNOD"),
    _call("ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd userfaultfd migrate_pages move_pages",
          "SYS_PTRACE"),
    needs("SYS_PTRACE", "likely", "",
          rf"/proc/\d{{1,10}}/(?:fd|exe|root|cwd|environ|maps|mem|ns|smaps)\b[^\n]{{0,80}}?{EACCES}",
          "looking into a process of another user, or with more capabilities, needs SYS_PTRACE"),
    _call("init_module finit_module delete_module modprobe insmod rmmod", "SYS_MODULE"),
    _call("iopl ioperm FIBMAP SG_IO", "SYS_RAWIO"),
    _call("perf_event_open", "PERFMON", "likely", _EITHER),
    _call("bpf BPF_PROG_LOAD BPF_MAP_CREATE", "BPF", "possible"),
    _call("klogctl syslog", "SYSLOG", "possible"),
    _call("reboot kexec_load kexec_file_load", "SYS_BOOT", "possible"),
    _call("PR_CAPBSET_DROP PR_SET_SECUREBITS", "SETPCAP"),
    replace(_call("capset cap_set_proc", "SETPCAP"), capabilities=(), next_command=INSPECT,
            note="it sets its own capabilities, and some of them are missing"),
    _call("AF_PACKET PF_PACKET SOCK_RAW SOCK_PACKET SO_BINDTODEVICE IPV6_HOPOPTS", "NET_RAW"),
    _call("TUNSETIFF SO_MARK SO_PRIORITY SO_RCVBUFFORCE SO_SNDBUFFORCE SO_DEBUG IP_TRANSPARENT TCP_REPAIR NETLINK_XFRM"
          " nfnetlink rtnetlink", "NET_ADMIN", "likely", _EITHER),
    _call("open_by_handle_at", "DAC_READ_SEARCH"),
    _call("shmget msgget semget shmat", "IPC_OWNER", "likely", EACCES),
    _call("timerfd_create timer_create CLOCK_REALTIME_ALARM", "WAKE_ALARM", "possible"),
    _call("FS_IOC_SETFLAGS EXT2_IOC_SETFLAGS", "LINUX_IMMUTABLE"),
    _call("security.capability", "SETFCAP"),
    needs("CHECKPOINT_RESTORE", "likely", "", rf"\b(?:ns_last_pid|set_tid)\b[^\n]{{0,80}}?{EPERM}",
          "choosing a process id needs CHECKPOINT_RESTORE"),
    _call("NETLINK_AUDIT audit_log_user_message audit_log_acct_message", "AUDIT_WRITE"),
    _call("audit_set_enabled audit_set_pid audit_add_rule_data loginuid", "AUDIT_CONTROL"),
    _call("AUDIT_NLGRP_READLOG", "AUDIT_READ"),
    not_a_capability("setting", "seccomp",
              rf"(?<![\w/.-])(?:keyctl|add_key|request_key|io_uring_setup|personality)\b[^\n]{{0,100}}?{EPERM}",
              "the seccomp profile of container runtimes refuses this call; no capability opens it",
              SECCOMP, "likely"),
    _call("sethostname setdomainname unshare setns pivot_root fsopen fsmount move_mount mount_setattr umount2 swapon"
          " swapoff quotactl fanotify_init TIOCSTI CLONE_NEWNS CLONE_NEWNET CLONE_NEWPID shmctl msgctl semctl setxattr"
          " lookup_dcookie", "SYS_ADMIN"),
    _call("mount umount", "SYS_ADMIN"),
    _call("kill tkill tgkill pidfd_send_signal", "KILL"),
    _call("acct", "SYS_PACCT", "possible"),
    _call("vhangup VT_ACTIVATE", "SYS_TTY_CONFIG"),
    _call("F_SETLEASE", "LEASE", "likely", EACCES),
    # files and devices
    not_a_capability("other", "devices",
              rf"(?<![\w/])/dev/(?!shm/|mqueue/|std|fd/|pts/)[\w/-]{{1,80}}[\"']?[: (,][^\n]{{0,40}}?{EPERM}"
              rf"|{EPERM} while trying to open /dev/",
              "the container's device cgroup does not have this device: it needs a device plugin, not a capability",
              DESCRIBE, "likely"),
    _file(rf"(?:{_OPENS})[^\n]{{0,120}}?{EACCES}"),
    _file(r"EACCES: permission denied, \w{1,20} '|\[Errno 13\] Permission denied: '|AccessDeniedException: /"
          rf"|FileNotFoundException: /[^\n]{{1,1024}} \({EACCES}\)|{EACCES} @ rb_sysopen"),
    # ports
    not_a_capability("other", "ports",
              r"(?:listen (?:tcp|udp)[46]?|bind\(\) to|EACCES: permission denied) (?:[^\s/]{0,255}:|port "
          r")[1-9]\d{3,4}(?!\d)",
              "a port from 1024 on needs no capability: SELinux or another policy refused it", DESCRIBE, "likely"),
    needs("NET_BIND_SERVICE", "likely", "",
          rf"(?<![\w/.-])(?:[Bb]ind|[Bb]inding|[Ll]isten)(?![\w.-])[^\n/]{{0,80}}?{LOW}[^\n]{{0,80}}?{EACCES}",
          "listening on a port below 1024 needs NET_BIND_SERVICE"),
    needs("NET_BIND_SERVICE", "possible", "",
          rf"(?<![\w/.-])(?:[Bb]ind|cannot listen)(?:\(\))?(?: socket)?(?: failed)?: {EACCES}",
          "listening on a port below 1024 needs NET_BIND_SERVICE; the line does not name the port"),
)
# fmt: on

UNTOLD = not_a_capability(
    "other",
    "",
    _EITHER,
    "a permission was denied; the line does not show which capability is missing",
    TRACE,
    "possible",
)
"""The pattern of last resort, if no other pattern matches."""
