"""`Snapshot`: the state of a workload and its pods at one moment of a rollout."""

from typing import Any

from msgspec import Struct

from kubectl_caps.core.kubernetes.pod import Pod


class Snapshot(Struct, frozen=True):
    """A workload at one moment: the object, all its pods, the pods of the wanted revision, and their direct owner."""

    obj: dict[str, Any]
    pods: tuple[Pod, ...]
    updated: tuple[Pod, ...]
    makers: tuple[str, ...]

    @property
    def old(self) -> list[Pod]:
        """The pods of earlier revisions."""
        new = {pod.metadata.uid for pod in self.updated}
        return [pod for pod in self.pods if pod.metadata.uid not in new]
