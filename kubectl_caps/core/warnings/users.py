"""Warnings about users and capabilities: users other than root, no_new_privs, setuid programs."""

from collections.abc import Iterator

from kubectl_caps.core.linux.add_drop import ineffective_adds
from kubectl_caps.core.warnings.images import file_capabilities
from kubectl_caps.core.warnings.rule import PathAndWords, Rule, Subject, known


def unusable_adds(subject: Subject) -> list[str]:
    """The adds that a process of another user than root has in its bounding set alone."""
    if subject.request.privileged or not subject.request.never_root:
        return []
    usable = ["ALL", *file_capabilities(subject.member.container.image)]
    void = ineffective_adds(list(subject.request.add), list(subject.request.drop))
    return [name for name, short in known(subject.request.add) if short not in usable and name not in void]


def _add_not_usable(subject: Subject) -> Iterator[PathAndWords]:
    if names := unusable_adds(subject):
        words = (
            f"runs as {subject.user_words}, so {', '.join(names)} is only in its bounding set; "
            "give the program the file capability (setcap), or remove the add"
        )
        yield subject.listed("add", names), words


def _setuid_regains(subject: Subject) -> Iterator[PathAndWords]:
    """A privileged container cannot set allowPrivilegeEscalation to false, so it has nothing to do."""
    if subject.request.privileged or not subject.request.never_root or subject.no_escalation:
        return
    regained = {name for outcome in subject.outcomes for name in outcome.sets.bounding.names}
    if regained:
        words = f"a setuid program gives it up to {len(regained)} capabilities; set allowPrivilegeEscalation: false"
        yield subject.at("allowPrivilegeEscalation"), f"runs as {subject.user_words}, but {words}"


def _escalation_with_admin(subject: Subject) -> Iterator[PathAndWords]:
    names = [name for name in subject.request.add if name.upper() in ("SYS_ADMIN", "ALL")]
    holds = any("SYS_ADMIN" in outcome.sets.permitted for outcome in subject.outcomes)
    if subject.no_escalation and not subject.request.privileged and names and holds:
        words = f"allowPrivilegeEscalation=false does not limit one that adds {', '.join(names)}; remove the add"
        yield subject.listed("add", names), words


def _escalation_refused(subject: Subject) -> Iterator[PathAndWords]:
    if not subject.no_escalation:
        return
    words = "the API server refuses allowPrivilegeEscalation=false beside"
    if subject.request.privileged:
        yield subject.at("allowPrivilegeEscalation"), f"{words} privileged=true; unset privileged"
    if "CAP_SYS_ADMIN" in subject.request.add:
        yield subject.listed("add", ["CAP_SYS_ADMIN"]), f"{words} CAP_SYS_ADMIN in add; remove the add"


def _root_refused(subject: Subject) -> Iterator[PathAndWords]:
    own, pod = subject.member.container.security.run_as_user, subject.spec.security.run_as_user
    if subject.request.non_root and (pod if own is None else own) == 0:
        words = "runAsNonRoot=true and runAsUser=0: the kubelet does not start it; name another user"
        yield (("spec", "securityContext", "runAsUser") if own is None else subject.at("runAsUser")), words


def _non_root_assumed(subject: Subject) -> Iterator[PathAndWords]:
    if any(subject.request.may_evade(runtime) for runtime in subject.runtimes):
        words = (
            "only runAsNonRoot keeps root out, and a crafted image evades it where containerd and the kubelet are not "
            "known to be fixed (CVE-2026-46680), so the risk is judged as root; set runAsUser to a number"
        )
        yield subject.at("runAsUser"), words


