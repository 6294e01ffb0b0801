"""Reads the workloads of a policy from JSON: the needs of containers from `fit`, their declarations from `inspect`."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kubectl_caps.core.kubernetes.container import Capabilities, Container, Fields, SecurityContext
from kubectl_caps.core.kubernetes.field_path import in_words
from kubectl_caps.core.kubernetes.made_pods import kind_key
from kubectl_caps.core.kubernetes.pod import PodSpec
from kubectl_caps.core.policy import model
from kubectl_caps.core.policy.build import IDENTIFIED_KINDS
from kubectl_caps.core.policy.grants import grants_of
from kubectl_caps.core.policy.model import PolicyGrant, PolicyWorkload


class NoPolicyInDocument(ValueError):
    """A document that is neither a Fit nor an Inspection, or has a field of a wrong type."""


class _Declared(Fields, frozen=True):
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    privileged: bool = False
    allow_privilege_escalation: bool | None = None
    run_as_user: int | None = None
    run_as_non_root: bool | None = None


class _Container(Fields, frozen=True):
    name: str
    role: str = "main"
    declared: _Declared = _Declared()


class _Item(Fields, frozen=True):
    api_version: str
    kind: str
    namespace: str
    name: str
    containers: tuple[_Container, ...] = ()
    needed: Mapping[str, list[str]] = msgspec.field(default_factory=dict)
    manifest: Mapping[str, Any] = msgspec.field(default_factory=dict)
    result: str = ""
    message: str = ""


class _Document(Fields, frozen=True):
    api_version: str
    kind: str
    items: list[_Item]


class FoundInDocument(msgspec.Struct, frozen=True):
    """The workloads of a document by namespace, and notes about the items without an answer."""

    by_namespace: dict[str, list[PolicyWorkload]]
    notes: list[str]


def read_document(document: Any) -> FoundInDocument:
    """The workloads of a Fit or an Inspection. Any service account is allowed, because the documents name none.

    Raises NoPolicyInDocument.
    """
    try:
        read = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise NoPolicyInDocument(f"no Fit and no Inspection: {in_words(error)}") from error
    if read.kind not in ("Fit", "Inspection") or not read.api_version.startswith("kubectl-caps/"):
        raise NoPolicyInDocument(f"must be kind Fit or Inspection of kubectl caps, not {read.api_version} {read.kind}")
    found = FoundInDocument({}, [])
    for item in read.items:
        kind = kind_key(item.api_version, item.kind)
        containers = dict(_fitted(item) if read.kind == "Fit" else _inspected(item))
        if kind not in IDENTIFIED_KINDS:
            found.notes.append(f"{kind}/{item.name}: a policy cannot identify its pods, so it grants them nothing")
        elif not containers:
            found.notes.append(f"{kind}/{item.name}: no answer in the document: {item.message or item.result}")
        else:
            held = PolicyWorkload(kind, item.name, model.ANY_ACCOUNT, containers)
            found.by_namespace.setdefault(item.namespace, []).append(held)
    return found


def _fitted(item: _Item) -> Iterator[tuple[str, tuple[PolicyGrant, ...]]]:
    """The grants of each container: the capabilities of the answer, and the fields that the trials had."""
    for name, needed in item.needed.items():
        context = item.manifest.get(name)
        security = context if isinstance(context, Mapping) else {"allowPrivilegeEscalation": False}
        try:
            declared = msgspec.convert(security, SecurityContext)
        except msgspec.ValidationError as error:
            raise NoPolicyInDocument(f"manifest of container {name}: {in_words(error)}") from error
        wanted = msgspec.structs.replace(declared, capabilities=Capabilities(add=list(needed), drop=["ALL"]))
        yield name, _grants(name, wanted)


def _inspected(item: _Item) -> Iterator[tuple[str, tuple[PolicyGrant, ...]]]:
    for container in item.containers:
        if container.role == "ephemeral":
            continue
        own = container.declared
        declared = SecurityContext(
            capabilities=Capabilities(add=list(own.add), drop=list(own.drop)),
            privileged=own.privileged,
            allow_privilege_escalation=own.allow_privilege_escalation,
            run_as_user=own.run_as_user,
            run_as_non_root=own.run_as_non_root,
        )
        yield container.name, _grants(container.name, declared)


def _grants(name: str, security: SecurityContext) -> tuple[PolicyGrant, ...]:
    found = grants_of(Container(name=name, security_context=security), PodSpec(), ())
    return tuple(one.grant for one in found)
