"""Parses texts of /proc as processes with their capability sets, and finds the processes that belong to a container.

A reader in the container prints `/proc/PID/cgroup` and `/proc/PID/task/*/status` (proc(5)) of each process, its own
process first. Every user may read these two files, whatever its capabilities, unless /proc is mounted with `hidepid`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.linux.sets import CapabilitySet, InvalidMask, ProcessSets

Miss = Literal["exited", "notStarted", "forbidden", "noReader", "notTold", "failed"]
"""Why a container was not observed: the container has ended, the container does not run yet, a right is missing, no
program of the image can read /proc, its processes cannot be distinguished from others, or an error occurred."""

NOT_RUNNING: tuple[Miss, ...] = ("exited", "notStarted")
"""The misses that are no error: the container has no process."""


class Process(Struct, frozen=True):
    """A process, or a thread whose sets differ from those of its process (`tid` is then not `pid`)."""

    pid: int
    tid: int
    parent: int
    comm: str
    uid: int
    sets: ProcessSets
    seccomp: int | None = None


class Observation(Struct, frozen=True):
    """The processes of one container of one pod, or why they could not be read.

    `granted` is a process that the runtime started in the container just now, by exec. It has the sets that the runtime
    gives the container's first process (an exec has the container's own process spec; containerd,
    container_execsync.go). An ephemeral container gives no `granted`.
    """

    pod: str
    container: str
    processes: tuple[Process, ...] = ()
    granted: Process | None = None
    runtime: Runtime | None = None
    """The runtime of the node, if it is known."""
    miss: Miss | None = None
    why: str = ""
    truncated: bool = False
    """Whether there are more processes than were read."""


class ProcessScope(Struct, frozen=True):
    """The facts by which a container's processes differ from other processes that its reader sees.

    `shared`: the container shares its process namespace with the pod or the node. `foreign`: the reader is in another
    container.
    """

    container_id: str = ""
    shared: bool = False
    foreign: bool = False


class Ambiguous(ValueError):
    """The texts of /proc do not show which processes belong to the container; the message says why."""


class ReadResult(Struct, frozen=True):
    """The processes of a container, and the one that read them."""

    processes: tuple[Process, ...]
    reader: Process


_CGROUP = re.compile(r"([0-9]+):([^:]*):(/.*)")
_MASKS = {
    "CapBnd": "bounding",
    "CapPrm": "permitted",
    "CapEff": "effective",
    "CapInh": "inheritable",
    "CapAmb": "ambient",
}


def decode(texts: Sequence[str], scope: ProcessScope) -> ReadResult | None:
    """The container's processes in the texts that readers printed. In each text the reader's own process comes first.

    None if no text is from /proc. Raises Ambiguous.
    """
    read = [records for text in texts if (records := list(_records(text)))]
    if not read:
        return None
    (reader, own), threads = read[0][0], [thread for records in read for thread in _without(records[0][0].pid, records)]
    mine = [process for process, group in threads if _belongs(group, own, scope)]
    if not mine and not scope.shared and not any(group for _, group in threads):
        mine = [process for process, _ in threads]  # /proc shows no cgroups: all processes here are the container's
    if not mine:
        raise Ambiguous(_why_none(threads, scope))
    if not scope.shared and not any(process.pid == 1 for process in mine):
        raise Ambiguous("process 1 is not visible: /proc may be mounted with hidepid")
    return ReadResult(tuple(_distinct(mine)), reader)


def last_pid(loadavg: str) -> int | None:
    """The newest process id of the reader's process namespace: the last word of /proc/loadavg (proc(5))."""
    words = loadavg.split()
    return int(words[-1]) if words and words[-1].isdecimal() else None


def _why_none(threads: Sequence[tuple[Process, str]], scope: ProcessScope) -> str:
    if scope.foreign and not threads:
        return "the runtime did not let the ephemeral container see the processes of the container"
    if scope.shared:
        return "the process namespace is shared, and /proc/PID/cgroup does not show which process is the container's"
    return "the output of /proc shows no process of the container"


def _records(text: str) -> Iterator[tuple[Process, str]]:
    """Each status text with the cgroups that were printed before it."""
    cgroups: dict[str, str] = {}
    fields: dict[str, str] = {}
    fresh = False
    for line in [*text.splitlines(), "Name:\t"]:
        group = _CGROUP.fullmatch(line)
        name, colon, value = line.partition(":")
        if group or (name == "Name" and colon):
            if process := _process(fields):
                yield process, "\n".join(cgroups.values())
            fields = {}
        if group:
            if not fresh or group[1] in cgroups:
                cgroups = {}
            cgroups[group[1]] = group[3]
            fresh = True
        elif colon:
            fields[name] = value.strip()
            fresh = False