RULES = (
    Rule(
        id="add-not-usable",
        title="Capabilities are added to a container whose user is not root.",
        happens="The added capabilities are in the bounding set only. Its programs start with empty permitted and "
        "effective sets, so the add does nothing for them, unless the executed file has the capability as a file "
        "capability or is setuid. (The add does open system calls in the seccomp profile RuntimeDefault.)",
        why="When a user other than root executes a plain file, the kernel keeps ambient capabilities only, and "
        "Kubernetes cannot give those (KEP-2763 was never built).",
        do="For a low port: listen on a high one, or set the sysctl net.ipv4.ip_unprivileged_port_start. Otherwise "
        "set the file capability in the image on every program of the chain that is executed, and keep the add. Or "
        "remove it.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      runAsUser: 1000
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
        add: [NET_ADMIN]
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      runAsUser: 1000
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
""",
        evidence="containerd with runc: run here.",
        check=_add_not_usable,
    ),
    Rule(
        id="setuid-regains",
        title="The user is not root, and setuid programs can still give it capabilities.",
        happens="The effective set is empty, the bounding set is not. A setuid program of the image (su, sudo, mount, "
        "an old ping), or one with file capabilities, gets what the bounding set has. Whoever takes such a program "
        "over has it too.",
        why="Only no_new_privs keeps execve from granting anything, and it is set only where allowPrivilegeEscalation "
        "is false.",
        do="Set allowPrivilegeEscalation: false, and drop ALL.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      runAsUser: 1000
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      runAsUser: 1000
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
""",
        evidence="containerd with runc: run here.",
        check=_setuid_regains,
    ),
    Rule(
        id="escalation-with-sys-admin",
        title="Privilege escalation is forbidden to a container that holds SYS_ADMIN.",
        happens="The container starts with SYS_ADMIN in its effective set, no_new_privs or not. The API server "
        "refuses this pair only in the spelling CAP_SYS_ADMIN, which grants nothing on containerd, and accepts "
        "SYS_ADMIN and ALL, which do.",
        why="no_new_privs keeps a program from gaining privileges; it takes none away.",
        do="Remove SYS_ADMIN, or find the narrower capability that is needed. allowPrivilegeEscalation: false may "
        "stay.",
        bad_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
        add: [SYS_ADMIN]
""",
        good_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
        add: [BPF, PERFMON]
""",
        evidence="containerd with runc, and a real API server: run here.",
        check=_escalation_with_admin,
    ),
    Rule(
        id="escalation-refused",
        title="The API server refuses this pod.",
        happens="allowPrivilegeEscalation: false is refused beside privileged: true and beside CAP_SYS_ADMIN in add. "
        "A controller accepts the template all the same, and then creates no pod.",
        why="The validation of a pod's securityContext compares exactly these.",
        do="Unset privileged, or remove the add.",
        bad_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      allowPrivilegeEscalation: false
      privileged: true
""",
        good_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      allowPrivilegeEscalation: false
""",
        evidence="A real API server: run here.",
        check=_escalation_refused,
    ),
    Rule(
        id="root-refused",
        title="The kubelet refuses this user.",
        happens="The container is created and never starts: its state is CreateContainerConfigError with \"container's "
        'runAsUser breaks non-root policy".',
        why="runAsNonRoot: true forbids user 0, whichever of pod and container says it.",
        do="Set runAsUser to another user, or remove it where the image has one.",
        bad_example="""\
spec:
  securityContext:
    runAsNonRoot: true
  containers:
  - name: web
    securityContext:
      runAsUser: 0
""",
        good_example="""\
spec:
  securityContext:
    runAsNonRoot: true
  containers:
  - name: web
    securityContext:
      runAsUser: 1000
""",
        evidence="A real kubelet: run here.",
        check=_root_refused,
    ),
    Rule(
        id="non-root-assumed",
        title="Only runAsNonRoot keeps root out, and the node may let a crafted image evade it.",
        happens="The image names its user by a number that does not fit into 32 bits, and has that number as a name of "
        "root in its /etc/passwd. The kubelet takes the number for a user other than root; containerd takes it for a "
        "name, and starts the container as root (CVE-2026-46680, GHSA-fqw6-gf59-qr4w). So the user is assumed not to "
        "be root, and the risk is judged as that of root.",
        why="containerd before 1.7.32, 2.0.9, 2.2.4 and 2.3.1 does so, and all of 2.1; a kubelet of 1.34 or newer does "
        "not start such a container. For files neither is known, unless --runtime names another runtime.",
        do="Set runAsUser to a number: it takes the place of the image's user. Update containerd or the kubelet. With "
        "drop ALL and allowPrivilegeEscalation: false such a root holds no capability.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      runAsNonRoot: true
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      runAsNonRoot: true
      runAsUser: 1000
""",
        evidence="The advisory; not run here: a kubelet of 1.34 or newer refuses the image.",
        check=_non_root_assumed,
    ),
)
