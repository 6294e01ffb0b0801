"""Decodes objects of the API. A field of a wrong type becomes an error that names the object."""

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from kubectl_caps.core.kubernetes.container import Fields
from kubectl_caps.core.kubernetes.field_path import in_words
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import Metadata, Pod, lenient_metadata
from kubectl_caps.core.kubernetes.workloads import reference
from kubectl_caps.errors import InputError

T = TypeVar("T")


class MalformedObject(InputError):
    """An object with a field of a wrong type. `namespace` is the object's namespace, None if it is unknown."""

    def __init__(self, api_version: str, kind: str, obj: Any, problem: str, namespace: str | None = None) -> None:
        found = lenient_metadata(obj)
        self.namespace = found.namespace or namespace
        inside = f" in namespace {self.namespace}" if self.namespace else ""
        super().__init__(f"{reference(api_version, kind, found.name or '')}{inside}: {problem}")
        self.about = {"kind": kind, "namespace": self.namespace or "", "name": found.name or ""}


class _Selector(Fields, frozen=True):
    match_labels: dict[str, str] | None = None
    match_expressions: list[dict[str, Any]] | None = None


class _RollingUpdate(Fields, frozen=True):
    partition: Any = None


class _UpdateStrategy(Fields, frozen=True):
    type: str | None = None
    rolling_update: _RollingUpdate | None = None


class _Spec(Fields, frozen=True):
    replicas: int | None = None
    paused: bool | None = None
    min_ready_seconds: int | None = None
    selector: _Selector | None = None
    update_strategy: _UpdateStrategy | None = None


class _Condition(Fields, frozen=True):
    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None


class _Status(Fields, frozen=True):
    phase: str | None = None
    observed_generation: int | None = None
    conditions: list[_Condition] | None = None


class _Object(Struct, frozen=True):
    metadata: Metadata


class _Workload(Struct, frozen=True):
    """The fields of a built-in workload besides its template that are used: the settings of its rollout."""

    metadata: Metadata
    spec: _Spec
    status: _Status | None = None


for _type in (_Object, _Workload, Pod):
    msgspec.json.Decoder(_type)  # completed before threads share it: see core/kubernetes/pod.py


def metadata_of(api_version: str, kind: str, obj: Any) -> Metadata:
    """The metadata of an object as the server sent it. Raises MalformedObject if a used field has a wrong type."""
    try:
        metadata: Metadata = msgspec.convert(obj, _shape(api_version, kind)).metadata
    except msgspec.ValidationError as error:
        raise MalformedObject(api_version, kind, obj, in_words(error)) from error
    if not metadata.name:
        raise MalformedObject(api_version, kind, obj, "metadata.name: Required value")
    return metadata


def pod_made(obj: Any) -> Pod:
    """The pod in the server's answer to a create request. Raises MalformedObject if the answer has no pod."""
    try:
        pod = msgspec.convert(obj, Pod)
    except msgspec.ValidationError as error:
        raise MalformedObject("v1", "Pod", obj, f"the server answered with no pod: {in_words(error)}") from error
    if not pod.spec.containers:
        raise MalformedObject("v1", "Pod", obj, "the server answered with no pod: spec.containers: Required value")
    return pod


def _shape(api_version: str, kind: str) -> Any:
    row = kind_of(api_version, kind)
    if row is None or not row.builtin or kind == "PodTemplate":
        return _Object
    return _Workload if row.template else Pod


def decode_item(decoder: "msgspec.json.Decoder[T]", raw: Raw, api_version: str, kind: str) -> T:
    """Decode an item of a list to a struct. Raises MalformedObject."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise MalformedObject(api_version, kind, msgspec.json.decode(raw), in_words(error)) from error