def _process(fields: Mapping[str, str]) -> Process | None:
    """Parse one status text. None if the text is incomplete, as it is if the process ends while it is read.

    A process that has been reaped while it is read has id 0 (kernel, __task_pid_nr_ns), and none has an id below that.
    """
    try:
        pid, tid, parent = (int(fields[name]) for name in ("Tgid", "Pid", "PPid"))
        if min(pid, tid) < 1:
            return None
        masks = {ours: CapabilitySet.from_hex(fields[theirs]) for theirs, ours in _MASKS.items() if theirs in fields}
        if "effective" not in masks or "permitted" not in masks or "bounding" not in masks:
            return None
        uid = int(fields["Uid"].split()[1])
    except (KeyError, ValueError, IndexError, InvalidMask):
        return None
    no_new_privs, seccomp = fields.get("NoNewPrivs"), fields.get("Seccomp", "")
    sets = ProcessSets(**masks, no_new_privs=None if no_new_privs is None else no_new_privs == "1")
    return Process(pid, tid, parent, fields.get("Name", ""), uid, sets, int(seccomp) if seccomp.isdecimal() else None)


def _without(reader: int, threads: Sequence[tuple[Process, str]]) -> list[tuple[Process, str]]:
    """The processes without the reader and its descendants."""
    gone = {reader}
    while True:
        more = {process.pid for process, _ in threads if process.parent in gone} - gone
        if not more:
            return [(process, group) for process, group in threads if process.pid not in gone]
        gone |= more


def _belongs(group: str, own: str, scope: ProcessScope) -> bool:
    """Whether a process with these cgroups belongs to the container; `own` are the reader's cgroups.

    A container's cgroup is named after the container's id. Seen from the container's own cgroup namespace, that cgroup
    is `/`, and every cgroup outside begins with `/..` (cgroup_namespaces(7)). The pod's other containers are outside.
    """
    ident = scope.container_id
    if ident and ident in group:
        return True
    if scope.foreign or (ident and ident in own) or not group:
        return False
    return (bool(ident) or not scope.shared) and not any(path.startswith("/..") for path in group.split("\n"))


def _distinct(threads: Sequence[Process]) -> Iterator[Process]:
    """Every process, followed by its threads that have other sets, another user or another seccomp mode."""
    leaders = {thread.pid: thread for thread in threads if thread.tid == thread.pid}
    for thread in sorted(threads, key=lambda thread: (thread.pid, thread.tid != thread.pid, thread.tid)):
        leader = leaders.setdefault(thread.pid, thread)
        if thread is leader or _rights(thread) != _rights(leader):
            yield thread


def _rights(thread: Process) -> object:
    return thread.sets, thread.uid, thread.seccomp


def scope_of(pod: Pod, container: str, *, foreign: bool = False) -> ProcessScope:
    """The scope of a container, from the pod's spec and status."""
    status = pod.status.containers.get(container)
    ident = ((status.container_id if status else None) or "").partition("://")[2]
    return ProcessScope(ident, bool(pod.spec.host_pid or pod.spec.share_process_namespace), foreign)


def unobservable(pod: Pod, container: str) -> tuple[Miss, str] | None:
    """Why a container has no processes to read, from its pod's status; None if the container runs."""
    status = pod.status.containers.get(container)
    state = status.state if status else None
    if pod.spec.os and pod.spec.os.name == "windows":
        return "notTold", "a Windows container has no Linux capabilities"
    if state and state.terminated:
        ended = state.terminated
        return "exited", f"it has ended with exit code {ended.exit_code}{f' ({ended.reason})' if ended.reason else ''}"
    if pod.finished:
        return "exited", f"its pod has ended ({pod.status.phase})"
    if state is None or state.running is None:
        waiting = state.waiting.reason if state and state.waiting else ""
        return "notStarted", f"it does not run{f' ({waiting})' if waiting else ''}"
    return None


def tells_all(observation: Observation, container: Container) -> CapabilitySet | None:
    """The capabilities that ALL stands for on the node, if the container has ALL; else None.

    A drop beside ALL takes capabilities away, so only a container without drops shows the whole set.
    """
    names = [name.upper() for name in container.capabilities.add or ()]
    given = container.security.privileged or ("ALL" in names and not container.capabilities.drop)
    return observation.granted.sets.bounding if given and observation.granted else None
