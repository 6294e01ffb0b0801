"""Finds the warnings of `inspect` that a container has only after the hardening."""

from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from kubectl_caps.core.assess.assess import request_of
from kubectl_caps.core.assess.grants import Side
from kubectl_caps.core.kubernetes.pod import ContainerRef
from kubectl_caps.core.linux.prediction import predict
from kubectl_caps.core.linux.runtimes import Runtime
from kubectl_caps.core.warnings import registry
from kubectl_caps.core.warnings.registry import CapabilityWarning
from kubectl_caps.core.warnings.rule import Subject

_SAID_OTHERWISE = ("assumed-runtime", "cap-prefix", "file-capabilities-unmet", "escalation-refused", "root-refused")
"""Warnings that `harden` replaces with its own notes, which name the flag that fixes them and the runtimes."""


def new_warnings(
    member: ContainerRef, before: Side, after: Side, added: Collection[str], runtimes: Sequence[Runtime]
) -> list[str]:
    """The messages of new warnings, and of warnings that name a requested capability.

    `member` is the container before the change.
    """
    found = [one.message for one in _warnings(member, after, runtimes) if one.id not in _SAID_OTHERWISE]
    known = {warning.message for warning in _warnings(member, before, runtimes)} if found else set()
    return [message for message in found if message not in known or _names(message, added)]


def _warnings(member: ContainerRef, side: Side, runtimes: Sequence[Runtime]) -> Iterator[CapabilityWarning]:
    request = request_of(side.container, side.spec)
    subject = Subject(
        member=replace(member, container=side.container),
        spec=side.spec,
        request=request,
        outcomes=[predict(runtime, request) for runtime in runtimes],
        runtimes=runtimes,
    )
    return registry.of(subject, lambda path: path)


def _names(message: str, capabilities: Collection[str]) -> bool:
    return any(word.strip(",;:") in capabilities for word in message.split())
