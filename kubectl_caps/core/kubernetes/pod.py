"""The fields of a pod that this project judges, under Kubernetes' own names (core/v1).

Every struct decodes from the API's JSON or from a parsed manifest. Unknown fields are ignored. A field of a wrong type
raises `msgspec.ValidationError`, whose text ends with the path. `None` stands for an absent field and for an explicit
null. An empty object or list is not absent (`seccompProfile: {}` is a profile with the type "").
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.container import (
    Container,
    Fields,
    SELinuxOptions,
    TypedProfile,
    UserId,
    WindowsOptions,
)
from kubectl_caps.core.kubernetes.field_path import Path

Role = Literal["init", "sidecar", "main", "ephemeral"]


class Sysctl(Fields, frozen=True):
    name: str | None = None
    value: str | None = None


class PodSecurityContext(Fields, frozen=True):
    """A pod's securityContext. The API does not have the last three fields: the API server discards them."""

    run_as_user: UserId | None = None
    run_as_non_root: bool | None = None
    sysctls: list[Sysctl] | None = None
    seccomp_profile: TypedProfile | None = None
    app_armor_profile: TypedProfile | None = None
    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsOptions | None = None
    capabilities: Any = None
    allow_privilege_escalation: Any = None
    privileged: Any = None


class VolumeSource(Fields, frozen=True):
    """The source of a volume. The checks read only whether a volume has the source, and no field of the source."""


class HostPath(Fields, frozen=True):
    """A directory or file of the node."""

    path: str | None = None


class Volume(Fields, frozen=True):
    """A volume. A source is `None` if it is absent."""

    name: str = ""
    config_map: VolumeSource | None = None
    csi: VolumeSource | None = None
    downward_api: VolumeSource | None = None
    empty_dir: VolumeSource | None = None
    ephemeral: VolumeSource | None = None
    image: VolumeSource | None = None
    persistent_volume_claim: VolumeSource | None = None
    projected: VolumeSource | None = None
    secret: VolumeSource | None = None
    host_path: HostPath | None = None
    gce_persistent_disk: VolumeSource | None = None
    aws_elastic_block_store: VolumeSource | None = None
    git_repo: VolumeSource | None = None
    nfs: VolumeSource | None = None
    iscsi: VolumeSource | None = None
    glusterfs: VolumeSource | None = None
    rbd: VolumeSource | None = None
    flex_volume: VolumeSource | None = None
    cinder: VolumeSource | None = None
    cephfs: VolumeSource | None = None
    flocker: VolumeSource | None = None
    fc: VolumeSource | None = None
    azure_file: VolumeSource | None = None
    vsphere_volume: VolumeSource | None = None
    quobyte: VolumeSource | None = None
    azure_disk: VolumeSource | None = None
    photon_persistent_disk: VolumeSource | None = None
    portworx_volume: VolumeSource | None = None
    scale_io: VolumeSource | None = None
    storageos: VolumeSource | None = None


class OS(Fields, frozen=True):
    name: str | None = None


class PodSpec(Fields, frozen=True):
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    ephemeral_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    security_context: PodSecurityContext | None = None
    host_network: bool | None = None
    host_pid: bool | None = None
    host_ipc: bool | None = None
    host_users: bool | None = None
    share_process_namespace: bool | None = None
    os: OS | None = None
    node_name: str | None = None
    runtime_class_name: str | None = None
    service_account_name: str | None = None
    service_account: str | None = None

    @property
    def account(self) -> str:
        """The service account; `serviceAccount` is its former name (core/v1 types.go DeprecatedServiceAccount)."""
        return self.service_account_name or self.service_account or "default"

    @property
    def security(self) -> PodSecurityContext:
        """The pod's securityContext, an empty one if there is none."""
        return self.security_context or PodSecurityContext()


