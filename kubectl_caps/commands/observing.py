"""All containers of `inspect --live` at a time: bounded, with progress, and none waits for a slow one."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from queue import Empty, Queue

from kubectl_caps.cluster.live import Observer, Target
from kubectl_caps.core.assessment import Assessment
from kubectl_caps.core.observation import BY_NATURE, Observation
from kubectl_caps.core.ownership import Family
from kubectl_caps.core.pod import members
from kubectl_caps.errors import CapsError, NotObserved
from kubectl_caps.report.terminal import clear_progress, progress

WORKERS = 16
_NAMED = 5


def targets(row: Family) -> list[Target]:
    """Every container of the pods of a row."""
    return [Target(pod, member.container.name) for pod in row.pods for member in members(pod.spec)]


def observe(observer: Observer, wanted: Sequence[Target]) -> list[Observation]:
    """What is seen of each target, in their order. Raises ConfigError."""
    seen: dict[int, Observation] = {}
    for index, observation in _all(observer, wanted):
        seen[index] = observation
        progress(f"Reading processes: {len(seen)} of {len(wanted)} containers")
    clear_progress()
    return [seen[index] for index in range(len(wanted))]


def not_observed(assessments: Iterable[Assessment]) -> list[CapsError]:
    """One error for each reason, with the containers that could not be read for it.

    Those that have ended or do not run yet are none: there is nothing to read.
    """
    reasons: dict[str, list[str]] = {}
    for assessment in assessments:
        for container in assessment.containers:
            for observation in (item.observation for item in container.observed):
                if observation.miss and observation.miss not in BY_NATURE:
                    reasons.setdefault(observation.why, []).append(f"{observation.pod}/{observation.container}")
    return [NotObserved(f"{_some(names)}: {why}") for why, names in reasons.items()]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _all(observer: Observer, wanted: Sequence[Target]) -> Iterator[tuple[int, Observation]]:
    waiting: Queue[tuple[int, Target]] = Queue()
    done: Queue[tuple[int, Observation] | BaseException] = Queue()
    for item in enumerate(wanted):
        waiting.put(item)
    for _ in range(min(WORKERS, len(wanted))):
        # Daemons, so that an interrupted program does not wait for a pod that does not answer.
        threading.Thread(target=_work, args=(observer, waiting, done), daemon=True).start()
    for _ in wanted:
        answer = done.get()
        if isinstance(answer, BaseException):
            raise answer
        yield answer


def _work(
    observer: Observer,
    waiting: "Queue[tuple[int, Target]]",
    done: "Queue[tuple[int, Observation] | BaseException]",
) -> None:
    while True:
        try:
            index, target = waiting.get_nowait()
        except Empty:
            return
        try:
            done.put((index, observer.observe(target)))
        except BaseException as error:  # whatever it is, the reader raises it
            done.put(error)
