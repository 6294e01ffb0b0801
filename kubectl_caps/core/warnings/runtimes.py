"""Warnings about differences between container runtimes, if the runtime is not known."""

from collections.abc import Iterator

from msgspec.structs import replace

from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.core.warnings.rule import PathAndWords, Rule, Subject

_RUNTIMES = tuple(by_name(name) for name in ("containerd", "cri-o", "docker"))
_NOT_ON_CRIO = (_RUNTIMES[0].defaults - _RUNTIMES[1].defaults).short_names


def _dependent_defaults(subject: Subject) -> Iterator[PathAndWords]:
    """Warns only if the user may be root: for other users only the bounding sets differ, which has no effect alone."""
    if subject.request.privileged or subject.drops_all or subject.request.never_root:
        return
    containerd, crio = (subject.on(runtime).sets.effective for runtime in _RUNTIMES[:2])
    names = [name for name in (containerd - crio).short_names if name in _NOT_ON_CRIO]
    if names:
        words = f"gets {', '.join(names)} on containerd and Docker, not on CRI-O; drop ALL and add what is needed"
        yield subject.at("capabilities", "drop"), words


def _assumed_runtime(subject: Subject) -> Iterator[PathAndWords]:
    assumed = [runtime.name for runtime in subject.runtimes if runtime.assumed]
    if assumed and len({_answer(subject, index) for index in range(len(_RUNTIMES))}) > 1:
        words = f"gives other capabilities on runtimes other than {assumed[0]}, which is assumed; name yours: --runtime"
        yield subject.at("capabilities"), words
    configurable = any(runtime.configurable for runtime in subject.runtimes)
    if configurable and not (subject.request.privileged or subject.drops_all or subject.adds_all):
        words = "depends on default_capabilities in each node's crio.conf, assumed to be CRI-O's own; drop ALL"
        yield subject.at("capabilities", "drop"), words


def _answer(subject: Subject, index: int) -> object:
    """The prediction on a runtime, as if all runtimes had the same defaults. Different defaults have their own rule."""
    outcome = subject.on(replace(_RUNTIMES[index], defaults=_RUNTIMES[0].defaults))
    return outcome.sets.bounding, outcome.sets.effective, outcome.refused is None


RULES = (
    Rule(
        id="runtime-dependent-defaults",
        title="The container's default capabilities depend on the container runtime.",
        happens="AUDIT_WRITE, MKNOD, NET_RAW, SETFCAP and SYS_CHROOT are defaults of containerd and Docker, and not of "
        "CRI-O. A program that uses one of them (ping, sshd, a package manager) fails after a move to CRI-O. After a "
        "move from CRI-O to containerd the container holds more capabilities than it was tested with.",
        why="Kubernetes leaves the defaults to the runtime.",
        do="Drop ALL and add what the program needs: then every runtime gives the same capabilities.",
        bad_example="""\
spec:
  containers:
  - name: ping
    securityContext:
      runAsUser: 0
""",
        good_example="""\
spec:
  containers:
  - name: ping
    securityContext:
      runAsUser: 0
      capabilities:
        drop: [ALL]
        add: [NET_RAW]
""",
        evidence="containerd with runc: run here. CRI-O and Docker: from source, not run.",
        check=_dependent_defaults,
    ),
    Rule(
        id="assumed-runtime",
        title="The container's capabilities depend on settings of the node that the API does not show.",
        happens="The prediction assumes a container runtime, because no node was read, or assumes CRI-O's own "
        "default_capabilities, which a node's crio.conf may change. The API does not show crio.conf, and does not show "
        "whether containerd starts runc or crun.",
        why="The node's status names the runtime and its version, but not its configuration.",
        do="Name the runtime with --runtime, or inspect the cluster. Better, write a manifest that means the same on "
        "every runtime: drop ALL, add plain names, put no name in both lists. `inspect --live` shows the sets in the "
        "kernel.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        add: [CAP_NET_ADMIN]
        drop: [ALL]
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        add: [NET_ADMIN]
        drop: [ALL]
""",
        evidence="containerd with runc: run here. CRI-O, Docker and crun: from source, not run.",
        check=_assumed_runtime,
    ),
)
