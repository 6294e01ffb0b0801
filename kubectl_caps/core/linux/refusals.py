"""Lines in which the kernel refused something, for programs that have no row of their own in `symptoms.PROGRAMS`.

All of them hold the text of EPERM or EACCES. Which capability a system call needs was measured as uid 0 without
capabilities on kernel 6.18; those that could not be tried there are from capabilities(7).
"""

import re

from msgspec.structs import replace

from kubectl_caps.core.linux.symptoms import EACCES, EPERM, LOW, Certainty, Symptom, needs

HINT = re.compile(rf"{EPERM}|{EACCES}|EPERM|EACCES")
"""Without a match of this none of the rows here can match."""


def _other(program: str, pattern: str, note: str) -> Symptom:
    return replace(needs("", "likely", program, pattern, note), kind="other")


def _as_root(certainty: Certainty, program: str, pattern: str) -> Symptom:
    note = (
        "as root it meets files of another user, which needs DAC_OVERRIDE; "
        "files that belong to the user it runs as need nothing"
    )
    return replace(needs("DAC_OVERRIDE", certainty, program, pattern, note), root_only=True)


def _call(names: str, capability: str, certainty: Certainty = "likely", error: str = EPERM) -> Symptom:
    """A line that names a system call (or constant, or what programs call it) and then the error."""
    words = names.replace(" ", "|")
    pattern = rf"(?<![\w/.-])(?P<call>{words})(?![\w/.-])[^\n]{{0,100}}?{error}"
    return needs(capability, certainty, "", pattern, f"{{call}} needs {capability.replace(' ', ' and ')}")


def _program_with_capability(path: str, capability: str) -> Symptom:
    """A program whose image gives it a file capability: execve fails unless the bounding set has it."""
    pattern = rf"[\s\"`/]{path}[\"`]?(?: failed)?: (?:cannot execute: )?{EPERM}"
    note = f"the program has the file capability {capability}, and does not start without it"
    return needs(capability, "likely", path.rpartition("/")[2], pattern, note)


_FILES = (
    r"(?:cannot|can't) (?:open|create|read|remove|rename|move|stat|access|touch|list|opendir|write)|[Ff]ailed to open"
    r"|(?:open|mkdir|unlink|stat|rename|scandir|opendir|access|creat)(?:\(\))? \\?[\"']?/"
    r"|(?:cat|ls|find|cp|mv|rm|mkdir|touch|tail|head|sed|grep|sh|line \d{1,5}|could not open \w{1,20}): "
    r"|EACCES: permission denied, \w{1,20} |\[Errno 13\] Permission denied: |unix[: ]/?\S{1,200} "
)

