"""Warnings about the names in `capabilities.add` and `capabilities.drop`."""

from collections.abc import Iterator

from kubectl_caps.core.linux.add_drop import ineffective_adds
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.core.warnings.rule import PathAndWords, Rule, Subject, known


def _prefix(subject: Subject) -> Iterator[PathAndWords]:
    if subject.request.privileged:
        return
    added, dropped = (
        [name for name, short in known(names) if name.upper() == f"CAP_{short}"]
        for names in (subject.request.add, subject.request.drop)
    )
    if added:
        words = f"{', '.join(added)}: containerd grants nothing for a name with CAP_; write the name without CAP_"
        yield subject.listed("add", added), words
    if dropped:
        words = f"{', '.join(dropped)}: containerd drops nothing for a name with CAP_; write the name without CAP_"
        yield subject.listed("drop", dropped), words


def _unknown(subject: Subject) -> Iterator[PathAndWords]:
    wrong = {
        name: text for name in [*subject.request.add, *subject.request.drop] if (text := _what_is_wrong_with(name))
    }
    if subject.request.privileged or not wrong:
        return
    added, dropped = (
        [name for name in names if name in wrong] for names in (subject.request.add, subject.request.drop)
    )
    says = "; ".join(wrong.values())
    if added:
        words = f"{says}: containerd with runc grants nothing, other runtimes do not start the container; correct it"
        yield subject.listed("add", added), words
    if dropped and not added:
        words = f"{says}: containerd with runc drops nothing, other runtimes do not start the container; correct it"
        yield subject.listed("drop", dropped), words


def _what_is_wrong_with(name: str) -> str | None:
    try:
        canonical(name)
    except UnknownCapability as error:
        return str(error)
    return None if name == name.strip() else f'"{name}" has blanks around it'


def _add_and_drop(subject: Subject) -> Iterator[PathAndWords]:
    names = ineffective_adds(list(subject.request.add), list(subject.request.drop))
    if names and not subject.request.privileged:
        words = "is in add and in drop: drop wins on containerd and CRI-O, add wins on Docker; keep one of them"
        yield subject.listed("add", names), f"{', '.join(names)} {words}"


def _drop_all_spelling(subject: Subject) -> Iterator[PathAndWords]:
    names = [name for name in subject.request.drop if name.upper() == "ALL"]
    if names and "ALL" not in names:
        words = f'"{names[0]}" drops everything, but Pod Security\'s restricted level wants it spelled "ALL"'
        yield subject.listed("drop", names), words


RULES = (
    Rule(
        id="cap-prefix",
        title="A name is written with CAP_, which containerd does not understand.",
        happens="containerd puts CAP_ in front of every name, even if the name already has it. CAP_NET_RAW becomes "
        "CAP_CAP_NET_RAW, which no kernel has. In add the name grants nothing. In drop the name drops nothing, "
        "although it looks like protection. CRI-O and Docker understand the name, so the same manifest gives other "
        "capabilities there. With crun in place of runc the container does not start at all.",
        why="Kubernetes' names have no prefix, and neither the API server nor the kubelet compares them with a list.",
        do="Write the name without CAP_. An add that had no effect until now then grants the capability: check whether "
        "the program needs it at all.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [CAP_NET_RAW]
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [NET_RAW]
""",
        evidence="containerd with runc: run here. CRI-O, Docker and crun: from source, not run.",
        check=_prefix,
    ),
    Rule(
        id="unknown-capability",
        title="No kernel knows this name.",
        happens="containerd with runc starts the container and ignores the name: an add grants nothing, a drop drops "
        "nothing, and only the runtime's log has a line about it. CRI-O, Docker and crun refuse to start the "
        "container. CAP_ALL is unknown too: only ALL means every capability. A name with a blank before or after it is "
        "also unknown.",
        why="The API server stores any text as the name of a capability.",
        do="Correct the spelling: `kubectl caps explain` knows all names.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [CAP_ALL]
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [ALL]
""",
        evidence="containerd with runc: run here. CRI-O, Docker and crun: from source, not run.",
        check=_unknown,
    ),
    Rule(
        id="add-and-drop",
        title="The same name is added and dropped.",
        happens="containerd and CRI-O apply the drops last, so the container does not have the capability. Docker "
        "(cri-dockerd) applies the adds last, so the container has the capability.",
        why="Each runtime has an order of its own, and Kubernetes does not say which is right.",
        do="Keep the name in one of the two lists.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        add: [NET_ADMIN]
        drop: [NET_ADMIN, NET_RAW]
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [NET_ADMIN, NET_RAW]
""",
        evidence="containerd with runc: run here. CRI-O and Docker: from source, not run.",
        check=_add_and_drop,
    ),
    Rule(
        id="drop-all-spelling",
        title="ALL is dropped in a spelling that Pod Security does not accept.",
        happens="Every runtime reads `all` and drops everything. Pod Security Admission compares letter by letter, so "
        "a namespace that enforces restricted refuses the pod.",
        why="The check capabilities_restricted looks for the text ALL in drop.",
        do="Write ALL in capital letters.",
        bad_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [all]
""",
        good_example="""\
spec:
  containers:
  - name: web
    securityContext:
      capabilities:
        drop: [ALL]
""",
        evidence="containerd with runc, and a real API server: run here.",
        check=_drop_all_spelling,
    ),
)
