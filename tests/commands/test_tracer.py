"""The tracer pod with answers that are made by hand: refusals, questions without an answer, and records cut short."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.http.exec_websocket import Outcome
from kubectl_caps.cluster.http.transport import Runner
from kubectl_caps.commands.trials import tracer as subject
from kubectl_caps.commands.trials.run import remove_left_overs
from kubectl_caps.commands.trials.tracer import Tracer, TracerRefused, start_tracer
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.trace.tracer_job import LABEL, TracerOptions
from kubectl_caps.errors import ApiError, CapsError, Unreachable

UID, IDENT = "11111111-2222-3333-4444-555555555555", "a" * 64
TRIAL = msgspec.convert(
    {
        "metadata": {"name": "web", "namespace": "shop", "uid": UID},
        "status": {"containerStatuses": [{"name": "c", "containerID": f"containerd://{IDENT}"}]},
    },
    Pod,
)
COUNTS = (
    f"mode\tcapabilities\tx86_64\nexec\t1\t{UID}/{IDENT}\tsh\n"
    f"asked\t1\t{UID}/{IDENT}\tsh\t0\t-1\t<setattr_prepare<__x64_sys_chown\nend\t0\nlost\t0\n"
)
OPTIONS = TracerOptions("shop", "busybox", 60, 30)


class Asked:
    """What runs the questions; `answers` by their first word."""

    def __init__(self, **answers: Outcome | CapsError) -> None:
        self.answers, self.words = answers, list[str]()

    def run(self, request: Any, limit: float) -> Outcome:
        """Answer the command."""
        command = request.query[-1][1].split()
        self.words.append(" ".join(command[2:]))
        found = self.answers.get(command[2], Outcome(""))
        if isinstance(found, CapsError):
            raise found
        return found


def tracer(**answers: Outcome | CapsError) -> tuple[Tracer, Asked]:
    asked = Asked(**answers)
    found = Tracer(cast("Cluster", None), cast("Runner", asked), "shop", "abcde")
    found.pod = msgspec.convert({"metadata": {"name": "caps-trace-abcde-x", "namespace": "shop"}}, Pod)
    return found, asked


def test_a_trial_is_recorded_from_before_its_pod_to_its_end() -> None:
    found, asked = tracer(end=Outcome(COUNTS))
    trace = found.begin(3)
    trace.follow(TRIAL)
    trace.follow(TRIAL)
    report = trace.end(TRIAL)
    assert [words.split()[:2] for words in asked.words] == [["begin", "3"], ["follow", "3"], ["end", "3"]]
    assert report.gap(["c"]) == ""
    refused = list(trace.refused(report, {"c": Loss(frozenset({"CHOWN"}))}))
    assert [(one.container, one.capability) for one in refused] == [("c", "CHOWN")]


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"begin": Outcome("", "mkdir: busy\n", "exit code 1")}, "the tracer failed: mkdir: busy"),
        ({"follow": Outcome("", "", "container not found")}, "the tracer failed: container not found"),
        ({"end": Unreachable("it is gone")}, "the tracer does not answer: Unable to connect to the server: it is gone"),
        ({"end": Outcome("mode\tcapabilities\tx86_64\n")}, "the tracer ended before it was asked"),
    ],
    ids=["begin", "follow", "no answer", "half an answer"],
)
def test_what_goes_wrong_is_the_record_s_problem_and_not_the_trial_s(
    answers: dict[str, Outcome | CapsError], problem: str
) -> None:
    found, _ = tracer(**answers)
    trace = found.begin(0)
    trace.follow(TRIAL)
    assert trace.end(TRIAL).problem == problem


def test_a_trial_whose_pod_was_never_seen_has_no_record() -> None:
    found, asked = tracer()
    assert found.begin(0).end(None).problem == "its pod was not seen"
    assert asked.words[-1] == "drop 0"


class Server:
    """A cluster that admits tracers, or refuses them; its pod has the given state and log."""

    def __init__(self, state: dict[str, Any], log: str = "", refusal: ApiError | None = None) -> None:
        self.state, self.said, self.refusal = state, log, refusal
        self.deleted = list[str]()

    def create(self, resource: Any, namespace: str | None, body: dict[str, Any], **flags: Any) -> dict[str, Any]:
        """Make a Job, refuse a pod, or allow every right."""
        if resource.plural == "pods" and self.refusal:
            raise self.refusal
        return {"metadata": {"uid": "u"}, "status": {"allowed": True}}

    def pages(self, *_: Any, **__: Any) -> list[list[bytes]]:
        """The tracer's pod."""
        status = {"containerStatuses": [{"name": "tracer", "state": self.state}]}
        pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n1"}, "status": status}
        return [[msgspec.json.encode(pod)]]

    def log(self, *_: Any, **__: Any) -> str:
        """Its log."""
        return self.said

    def delete(self, resource: Any, namespace: str, name: str, **_: Any) -> None:
        """Note what is deleted."""
        self.deleted.append(name)


