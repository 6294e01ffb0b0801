"""Reads the containers of `inspect --live` in parallel, with progress. A slow container does not delay others."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from queue import Empty, Queue

from kubectl_caps.cluster.read.processes import ContainerTarget, Observer
from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.assess.processes import NOT_RUNNING, Observation
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.pods.owners import WorkloadRow
from kubectl_caps.core.text import first_few
from kubectl_caps.errors import CapsError, NotObserved
from kubectl_caps.report.terminal import clear_progress, progress

WORKERS = 16
_NAMED = 5


def container_targets(row: WorkloadRow) -> list[ContainerTarget]:
    """Every container of the pods of a row."""
    return [ContainerTarget(pod, member.container.name) for pod in row.pods for member in members(pod.spec)]


def observe(observer: Observer, wanted: Sequence[ContainerTarget]) -> list[Observation]:
    """The observation of each target, in the order of the targets. Raises ConfigError."""
    seen: dict[int, Observation] = {}
    for index, observation in _all(observer, wanted):
        seen[index] = observation
        progress(f"Reading processes: {len(seen)} of {len(wanted)} containers")
    clear_progress()
    return [seen[index] for index in range(len(wanted))]


def not_observed(assessments: Iterable[Assessment]) -> list[CapsError]:
    """One error for each reason, with the containers that could not be read for this reason.

    A container that has ended or does not run yet is no error, because it has no processes.
    """
    reasons: dict[str, list[str]] = {}
    for assessment in assessments:
        for container in assessment.containers:
            for observation in (item.observation for item in container.observed):
                if observation.miss and observation.miss not in NOT_RUNNING:
                    reasons.setdefault(observation.why, []).append(f"{observation.pod}/{observation.container}")
    return [NotObserved(f"{first_few(names, _NAMED)}: {why}") for why, names in reasons.items()]


def _all(observer: Observer, wanted: Sequence[ContainerTarget]) -> Iterator[tuple[int, Observation]]:
    waiting: Queue[tuple[int, ContainerTarget]] = Queue()
    done: Queue[tuple[int, Observation] | BaseException] = Queue()
    for item in enumerate(wanted):
        waiting.put(item)
    for _ in range(min(WORKERS, len(wanted))):
        # Daemon threads, because an interrupted program must not wait for a pod that does not answer.
        threading.Thread(target=_work, args=(observer, waiting, done), daemon=True).start()
    for _ in wanted:
        answer = done.get()
        if isinstance(answer, BaseException):
            raise answer
        yield answer


def _work(
    observer: Observer,
    waiting: "Queue[tuple[int, ContainerTarget]]",
    done: "Queue[tuple[int, Observation] | BaseException]",
) -> None:
    while True:
        try:
            index, target = waiting.get_nowait()
        except Empty:
            return
        try:
            done.put((index, observer.observe(target)))
        except BaseException as error:  # `_all` raises the exception in the main thread
            done.put(error)
