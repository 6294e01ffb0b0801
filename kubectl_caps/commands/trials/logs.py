"""Compares the logs of a trial with the logs of the baseline. Lines that both have are normal."""

from collections.abc import Iterator, Mapping

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.read import rollout as edge
from kubectl_caps.cluster.read.pod_logs import Forbidden, PodLogs
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.diagnosis.diagnose import diagnose, next_command
from kubectl_caps.core.diagnosis.line_cause import Evidence
from kubectl_caps.core.harden.complaints import Complaint, Line, complaints, wording
from kubectl_caps.core.harden.result import Diagnosis
from kubectl_caps.core.kubernetes import pod_failures
from kubectl_caps.core.kubernetes.pod import Pod, members, user_of
from kubectl_caps.core.kubernetes.pod_failures import PodFailure

Wordings = set[tuple[str, str]]
"""Pairs of a container and the wording of a log line."""


class TrialLog:
    """The complaints of one trial's pod.

    `normal` are the wordings of the baseline's complaints, which do not count. `doubtful` are lines that may be
    refusals.
    """

    def __init__(self, cluster: Cluster, forbidden: Forbidden, losses: Mapping[str, Loss], normal: Wordings) -> None:
        self.cluster, self.forbidden, self.losses, self.normal = cluster, forbidden, losses, normal
        self.new: dict[tuple[str, str], Complaint] = {}
        self.usual: dict[tuple[str, str], Complaint] = {}
        self.doubtful: dict[tuple[str, str], Complaint] = {}
        self.newest = ""
        self._logs = PodLogs(cluster, forbidden)

    @property
    def unread(self) -> list[str]:
        """The containers whose log could not be read so far. Their logs may have refusals."""
        return sorted({container for _, container in self._logs.unread})

    @property
    def cut(self) -> list[str]:
        """The containers with so long a log that its middle was not read."""
        return sorted({container for _, container in self._logs.cut})

    def read(self, pod: Pod) -> None:
        """Read and judge the lines that the containers have logged since the last call."""
        lines = list(self._logs.lines([pod]))
        if lines:
            self.newest = f"{lines[-1].container}: {lines[-1].text.strip()}"
        users = {member.container.name: user_of(pod, member.container.name) for member in members(pod.spec)}
        for complaint in complaints(lines, users, self.losses):
            new = self.doubtful if complaint.is_doubtful else self.new
            said = self.usual if wording(complaint.line) in self.normal else new
            said.setdefault(wording(complaint.line), complaint)

    def diagnoses(self, workload: str, namespace: str) -> Iterator[Diagnosis]:
        """The causes of the new complaints."""
        for complaint in self.new.values():
            if complaint.cause:
                container = complaint.line.container
                names = {"workload": workload, "namespace": namespace, "pod": complaint.line.pod}
                yield Diagnosis(container, complaint.cause, next_command(complaint.cause, container=container, **names))

    def failure_diagnoses(self, failure: PodFailure, pod: Pod, workload: str) -> Iterator[Diagnosis]:
        """The causes in a failed pod's states, logs and events, for each container that failed."""
        namespace = pod.metadata.namespace or ""
        for item in pod_failures.one_a_container(failure, [pod]):
            evidence = list(edge.evidence(self.cluster, namespace, item, [pod], self.forbidden))
            mine = [one for one in evidence if not self._is_normal(one, item.container, pod)]
            uid = user_of(pod, item.container)
            for cause in diagnose(mine, uid=uid, loss=self.losses.get(item.container)):
                names = {"workload": workload, "namespace": namespace, "pod": item.pod}
                yield Diagnosis(item.container, cause, next_command(cause, container=item.container, **names))

    def last_line(self, failure: PodFailure, pod: Pod) -> str:
        """The last log line of a failed container, or its state, for a failure without another explanation."""
        found = list(edge.evidence(self.cluster, pod.metadata.namespace or "", failure, [pod], self.forbidden))
        lines = [one.text.strip() for one in found if one.source == "log"]
        states = [one.text.strip() for one in found if one.source in ("state", "termination")]
        return next((text for text in [*lines[::-1], *states[::-1]] if text and text not in failure.message), "")

    def _is_normal(self, evidence: Evidence, container: str, pod: Pod) -> bool:
        line = Line(pod.metadata.name or "", container, evidence.text)
        return evidence.source == "log" and wording(line) in self.normal
