"""Lines in which the kernel refused something, for programs that have no row of their own in `symptoms.PROGRAMS`.

All of them hold the text of EPERM or EACCES. Which capability a system call needs was measured as uid 0 without
capabilities on kernel 6.18; those that could not be tried there are from capabilities(7).
"""

import re

from msgspec.structs import replace

from kubectl_caps.core.linux.symptoms import EACCES, EPERM, LOW, Certainty, Symptom, elsewhere, needs

HINT = re.compile(rf"{EPERM}|{EACCES}")
"""Without a match of this none of the rows here can match."""


def _call(names: str, capability: str, certainty: Certainty = "likely", error: str = EPERM) -> Symptom:
    """A line that names a system call, or what programs call it, before the error (Node.js: just after it)."""
    words = names.replace(" ", "|")
    pattern = rf"(?<![\w/.-])(?:{words})(?![\w/.-])[^\n]{{0,100}}?{error}|{error}, (?:{words})\b"
    return needs(capability, certainty, "", pattern, f"{names.split()[0]} and its like need {capability}")


def _program(name: str, capability: str) -> Symptom:
    """A program that has a file capability in its image: execve fails unless the bounding set has it."""
    pattern = rf"(?:/|\"|sh: (?:\d{{1,5}}: )?){name}[\"`]?(?: failed)?: (?:cannot execute: )?{EPERM}"
    note = f"the program has the file capability {capability}, and does not start without it"
    return replace(needs(capability, "likely", name, pattern, note), users="any")


def _exec(pattern: str, certainty: Certainty = "likely") -> Symptom:
    note = "the program has file capabilities that the container lacks: add those that getcap names"
    return replace(needs("", certainty, "exec", pattern, note), users="any")


def _file(pattern: str) -> Symptom:
    note = "as root it meets files of another user, which needs DAC_OVERRIDE; its own files need nothing"
    return replace(needs("DAC_OVERRIDE", "likely", "files", pattern, note), users="root")


_OPENS = (
    r"(?:cannot|can't) (?:open|create|read|remove|rename|move|stat|access|touch|list|opendir|write)"
    r"|(?:open|mkdir|unlink|stat|rename|scandir|opendir|access|creat)(?:\(\))? \\?[\"']?/"
    r"|(?:cat|ls|find|cp|mv|rm|mkdir|touch|tail|head|sed|grep): |[Ff]ailed to open|unix[: ]/"
)

# fmt: off
REFUSALS: tuple[Symptom, ...] = (
    # not the kernel
    elsewhere("other", "PostgreSQL",
              r"permission denied for (?:table|relation|schema|database|sequence|function|view|column)\b",
              "the database refused its user: a GRANT is missing"),
    elsewhere("other", "ssh", r"Permission denied \((?:publickey|password|keyboard-interactive|gssapi)",
              "the login was refused"),
    # programs that do not start
    elsewhere("other", "exec", rf"(?<![\w/])exec:? [^\n:]{{1,120}}:? {EACCES}",
              "the file cannot be executed: its mode, or a volume without exec", "likely"),
    _program("ping", "NET_RAW"),
    _program("coredns", "NET_BIND_SERVICE"),
    _program("caddy", "NET_BIND_SERVICE"),
    _program("nginx-ingress-controller", "NET_BIND_SERVICE"),
    _program("vault", "IPC_LOCK"),
    _exec(rf"(?<![\w/])exec:? [^\n:]{{1,120}}:? \"?{EPERM}"),
    _exec(rf"(?:sh:|dumb-init\]) (?:(?:line )?\d{{1,5}}: )?(?:exec: )?/[^\s:]{{1,255}}: (?:cannot execute: )?{EPERM}"),
    replace(_exec(rf"fork/exec \S{{1,255}}: {EPERM}", "possible"),
            note="the program has file capabilities that the container lacks, or is to become another user (SETUID)"),
    # system calls
    _call("setuid setresuid setreuid seteuid setfsuid", "SETUID"),
    _call("setgid setresgid setregid setegid setgroups initgroups setfsgid", "SETGID"),
    _call("chown fchown lchown fchownat", "CHOWN"),
    _call("chmod fchmod fchmodat utimensat utime utimes futime", "FOWNER"),
    _call("chroot", "SYS_CHROOT"),
    _call("mlock mlock2 mlockall SHM_LOCK MAP_LOCKED MAP_HUGETLB", "IPC_LOCK"),
    _call("settimeofday clock_settime adjtimex clock_adjtime ntp_adjtime stime", "SYS_TIME"),
    _call("setrlimit prlimit prlimit64", "SYS_RESOURCE"),
    _call("sched_setscheduler sched_setparam sched_setattr ioprio_set migrate_pages", "SYS_NICE", "possible"),
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
    # files and devices
    elsewhere("other", "devices",
              rf"(?<![\w/])/dev/(?!shm/|mqueue/|std|fd/|pts/)[\w/-]{{1,80}}[\"']?[: (,][^\n]{{0,40}}?{EPERM}",
              "the container's device cgroup does not have this device: it needs a device plugin, not a capability",
              "likely"),
    _file(rf"(?:{_OPENS})[^\n]{{0,120}}?{EACCES}"),
    _file(r"EACCES: permission denied, \w{1,20} '|\[Errno 13\] Permission denied: '"),
    # ports
    elsewhere("other", "ports",
              r"(?:listen (?:tcp|udp)[46]?|bind\(\) to|EACCES: permission denied) [^\s/]{0,255}:[1-9]\d{3,4}(?!\d)",
              "a port from 1024 on needs no capability: SELinux or another policy refused it", "likely"),
    needs("NET_BIND_SERVICE", "likely", "",
          rf"(?<![\w/.-])(?:[Bb]ind|[Bb]inding|[Ll]isten)(?![\w.-])[^\n/]{{0,80}}?{LOW}[^\n]{{0,80}}?{EACCES}",
          "listening on a port below 1024 needs NET_BIND_SERVICE"),
    needs("NET_BIND_SERVICE", "possible", "", rf"(?<![\w/.-])[Bb]ind(?:\(\)| socket| failed)?: {EACCES}",
          "listening on a port below 1024 needs NET_BIND_SERVICE; which port it was is not told"),
    elsewhere("other", "", f"{EPERM}|{EACCES}",
              "a permission was denied; which capability cannot be told from the line", "possible"),
)
# fmt: on
