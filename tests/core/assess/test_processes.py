"""Texts of /proc as processes: whose they are, and what is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.assess.processes import (
    Ambiguous,
    Observation,
    Process,
    ProcessScope,
    decode,
    last_pid,
    scope_of,
    tells_all,
    unobservable,
)
from kubectl_caps.core.kubernetes.container import Capabilities, Container, SecurityContext
from kubectl_caps.core.kubernetes.pod import (
    OS,
    ContainerState,
    ContainerStatus,
    Pod,
    PodSpec,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets

DEFAULT = 0xA80425FB
ID, OTHER = "6da136112a95", "354a36333936"


def status(
    pid: int, *, tid: int | None = None, parent: int = 0, name: str = "app", uid: int = 0, mask: int = DEFAULT
) -> str:
    """A text of /proc/PID/status, with the lines that do not matter left out."""
    return (
        f"Name:\t{name}\nState:\tS (sleeping)\nTgid:\t{pid}\nPid:\t{tid or pid}\nPPid:\t{parent}\n"
        f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapInh:\t{0:016x}\nCapPrm:\t{mask:016x}\nCapEff:\t{mask:016x}\n"
        f"CapBnd:\t{DEFAULT:016x}\nCapAmb:\t{0:016x}\nNoNewPrivs:\t0\nSeccomp:\t2\n"
    )


def v1(ident: str) -> str:
    return f"2:pids:/kubepods/pod1/{ident}\n1:cpu:/kubepods/pod1/{ident}\n0::/kubepods/pod1/{ident}\n"


READER = status(50, name="sh")


ALONE = ProcessScope()


def pids(text: str, scope: ProcessScope = ALONE) -> list[tuple[int, int]]:
    seen = decode([text], scope)
    assert seen
    return [(process.pid, process.tid) for process in seen.processes]


def test_a_status_text_is_a_process() -> None:
    seen = decode([READER + status(1, name="nginx", uid=33, mask=0x400)], ProcessScope())
    assert seen
    low, bounding = CapabilitySet(0x400), CapabilitySet(DEFAULT)
    assert seen.processes == (
        Process(1, 1, 0, "nginx", 33, ProcessSets(bounding, low, low, no_new_privs=False), 2),
    )  # fmt: skip
    assert seen.reader.comm == "sh"


def test_the_reader_and_its_children_are_left_out() -> None:
    others = [status(1), status(50, name="sh"), status(51, parent=50, name="cat"), status(52, parent=51), status(7)]
    assert pids(READER + "".join(others)) == [(1, 1), (7, 7)]


def test_another_exec_is_a_process_of_the_container() -> None:
    assert pids(READER + status(1) + status(40, name="bash")) == [(1, 1), (40, 40)]


@pytest.mark.parametrize(
    ("thread", "shown"),
    [
        (status(1, tid=9), [(1, 1)]),
        (status(1, tid=9, mask=0), [(1, 1), (1, 9)]),
        (status(1, tid=9, uid=5), [(1, 1), (1, 9)]),
    ],
    ids=["same", "other sets", "other user"],
)
def test_a_thread_is_shown_where_it_differs(thread: str, shown: list[tuple[int, int]]) -> None:
    assert pids(READER + thread + status(1)) == shown


@pytest.mark.parametrize("cut", ["Name:\tgone\nTgid:\t9\n", status(9).partition("CapBnd")[0], "Name:\t\n", ""])
def test_a_process_that_ends_while_it_is_read_is_left_out(cut: str) -> None:
    assert pids(READER + cut + status(1)) == [(1, 1)]


@pytest.mark.parametrize(("pid", "tid"), [(0, 9), (9, 0), (0, 0), (-9, 9), (9, -9)])
def test_what_has_no_id_of_a_process_is_not_read_as_a_process(pid: int, tid: int) -> None:
    text = status(9, mask=0).replace("Tgid:\t9", f"Tgid:\t{pid}").replace("Pid:\t9", f"Pid:\t{tid}")
    assert pids(READER + text + status(1)) == [(1, 1)]


SELF = "0::/\n"
GROUPS = {
    "cgroup v1": (v1(ID), v1(OTHER)),
    "own cgroup namespace": (SELF, f"0::/../{OTHER}\n"),
    "systemd, own cgroup namespace": (SELF, f"0::/../cri-containerd-{OTHER}.scope\n"),
    "host's cgroup namespace": (f"0::/kubepods.slice/cri-containerd-{ID}.scope\n", "0::/system.slice\n"),
}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("own", "other"), GROUPS.values(), ids=list(GROUPS))
def test_processes_of_other_containers_are_left_out(own: str, other: str, shared: bool) -> None:
    text = own + READER + other + status(3) + own + status(1) + other + status(4) + own + status(8)
    assert pids(text, ProcessScope(ID, shared=shared)) == [(1, 1), (8, 8)]


def test_a_cgroup_that_the_container_made_itself_is_its_own() -> None:
    nested = [SELF + READER + SELF + status(1) + "0::/system.slice/x\n" + status(8)]
    seen = decode(nested, ProcessScope(ID))
    assert seen
    assert [process.pid for process in seen.processes] == [1, 8]
    deeper = v1(ID) + READER + v1(ID) + status(1) + v1(f"{ID}/init.scope") + status(8)
    assert pids(deeper, ProcessScope(ID)) == [(1, 1), (8, 8)]


def test_cgroups_of_a_vanished_process_are_not_given_to_the_next_process() -> None:
    text = v1(ID) + READER + v1(OTHER) + v1(ID) + status(1) + v1(ID) + v1(OTHER) + status(8)
    assert pids(text, ProcessScope(ID, shared=True)) == [(1, 1)]


def test_an_ephemeral_container_sees_the_container_beside_it() -> None:
    own, other = f"0::/../{ID}\n", SELF
    text = other + READER + own + status(1) + other + status(50, name="sh") + own + status(7)
    assert pids(text, ProcessScope(ID, foreign=True)) == [(1, 1), (7, 7)]


NOT_TOLD = {
    "nothing but the reader": (READER, ProcessScope(), "shows no process of the container"),
    "ephemeral, target not honored": (
        SELF + READER,
        ProcessScope(ID, foreign=True),
        "did not let the ephemeral container",
    ),
    "shared, no cgroups": (
        READER + status(1) + status(7),
        ProcessScope(ID, shared=True),
        "process namespace is shared",
    ),
    "shared, id unknown": (
        SELF + READER + SELF + status(7),
        ProcessScope("", shared=True),
        "process namespace is shared",
    ),
    "process 1 hidden": (SELF + READER + SELF + status(7), ProcessScope(ID), "process 1 is not visible"),
}


@pytest.mark.parametrize(("text", "scope", "why"), NOT_TOLD.values(), ids=list(NOT_TOLD))
def test_processes_that_cannot_be_told_apart_have_a_reason(text: str, scope: ProcessScope, why: str) -> None:
    with pytest.raises(Ambiguous, match=why):
        decode([text], scope)


@pytest.mark.parametrize("text", ["", "hello\n", "sh: not found\n", "Name:\tsh\n"])
def test_a_text_without_proc_has_no_processes(text: str) -> None:
    assert decode([text], ProcessScope()) is None


def test_several_texts_have_a_reader_each() -> None:
    seen = decode([READER + status(1), status(60, name="cat") + status(60, name="cat") + status(7)], ProcessScope())
    assert seen
    assert [process.pid for process in seen.processes] == [1, 7]


@given(st.text(alphabet=st.sampled_from("NamePidTgUCpEf:\t\n0123456789/abc ")))
def test_no_output_of_a_container_breaks_the_parser(text: str) -> None:
    """A container may print anything."""
    seen = decode([READER + status(1) + text], ProcessScope())
    assert seen is None or seen.reader.pid == 50


@pytest.mark.parametrize(
    ("text", "last"), [("0.00 0.01 0.05 1/123 4567\n", 4567), ("", None), ("cat: not found", None)]
)
def test_the_newest_process_id(text: str, last: int | None) -> None:
    assert last_pid(text) == last


def pod(*statuses: ContainerStatus, phase: str = "Running", **spec: object) -> Pod:
    containers = [Container(name="app")]
    return Pod(spec=PodSpec(containers=containers, **spec), status=PodStatus(  # type: ignore[arg-type]
        phase=phase, container_statuses=list(statuses)))  # fmt: skip


RUNNING = ContainerState(running=Running())
UNOBSERVABLE = {
    "running": (pod(ContainerStatus(name="app", state=RUNNING)), None),
    "ended": (
        pod(ContainerStatus(name="app", state=ContainerState(terminated=Terminated(exit_code=3, reason="Error")))),
        ("exited", "it has ended with exit code 3 (Error)"),
    ),
    "crashing": (
        pod(ContainerStatus(name="app", state=ContainerState(waiting=Waiting(reason="CrashLoopBackOff")))),
        ("notStarted", "it does not run (CrashLoopBackOff)"),
    ),
    "pending": (pod(phase="Pending"), ("notStarted", "it does not run")),
    "evicted": (pod(phase="Failed"), ("exited", "its pod has ended (Failed)")),
    "windows": (
        pod(ContainerStatus(name="app", state=RUNNING), os=OS(name="windows")),
        ("notTold", "a Windows container has no Linux capabilities"),
    ),
}


@pytest.mark.parametrize(("of", "expected"), UNOBSERVABLE.values(), ids=list(UNOBSERVABLE))
def test_a_container_without_processes_has_a_reason(of: Pod, expected: tuple[str, str] | None) -> None:
    assert unobservable(of, "app") == expected


def test_the_scope_is_that_of_the_pod() -> None:
    started = ContainerStatus(name="app", container_id=f"containerd://{ID}")
    assert scope_of(pod(started), "app") == ProcessScope(ID)
    assert scope_of(pod(started, share_process_namespace=True), "app", foreign=True) == ProcessScope(ID, True, True)
    assert scope_of(pod(started, host_pid=True), "app") == ProcessScope(ID, True)


GRANTED = Process(9, 9, 0, "sh", 0, ProcessSets(bounding=CapabilitySet(0x1FF)))


@pytest.mark.parametrize(
    ("security", "told"),
    [
        (SecurityContext(privileged=True), True),
        (SecurityContext(capabilities=Capabilities(add=["all"])), True),
        (SecurityContext(capabilities=Capabilities(add=["ALL"], drop=["KILL"])), False),
        (SecurityContext(capabilities=Capabilities(add=["NET_ADMIN"])), False),
    ],
)
def test_a_container_with_all_shows_the_meaning_of_all(security: SecurityContext, told: bool) -> None:
    container = Container(name="app", security_context=security)
    seen = Observation("pod", "app", granted=GRANTED)
    assert tells_all(seen, container) == (CapabilitySet(0x1FF) if told else None)
    assert tells_all(Observation("pod", "app", miss="exited"), container) is None
