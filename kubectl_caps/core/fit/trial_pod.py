"""A workload's pod as a trial pod, changed so that it disturbs no other pod.

Everything that a second copy could take from the first (a host port, a volume's data, a place in the node's network) is
left out or refused. The differences are printed.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.fit.pod_marks import annotations_left_out, kept_annotations, kept_labels

TrialVolumes = Literal["refuse", "empty", "share"]

GRACE = 1
"""Seconds that a trial's processes get to end: nobody waits for their answers."""

_LEFT_OUT = {
    "priorityClassName": "it has no priority class, so it displaces no pod but those of a priority below 0",
    "priority": "",
    "preemptionPolicy": "",
    "readinessGates": "its readiness gates are left out: nobody would open them for it",
    "ephemeralContainers": "",
}
"""Fields of a pod spec that a trial leaves out, and the words for each."""

_OWN_DATA = ("configMap", "secret", "downwardAPI", "projected", "emptyDir", "image", "ephemeral")
"""Volume sources that belong to the pod alone or cannot be written."""


class TrialPod(Struct, frozen=True):
    """The pod (metadata and spec), its differences from the workload's own, and why it must not be made."""

    annotations: dict[str, str]
    labels: dict[str, str]
    spec: dict[str, Any]
    differences: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


def trial_pod(pod: Mapping[str, Any], volumes: TrialVolumes, *, is_pod: bool = False) -> TrialPod:
    """The trial pod for a pod as its controller makes it. `is_pod`: a bare pod, as the API stored it.

    `volumes` decides about volumes with shared data: `refuse` the trial, use `empty` volumes instead, or `share` them.
    """
    spec = copy.deepcopy(dict(pod["spec"]))
    metadata = pod.get("metadata") or {}
    differences, refusals = list[str](), list[str]()
    for name, says in _LEFT_OUT.items():
        if spec.pop(name, None) and says:
            differences.append(says)
    if is_pod:
        spec.pop("nodeName", None)  # the scheduler's answer for the pod that runs
    annotations = metadata.get("annotations") or {}
    differences += annotations_left_out(annotations)
    refusals += _node_network(spec)
    differences += _without_host_ports(spec)
    differences += _without_pre_stop(spec)
    differences += _not_shared_back(spec)
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
    """A sentence about a priority that the server gave a pod without a class (a PriorityClass with `globalDefault`)."""
    if (spec.get("priority") or 0) > 0 and spec.get("preemptionPolicy") != "Never":
        name = spec.get("priorityClassName", "")
        yield f"it gets the cluster's default priority class {name} ({spec['priority']}): it may displace other pods"


def ends_by_itself(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's containers are meant to end (a Job's): then a trial passes if all of them end well."""
    return pod["spec"].get("restartPolicy") in ("Never", "OnFailure")


def all_containers(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The init containers and the containers of a pod spec as the API has them."""
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _node_network(spec: Mapping[str, Any]) -> Iterator[str]:
    """A network of its own would free low ports, or take the node's interfaces away: another answer."""
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
    """A hook that takes the pod out of service somewhere would take the real one out."""
    for container in all_containers(spec):
        lifecycle = container.get("lifecycle") or {}
        if lifecycle.pop("preStop", None):
            yield f"the preStop hook of container {container.get('name')} is left out"
        if not lifecycle:
            container.pop("lifecycle", None)


def _not_shared_back(spec: Mapping[str, Any]) -> Iterator[str]:
    """`trial_job.with_rights` takes privileged away, and with that what only privileged containers may have."""
    for container in all_containers(spec):
        if (container.get("securityContext") or {}).get("privileged"):
            for mount in container.get("volumeMounts") or ():
                if mount.get("mountPropagation") == "Bidirectional":
                    path = mount.get("mountPath")
                    yield f"mount {path} of container {container.get('name')} is HostToContainer without privileged"


def _shared_volumes(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The volumes whose data is shared with other pods and that a container can write."""
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
        and len(volume) > 1  # without a source it is an emptyDir
    ]


def _is_socket(volume: Mapping[str, Any]) -> bool:
    """Whether it is a socket of the node: a mount that is only read can be written to all the same (unix(7))."""
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
