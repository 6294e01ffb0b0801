"""The fields of a container that this project judges, under Kubernetes' own names (core/v1). See pod.py."""

from typing import Annotated

import msgspec
from msgspec import Struct

_CAPITALS = {"Pid": "PID", "Ipc": "IPC", "Io": "IO", "Api": "API", "Ip": "IP", "Id": "ID"}


def _kubernetes_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(_CAPITALS.get(word.capitalize(), word.capitalize()) for word in rest)


class Fields(Struct, frozen=True, kw_only=True, rename=_kubernetes_name, omit_defaults=True, gc=False):
    """A Kubernetes object of which only some fields matter here."""


UserId = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""The user ids that the API accepts (apimachinery's validation.IsValidUserID). -1 would pass for a non-root user."""


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


class WindowsOptions(Fields, frozen=True):
    host_process: bool | None = None


class SecurityContext(Fields, frozen=True):
    """A container's securityContext."""

    capabilities: Capabilities | None = None
    privileged: bool | None = None
    allow_privilege_escalation: bool | None = None
    run_as_user: UserId | None = None
    run_as_non_root: bool | None = None
    proc_mount: str | None = None
    seccomp_profile: TypedProfile | None = None
    app_armor_profile: TypedProfile | None = None
    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsOptions | None = None


class ContainerPort(Fields, frozen=True):
    container_port: int | None = None
    host_port: int | None = None


class VolumeMount(Fields, frozen=True):
    name: str = ""
    read_only: bool | None = None


class Host(Fields, frozen=True):
    """An httpGet or tcpSocket action. Only its host is judged."""

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
    security_context: SecurityContext | None = None
    ports: list[ContainerPort] | None = None
    volume_mounts: list[VolumeMount] | None = None
    liveness_probe: Handler | None = None
    readiness_probe: Handler | None = None
    startup_probe: Handler | None = None
    lifecycle: Lifecycle | None = None

    @property
    def security(self) -> SecurityContext:
        """The securityContext, an empty one if there is none."""
        return self.security_context or SecurityContext()

    @property
    def capabilities(self) -> Capabilities:
        """The declared capabilities; empty lists if the container declares none."""
        return self.security.capabilities or Capabilities()
