"""What programs print when the kernel refuses them: a table from the text of one line to the capability behind it.

The lines are from programs that ran without capabilities (Debian 12, kernel 6.18), from their sources, or from issues
of their projects; tests/core/test_diagnosis.py holds one of each. `program` says whose words they are.

Patterns see hostile text. Every repetition of anything is bounded, so that a line costs time in proportion to its
length.
"""

import re
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Certainty = Literal["certain", "likely", "possible"]
Kind = Literal["capability", "setting", "other"]


class Symptom(Struct, frozen=True):
    """A text that says what is missing. A group named `capability` in the pattern stands for `capabilities`.

    `users` says for whom: `root` where others meet file permissions instead, `any` where an added capability works
    for every user; usually it works for root, and for others only in a program that has file capabilities.
    """

    pattern: re.Pattern[str]
    program: str
    capabilities: tuple[str, ...]
    certainty: Certainty
    note: str
    kind: Kind = "capability"
    users: Literal["root", "usual", "any"] = "usual"


def needs(capabilities: str, certainty: Certainty, program: str, pattern: str, note: str) -> Symptom:
    """A symptom of missing capabilities (short names in one text)."""
    return Symptom(re.compile(pattern), program, tuple(capabilities.split()), certainty, note)


def elsewhere(
    kind: Literal["setting", "other"], program: str, pattern: str, note: str, certainty: Certainty = "certain"
) -> Symptom:
    """A symptom of something that no capability mends."""
    return Symptom(re.compile(pattern), program, (), certainty, note, kind)


EPERM = r"[Oo]peration not permitted"
EACCES = r"[Pp]ermission denied"
LOW = r":(?:\d{1,3}|10[01]\d|102[0-3])(?!\d)"
"""A port below 1024, which is where `net.ipv4.ip_unprivileged_port_start` is unless somebody changed it."""

_PORT = (
    "listening on a port below 1024 needs NET_BIND_SERVICE; "
    "a higher port or the sysctl net.ipv4.ip_unprivileged_port_start needs nothing"
)
_PING = "a raw socket needs NET_RAW; ping alone also works with the sysctl net.ipv4.ping_group_range"
_GROUP = "taking on the group of another user needs SETGID, and SETUID comes next"
_USER = "becoming another user needs SETUID"
_OWNER = "giving a file to another user or group needs CHOWN; so does no volume that has the right owner already"
_NICE = "real-time scheduling and higher priority need SYS_NICE"
_NET = "configuring the pod's network needs NET_ADMIN"
_LIMIT = "raising a hard resource limit needs SYS_RESOURCE; many programs go on without"
_ADMIN = "mounting, and creating or entering namespaces, needs SYS_ADMIN"
_CLOCK = "setting the clock of the node needs SYS_TIME"