# fmt: off
REFUSALS: tuple[Symptom, ...] = (
    _other("PostgreSQL", r"permission denied for (?:table|relation|schema|database|sequence|function|view|column|language"
           r"|tablespace|large object)\b", "the database refused its user: a GRANT is missing"),
    _other("ssh", r"Permission denied \((?:publickey|password|keyboard-interactive|gssapi)", "the login was refused"),
    _other("devices", rf"(?<![\w/])/dev/(?!shm/|mqueue/|std|fd/|pts/)[\w/-]{{1,80}}[\"']?[: (,]{{1,3}}[^\n]{{0,40}}?{EPERM}",
           "the container's device cgroup does not have this device: it needs a device plugin, not a capability"),
    # programs that do not start: their file capabilities are not in the bounding set
    _program_with_capability("ping6?", "NET_RAW"),
    _program_with_capability("coredns", "NET_BIND_SERVICE"),
    _program_with_capability("(?:usr/bin|bin)/caddy", "NET_BIND_SERVICE"),
    _program_with_capability("nginx-ingress-controller", "NET_BIND_SERVICE"),
    _program_with_capability("(?:usr/bin|usr/local/bin|bin)/vault", "IPC_LOCK"),
    needs("", "likely", "exec",
          rf"(?<![\w/])exec(?:: | container process | user process caused:? ?)?[^\n:]{{0,255}}?(?: failed)?:? ?\"?{EPERM}"
          rf"|(?:\b(?:ba|da|a|k|z)?sh|\.sh|dumb-init\]?):? (?:(?:line )?\d{{1,5}}: )?(?:exec: )?/[^\s:]{{1,255}}: "
          rf"(?:cannot execute: )?{EPERM}",
          "the program has file capabilities that the container lacks (getcap names them): add those"),
    # system calls
    _call("setresuid setreuid seteuid setuid setfsuid", "SETUID"),
    _call("setresgid setregid setegid setgid setgroups initgroups setfsgid", "SETGID"),
    _call("chown fchown lchown fchownat", "CHOWN"),
    _call("chmod fchmod fchmodat utimensat utime utimes", "FOWNER"),
    _call("chroot", "SYS_CHROOT"),
    _call("mlock mlock2 mlockall SHM_LOCK MAP_LOCKED MAP_HUGETLB", "IPC_LOCK"),
    _call("settimeofday clock_settime adjtimex clock_adjtime ntp_adjtime stime RTC_SET_TIME", "SYS_TIME"),
    _call("setrlimit prlimit prlimit64", "SYS_RESOURCE"),
    _call("sched_setscheduler sched_setparam sched_setattr ioprio_set mbind migrate_pages", "SYS_NICE", "possible"),
    _call("setpriority", "SYS_NICE", "possible", EACCES),
    _call("mknod mknodat", "MKNOD"),
    _call("ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd", "SYS_PTRACE"),
    _call("init_module finit_module delete_module modprobe insmod rmmod", "SYS_MODULE"),
    _call("iopl ioperm FIBMAP", "SYS_RAWIO"),
    _call("perf_event_open", "PERFMON", "likely", f"(?:{EPERM}|{EACCES})"),
    _call("bpf BPF_PROG_LOAD BPF_MAP_CREATE", "BPF", "possible"),
    _call("klogctl syslog", "SYSLOG", "possible"),
    _call("reboot kexec_load kexec_file_load", "SYS_BOOT", "possible"),
    _call("PR_CAPBSET_DROP PR_SET_SECUREBITS", "SETPCAP"),
    _call("AF_PACKET PF_PACKET SOCK_RAW", "NET_RAW"),
    _call("TUNSETIFF SO_MARK SO_RCVBUFFORCE SO_SNDBUFFORCE IP_TRANSPARENT TCP_REPAIR NETLINK_XFRM nfnetlink",
          "NET_ADMIN"),
    _call("open_by_handle_at", "DAC_READ_SEARCH"),
    _call("sethostname setdomainname unshare setns pivot_root fsopen fsmount move_mount mount_setattr umount2 swapon"
          " swapoff quotactl fanotify_init TIOCSTI CLONE_NEWNS CLONE_NEWNET CLONE_NEWPID", "SYS_ADMIN"),
    _call("mount umount", "SYS_ADMIN", "possible"),
    _call("kill tgkill pidfd_send_signal", "KILL", "possible"),
    _call("acct", "SYS_PACCT", "possible"),
    _call("vhangup VT_ACTIVATE", "SYS_TTY_CONFIG"),
    _call("F_SETLEASE", "LEASE", "likely", EACCES),
    needs("NET_BIND_SERVICE", "likely", "",
          rf"(?i:(?<![\w/.-])(?:bind|binding|listen)(?![\w.-])[^\n/]{{0,80}}?(?<=[\w.\]*:]){LOW}[^\n]{{0,80}}?{EACCES})",
          "listening on a port below 1024 needs NET_BIND_SERVICE"),
    needs("NET_BIND_SERVICE", "possible", "", rf"(?<![\w/.-])[Bb]ind(?:\(\))?: {EACCES}",
          "listening on a port below 1024 needs NET_BIND_SERVICE; which port it was is not told"),
    # files: as root only
    _as_root("likely", "files", rf"(?:{_FILES})[^\n]{{0,300}}?{EACCES}|(?:{_FILES.rpartition('|EACCES')[2]})"),
    replace(needs("", "possible", "", f"{EPERM}|{EACCES}",
                  "a permission was denied; which capability cannot be told from the line, nor whether it is one"),
            kind="other"),
)
# fmt: on