def start(server: Server) -> Tracer:
    return start_tracer(cast("Cluster", server), cast("Runner", Asked()), "abcde", OPTIONS, {}, "caps")


def test_a_tracer_is_ready_when_its_program_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    log = "left over: kubectl-caps-older-0-1\nready\n"
    assert start(Server({"running": {}}, log)).node == "n1"
    assert "trace instance kubectl-caps-older-0-1 removed: it was left over" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (lambda: Server({"running": {}}, "problem: tracefs cannot be mounted\n"), "tracefs cannot be mounted"),
        (lambda: Server({"waiting": {"reason": "ErrImagePull", "message": "no"}}), "ErrImagePull: no"),
        (lambda: Server({"terminated": {"exitCode": 1}}, "sh: not found"), "sh: not found"),
    ],
    ids=["no tracefs", "no image", "no shell"],
)
def test_a_tracer_that_cannot_work_is_removed_and_the_reason_is_told(server: Callable[[], Server], says: str) -> None:
    made = server()
    with pytest.raises(TracerRefused, match=says):
        start(made)
    assert made.deleted == ["caps-trace-abcde"]


def test_a_namespace_that_forbids_privileged_pods_is_told_before_anything_is_made() -> None:
    refusal = ApiError(403, "Forbidden", 'pods "x" is forbidden: violates PodSecurity "baseline:latest": privileged')
    server = Server({"running": {}}, refusal=refusal)
    with pytest.raises(TracerRefused, match="violates PodSecurity"):
        start(server)
    assert server.deleted == []


def test_a_tracer_that_does_not_start_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_STARTS_WITHIN", 0.1)
    with pytest.raises(TracerRefused, match="was not ready after"):
        start(Server({"waiting": {"reason": "ContainerCreating"}}))


class LeftJobs:
    """A namespace with the Jobs of two earlier tracers, one of them past its deadline."""

    def __init__(self) -> None:
        self.deleted = list[str]()

    def pages(self, *_: Any, label_selector: str, **__: Any) -> list[list[bytes]]:
        """The Jobs."""
        assert label_selector == LABEL
        ages = {"caps-trace-older": "2001-01-01T00:00:00Z", "caps-trace-newer": "2101-01-01T00:00:00Z"}
        jobs = [
            {"metadata": {"name": name, "creationTimestamp": made}, "spec": {"activeDeadlineSeconds": 60}}
            for name, made in ages.items()
        ]
        return [[msgspec.json.encode(job) for job in jobs]]

    def delete(self, resource: Any, namespace: str, name: str, **_: Any) -> None:
        """Note what is deleted."""
        self.deleted.append(name)


def test_the_next_run_removes_tracers_after_their_deadline_and_names_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = LeftJobs()
    remove_left_overs(cast("Cluster", cluster), "shop", LABEL, "tracers")
    said = capsys.readouterr().err
    assert cluster.deleted == ["caps-trace-older"]
    assert "job.batch/caps-trace-older deleted: it was left over from an earlier run" in said
    assert "tracers of another run are there, which their deadline ends: caps-trace-newer" in said


class Restarts:
    """A cluster on which the kubelet starts a killed tracer again; `states` are what its pod shows in turn."""

    def __init__(self, *states: dict[str, Any] | None) -> None:
        self.states, self.deleted_at = list(states), list[int]()

    def pages(self, *_: Any, **__: Any) -> list[list[bytes]]:
        """The tracer's pod; it is gone when its Job is deleted."""
        status = None if self.deleted_at else (self.states.pop(0) if len(self.states) > 1 else self.states[0])
        return [[msgspec.json.encode({"metadata": {"name": "p"}, "status": status})] if status else []]

    def delete(self, *_: Any, **__: Any) -> None:
        """Note how many states were still to come."""
        self.deleted_at.append(len(self.states))


RUNNING = {"phase": "Running", "containerStatuses": [{"name": "tracer", "state": {"running": {}}}]}
AGAIN = {"phase": "Running", "containerStatuses": [{"name": "tracer", "restartCount": 1, "state": {"running": {}}}]}
DONE = {"phase": "Succeeded"}


@pytest.mark.parametrize(
    ("states", "says"),
    [
        ([RUNNING, RUNNING, AGAIN, DONE], ""),
        ([None], ""),
        ([RUNNING], ""),
        ([AGAIN], "the tracer was killed and has not come back"),
    ],
    ids=["it cleans up", "it is gone", "it was not killed", "it does not come back"],
)
def test_the_job_of_a_killed_tracer_stays_until_its_instances_are_removed(
    states: list[dict[str, Any] | None], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"_POLL": 0.01, "_NOTICED_WITHIN": 0.1, "_CLEANED_WITHIN": 0.3}.items():
        monkeypatch.setattr(subject, name, value)
    server = Restarts(*states)
    found, _ = tracer(end=Unreachable("it is gone"))
    found.cluster = cast("Cluster", server)
    found.ask("end", "0")
    found.remove()
    assert server.deleted_at == []
    found.await_gone()
    assert server.deleted_at == [1]
    assert says in capsys.readouterr().err
