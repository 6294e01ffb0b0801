"""Warnings about privileged containers, about ALL, and about default capabilities."""

from collections.abc import Iterator

from kubectl_caps.core.warnings.rule import PathAndWords, Rule, Subject


def _privileged(subject: Subject) -> Iterator[PathAndWords]:
    if subject.request.privileged:
        words = "holds every capability of the node, without seccomp or masked paths; name the few it needs"
        yield subject.at("privileged"), words


def _privileged_lists(subject: Subject) -> Iterator[PathAndWords]:
    if subject.request.privileged and (subject.request.add or subject.request.drop):
        words = "capabilities.add and drop have no effect on a privileged container; unset privileged first"
        yield subject.at("capabilities"), words


def _privileged_without_root(subject: Subject) -> Iterator[PathAndWords]:
    if subject.request.privileged and subject.request.never_root:
        words = "its programs hold nothing on containerd and Docker, and everything on CRI-O; unset privileged"
        yield subject.at("privileged"), f"privileged, but runs as {subject.user_words}: {words}"


def _add_all(subject: Subject) -> Iterator[PathAndWords]:
    names = [name for name in subject.request.add if name.upper() == "ALL"]
    if names and not subject.request.privileged:
        yield subject.listed("add", names), "adds ALL capabilities of the node; name the few it needs"


def _default_capabilities(subject: Subject) -> Iterator[PathAndWords]:
    if not subject.request.privileged and not subject.drops_all:
        words = 'does not drop ALL, so it gets the container runtime\'s default capabilities; set drop: ["ALL"]'
        yield subject.at("capabilities", "drop"), words


RULES = (
    Rule(
        id="privileged",
        title="The container is privileged.",
        happens="It holds every capability of the node, sees the node's devices, and runs without seccomp, AppArmor "
        "and masked paths. Code in it can take over the node.",
        why="privileged switches off all protections at once; hardly any program needs that.",
        do="Unset securityContext.privileged and add the few capabilities that the program needs. `kubectl caps "
        "explain` describes each capability.",
        bad_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      privileged: true
""",
        good_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      capabilities:
        drop: [ALL]
        add: [NET_ADMIN]
""",
        evidence="containerd with runc: run here. CRI-O and Docker: from source, not run.",
        check=_privileged,
    ),
    Rule(
        id="privileged-ignores-capabilities",
        title="A privileged container has lists of capabilities, which have no effect.",
        happens="The container holds every capability of the node, whatever it drops. No runtime refuses the pair.",
        why="containerd applies privileged last; CRI-O and Docker do not look at the lists of a privileged container.",
        do="Unset privileged: then the lists count. Or remove the lists, which promise a protection that is not there.",
        bad_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      privileged: true
      capabilities:
        drop: [SYS_MODULE]
""",
        good_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      capabilities:
        drop: [ALL]
        add: [SYS_ADMIN]
""",
        evidence="containerd with runc: run here. CRI-O and Docker: from source, not run.",
        check=_privileged_lists,
    ),
    Rule(
        id="privileged-without-root",
        title="The container is privileged, and its user is not root.",
        happens="On containerd and Docker its programs start with empty permitted and effective sets: all "
        "capabilities are in the bounding set only, for programs with file capabilities and setuid programs. On CRI-O "
        "the ambient set is filled too, so every program holds everything.",
        why="When a user other than root executes a program, the kernel keeps only ambient capabilities, and only "
        "CRI-O gives a privileged container ambient capabilities.",
        do="Unset privileged: the program does not get the capabilities, and the rest of privileged is only risk. A "
        "program that needs a few capabilities runs as root with only these.",
        bad_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      privileged: true
      runAsUser: 1000
""",
        good_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      runAsUser: 0
      capabilities:
        drop: [ALL]
        add: [NET_ADMIN]
""",
        evidence="containerd with runc: run here. CRI-O and Docker: from source, not run.",
        check=_privileged_without_root,
    ),
    Rule(
        id="add-all",
        title="ALL capabilities are added.",
        happens="The container holds every capability of the node without the names in drop. A drop of ALL beside the "
        "add takes all capabilities away on containerd and CRI-O, and none on Docker.",
        why="ALL means the capabilities of the node's runtime, which may have fewer than the kernel.",
        do="Name the few capabilities that the program needs.",
        bad_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      capabilities:
        add: [ALL]
""",
        good_example="""\
spec:
  containers:
  - name: agent
    securityContext:
      capabilities:
        drop: [ALL]
        add: [NET_ADMIN]
""",
        evidence="containerd with runc: run here. CRI-O and Docker: from source, not run.",
        check=_add_all,
    ),
    Rule(
        id="default-capabilities",
        title="The container keeps the container runtime's default capabilities.",
        happens="Without a drop of ALL a container gets 14 capabilities on containerd and Docker, 9 on CRI-O. Root "
        "holds them all; for another user they are in the bounding set.",
        why="The defaults are made for programs that start as root and change their user. Most programs need one or "
        "two of them.",
        do="Drop ALL and add the capabilities that the program needs. `kubectl caps harden` does this, and watches "
        "whether the program still works.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [MKNOD]
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [ALL]
        add: [CHOWN, SETGID, SETUID]
""",
        evidence="containerd with runc: run here. CRI-O and Docker: from source, not run.",
        check=_default_capabilities,
    ),
)
