"""Leaves out of a pod's spec what no assessment reads: the volumes that every level allows.

The API server gives the volume of a pod's token a random name, so without it the pods of a workload are alike.
"""

from operator import is_

from msgspec.structs import replace

from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import PodSpec, Volume, VolumeSource, with_each_container
from kubectl_caps.core.podsecurity.checks.restricted_volumes import restricted_source

_ALLOWED = Volume(empty_dir=VolumeSource())


def with_judged_volumes(spec: PodSpec) -> PodSpec:
    """The spec with one like volume for each volume that every level allows, and without mounts of these volumes.

    The other volumes keep their places in the list, which violations name.
    """
    volumes = [_ALLOWED if volume is _ALLOWED or _is_allowed(volume) else volume for volume in spec.volumes or ()]
    if all(map(is_, volumes, spec.volumes or ())):  # none is allowed, or this spec was made here
        return spec
    others = {volume.name for volume in volumes if volume is not _ALLOWED}

    def with_judged_mounts(one: Container) -> Container:
        return replace(one, volume_mounts=[mount for mount in one.volume_mounts or () if mount.name in others] or None)

    return replace(with_each_container(spec, with_judged_mounts), volumes=volumes)


def _is_allowed(volume: Volume) -> bool:
    """Whether every level allows the volume, which has a source."""
    return restricted_source(volume) is None and volume != Volume(name=volume.name)
