"""Reads the logs of a watched workload's pods again and again. Each reading gives only the new lines."""

import time
from collections.abc import Callable, Iterator, Sequence

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.core.harden.complaints import Line
from kubectl_caps.core.kubernetes.pod import Pod, members
from kubectl_caps.errors import ApiError

LOG_START = 1 << 20
"""The bytes that are read from the start of a log, where a program usually names a missing right."""
LOG_LINES = 200
"""The number of last lines that are also read if a log is longer."""
SAMPLE = 5
"""The number of pods of a workload whose logs are read."""
Forbidden = Callable[[str, ApiError], None]
"""A function for a missing right. Its arguments are `logs` or `events`, and the server's refusal."""
_OVERLAP = 2.0
"""Seconds by which two readings overlap, because `sinceSeconds` counts whole seconds."""


class PodLogs:
    """Reads the logs of pods, and calls `forbidden` for a missing right.

    With `restarts`, the log from before a container's last restart is read once, too. The kubelet has no older log, and
    deletes this one when the container ends again (pkg/kubelet pod_container_deletor.go). `unread` are the pods and
    containers whose log could not be read so far. `cut` are the pods and containers with a log that was once too long
    to be read whole.
    """

    def __init__(self, cluster: Cluster, forbidden: Forbidden, *, restarts: bool = False) -> None:
        self.cluster, self.forbidden, self.restarts = cluster, forbidden, restarts
        self.unread: set[tuple[str, str]] = set()
        self.cut: set[tuple[str, str]] = set()
        self._read_at: dict[tuple[str, str, int], float] = {}
        self._ended: set[tuple[str, str, int]] = set()

    def lines(self, pods: Sequence[Pod]) -> Iterator[Line]:
        """The lines that the containers of these pods logged since the last call. Some lines may come twice."""
        for pod in pods[:SAMPLE]:
            for member in members(pod.spec):
                container = member.container.name
                lines = [*self._before_restart(pod, container), *self._new(pod, container)]
                yield from (Line(pod.metadata.name or "", container, text) for text in lines if text.strip())

    def _before_restart(self, pod: Pod, container: str) -> list[str]:
        key = _instance(pod, container)
        if not self.restarts or not key[2] or key in self._ended:
            return []
        self._ended.add(key)
        if key[2] > 1 and (*key[:2], key[2] - 1) not in self._ended:
            self.unread.add((pod.metadata.name or "", f"{container} before an earlier restart"))
        try:
            return read_log(self.cluster, pod, container, previous=True).splitlines()
        except ApiError:  # the runtime deletes the log of an ended container after a while
            self.unread.add((pod.metadata.name or "", f"{container} before its restart"))
            return []

    def _new(self, pod: Pod, container: str) -> list[str]:
        key, place = _instance(pod, container), (pod.metadata.name or "", container)
        now, last = time.monotonic(), self._read_at.get(key)
        since = None if last is None else int(now - last + _OVERLAP)
        try:
            text = read_log(self.cluster, pod, container, since=since)
        except ApiError as error:
            self.unread.add(place)
            if error.code == 403:
                self.forbidden("logs", error)
            return []
        self.unread.discard(place)
        if len(text.encode()) >= LOG_START:
            self.cut.add(place)
        self._read_at[key] = now
        return text.splitlines()


def _instance(pod: Pod, container: str) -> tuple[str, str, int]:
    """The pod's uid, the container and its restart count, which identify a container between two restarts."""
    status = pod.status.containers.get(container)
    return pod.metadata.uid or "", container, status.restart_count if status else 0


def read_log(cluster: Cluster, pod: Pod, container: str, *, previous: bool = False, since: int | None = None) -> str:
    """A container's log: the first MiB, and the last 200 lines of a longer log.

    With `previous` the log is from before the last restart. `since` limits the log to so many last seconds. Raises
    ApiError.
    """
    namespace, name = pod.metadata.namespace or "", pod.metadata.name or ""
    text = cluster.log(namespace, name, container, previous=previous, limit=LOG_START, since=since)
    if len(text.encode()) >= LOG_START:
        text += "\n" + cluster.log(namespace, name, container, previous=previous, tail=LOG_LINES)
    return text
