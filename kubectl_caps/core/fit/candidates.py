"""Chooses the capabilities that a search tries first: useful adds of the manifest, and the needs of known images.

A wrong candidate costs trials and never changes the answer.
"""

from collections.abc import Iterator, Sequence

from kubectl_caps.core.assess.assess import request_of
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.kubernetes.pod import ContainerRef, PodSpec, members
from kubectl_caps.core.linux.add_drop import ineffective_adds
from kubectl_caps.core.linux.prediction import predict
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.warnings.images import file_capabilities, start_capabilities
from kubectl_caps.core.warnings.pod_settings import adds_void_in_user_namespace, low_ports_freed_by
from kubectl_caps.core.warnings.rule import Subject, known
from kubectl_caps.core.warnings.users import unusable_adds

_FIRST_FREE_PORT = 1024
"""The kernel's default of net.ipv4.ip_unprivileged_port_start."""


def likely_needed(spec: PodSpec, containers: Sequence[str], held: Grants, runtime: Runtime) -> Grants:
    """The grants with which a search begins. All of them are in `held`."""
    found = {
        (member.container.name, name)
        for member in members(spec)
        if member.container.name in containers
        for name in _of_container(member, spec, runtime)
    }
    return frozenset(found) & held


def _of_container(member: ContainerRef, spec: PodSpec, runtime: Runtime) -> Iterator[str]:
    request = request_of(member.container, spec)
    outcome = predict(runtime, request)
    subject = Subject(member=member, spec=spec, request=request, outcomes=[outcome], runtimes=[runtime])
    declared, drop = list(request.add), list(request.drop)
    useless = {*ineffective_adds(declared, drop), *outcome.ignored_adds}
    useless |= {*unusable_adds(subject), *adds_void_in_user_namespace(subject)}
    ports_are_free = bool(low_ports_freed_by(subject))
    kept = [short for name, short in known(declared) if name not in useless]
    yield from (name for name in kept if name != "NET_BIND_SERVICE" or not ports_are_free)
    yield from file_capabilities(member.container.image)
    if not request.never_root:
        yield from start_capabilities(member.container.image)
    ports = [port.container_port for port in member.container.ports or ()]
    if not ports_are_free and any(0 < (port or 0) < _FIRST_FREE_PORT for port in ports):
        yield "NET_BIND_SERVICE"
