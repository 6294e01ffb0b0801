"""`Workload`: a pod template and its object, read from a manifest or from the API's JSON by the table of kinds."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.container_signs import looks_like_pods
from kubectl_caps.core.kubernetes.field_path import Path, field_path, in_words, wrong_type
from kubectl_caps.core.kubernetes.flattened import Converter, Flattened, NotConvertible, Places, place
from kubectl_caps.core.kubernetes.kinds import Kind, _given, kind_of
from kubectl_caps.core.kubernetes.pod import Metadata, Pod, PodTemplate


class MalformedWorkload(ValueError):
    """An object of a known kind with a malformed field. The text names the field."""


class MissingField(MalformedWorkload):
    """An object without a field that its kind requires, in Kubernetes' words."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{field_path(path)}: Required value")


class Workload(Struct, frozen=True, kw_only=True, gc=False):
    """One pod template (or pod) and the object that holds it. `path` is the path of the template in the object.

    `raw` is the whole object as the API sent it, if a command needs more fields than are decoded here. For a converted
    template, `places` maps its fields to fields of the object, and `judged` are the fields of the object that it is
    made from. `unseen`: see Kind. `position` numbers the objects of files, as two of them may repeat a uid or a name.
    """

    api_version: str
    kind: str
    metadata: Metadata
    template: PodTemplate
    path: Path
    source: Mapping[str, Any] = {}
    raw: msgspec.Raw | None = None
    places: Places | None = None
    judged: tuple[Path, ...] = ()
    unseen: str = ""
    position: int = 0

    @property
    def namespace(self) -> str:
        """The object's namespace; empty if a file names none."""
        return self.metadata.namespace or ""

    @property
    def name(self) -> str:
        """The object's name, or its `generateName` if it has no name."""
        return self.metadata.name or self.metadata.generate_name or ""

    @property
    def reference(self) -> str:
        """`deployment.apps/web`, as kubectl prints it."""
        return reference(self.api_version, self.kind, self.name)

    @property
    def is_pod(self) -> bool:
        """Whether the template is a pod itself."""
        return self.path == ()

    def place(self, path: Path) -> Path | None:
        """The path in the object of a field of the template; None if the object has no such field."""
        return (*self.path, *path) if self.places is None else place(self.places, path)

    def at(self, path: Path) -> Path:
        """The path to print for a field of the template; the template's path if the object does not have the field."""
        found = self.place(path)
        return self.path if found is None else found


def reference(api_version: str, kind: str, name: str) -> str:
    """`deployment.apps/web`, `pod/x`: how kubectl prints an object (kind.group/name, no group for core)."""
    group = api_version.partition("/")[0] if "/" in api_version else ""
    return f"{kind.lower()}{'.' if group else ''}{group}/{name}"


def read_workloads(kind: Kind, obj: Mapping[str, Any] | msgspec.Raw, source: Mapping[str, Any]) -> Iterator[Workload]:
    """The workloads of one object: a parsed manifest or the API's JSON. Most have one, a JobSet has several.

    Raises MalformedWorkload if a field has a wrong type or the template is missing.
    """
    if kind.convert is not None:
        yield from _converted(kind, kind.convert, _plain_object(obj), source)
        return
    try:
        raw = isinstance(obj, msgspec.Raw)
        decoded = _decoder(kind).decode(obj) if raw else msgspec.convert(obj, _type(kind))
    except msgspec.ValidationError as error:
        raise MalformedWorkload(in_words(error)) from error
    found = list(_templates(decoded, kind.template, ()))
    missing = next((path for path, template in found if template is None), None if found else kind.template)
    is_given = kind_of(kind.api_version, kind.kind) in _given
    if missing is not None and (kind.builtin or is_given or looks_like_pods(_plain_object(obj))):
        raise MissingField(missing)
    for path, template in found:
        if template is None:
            continue
        if is_given and not template.spec.containers:
            # --kind may name a wrong path: a mapping without containers is no template.
            raise MissingField((*path, "spec", "containers"))
        yield Workload(
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=decoded.metadata,
            template=template,
            path=path,
            source=source,
        )


class _Holder(Struct, frozen=True):
    metadata: Metadata = Metadata()


def _converted(kind: Kind, convert: Converter, obj: Any, source: Mapping[str, Any]) -> Iterator[Workload]:
    try:
        metadata = msgspec.convert(obj, _Holder).metadata
        for flat in convert(obj):
            yield Workload(
                api_version=kind.api_version,
                kind=kind.kind,
                metadata=metadata,
                template=_decoded(flat),
                path=flat.base,
                source=source,
                places=flat.places,
                judged=flat.judged,
                unseen=kind.unseen,
            )
    except msgspec.ValidationError as error:
        raise MalformedWorkload(in_words(error)) from error
    except NotConvertible as error:
        raise MalformedWorkload(str(error)) from error


def _decoded(flat: Flattened) -> PodTemplate:
    """Decode the template. Raises MalformedWorkload, which names the field of the object, not of the template."""
    try:
        return msgspec.convert(flat.template, PodTemplate)
    except msgspec.ValidationError as error:
        where, words = wrong_type(error)
        path: Path = tuple(int(index) if index else key for key, index in _STEPS.findall(where))
        raise MalformedWorkload(f"{field_path(place(flat.places, path) or flat.base)}: {words}") from error


_STEPS = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
"""The steps of a path as msgspec prints it: `.spec.containers[0].image`."""


def _plain_object(obj: Mapping[str, Any] | msgspec.Raw) -> Any:
    return msgspec.json.decode(obj) if isinstance(obj, msgspec.Raw) else obj


def _templates(node: Any, steps: Path, path: Path) -> Iterator[tuple[Path, PodTemplate | None]]:
    if node is None or not steps:
        yield path, node
        return
    step, rest = steps[0], steps[1:]
    if step == "*":
        for index, item in enumerate(node):
            yield from _templates(item, rest, (*path, index))
    else:
        yield from _templates(getattr(node, str(step)), rest, (*path, step))


@functools.cache
def _type(kind: Kind) -> Any:
    """A struct with only the metadata and the path to the template, so that no other field of a page is decoded."""
    if not kind.template:
        return Pod
    shape: Any = PodTemplate
    for step in reversed(kind.template[1:]):
        shape = list[shape] if step == "*" else msgspec.defstruct("Step", [(str(step), shape | None, None)])
    fields = [("metadata", Metadata, Metadata()), (str(kind.template[0]), shape | None, None)]
    made = msgspec.defstruct(kind.kind, fields)
    msgspec.json.Decoder(made)  # completed before another thread can get it from the cache: see core/kubernetes/pod.py
    return made


@functools.cache
def _decoder(kind: Kind) -> Any:
    return msgspec.json.Decoder(_type(kind))
