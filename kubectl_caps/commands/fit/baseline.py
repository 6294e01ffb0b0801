"""Reads the baseline's pod: the runtime of its node, the capabilities of its containers, and its user."""

from collections.abc import Sequence

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import NODES
from kubectl_caps.cluster.api.rights import lacking
from kubectl_caps.cluster.http.transport import Connected
from kubectl_caps.cluster.read.processes import ContainerTarget, Observer
from kubectl_caps.core.assess.grants import UNTOLD
from kubectl_caps.core.assess.processes import Observation
from kubectl_caps.core.fit.held import main_user
from kubectl_caps.core.kubernetes.node_runtimes import node_runtimes
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.linux.runtimes import Runtime, runtime_of
from kubectl_caps.core.linux.sets import CapabilitySet
from kubectl_caps.errors import ApiError, UsageError
from kubectl_caps.report.terminal import say


class BaselineReader:
    """Reads the baseline's pod, which has today's rights."""

    def __init__(self, cluster: Cluster, connected: Connected, pod: Pod) -> None:
        self.cluster, self.pod = cluster, pod
        self._observer = Observer(cluster, connected)
        self._seen = dict[str, Observation]()

    def runtime(self, reference: str) -> Runtime:
        """The container runtime of the pod's node. If the node cannot be read, the runtime in the pod's status.

        The pod's status lacks the version of the runtime.
        """
        try:
            node = self.cluster.get(NODES, None, self.pod.spec.node_name or "")
            return runtime_of(node["status"]["nodeInfo"]["containerRuntimeVersion"])
        except ApiError as error:
            say(f"{reference}: {lacking(error, 'get')}: the container runtime is read from the status of the pod")
        except (KeyError, UsageError):
            pass
        return next(iter(node_runtimes([self.pod]).values()), UNTOLD)

    def user(self) -> int | None:
        """The most frequent user id of the pod's processes that do not run as root; None if all run as root."""
        return main_user(self._observed(one.name) for one in self.pod.spec.containers or ())

    def bounding(self, containers: Sequence[str], reference: str) -> dict[str, CapabilitySet]:
        """The bounding sets of these containers, from /proc. Prints a line for each set that cannot be read."""
        found = {}
        for name in containers:
            seen = self._observed(name)
            if process := seen.granted or next(iter(seen.processes), None):
                found[name] = process.sets.bounding
            else:
                say(f"{reference}: the capabilities of container {name} cannot be read: {seen.why}")
        return found

    def _observed(self, container: str) -> Observation:
        """The processes of a container. Each container is read once."""
        if container not in self._seen:
            self._seen[container] = self._observer.observe(ContainerTarget(self.pod, container))
        return self._seen[container]
