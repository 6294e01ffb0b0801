"""Reads the processes of running containers, by exec or by an ephemeral container.

Nothing is left running: the command ends, and so does an ephemeral container. Only its record stays in the pod.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.random_suffix import random_suffix
from kubectl_caps.cluster.api.refusals import refusal_cause
from kubectl_caps.cluster.api.resources import PODS
from kubectl_caps.cluster.api.rights import access_review
from kubectl_caps.cluster.http.exec_websocket import Outcome
from kubectl_caps.cluster.http.transport import Request, Runner
from kubectl_caps.cluster.read.proc_commands import LAST, LOADAVG, PRINTERS, READERS, SHELL, ProcCommand, batches
from kubectl_caps.core.assess.processes import (
    Ambiguous,
    Miss,
    Observation,
    ReadResult,
    decode,
    last_pid,
    scope_of,
    unobservable,
)
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.errors import ApiError, CapsError

LIMIT = 20.0
"""Seconds for one container, without --request-timeout."""
STARTING = 60.0
"""Seconds for an ephemeral container, because its image may have to be pulled."""
LOG_LINES = 10_000_000

# The words of runc, crun, gVisor and Kata for a program that does not exist, and the exit statuses of a shell for it.
_NOT_THERE = ("executable file", "no such file or directory", "error finding executable", "not found in $path")
_NOT_THERE_CODES = (126, 127)
_WILL_NOT_START = (
    "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError",
    "CreateContainerError", "RunContainerError",
)  # fmt: skip


class _Missed(Exception):
    """The container could not be observed."""

    def __init__(self, miss: Miss, why: str) -> None:
        super().__init__(why)
        self.miss, self.why = miss, why


class ContainerTarget(Struct, frozen=True):
    """One container of one pod."""

    pod: Pod
    container: str

    @property
    def namespace(self) -> str:
        return self.pod.metadata.namespace or ""

    @property
    def name(self) -> str:
        return self.pod.metadata.name or ""


class Observer:
    """Reads the processes of containers in one cluster. Several threads may use an observer at a time.

    With an `image`, an ephemeral container of that image is started if exec reads nothing. `limit` is the time for the
    exec in one container, in seconds.
    """

    def __init__(self, cluster: Cluster, runner: Runner, *, image: str | None = None, limit: float = LIMIT) -> None:
        self._cluster, self._runner, self._image, self._limit = cluster, runner, image, limit
        self._lock = threading.Lock()
        self._rights: dict[str, str] = {}

    def observe(self, target: ContainerTarget) -> Observation:
        """The processes of the container, or the reason why they could not be read. Raises ConfigError."""
        found = Observation(target.name, target.container)
        nothing = unobservable(target.pod, target.container)
        try:
            if nothing:
                raise _Missed(*nothing)
            seen, truncated = self._exec(target)
            return Observation(target.name, target.container, seen.processes, seen.reader, truncated=truncated)
        except _Missed as missed:
            if self._image and missed.miss in ("noReader", "forbidden"):
                return self._observe_by_ephemeral_container(target, self._image)
            return _missed(found, missed)

    def _exec(self, target: ContainerTarget) -> tuple[ReadResult, bool]:
        deadline = time.monotonic() + self._limit
        failed: list[Outcome] = []
        for reader in READERS:
            outcome = self._run(target, reader, deadline)
            if seen := _seen([outcome.stdout], target):
                return seen, outcome.cut
            failed.append(outcome)
        for printer in PRINTERS:
            outcome = self._run(target, (*printer, LOADAVG), deadline)
            if last := last_pid(outcome.stdout):
                texts = [self._run(target, command, deadline).stdout for command in batches(printer, last)]
                if seen := _seen(texts, target):
                    return seen, last > LAST
            failed.append(outcome)
        other = next((outcome.failure for outcome in failed if outcome.failure and not _is_not_there(outcome)), None)
        if other:
            raise _Missed("failed", other)
        raise _Missed("noReader", "nothing in its image can read /proc: no shell, no cat, no interpreter")

    def _run(self, target: ContainerTarget, command: ProcCommand, deadline: float) -> Outcome:
        query = [("container", target.container), ("stdout", "true"), ("stderr", "true")]
        query += [("command", word) for word in command]
        request = Request("GET", PODS.path(target.namespace, target.name, "exec"), tuple(query))
        try:
            return self._runner.run(request, max(deadline - time.monotonic(), 0.01))
        except ApiError as error:
            if error.code == 403:
                raise _Missed("forbidden", self._missing_rights(target.namespace, error)) from error
            raise _Missed("failed", str(error)) from error
        except CapsError as error:
            raise _Missed("failed", str(error)) from error

    def _missing_rights(self, namespace: str, error: ApiError) -> str:
        """A text that names the missing verbs of pods/exec. The server is asked once for each namespace."""
        with self._lock:
            if namespace not in self._rights:
                missing = [verb for verb in ("get", "create") if not self._allowed(namespace, verb, "exec")]
                self._rights[namespace] = _needs(missing, "pods/exec", namespace) if missing else str(error)
            return self._rights[namespace]

    def _allowed(self, namespace: str, verb: str, subresource: str) -> bool:
        try:
            return bool(access_review(self._cluster, namespace, verb, "pods", subresource))
        except ApiError:
            return True  # an unknown right must not be called missing

    def _observe_by_ephemeral_container(self, target: ContainerTarget, image: str) -> Observation:
        found = Observation(target.name, target.container)
        try:
            name = self._start(target, image)
            self._await_end(target, name)
            text = self._cluster.log(target.namespace, target.name, name, tail=LOG_LINES)
            seen = _seen([text], target, foreign=True)
            if seen is None:
                raise _Missed("failed", f"the ephemeral container {name} wrote nothing of /proc: has {image} a shell?")
            return Observation(target.name, target.container, seen.processes)
        except _Missed as missed:
            return _missed(found, missed)
        except CapsError as error:
            return _missed(found, _Missed("failed", str(error)))

    def _start(self, target: ContainerTarget, image: str) -> str:
        name = f"caps-{random_suffix()}"
        try:
            self._cluster.add_ephemeral_container(target.namespace, target.name, ephemeral(name, image, target))
        except ApiError as error:
            raise _refused(error, target) from error
        return name

    def _await_end(self, target: ContainerTarget, name: str) -> None:
        deadline = time.monotonic() + max(STARTING, self._limit)
        while time.monotonic() < deadline:
            for status in self._ephemeral_statuses(target):
                if status.get("name") == name and _ended(name, status.get("state") or {}):
                    return
            time.sleep(0.3)
        raise _Missed("failed", f"the ephemeral container {name} has not ended in time")

    def _ephemeral_statuses(self, target: ContainerTarget) -> Iterator[dict[str, Any]]:
        pod = self._cluster.get(PODS, target.namespace, target.name)
        yield from pod.get("status", {}).get("ephemeralContainerStatuses") or ()


def ephemeral(name: str, image: str, target: ContainerTarget) -> dict[str, Any]:
    """The ephemeral container that prints /proc. It satisfies the Pod Security level *restricted*."""
    return {
        "name": name,
        "image": image,
        "command": [word.replace("$", "$$") for word in SHELL],  # the kubelet expands $(NAME), and $$ is a $
        "targetContainerName": target.container,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _is_not_there(outcome: Outcome) -> bool:
    return outcome.code in _NOT_THERE_CODES or any(words in outcome.failure.lower() for words in _NOT_THERE)


def _seen(texts: Sequence[str], target: ContainerTarget, *, foreign: bool = False) -> ReadResult | None:
    try:
        return decode(texts, scope_of(target.pod, target.container, foreign=foreign))
    except Ambiguous as error:
        raise _Missed("notTold", str(error)) from error


def _missed(found: Observation, missed: _Missed) -> Observation:
    return Observation(found.pod, found.container, miss=missed.miss, why=missed.why)


def _needs(verbs: Sequence[str], resource: str, namespace: str) -> str:
    return f"it needs the right to {' and '.join(verbs)} {resource} in namespace {namespace}"


def _refused(error: ApiError, target: ContainerTarget) -> _Missed:
    if refusal_cause(error) == "Pod Security":
        words = "the namespace enforces a Pod Security level that the pod itself violates: nothing can be added to it"
        return _Missed("forbidden", f"{words}: {error.message.partition(': ')[2]}")
    if error.code == 403:
        return _Missed("forbidden", _needs(["patch"], "pods/ephemeralcontainers", target.namespace))
    return _Missed("failed", str(error))


def _ended(name: str, state: dict[str, Any]) -> bool:
    """Whether the ephemeral container has ended. Raises _Missed if the container cannot start."""
    waiting = state.get("waiting") or {}
    if waiting.get("reason") in _WILL_NOT_START:
        raise _Missed("failed", f"the ephemeral container {name} does not start: {waiting['reason']}: "
                      f"{waiting.get('message', '')}")  # fmt: skip
    ended = state.get("terminated")
    if ended and ended.get("reason") in ("StartError", "ContainerCannotRun"):
        raise _Missed("failed", f"the ephemeral container {name} did not start: {ended.get('message', '')}")
    return bool(ended)
