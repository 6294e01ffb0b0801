"""Reads the logs of a watched workload's pods repeatedly. Each reading gives only the new lines."""

import time
from collections.abc import Callable, Iterator, Sequence

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.core.harden.complaints import Line
from kubectl_caps.core.kubernetes.pod import Pod, members
from kubectl_caps.errors import ApiError

LOG_START = 1 << 20
"""The number of bytes that are read from the start of a log: a program names a missing right mostly there."""
LOG_LINES = 200
"""The number of last lines that are read as well if a log is longer."""
SAMPLE = 5
"""Pods of a workload whose logs are read."""
Forbidden = Callable[[str, ApiError], None]
"""Called with what may not be read (`logs`, `events`), and the server's refusal."""
_OVERLAP = 2.0
"""Seconds by which two readings overlap, because the API counts whole seconds."""


class PodLogs:
    """Reads the logs of pods; `forbidden` is called for a missing right.

    With `restarts`, the log from before a container's last restart is read as well, once. The kubelet has no older one,
    and deletes that one when the container ends again (pkg/kubelet pod_container_deletor.go). `unread` are the pods and
    containers whose log could not be read so far, `cut` those whose new log was once too long to be read whole.
    """

    def __init__(self, cluster: Cluster, forbidden: Forbidden, *, restarts: bool = False) -> None:
        self.cluster, self.forbidden, self.restarts = cluster, forbidden, restarts
        self.unread: set[tuple[str, str]] = set()
        self.cut: set[tuple[str, str]] = set()
        self._read_at: dict[tuple[str, str, int], float] = {}
        self._ended: set[tuple[str, str, int]] = set()

    def lines(self, pods: Sequence[Pod]) -> Iterator[Line]:
        """The lines that the containers of some pods logged since the last call; some lines come twice."""
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
        except ApiError:  # the runtime keeps the log of a container that has ended only for a while
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
    """The key of a container between two restarts."""
    status = pod.status.containers.get(container)
    return pod.metadata.uid or "", container, status.restart_count if status else 0


def read_log(cluster: Cluster, pod: Pod, container: str, *, previous: bool = False, since: int | None = None) -> str:
    """A container's log, or its log from before the last restart: the first MiB, and the last 200 lines.

    `since` limits the log to the last seconds. Raises ApiError.
    """
    namespace, name = pod.metadata.namespace or "", pod.metadata.name or ""
    text = cluster.log(namespace, name, container, previous=previous, limit=LOG_START, since=since)
    if len(text.encode()) >= LOG_START:
        text += "\n" + cluster.log(namespace, name, container, previous=previous, tail=LOG_LINES)
    return text
