"""The fields of a pod that this project judges, under Kubernetes' own names (core/v1).

Every struct decodes from the API's JSON or from a parsed manifest. Unknown fields are ignored; a field of a wrong
type raises `msgspec.ValidationError`, whose text ends with the path. `None` means absent, and so does an explicit
null; an empty object or list is not absent (`seccompProfile: {}` is a profile with the type "").
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Struct

Path = tuple[str | int, ...]
"""Where a field is, from the root of some object: `("spec", "containers", 0, "name")`."""

Role = Literal["init", "sidecar", "main", "ephemeral"]

_CAPITALS = {"Pid": "PID", "Ipc": "IPC", "Io": "IO", "Api": "API", "Ip": "IP", "Id": "ID"}


def _kubernetes_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(_CAPITALS.get(word.capitalize(), word.capitalize()) for word in rest)


class Fields(Struct, frozen=True, kw_only=True, rename=_kubernetes_name):
    """A Kubernetes object of which only some fields matter here."""


UserId = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""What the API takes (apimachinery's validation.IsValidUserID); -1 would be taken for another user than root."""


class Capabilities(Fields, frozen=True):
    add: list[str] | None = None
    drop: list[str] | None = None


class TypedProfile(Fields, frozen=True):
    """A seccompProfile or an appArmorProfile."""

    type: str | None = None
    localhost_profile: str | None = None


class SELinuxOptions(Fields, frozen=True):
    user: str | None = None
    role: str | None = None
    type: str | None = None
    level: str | None = None


class WindowsOptions(Fields, frozen=True):
    host_process: bool | None = None


class Sysctl(Fields, frozen=True):
    name: str | None = None
    value: str | None = None


class SecurityContext(Fields, frozen=True):
    """A container's securityContext."""

    capabilities: Capabilities | None = None
    privileged: bool | None = None
    allow_privilege_escalation: bool | None = None
    run_as_user: UserId | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    proc_mount: str | None = None
    read_only_root_filesystem: bool | None = None
    seccomp_profile: TypedProfile | None = None
    app_armor_profile: TypedProfile | None = None
    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsOptions | None = None


class PodSecurityContext(Fields, frozen=True):
    """A pod's securityContext. The last three are no fields of it: the API server discards them."""

    run_as_user: UserId | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    sysctls: list[Sysctl] | None = None
    seccomp_profile: TypedProfile | None = None
    app_armor_profile: TypedProfile | None = None
    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsOptions | None = None
    capabilities: Any = None
    allow_privilege_escalation: Any = None
    privileged: Any = None


class ContainerPort(Fields, frozen=True):
    container_port: int | None = None
    host_port: int | None = None


class VolumeMount(Fields, frozen=True):
    name: str = ""
    read_only: bool | None = None


class Host(Fields, frozen=True):
    """An httpGet or tcpSocket action, of which only the host is judged."""

    host: str | None = None


class Handler(Fields, frozen=True):
    """A probe, or a lifecycle handler."""

    http_get: Host | None = None
    tcp_socket: Host | None = None


class Lifecycle(Fields, frozen=True):
    post_start: Handler | None = None
    pre_stop: Handler | None = None


class Container(Fields, frozen=True):
    """A container, init container or ephemeral container as its pod declares it."""

    name: str = ""
    image: str | None = None
    restart_policy: str | None = None
    target_container_name: str | None = None
    security_context: SecurityContext | None = None
    ports: list[ContainerPort] | None = None
    volume_mounts: list[VolumeMount] | None = None
    liveness_probe: Handler | None = None
    readiness_probe: Handler | None = None
    startup_probe: Handler | None = None
    lifecycle: Lifecycle | None = None

    @property
    def security(self) -> SecurityContext:
        """The securityContext, an empty one where there is none."""
        return self.security_context or SecurityContext()

    @property
    def capabilities(self) -> Capabilities:
        """The declared capabilities, empty ones where there are none."""
        return self.security.capabilities or Capabilities()


class Volume(Fields, frozen=True):
    """A volume: each source is whatever object the manifest has there, `None` where it is absent."""

    name: str = ""
    config_map: Any = None
    csi: Any = None
    downward_api: Any = None
    empty_dir: Any = None
    ephemeral: Any = None
    image: Any = None
    persistent_volume_claim: Any = None
    projected: Any = None
    secret: Any = None
    host_path: Any = None
    gce_persistent_disk: Any = None
    aws_elastic_block_store: Any = None
    git_repo: Any = None
    nfs: Any = None
    iscsi: Any = None
    glusterfs: Any = None
    rbd: Any = None
    flex_volume: Any = None
    cinder: Any = None
    cephfs: Any = None
    flocker: Any = None
    fc: Any = None
    azure_file: Any = None
    vsphere_volume: Any = None
    quobyte: Any = None
    azure_disk: Any = None
    photon_persistent_disk: Any = None
    portworx_volume: Any = None
    scale_io: Any = None
    storageos: Any = None


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

    @property
    def security(self) -> PodSecurityContext:
        """The pod's securityContext, an empty one where there is none."""
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


class PodTemplate(Fields, frozen=True):
    """A pod template, or a pod: what Pod Security judges. `path`s of its fields begin at this object."""

    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations that Pod Security judges: the template's own, never its controller's."""
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


class ContainerState(Fields, frozen=True):
    waiting: Waiting | None = None
    terminated: Terminated | None = None
    running: Any = None


class ContainerStatus(Fields, frozen=True):
    """What the kubelet says of a container. `user` is filled in where the runtime tells it (KEP-3619)."""

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
        """Whether it has ended for good, so that it runs nothing and is refused nothing."""
        return self.status.phase in ("Succeeded", "Failed")


# msgspec completes a type when it is first used, and the interpreter crashes where two threads do so at once (0.22.0).
# So every type that threads may share is completed by its module's import: here, and where a decoder is a constant.
for _type in (Pod, PodTemplate):
    msgspec.json.Decoder(_type)


class Member(Struct, frozen=True):
    """One container of a pod with its role and its path (`("spec", "initContainers", 0)`)."""

    container: Container
    role: Role
    path: Path


def members(spec: PodSpec) -> Iterator[Member]:
    """Every container of a pod: init containers and sidecars, then containers, then ephemeral ones.

    This is the order of upstream's `VisitContainers` (k8s.io/pod-security-admission, policy/visitor.go). A sidecar
    is an init container with `restartPolicy: Always` (KEP-753).
    """
    for index, container in enumerate(spec.init_containers or ()):
        role: Role = "sidecar" if container.restart_policy == "Always" else "init"
        yield Member(container, role, ("spec", "initContainers", index))
    for index, container in enumerate(spec.containers or ()):
        yield Member(container, "main", ("spec", "containers", index))
    for index, container in enumerate(spec.ephemeral_containers or ()):
        yield Member(container, "ephemeral", ("spec", "ephemeralContainers", index))


def field_path(path: Path) -> str:
    """A path as Kubernetes writes it: `spec.containers[0].securityContext`, `metadata.labels[a.b/c]`.

    A key that is not a plain field name is bracketed, as k8s.io/apimachinery's `field.Path.Key` does.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "a").isalnum():
            text += f".{step}" if text else step
        else:
            text += f"[{step}]"
    return text
