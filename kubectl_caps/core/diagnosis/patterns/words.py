"""Words for an operation that stand beside the text of EPERM or EACCES, in lines of any program.

The words are from lines of programs that ran without the capability (Debian 12, kernel 6.18). Those lines are in
tests/core/diagnosis/real_lines.jsonl.
"""

from kubectl_caps.core.diagnosis.patterns.pattern import (
    EACCES,
    EPERM,
    GROUP,
    LOW_PORT,
    OWNER,
    PING,
    PORT,
    USER,
    Certainty,
    LogPattern,
    needs,
    not_a_capability,
)
from kubectl_caps.core.late_pattern import LatePattern

_EITHER = f"(?:{EPERM}|{EACCES})"
_SWITCH = (
    r"(?:set(?:ting)?|switch(?:ing)?|chang(?:e|ing)|becom(?:e|ing)|drop(?:ping)?|assum(?:e|ing)|clear(?:ing)?"
    r"|init\w{0,10}|adopt(?:ing)?|tak(?:e|ing)|remov(?:e|ing)|reset(?:ting)?)"
)
_ALTER = r"(?:set(?:ting)?|chang(?:e|ing)|preserv(?:e|ing)|updat(?:e|ing)|adjust(?:ing)?|fix(?:ing)?|modify(?:ing)?)"
_MAKE = r"(?:creat(?:e|ing)|mak(?:e|ing)|add(?:ing)?|set(?:ting)? up)"
_GROUP = (
    r"(?:(?<![\w-])(?:e|r|real |effective |runas )?gid\b"
    "|(?<!process )(?<!user )(?<!control )(?<!multicast )(?<!consumer )(?<!thread )(?<!security "
    r")\bgroups?(?:[- ]?ids?\b| ?list\b| vector\b|=|\b)"
    r"(?! (?:of|for|on) [\"'‘/.]| (?:of|for|on) (?:file|folder|director)| owner))"
)
_USER_ID = r"(?<![\w-])(?:(?:e|r|real |effective |runas )?uid\b|user[- ]?ids?\b)"
_NO_PATH = r"(?:(?![\s\"'(]/|unix)[^\n]){0,80}?"
"""The text between the words and an address. A path in it would be a Unix socket, which file modes protect."""


def _words(
    capabilities: str, pattern: str, note: str, error: str = EPERM, certainty: Certainty = "likely"
) -> LogPattern:  # fmt: skip
    """A line with the words before the error or just after the error."""
    return needs(
        capabilities, certainty, "", rf"(?i:{pattern})[^\n]{{0,160}}?{error}|{error}[ :(-]{{1,4}}(?i:{pattern})", note
    )


def _bound(pattern: str, note: str) -> LogPattern:
    """A line of a program that listens on an address. Knot prints EPERM instead of EACCES."""
    return needs("NET_BIND_SERVICE", "likely", "", rf"(?i:{pattern}){_NO_PATH}{_EITHER}", note)


