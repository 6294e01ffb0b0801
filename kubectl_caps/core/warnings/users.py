"""Warnings about users and capabilities: users other than root, no_new_privs, setuid programs."""

from collections.abc import Iterator

from kubectl_caps.core.linux.add_drop import ineffective_adds
from kubectl_caps.core.warnings.images import file_capabilities
from kubectl_caps.core.warnings.rule import PathAndWords, Rule, Subject, known


def unusable_adds(subject: Subject) -> list[str]:
    """The adds that a process of a user other than root has only in its bounding set."""
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
    """A privileged container gets no warning, because it cannot set allowPrivilegeEscalation to false."""
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
        words = f"allowPrivilegeEscalation=false does not limit a container with {', '.join(names)}; remove the add"
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
        words = "runAsNonRoot=true and runAsUser=0: the kubelet does not start the container; name another user"
        yield (("spec", "securityContext", "runAsUser") if own is None else subject.at("runAsUser")), words


def _non_root_assumed(subject: Subject) -> Iterator[PathAndWords]:
    if any(subject.request.may_evade(runtime) for runtime in subject.runtimes):
        words = (
            "only runAsNonRoot keeps root out, and a crafted image can evade it (CVE-2026-46680): containerd and the "
            "kubelet are not known to be fixed, so the risk is judged as root; set runAsUser to a number"
        )
        yield subject.at("runAsUser"), words


RULES = (
    Rule(
        id="add-not-usable",
        title="Capabilities are added to a container whose user is not root.",
        happens="The added capabilities are in the bounding set only. The container's programs start with empty "
        "permitted and effective sets. So the add has no effect, unless the executed file has the capability as a file "
        "capability or is setuid. (The add does open system calls in the seccomp profile RuntimeDefault.)",
        why="When a user other than root executes a plain file, the kernel keeps ambient capabilities only, and "
        "Kubernetes cannot give ambient capabilities (KEP-2763 was never built).",
        do="For a low port, listen on a high port instead, or set the sysctl net.ipv4.ip_unprivileged_port_start. "
        "Otherwise set the file capability in the image on every executed program of the chain, and keep the add. Or "
        "remove the add.",
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
        title="The user is not root, and setuid programs can still give that user capabilities.",
        happens="The effective set is empty, and the bounding set is not. A setuid program of the image (su, sudo, "
        "mount, an old ping), or a program with file capabilities, gets capabilities of the bounding set. An attacker "
        "who takes over such a program has them too.",
        why="Only no_new_privs keeps execve from granting capabilities, and it is set only if allowPrivilegeEscalation "
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
        title="A container holds SYS_ADMIN, so allowPrivilegeEscalation: false hardly limits it.",
        happens="The container starts with SYS_ADMIN in its effective set, with or without no_new_privs. The API "
        "server refuses allowPrivilegeEscalation: false only beside the spelling CAP_SYS_ADMIN, which grants nothing "
        "on containerd. It accepts SYS_ADMIN and ALL, which grant the capability.",
        why="no_new_privs keeps a program from gaining privileges. It takes no privileges away.",
        do="Remove SYS_ADMIN, or add the narrower capability that the program needs. allowPrivilegeEscalation: false "
        "may stay.",
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
        happens="The API server refuses allowPrivilegeEscalation: false beside privileged: true and beside "
        "CAP_SYS_ADMIN in add. It accepts a controller with such a template, but the controller cannot create pods.",
        why="The validation of a pod's securityContext compares exactly these fields.",
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
        why="runAsNonRoot: true forbids user 0. Both fields may be set on the pod or on the container.",
        do="Set runAsUser to another user, or remove it if the image names another user.",
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
        happens="A crafted image names its user by a number of more than 32 bits, and its /etc/passwd has that number "
        "as a name of root. The kubelet reads the number as a user other than root. containerd reads it as a name, and "
        "starts the container as root (CVE-2026-46680, GHSA-fqw6-gf59-qr4w). So the sets are predicted for a user "
        "other than root, and the risk is judged as root.",
        why="containerd before 1.7.32, 2.0.9, 2.2.4 and 2.3.1 has this bug, and all of 2.1. A kubelet of 1.34 or newer "
        "does not start such a container. For files both versions are unknown, unless --runtime names another runtime.",
        do="Set runAsUser to a number, which replaces the image's user. Update containerd or the kubelet. With drop "
        "ALL and allowPrivilegeEscalation: false the container holds no capability even as root.",
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
