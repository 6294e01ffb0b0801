"""The container runtime of each node, read from the status of its pods."""

from collections.abc import Iterable

from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.linux.runtimes import Runtime, runtime_named_by


def node_runtimes(pods: Iterable[Pod]) -> dict[str, Runtime]:
    """The runtime of each node, by the node's name. The prefix of a container's `containerID` names the runtime."""
    found = {}
    for pod in pods:
        for status in pod.status.containers.values():
            runtime = runtime_named_by(status.container_id or "")
            if runtime and pod.spec.node_name:
                found[pod.spec.node_name] = runtime
    return found
