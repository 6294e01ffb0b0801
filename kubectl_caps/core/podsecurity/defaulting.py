"""Applies the API server's defaults to a pod before Pod Security judges it. Only fields that checks read are set."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import fields, replace

from kubectl_caps.core.kubernetes.container import Container, ContainerPort, SecurityContext, TypedProfile
from kubectl_caps.core.kubernetes.pod import PodSpec, PodTemplate, Volume, VolumeSource
from kubectl_caps.core.podsecurity.checks.app_armor_profile import PREFIX

_SOURCES = tuple(field.name for field in fields(Volume) if field.name != "name")
_APP_ARMOR = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}


def as_admitted(template: PodTemplate, *, pod: bool) -> PodTemplate:
    """The template as the API server judges it. `pod`: it is judged as a pod, not as the template of a controller.

    A volume without a source becomes an emptyDir (pkg/apis/core/v1/defaults.go). Only in pods: the ports of a pod in
    the host's network become host ports, and AppArmor annotations are copied to the containers' fields
    (pkg/registry/core/pod/strategy.go, Kubernetes 1.30 and later).
    """
    spec = replace(template.spec, volumes=_map(_with_source, template.spec.volumes))
    if pod:
        if spec.host_network:
            spec = _on_containers(spec, _with_host_ports, ("containers", "init_containers"))
        if not (spec.os and spec.os.name == "windows"):
            annotations, of_pod = template.annotations, spec.security.app_armor_profile

            def synced(container: Container) -> Container:
                return _with_app_armor(container, annotations.get(PREFIX + container.name), of_pod)

            spec = _on_containers(spec, synced, ("containers", "init_containers"))
    return replace(template, spec=spec)


def _map(change: Any, items: Iterable[Any] | None) -> Any:
    return None if items is None else [change(item) for item in items]


def _on_containers(spec: PodSpec, change: Any, names: Iterable[str]) -> PodSpec:
    return replace(spec, **{name: _map(change, getattr(spec, name)) for name in names})


def _with_source(volume: Volume) -> Volume:
    if any(getattr(volume, source) is not None for source in _SOURCES):
        return volume
    return replace(volume, empty_dir=VolumeSource())


def _with_host_ports(container: Container) -> Container:
    def on_host(port: ContainerPort) -> ContainerPort:
        return port if port.host_port else replace(port, host_port=port.container_port)

    return replace(container, ports=_map(on_host, container.ports))


def _with_app_armor(container: Container, annotation: str | None, of_pod: TypedProfile | None) -> Container:
    """The container with the annotation's profile in its field, unless the field is set or the pod has that profile."""
    profile = _app_armor(annotation)
    if profile is None or container.security.app_armor_profile is not None or profile == of_pod:
        return container
    security: SecurityContext = replace(container.security, app_armor_profile=profile)
    return replace(container, security_context=security)


def _app_armor(annotation: str | None) -> TypedProfile | None:
    if annotation is None:
        return None
    if annotation in _APP_ARMOR:
        return TypedProfile(type=_APP_ARMOR[annotation])
    name = annotation.removeprefix("localhost/")
    return TypedProfile(type="Localhost", localhost_profile=name) if name != annotation and name else None
