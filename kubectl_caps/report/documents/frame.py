"""The parts that all kinds of documents share: the source of an object, the errors, and the counts.

A document is a struct with the fields of the JSON, in their order. docs/*.schema.json is made from these structs:
`Meta` holds the constraints and the descriptions of the schema (packaging/json_schema.py).
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.errors import ApiError, CapsError

ApiVersion = Literal["kubectl-caps/v1alpha1"]
API_VERSION: Final = "kubectl-caps/v1alpha1"

Texts = tuple[str, ...]
Count = Annotated[int, Meta(ge=0)]
RulesVersion = Annotated[str, Meta(pattern=r"^v1\.[0-9]+$")]

_OTHERS = "The number of objects that run no pods or are only a part of an object, and of files that hold no objects."
JudgedCount = Annotated[Count | UnsetType, Meta(description="The number of judged objects.")]
PassedOverCount = Annotated[Count | UnsetType, Meta(description=_OTHERS)]
NotReadCount = Annotated[Count | UnsetType, Meta(description="The number of unread files, folders and lists.")]


class JsonPart(Struct, frozen=True, rename="camel"):
    """A part of a document. Every field is required; a field that is `UNSET` is not written."""


class FileSourceJson(JsonPart, frozen=True):
    """The place of an object in a file."""

    file: str
    document: Annotated[Count, Meta(description="Counted from 0.")]
    line: Annotated[int, Meta(ge=1)]


class ContextSourceJson(JsonPart, frozen=True):
    """The kubeconfig context through which an object was read."""

    context: str


class ObjectJson(JsonPart, frozen=True):
    """The source and the identity of an object."""

    source: FileSourceJson | ContextSourceJson
    api_version: str
    kind: str
    namespace: str
    name: str


class ErrorJson(JsonPart, frozen=True):
    """An error: an object or a file that could not be judged or changed."""

    code: Annotated[int, Meta(description="The HTTP status of the API server's answer; 0 if there is none.")]
    reason: Annotated[str, Meta(description="The API server's reason, or a reason of docs/json.md.")]
    message: str
    source: dict[str, Any]


def identity_fields(workload: Workload) -> dict[str, Any]:
    """The fields of `ObjectJson`."""
    source = workload.source
    return {
        "source": FileSourceJson(**source) if "file" in source else ContextSourceJson(**source),
        "api_version": workload.api_version,
        "kind": workload.kind,
        "namespace": workload.namespace,
        "name": workload.name,
    }


def field_paths(paths: Iterable[Path], at: Callable[[Path], Path]) -> Texts:
    """Fields of a template as texts, each once. `at` maps a field of the template to the field of the object."""
    return tuple(dict.fromkeys(field_path(at(path)) for path in paths))


def error_json(found: CapsError) -> ErrorJson:
    """An error as an item of `errors`."""
    if isinstance(found, ApiError):
        return ErrorJson(code=found.code, reason=found.reason or "Unknown", message=found.message, source={})
    return ErrorJson(code=0, reason=found.reason, message=found.words, source={})


def errors_json(found: Iterable[CapsError]) -> tuple[ErrorJson, ...]:
    """The field `errors` of a document."""
    return tuple(map(error_json, found))


def coverage_counts(coverage: Coverage | None) -> dict[str, int | UnsetType]:
    """`judged`, `passed_over` and `not_read` of a summary; left out if nothing was counted."""
    if coverage is None:
        return {"judged": UNSET, "passed_over": UNSET, "not_read": UNSET}
    return {"judged": coverage.judged, "passed_over": coverage.passed_over, "not_read": coverage.not_read}
