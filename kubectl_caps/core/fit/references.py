"""Finds the objects that a pod needs to start: service account, config maps, secrets and volume claims."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.fit.trial_pod import all_containers

ReferencedKind = Literal["ServiceAccount", "ConfigMap", "Secret", "PersistentVolumeClaim"]


class NamedObject(Struct, frozen=True):
    """An object in the pod's namespace."""

    kind: ReferencedKind
    name: str


def named_objects(spec: Mapping[str, Any]) -> list[NamedObject]:
    """The objects that the pod names, each once. An object that is `optional` is left out."""
    return list(dict.fromkeys(_named(spec)))


def _named(spec: Mapping[str, Any]) -> Iterator[NamedObject]:
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        yield NamedObject("ServiceAccount", account)
    yield from (NamedObject("Secret", item["name"]) for item in spec.get("imagePullSecrets") or () if item.get("name"))
    for container in all_containers(spec):
        for source in container.get("envFrom") or ():
            yield from _optional("ConfigMap", source.get("configMapRef"), "name")
            yield from _optional("Secret", source.get("secretRef"), "name")
        for variable in container.get("env") or ():
            source = variable.get("valueFrom") or {}
            yield from _optional("ConfigMap", source.get("configMapKeyRef"), "name")
            yield from _optional("Secret", source.get("secretKeyRef"), "name")
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            yield from _optional("ConfigMap", source.get("configMap"), "name")
            yield from _optional("Secret", source.get("secret"), "secretName" if source is volume else "name")
        yield from _optional("PersistentVolumeClaim", volume.get("persistentVolumeClaim"), "claimName")


def _optional(kind: ReferencedKind, reference: Mapping[str, Any] | None, field: str) -> Iterator[NamedObject]:
    if reference and reference.get(field) and not reference.get("optional"):
        yield NamedObject(kind, reference[field])