WORDS: tuple[LogPattern, ...] = (
    # users and groups
    _words(
        "SETGID SETUID",
        rf"\b{_SWITCH}\b[^\n]{{0,40}}?\buid\b[^\n]{{0,20}}?\bgid\b",
        "becoming another user and group needs SETUID and SETGID",
    ),
    _words(
        "SETGID SETUID",
        r"\b(?:drop|dropping|shed|lower|change|changing|switch|switching)\b[^\n]{0,20}?\bprivileges?\b",
        "a program that drops privileges becomes another user and group, which needs SETUID and SETGID",
        certainty="possible",
    ),
    _words("SETGID", rf"\b{_SWITCH}\b[^\n]{{0,40}}?{_GROUP}", GROUP),
    _words("SETGID", r"\bset_?(?:supplementary_?)?(?:groups|gid)\b|\bgroups=", GROUP),
    _words("SETUID", rf"\b{_SWITCH}\b[^\n]{{0,40}}?{_USER_ID}", USER),
    _words(
        "SETUID",
        r"\b(?:becom(?:e|ing)|switch(?:ing)? to|chang(?:e|ing) to|run(?:ning)? as|assum(?:e|ing) identity "
        "of)"
        r" (?:the )?(?:other |another )?user\b(?! ?namespace)",
        USER,
    ),
    _words(
        "SETPCAP",
        r"\bbounding set|\bBSET\b|\bsecure ?bits\b|\bsecbits\b",
        "dropping from the bounding set, and setting securebits, needs SETPCAP",
    ),
    _words(
        "SETFCAP",
        r"\b(?:set|setting|write|writing|add|adding) (?:the )?(?:file )?capabilit(?:y|ies) (?:on|of|to|"
        r"for) (?:the )?(?:file|[\"'/])"
        r"|/proc/(?:self|\d{1,10})/uid_map\b",
        "writing file capabilities, or mapping root into a user namespace, needs SETFCAP",
    ),
    # files
    _words(
        "SYS_CHROOT",
        r"\bchroot|\bchang(?:e|ing) (?:the )?root\b|\broot (?:folder|directory|dir)\b(?! of)",
        "changing the root directory needs SYS_CHROOT",
    ),
    _words(
        "MKNOD",
        rf"\b{_MAKE}\b[^\n]{{0,30}}?\b(?:device|special file|device node)\b(?! ?(?:mapper|group))",
        "creating a device node needs MKNOD",
    ),
    _words("CHOWN", rf"\b{_ALTER}\b[^\n]{{0,60}}?\b(?:own(?:er|ership)|group (?:of|for|on))\b", OWNER),
    _words(
        "FOWNER",
        rf"\b{_ALTER}\b[^\n]{{0,30}}?\b(?:permissions?|(?:file )?mode|times|timestamps?|mtime|ACLs?)\b",
        "changing the mode or times of a file of another user needs FOWNER",
    ),
    _words(
        "FOWNER",
        r"\b(?:cannot move|(?:can't|cannot|could not|failed to) (?:unlink|rename|delete)|(?:remove|rename|"
        r"unlink) [\"']?/)",
        "removing a file of another user from a sticky directory needs FOWNER",
    ),
    # network
    _words(
        "NET_RAW",
        r"\bsocket\((?:AF|PF)_(?:INET6?|PACKET)\b|\b(?:open_)?icmp(?:v6)?_socket\b|"
        r"\braw (?:ICMP |IP |network )?socket|\bpacket socket|\bICMP(?:v6)? socket|\bfor capture\b|"
        r"\bpacket capture|\bsocket\(2\)",
        PING,
    ),
    _bound(
        rf"\b(?:bind|binding|bound|listen|listening|stream_socket_server)\b{_NO_PATH}"
        rf"(?:\bport[ =:]{{1,3}}|[\w.*\]][:@]|', |\*:|\bon '){LOW_PORT}",
        PORT,
    ),
    _bound(
        rf"\b(?:bind|binding|listening)\b{_NO_PATH}\b(?:socket|address|of a server|"
        rf"(?:\d{{1,3}}\.){{3}}\d{{1,3}}|\w{{1,30}}/(?:tcp|udp)\b)",
        f"{PORT}; the line does not name the port",
    ),
    _bound(rf"\b(?:open|use|port|serve on)\b[^\n]{{0,20}}?\b(?:TCP |UDP )?port[ =:]{{1,3}}{LOW_PORT}", PORT),
    _words(
        "NET_ADMIN",
        r"\b(?:add|adding|set|setting|delet(?:e|ing)|creat(?:e|ing)|configur(?:e|ing)|bring(?:ing)?|"
        r"chang(?:e|ing))\b"
        r"[^\n]{0,40}?\b(?:interface|route|routing|tunnel|bridge|vlan|qdisc|ip address|ip rule|firewall|"
        r"netfilter|iptables|nftables|ipset)\b",
        "configuring the pod's network needs NET_ADMIN",
        _EITHER,
    ),
    # priority, memory, limits
    _words(
        "SYS_NICE",
        r"\bnice(?:ness)? (?:level|value)|\b(?:process|thread|cpu|scheduling|scheduler|i/o|io|real-?time|"
        "rt) (?:priority|policy)"
        r"|\bset_?priority\b|\braise\b[^\n]{0,20}\bpriority|\breal-?time (?:scheduling|priority)",
        "real-time scheduling and higher priority need SYS_NICE",
        _EITHER,
    ),
    _words(
        "IPC_LOCK",
        r"\b(?:lock|locking|pin|pinning)\b[^\n]{0,20}?\b(?:memory|pages|RAM)\b|\bmemory lock\b|\bhuge "
        r"?pages?\b",
        "locking memory, and huge pages, need IPC_LOCK",
    ),
    _words(
        "SYS_RESOURCE",
        r"\b(?:resource|hard|open files?|file descriptor|nofile|memlock|core|stack)(?: size)? limits?\b|"
        r"\brlimit|\bRLIMIT_\w{1,12}|\bulimit\b",
        "raising a hard resource limit needs SYS_RESOURCE; many programs run without it",
        certainty="possible",
    ),
    # the machine
    _words(
        "SYS_TIME",
        r"\b(?:set|setting|step|stepping|adjust|adjusting|slew|slewing|chang(?:e|ing)|disciplin(?:e|"
        r"ing))\b"
        r"[^\n]{0,30}?\b(?:clock|system time|time of day|system date)\b",
        "setting the clock of the node needs SYS_TIME",
    ),
    _words(
        "SYS_ADMIN",
        r"\b(?:un)?mount(?:ing)? [^\s:]{0,200}|\b(?:set|setting|chang(?:e|ing))\b[^\n]{0,12}?\bhost "
        r"?name\b|\breassociate to namespace\b",
        "mounting, namespaces and the host name need SYS_ADMIN",
    ),
    _words("SYSLOG", r"\bkernel (?:log|ring ?buffer|messages?)\b", "reading the kernel log needs SYSLOG"),
    _words(
        "SYS_MODULE",
        r"\b(?:load|loading|insert|unload)(?:ing)?\b[^\n]{0,20}?\bkernel module",
        "loading kernel modules needs SYS_MODULE",
    ),
    _words(
        "AUDIT_WRITE",
        r"\b(?:send|write|writing|sending|log)\b[^\n]{0,20}?\baudit (?:message|record|event|log)",
        "writing audit records needs AUDIT_WRITE",
    ),
    # other processes
    _words(
        "KILL",
        r"\b(?:send|sending|deliver)\b[^\n]{0,30}?\bsignal|\bto signal\b|\bkill(?:ing)? (?:process |pid |"
        r"child |worker |-?\d)|\bSIG(?:TERM|HUP|KILL|USR[12]|INT|QUIT|CHLD)\b",
        "signalling processes of another user needs KILL",
    ),
    _words(
        "SYS_PTRACE",
        r"\b(?:trac(?:e|ing)|attach(?:ing)? to) (?:the )?(?:process|pid)\b",
        "tracing a process needs SYS_PTRACE",
    ),
    not_a_capability(
        "setting",
        "seccomp",
        rf"(?i:\b(?:session )?keyring\b)[^\n]{{0,100}}?{EPERM}",
        "the seccomp profile of container runtimes refuses keyrings; no capability opens them",
        "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..seccompProfile}'",
        "likely",
    ),
)

WORTH_TRYING = LatePattern(_EITHER)
"""Only a line that matches this pattern can match `WORDS`."""