# fmt: off
PROGRAMS: tuple[Symptom, ...] = (
    # web servers and proxies
    needs("NET_BIND_SERVICE", "certain", "nginx", rf"bind\(\) to [^\s/]{{0,255}}{LOW} failed \(13: ", _PORT),
    needs("CHOWN", "likely", "nginx", r'chown\(\\?"[^"]{1,400}", \d+\) failed \(1: ', _OWNER),
    needs("SETGID", "certain", "nginx", r"(?:setgid|initgroups)\([^)]{1,80}\) failed \(1: ", _GROUP),
    needs("SETUID", "certain", "nginx", r"setuid\(\d+\) failed \(1: ", _USER),
    needs("SETGID SETUID", "likely", "nginx", r"worker process \d+ exited with fatal code 2 and cannot be respawned",
          "its workers become another user, which needs SETGID and SETUID; the master keeps the port open regardless"),
    needs("SYS_RESOURCE", "possible", "nginx", r"setrlimit\(RLIMIT_NOFILE, \d+\) failed \(1: ", _LIMIT),
    elsewhere("other", "nginx", r"sched_setaffinity\(\) failed", "the cpuset of the container lacks that CPU"),
    needs("NET_BIND_SERVICE", "certain", "Apache httpd",
          rf"\(13\)Permission denied: AH00072: make_sock: could not bind to address \S{{0,255}}{LOW}", _PORT),
    needs("SETGID", "certain", "Apache httpd", r"\(1\)[^:]{1,60}: AH021(?:56: setgid|57: initgroups): unable", _GROUP),
    needs("SETUID", "certain", "Apache httpd", r"\(1\)[^:]{1,60}: AH02162: setuid: unable to change", _USER),
    needs("NET_BIND_SERVICE", "likely", "HAProxy", r"cannot bind socket \(Permission denied\)", _PORT),
    needs("SETGID", "likely", "HAProxy", r"\.main\(\)\] Cannot set gid", _GROUP),
    needs("SETUID", "likely", "HAProxy", r"\.main\(\)\] Cannot (?:switch|set) uid", _USER),
    needs("SYS_CHROOT", "likely", "HAProxy", r"\.main\(\)\] Cannot chroot", "its chroot setting needs SYS_CHROOT"),
    needs("NET_ADMIN", "likely", "HAProxy", r"Some configuration options require full privileges",
          "a transparent proxy needs NET_ADMIN or NET_RAW"),
    # languages: whoever listens
    needs("NET_BIND_SERVICE", "certain", "Go",
          rf"listen (?:tcp|udp)[46]? [^\s/]{{0,255}}{LOW}: bind: permission denied", _PORT),
    needs("NET_RAW", "certain", "Go", r"listen ip[46]?:[\w-]{1,40} \S{0,255}: socket: operation not permitted", _PING),
    needs("NET_BIND_SERVICE", "certain", "Node.js",
          rf"listen EACCES(?:: permission denied)? [^\s/]{{0,255}}{LOW}", _PORT),
    needs("NET_BIND_SERVICE", "likely", "Java", r"java\.net\.BindException: Permission denied", _PORT),
    needs("NET_BIND_SERVICE", "certain", "Redis",
          rf"listening socket \S{{0,255}}{LOW}: bind: Permission denied", _PORT),
    # programs that change their user
    needs("SETGID SETUID", "certain", "gosu", r"failed switching to \S{1,80}: operation not permitted",
          "becoming another user needs SETUID and SETGID; runAsUser with that user needs neither"),
    needs("SETGID", "certain", "su-exec", rf"su-exec: set(?:groups|gid)(?:\(\d+\))?: {EPERM}", _GROUP),
    needs("SETUID", "certain", "su-exec", rf"su-exec: setuid(?:\(\d+\))?: {EPERM}", _USER),
    needs("SETGID", "certain", "s6", rf"s6-\w{{1,40}}: fatal: unable to set(?: supplementary group list|gid): {EPERM}",
          _GROUP),
    needs("SETUID", "certain", "s6", rf"s6-\w{{1,40}}: fatal: unable to setuid: {EPERM}", _USER),
    needs("SETGID", "certain", "su, runuser", rf"(?:cannot|can't) set groups: {EPERM}", _GROUP),
    needs("SETUID", "certain", "su, runuser", rf"(?:cannot set user id|su: setuid): {EPERM}", _USER),
    needs("SETGID", "certain", "setpriv", rf"setpriv: set(?:groups|resgid) failed: {EPERM}", _GROUP),
    needs("SETUID", "certain", "setpriv", rf"setpriv: setresuid failed: {EPERM}", _USER),
    needs("SETGID", "certain", "apt", r"set(?:groups|egid) \d+ failed - set(?:groups|egid) \(1: ", _GROUP),
    needs("SETUID", "certain", "apt", r"seteuid \d+ failed - seteuid \(1: ", _USER),
    # files
    needs("CHOWN", "likely", "chown", rf"(?:chown|chgrp): [^\n]{{1,300}}: {EPERM}", _OWNER),
    needs("CHOWN", "likely", "cp, install, tar",
          rf"(?:preserve|[Cc]annot change) ownership [^\n]{{1,300}}: {EPERM}", _OWNER),
    needs("FOWNER", "likely", "chmod", rf"chmod: [^\n]{{1,300}}: {EPERM}",
          "changing the mode of a file of another user needs FOWNER"),
    needs("FOWNER", "possible", "PostgreSQL", rf'could not change permissions of directory "[^"]{{1,300}}": {EPERM}',
          "its data belong to another user: give it the volume (fsGroup, an init container), or FOWNER if it is root"),
    needs("FOWNER", "likely", "rm, touch", rf"(?:cannot remove|setting times of) [^\n]{{1,300}}: {EPERM}",
          "changing a file of another user needs FOWNER"),
    needs("MKNOD", "certain", "mknod", rf"mknod: [^\n]{{1,300}}: {EPERM}", "creating a device node needs MKNOD"),
    needs("LINUX_IMMUTABLE", "certain", "chattr", rf"chattr: {EPERM} while setting flags",
          "immutable and append-only flags need LINUX_IMMUTABLE"),
    needs("SETFCAP", "certain", "setcap", r"unable to set CAP_SETFCAP effective capability",
          "writing file capabilities needs SETFCAP"),
    needs("SETFCAP", "likely", "image builders",
          rf'failed to write "security\.capability" attribute [^\n]{{0,300}}: {EPERM}',
          "unpacking files that have capabilities needs SETFCAP"),
    # network
    needs("NET_RAW", "certain", "ping", rf"(?:ping6?|traceroute6?|arping|udhcpc6?): socket: {EPERM}", _PING),
    needs("NET_RAW", "certain", "ping", r"missing cap_net_raw\+p capability or setuid\?", _PING),
    needs("NET_RAW", "certain", "ping", r"ping6?: permission denied \(are you root\?\)", _PING),
    needs("NET_RAW", "certain", "tcpdump", r"You don't have permission to (?:perform this )?capture",
          "capturing packets needs NET_RAW, and NET_ADMIN for promiscuous mode"),
    needs("NET_ADMIN", "certain", "ip, tc", rf"RTNETLINK answers: {EPERM}", _NET),
    needs("NET_ADMIN", "certain", "ifconfig, route", rf"SIOC[A-Z]{{1,20}}: (?:{EPERM}|{EACCES})", _NET),
    needs("NET_ADMIN NET_RAW", "certain", "iptables (legacy)",
          r"can't initialize ip6?tables table [^\n]{1,40}: Permission denied",
          "the firewall needs NET_ADMIN and NET_RAW"),
    needs("NET_ADMIN", "certain", "iptables, nft", rf"(?:{EACCES}|{EPERM}) \(you must be root\)", _NET),
    needs("NET_ADMIN", "certain", "OpenVPN", rf"Cannot ioctl TUNSETIFF [^\n]{{0,60}}{EPERM}",
          "a tunnel interface needs NET_ADMIN, and the device /dev/net/tun"),
    needs("NET_ADMIN", "certain", "sysctl", rf"sysctl: (?:error )?setting key [\"']net\.[^\"']{{1,100}}[\"']: {EPERM}",
          "writing net.* sysctls needs NET_ADMIN; securityContext.sysctls of the pod needs nothing"),
    needs("", "certain", "dnsmasq, Pi-hole",
          r"process is missing required capability (?P<capability>NET_ADMIN|NET_RAW|NET_BIND_SERVICE)\b",
          "names the capability that it wants"),
    needs("NET_BIND_SERVICE", "certain", "dnsmasq",
          r"failed to create listening socket for (?:port )?\S{1,80}: Permission denied", _PORT),
    needs("NET_ADMIN", "likely", "Pi-hole", r"DHCP requested but NET_ADMIN is not available",
          "its DHCP server needs NET_ADMIN"),
    # servers that confine themselves
    needs("NET_BIND_SERVICE SETGID SETUID SYS_CHROOT", "likely", "BIND named",
          r"capset failed: Operation not permitted: please ensure that the capset kernel module",
          "it keeps a set of its own, of which some are missing"),
    needs("SYS_CHROOT", "certain", "sshd", r'chroot\("[^"]{1,300}"\): Operation not permitted \[preauth\]',
          "its privilege separation needs SYS_CHROOT"),
    needs("AUDIT_WRITE", "certain", "sshd", rf"linux_audit_write_entry failed: {EPERM}",
          "recording a login with a terminal needs AUDIT_WRITE"),
    needs("NET_BIND_SERVICE", "certain", "sshd", rf"Bind to port \d{{1,4}} on \S{{1,80}} failed: {EACCES}", _PORT),
    needs("SYS_CHROOT", "certain", "PowerDNS", r"Unable to chroot to '[^']{1,300}': Operation not permitted",
          "its chroot setting needs SYS_CHROOT"),
    needs("SYS_CHROOT", "certain", "chroot",
          rf"(?:cannot|can't) change root directory to [^\n]{{1,300}}: {EPERM}", "chroot needs SYS_CHROOT"),
    # clock, priority, memory, limits
    needs("SYS_TIME", "certain", "chronyd", rf"adjtimex\(0x[0-9a-f]{{1,8}}\) failed ?: {EPERM}",
          f"{_CLOCK}; chronyd -x serves time without touching it"),
    needs("NET_BIND_SERVICE", "likely", "chronyd", r"Could not open NTP socket on \S{1,80}:123\b", _PORT),
    needs("SYS_TIME", "certain", "date", rf"(?:cannot|can't) set date: {EPERM}", _CLOCK),
    replace(needs("SYS_NICE", "possible", "MySQL, numactl", rf"(?:mbind|set_mempolicy): {EPERM}",
                  "SYS_NICE would open this call in the seccomp profile; without it the program runs as well"),
            users="any"),
    needs("SYS_NICE", "likely", "nice",
          r"(?:cannot set niceness|failed to set priority [^\n]{1,80}): Permission denied", _NICE),
    needs("SYS_NICE", "certain", "chrt, ionice",
          rf"(?:failed to set pid \d+'s policy|ioprio_set failed|failed to set pid \d+'s affinity): {EPERM}", _NICE),
    needs("IPC_LOCK", "likely", "Vault", rf"[Ff]ailed to lock memory: (?:cannot allocate memory|{EPERM})",
          "locking memory needs IPC_LOCK; disable_mlock needs nothing"),
    elsewhere("other", "Elasticsearch", r"Unable to lock JVM Memory: error=12|memory is not locked",
              "the memlock limit of the node is too low; IPC_LOCK does not help a JVM that is not root"),
    needs("SYS_RESOURCE", "likely", "prlimit, ulimit",
          rf"(?:set the \w{{1,20}} resource limit|cannot modify limit|error setting limit)[: (]{{1,2}}{EPERM}",
          _LIMIT),
    # mounts, namespaces, other processes, the kernel
    needs("SYS_ADMIN", "likely", "mount",
          r"mount: (?:[^\n:]{1,300}: )?permission denied(?:\.| \(are you root\?\))", _ADMIN),
    needs("SYS_ADMIN", "certain", "umount", r"umount: [^\n]{1,300}: must be superuser to unmount", _ADMIN),
    needs("SYS_ADMIN", "likely", "FUSE", rf"fusermount3?: mount failed: {EPERM}",
          "mounting needs SYS_ADMIN, and the device /dev/fuse from a device plugin"),
    needs("SYS_ADMIN", "certain", "unshare", rf"unshare: unshare failed: {EPERM}", _ADMIN),
    needs("SYS_PTRACE", "likely", "nsenter", rf"nsenter: cannot open /proc/\d+/ns/\w{{1,20}}: {EACCES}",
          "entering the namespaces of another process needs SYS_PTRACE, then SYS_ADMIN"),
    needs("SYS_ADMIN", "certain", "hostname", r"hostname: you must be root to change the host name",
          "changing the host name needs SYS_ADMIN"),
    needs("SYS_PTRACE", "likely", "strace, gdb",
          rf"ptrace(?:\(PTRACE_(?:SEIZE|ATTACH|TRACEME)[^)]{{0,40}}\))?: {EPERM}|Could not attach to process",
          "tracing needs SYS_PTRACE, where seccomp and kernel.yama.ptrace_scope let it"),
    needs("SYSLOG", "certain", "dmesg", rf"dmesg: (?:read kernel buffer failed|klogctl): {EPERM}",
          "reading the kernel log needs SYSLOG"),
    needs("KILL", "certain", "kill", rf"kill: (?:\(\d+\) - |can't kill pid \d+: ){EPERM}",
          "signalling processes of another user needs KILL"),
)
# fmt: on
