"""Lines that look like a missing capability: refusals by other machines, file modes, security modules and sessions.

The lines hold the words of EPERM or EACCES, or say that access was denied. Texts: glibc's dynamic linker, the Go
standard library, gRPC, PostgreSQL, OpenSSH, rsync, git, samba, bash, Chromium, bubblewrap, and the issues of their
projects. tests/core/diagnosis/test_diagnose.py holds a line for each pattern.
"""

from kubectl_caps.core.diagnosis.patterns.pattern import (
    DESCRIBE,
    EACCES,
    EPERM,
    LOGS,
    MOUNTS,
    SECCOMP,
    LogPattern,
    not_a_capability,
)

_EITHER = f"(?:{EPERM}|{EACCES})"
_LOGIN = "kubectl get secret -n NAMESPACE"
_POLICIES = "kubectl get networkpolicies -n NAMESPACE"
_SYSCTLS = "kubectl explain pod.spec.securityContext.sysctls"

LOOKALIKES: tuple[LogPattern, ...] = (
    # another machine, or a server, refused a user of its own
    not_a_capability(
        "other",
        "PostgreSQL",
        "permission denied (?:for (?:table|relation|schema|database|sequence|function|view|column|"
        r"language|type|tablespace|foreign)|to (?:create|alter|drop|set|terminate|grant|copy|rename))\b",
        "the database refused its user: a GRANT is missing",
        LOGS,
    ),
    not_a_capability(
        "other",
        "ssh",
        r"Permission denied(?: \((?:publickey|password|keyboard-interactive|gssapi|hostbased)|, please "
        "try again)",
        "the login was refused",
        _LOGIN,
    ),
    not_a_capability(
        "other",
        "git",
        r"remote: Permission to \S{1,200} denied|Permission to \S{1,200} denied to ",
        "the login was refused",
        _LOGIN,
    ),
    not_a_capability(
        "other",
        "application",
        rf"{_EITHER} (?:by |on resource |for (?:user|role|client|account|group)\b)",
        "a program refused one of its own users by its own access rules",
        LOGS,
        "likely",
    ),
    not_a_capability(
        "other",
        "remote",
        r"code = PermissionDenied\b|PERMISSION_DENIED\b|StatusCode\.PERMISSION_DENIED",
        "another server refused the call (gRPC PermissionDenied) by its own access rules",
        _LOGIN,
        "likely",
    ),
    not_a_capability(
        "other",
        "remote",
        r"\b403\b[^\n]{0,100}?(?i:denied|not permitted)|(?i:denied|not permitted)[^\n]{0,100}?\b403\b|"
        "NT_STATUS_ACCESS_DENIED",
        "another server refused the request by its own access rules",
        _LOGIN,
        "likely",
    ),
    not_a_capability(
        "other",
        "remote",
        r"\b(?:550|553) [^\n]{0,80}?[Pp]ermission denied|sftp: |remote (?:open|mkdir|"
        r"readdir)[^\n]{0,255}?: Permission denied|@ERROR: ",
        "the remote server refused the request by its own file modes or access rules",
        _LOGIN,
        "likely",
    ),
    not_a_capability(
        "other",
        "D-Bus",
        rf"(?:connect to (?:system |session )?bus|D-?Bus)[^\n]{{0,60}}?{_EITHER}",
        "there is no system bus in a container",
        DESCRIBE,
        "likely",
    ),
    not_a_capability(
        "other",
        "network",
        rf"(?:dial (?:tcp|udp)[46]? \S{{1,255}}|[Cc]onnect(?:ing|ion)?(?:\(\))?(?: to \S{{1,255}})?(?: "
        rf"port \d{{1,5}})?)(?: failed)?: (?:connect: )?{_EITHER}"
        rf"|\b(?:sendmsg|sendto|send)(?:\(\))?(?: failed)?: {EPERM}|write (?:udp|ip)\S{{0,4}} \S{{1,255}}: "
        f"(?:sendto|sendmsg|write): {EPERM}",
        "a firewall or a network policy refused the packet",
        _POLICIES,
        "likely",
    ),
    not_a_capability(
        "other",
        "socket",
        rf"(?:dial unix|unix://)[^\n]{{0,255}}?{EACCES}|connect to the Docker daemon socket",
        "the socket belongs to another user or group: change its mode, or set supplementalGroups",
        MOUNTS,
        "likely",
    ),
    # a volume without exec, and SELinux
    not_a_capability(
        "other",
        "noexec",
        rf"failed to map segment from shared object(?:: {EPERM})?",
        "the library is on a volume that is mounted without exec",
        MOUNTS,
    ),
    not_a_capability(
        "setting",
        "SELinux",
        f"cannot (?:enable executable stack as shared object requires|restore segment prot after reloc): {EACCES}",
        "SELinux refuses executable memory",
        "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..seLinuxOptions}'",
        "likely",
    ),
    not_a_capability(
        "other",
        "exec",
        rf"\b(?:ba|da|a|z)?sh: (?:line )?(?:\d{{1,6}}: )?\.{{0,2}}/[^\s:]{{1,255}}: {EACCES}$",
        "the file cannot be used: its mode, its owner, or a volume without exec",
        MOUNTS,
        "possible",
    ),
    not_a_capability(
        "other",
        "sysctl",
        r"(?i:sysctl: permission denied on key)",
        "a container cannot write to /proc/sys: use securityContext.sysctls of the pod, or set the sysctl on the node",
        _SYSCTLS,
    ),
    # seccomp
    not_a_capability(
        "setting",
        "seccomp",
        rf"\b(?:pthread_create|clone3|faccessat2|rseq|statx)\b[^\n]{{0,60}}?{EPERM}|(?:[Ff]ailed to "
        "(?:create|start) (?:a )?(?:new )?thread|can't start new thread|[Cc]annot create (?:worker "
        rf")?thread)[^\n]{{0,40}}?{EPERM}",
        "the seccomp profile of the container runtime is older than this program's C library",
        SECCOMP,
        "likely",
        setting="seccompProfile",
    ),
    not_a_capability(
        "setting",
        "seccomp",
        rf"disabling address space randomization: {EPERM}",
        "the seccomp profile refuses the system call personality; the debugger continues",
        SECCOMP,
        "likely",
        setting="seccompProfile",
    ),
    # user namespaces
    not_a_capability(
        "other",
        "sandbox",
        "Failed to move to new namespace|No usable sandbox|No permissions to create(?: a)? new namespace|"
        r"clone\(CLONE_NEWUSER\)|unshare\(CLONE_NEWUSER\)",
        "a sysctl of the node, AppArmor or seccomp refuses a user namespace; a user namespace needs no capability",
        SECCOMP,
        "likely",
    ),
    # sessions and terminals
    not_a_capability(
        "other",
        "session",
        rf"\b(?:setsid|setpgid|setpgrp|tcsetpgrp|TIOCSCTTY)\b[^\n]{{0,60}}?{_EITHER}|(?:process group|"
        rf"controlling (?:tty|terminal))[^\n]{{0,40}}?{_EITHER}",
        "the process already leads a session; no capability is missing",
        LOGS,
        "likely",
    ),
)
