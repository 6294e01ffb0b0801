"""Compares the logs of old and new pods while a rollout is watched."""

import time
from collections.abc import Mapping, Sequence

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.read.pod_logs import Forbidden, PodLogs
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.harden.complaints import Complaint, complaints, wording
from kubectl_caps.core.kubernetes.pod import Pod, members, user_of
from kubectl_caps.core.kubernetes.snapshot import Snapshot

_EVERY = 1.5
"""Seconds between two readings during a rollout."""


class LogComparison:
    """The complaints of the new pods that the old pods do not log.

    `losses` are the capabilities that the change takes from each container. `newest` is the last read line of a new
    pod. With `restarts`, the logs from before a restart are read, too.
    """

    def __init__(self, cluster: Cluster, forbidden: Forbidden, *, restarts: bool = False) -> None:
        self.logs = PodLogs(cluster, forbidden, restarts=restarts)
        self.newest = ""
        self.losses: Mapping[str, Loss] = {}
        self._old: set[tuple[str, str]] = set()
        self._old_missing: set[tuple[str, tuple[str, ...]]] = set()
        self._new: dict[tuple[str, str], Complaint] = {}
        self._next = 0.0

    @property
    def old_wordings(self) -> set[tuple[str, str]]:
        """The wordings of the old pods' complaints, by container."""
        return set(self._old)

    def read_old(self, pods: Sequence[Pod]) -> None:
        """Read the logs of the old pods, and remember their complaints."""
        for complaint in complaints(self.logs.lines(pods), _users(pods), self.losses):
            self._old.add(wording(complaint.line))
            self._old_missing.add((complaint.line.container, complaint.capabilities))

    def read_new_at_times(self, snapshot: Snapshot) -> list[Complaint]:
        """Call `read_new` at most every 1.5 seconds. In between, return an empty list."""
        now = time.monotonic()
        if now < self._next:
            return []
        self._next = now + _EVERY
        return self.read_new(snapshot)

    def read_new(self, snapshot: Snapshot) -> list[Complaint]:
        """Read the logs of all pods, and return the complaints that only the new pods have logged so far.

        The old pods that still run are read first, because both may complain of the same cause.
        """
        self.read_old(snapshot.old)
        lines = list(self.logs.lines(snapshot.updated))
        if lines:
            self.newest = f"{lines[-1].container}: {lines[-1].text.strip()}"
        for complaint in complaints(lines, _users(snapshot.updated), self.losses):
            self._new.setdefault(wording(complaint.line), complaint)
        return self.found()

    def found(self) -> list[Complaint]:
        """The complaints that only the new pods have logged so far."""
        return [item for wording, item in self._new.items() if wording not in self._old and not self._is_old(item)]

    def _is_old(self, complaint: Complaint) -> bool:
        return bool(complaint.capabilities) and (complaint.line.container, complaint.capabilities) in self._old_missing


def _users(pods: Sequence[Pod]) -> dict[str, int | None]:
    """The user id of each container."""
    return {member.container.name: user_of(pod, member.container.name) for pod in pods for member in members(pod.spec)}
