"""Reads the container runtimes of a cluster. The effect of an added capability depends on them."""

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.rights import lacking
from kubectl_caps.cluster.read.workloads import list_kinds, list_nodes
from kubectl_caps.core.assess.grants import UNTOLD
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.node_runtimes import node_runtimes
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.linux.runtimes import Runtime, possible, runtime_of
from kubectl_caps.errors import ApiError, CapsError
from kubectl_caps.report.terminal import say


def runtimes(cluster: Cluster, namespace: str | None) -> tuple[Runtime, ...]:
    """The container runtimes of the nodes.

    If nodes may not be listed, the runtimes in the status of the namespace's pods (None: of all namespaces). If no pod
    shows a runtime, all known runtimes.
    """
    wrong: list[CapsError] = []
    infos = list_nodes(cluster, wrong)
    if not isinstance(infos, ApiError) and not wrong:
        return tuple({runtime_of(info.container_runtime_version): None for info in infos.values()}) or (UNTOLD,)
    why = [lacking(error, "list") for error in ([infos] if isinstance(infos, ApiError) else wrong)]
    found = _runtimes_of_pods(cluster, namespace) if isinstance(infos, ApiError) else ()
    names = " and ".join(dict.fromkeys(runtime.name for runtime in found))
    counts = f"the status of pods names {names}" if found else "what a container gains on any container runtime counts"
    say(*(f"{words}: {counts}" for words in why))
    return found or possible(UNTOLD)


def _runtimes_of_pods(cluster: Cluster, namespace: str | None) -> tuple[Runtime, ...]:
    """The runtimes in the status of pods; empty if pods may not be listed."""
    pods = list_kinds(cluster, WORKLOADS[:1], namespace, {}).of(WORKLOADS[:1])
    found = node_runtimes(workload.template for workload in pods if isinstance(workload.template, Pod))
    return tuple(dict.fromkeys(found.values()))