class OwnerReference(Fields, frozen=True):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Metadata(Fields, frozen=True):
    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    generation: int | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str | None] | None = None
    annotations: dict[str, str | None] | None = None
    owner_references: list[OwnerReference] | None = None

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages this object, if it has one."""
        return next((owner for owner in self.owner_references or () if owner.controller), None)


def lenient_metadata(obj: Any) -> Metadata:
    """The names, the uid and the owners of an unchecked object. Fields of a wrong type are left out."""
    metadata = obj.get("metadata") if isinstance(obj, Mapping) else None
    found = metadata if isinstance(metadata, Mapping) else {}
    texts = {key: found[key] for key in ("name", "namespace", "uid") if isinstance(found.get(key), str)}
    try:
        owners = msgspec.convert(found.get("ownerReferences"), list[OwnerReference] | None)
    except msgspec.ValidationError:
        owners = None
    return Metadata(**texts, owner_references=owners)


class PodTemplate(Fields, frozen=True):
    """A pod template or a pod, as Pod Security judges it. Paths of its fields begin at this object."""

    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations that Pod Security judges: those of the template, never those of its controller."""
        return {key: value or "" for key, value in (self.metadata.annotations or {}).items()}


class LinuxUser(Fields, frozen=True):
    uid: int | None = None


class ContainerUser(Fields, frozen=True):
    linux: LinuxUser | None = None


class Terminated(Fields, frozen=True):
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    finished_at: str | None = None


class Waiting(Fields, frozen=True):
    reason: str = ""
    message: str = ""


class Running(Fields, frozen=True):
    started_at: str | None = None


class ContainerState(Fields, frozen=True):
    waiting: Waiting | None = None
    terminated: Terminated | None = None
    running: Running | None = None


class ContainerStatus(Fields, frozen=True):
    """The status of a container, from the kubelet. `user` is set if the runtime reports it (KEP-3619)."""

    name: str = ""
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    user: ContainerUser | None = None
    container_id: str | None = None

    @property
    def uid(self) -> int | None:
        """The user id of the container's first process, if the runtime reports it."""
        return self.user.linux.uid if self.user and self.user.linux else None


class Condition(Fields, frozen=True):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class PodStatus(Fields, frozen=True):
    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None

    @property
    def containers(self) -> dict[str, ContainerStatus]:
        """Every container's status by its name, which is unique in a pod."""
        lists = (self.init_container_statuses, self.container_statuses, self.ephemeral_container_statuses)
        return {status.name: status for statuses in lists for status in statuses or ()}


class Pod(PodTemplate, frozen=True):
    status: PodStatus = PodStatus()

    @property
    def finished(self) -> bool:
        """Whether the pod has ended for good, so that none of its containers runs again."""
        return self.status.phase in ("Succeeded", "Failed")


# msgspec completes a type on first use, and the interpreter crashes if two threads complete a type at once (0.22.0).
# So importing a module completes every type that threads share: here, and in modules where a decoder is a constant.
for _type in (Pod, PodTemplate):
    msgspec.json.Decoder(_type)


class ContainerRef(Struct, frozen=True):
    """One container of a pod with its role and its path (`("spec", "initContainers", 0)`)."""

    container: Container
    role: Role
    path: Path


def user_of(pod: Pod, container: str) -> int | None:
    """The user that a container of a pod runs as, from its status, else from its spec; None if neither names it."""
    status = pod.status.containers.get(container)
    if status and status.uid is not None:
        return status.uid
    own = next((member.container.security for member in members(pod.spec) if member.container.name == container), None)
    return pod.spec.security.run_as_user if own is None or own.run_as_user is None else own.run_as_user


def with_each_container(spec: PodSpec, change: Callable[[Container], Container]) -> PodSpec:
    """The spec with the result of `change` for each of its containers, init containers and ephemeral containers."""
    lists = {name: list(map(change, found)) for name in _LISTS if (found := getattr(spec, name))}
    return replace(spec, **lists)


_LISTS = ("init_containers", "containers", "ephemeral_containers")


def members(spec: PodSpec) -> Iterator[ContainerRef]:
    """Every container of a pod: init containers and sidecars, then containers, then ephemeral ones.

    This is the order of upstream's `VisitContainers` (k8s.io/pod-security-admission, policy/visitor.go). A sidecar
    is an init container with `restartPolicy: Always` (KEP-753).
    """
    for index, container in enumerate(spec.init_containers or ()):
        role: Role = "sidecar" if container.restart_policy == "Always" else "init"
        yield ContainerRef(container, role, ("spec", "initContainers", index))
    for index, container in enumerate(spec.containers or ()):
        yield ContainerRef(container, "main", ("spec", "containers", index))
    for index, container in enumerate(spec.ephemeral_containers or ()):
        yield ContainerRef(container, "ephemeral", ("spec", "ephemeralContainers", index))
