"""Makes a trial pod of a workload's pod, with changes so that the trial pod disturbs no other pod.

A second copy could take a host port, a volume's data or the node's network from the first pod. These settings are left
out, or the trial is refused. The differences are printed.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.fit.pod_marks import annotations_left_out, kept_annotations, kept_labels

TrialVolumes = Literal["refuse", "empty", "share"]

GRACE = 1
"""The termination grace period of a trial pod, in seconds. No client waits for its answers."""

_LEFT_OUT = {
    "priorityClassName": "it has no priority class, so it can displace only pods with a priority below 0",
    "priority": "",
    "preemptionPolicy": "",
    "readinessGates": "its readiness gates are left out, because no controller sets their conditions on it",
    "ephemeralContainers": "",
}
"""The fields of a pod spec that a trial pod leaves out, and a sentence for each."""

_OWN_DATA = ("configMap", "secret", "downwardAPI", "projected", "emptyDir", "image", "ephemeral")
"""The volume sources that belong to one pod, or cannot be written."""


class TrialPod(Struct, frozen=True):
    """A trial pod's metadata and spec, its differences from the workload's pod, and reasons to refuse the trial."""

    annotations: dict[str, str]
    labels: dict[str, str]
    spec: dict[str, Any]
    differences: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


def trial_pod(pod: Mapping[str, Any], volumes: TrialVolumes, *, is_pod: bool = False) -> TrialPod:
    """The trial pod for a pod as its controller makes the pod. `is_pod` means a bare pod as the API server stores it.

    `volumes` decides about volumes with shared data: `refuse` the trial, use `empty` volumes instead, or `share` them.
    """
    spec = copy.deepcopy(dict(pod["spec"]))
    metadata = pod.get("metadata") or {}
    differences, refusals = list[str](), list[str]()
    for name, says in _LEFT_OUT.items():
        if spec.pop(name, None) and says:
            differences.append(says)
    if is_pod:
        spec.pop("nodeName", None)  # the scheduler chose this node for the running pod
    annotations = metadata.get("annotations") or {}
    differences += annotations_left_out(annotations)
    refusals += _refused_settings(spec)
    differences += _without_host_ports(spec)
    differences += _without_pre_stop(spec)
    differences += _mounts_without_privileged(spec)
    for volume in _shared_volumes(spec):
        if volumes == "refuse":
            refusals.append(f"{_volume_words(volume)} can be written: --trial-volumes=empty tries without its data, "
                            "--trial-volumes=share on the data itself")  # fmt: skip
        elif volumes == "empty":
            differences.append(f"{_volume_words(volume)} is empty in it")
            name = volume["name"]
            volume.clear()
            volume.update({"name": name, "emptyDir": {}})
        else:
            differences.append(f"{_volume_words(volume)} is shared with it")
    spec["restartPolicy"] = "Never"
    spec["terminationGracePeriodSeconds"] = GRACE
    return TrialPod(
        annotations=kept_annotations(annotations),
        labels=kept_labels(metadata.get("labels") or {}),
        spec=spec,
        differences=tuple(differences),
        refusals=tuple(refusals),
    )


def priority_given(spec: Mapping[str, Any]) -> Iterator[str]:
    """A sentence about the priority class that the server gave a pod without one (`globalDefault`), if there is one."""
    if (spec.get("priority") or 0) > 0 and spec.get("preemptionPolicy") != "Never":
        name = spec.get("priorityClassName", "")
        yield f"it gets the cluster's default priority class {name} ({spec['priority']}): it may displace other pods"


def ends_by_itself(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's containers are meant to end, as in a Job. Then a trial passes if all end with status 0."""
    return pod["spec"].get("restartPolicy") in ("Never", "OnFailure")


def all_containers(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The init containers and the containers of a pod spec in the API's JSON."""
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _refused_settings(spec: Mapping[str, Any]) -> Iterator[str]:
    """The reasons to refuse a pod in the node's network, or a Windows pod.

    Without hostNetwork the trial would give another answer: other low ports are free, and the interfaces differ.
    """
    if spec.get("hostNetwork"):
        yield "it runs in the node's network (hostNetwork), where a second copy would take the ports of the first"
    systems = (spec.get("os") or {}).get("name"), (spec.get("nodeSelector") or {}).get("kubernetes.io/os")
    if "windows" in systems:
        yield "a Windows pod has no Linux capabilities"


def _without_host_ports(spec: Mapping[str, Any]) -> Iterator[str]:
    for container in all_containers(spec):
        for port in container.get("ports") or ():
            if number := port.pop("hostPort", None):
                yield f"host port {number} of container {container.get('name')} is left out"
            port.pop("hostIP", None)


def _without_pre_stop(spec: Mapping[str, Any]) -> Iterator[str]:
    """Remove the preStop hooks, because a hook may take the workload's own pod out of service."""
    for container in all_containers(spec):
        lifecycle = container.get("lifecycle") or {}
        if lifecycle.pop("preStop", None):
            yield f"the preStop hook of container {container.get('name')} is left out"
        if not lifecycle:
            container.pop("lifecycle", None)


def _mounts_without_privileged(spec: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each Bidirectional mount of a privileged container, which `trial_job.with_rights` changes."""
    for container in all_containers(spec):
        if (container.get("securityContext") or {}).get("privileged"):
            for mount in container.get("volumeMounts") or ():
                if mount.get("mountPropagation") == "Bidirectional":
                    path = mount.get("mountPath")
                    yield f"mount {path} of container {container.get('name')} is HostToContainer without privileged"


def _shared_volumes(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The volumes with data of other pods that a container of this pod can write."""
    mounts = [mount for container in all_containers(spec) for mount in container.get("volumeMounts") or ()]
    devices = {device.get("name") for item in all_containers(spec) for device in item.get("volumeDevices") or ()}
    written = {mount.get("name") for mount in mounts if not mount.get("readOnly")} | devices
    written |= {volume.get("name") for volume in spec.get("volumes") or () if _is_socket(volume)}
    return [
        volume
        for volume in spec.get("volumes") or ()
        if volume.get("name") in written
        and not any(volume.get(source) is not None for source in _OWN_DATA)
        and not any(isinstance(value, Mapping) and value.get("readOnly") for value in volume.values())
        and len(volume) > 1  # a volume without a source is an emptyDir
    ]


def _is_socket(volume: Mapping[str, Any]) -> bool:
    """Whether the volume is a socket of the node. A read-only mount of a socket can still be written to (unix(7))."""
    path = volume.get("hostPath") or {}
    return path.get("type") == "Socket" or str(path.get("path", "")).endswith(".sock")


def _volume_words(volume: Mapping[str, Any]) -> str:
    claim, path = volume.get("persistentVolumeClaim"), volume.get("hostPath")
    if claim:
        return f"volume {volume['name']} (claim {claim.get('claimName')})"
    if path:
        return f"volume {volume['name']} (hostPath {path.get('path')})"
    source = next((key for key in volume if key != "name"), "")
    return f"volume {volume['name']} ({source})"
