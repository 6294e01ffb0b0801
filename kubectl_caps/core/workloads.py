"""The kinds that run pods: one table that says where each keeps its pod template and what a change of it does.

Nothing else knows a kind's shape. A new kind, a custom resource included, is a new row.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kubectl_caps.core.pod import Metadata, Path, Pod, PodTemplate, field_path

Effect = Literal["rollout", "new pods", "next run", "never"]
"""What a change of the template does: replaces the pods, meets only pods made later, or is refused by the API."""


class Kind(Struct, frozen=True):
    """A row. `template` is the path of the pod template: `*` is every item of a list, `()` means the pod itself."""

    group: str
    version: str
    kind: str
    plural: str
    template: Path
    effect: Effect
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def builtin(self) -> bool:
        """Whether every cluster serves it."""
        return self.group in ("", "apps", "batch")


_SPEC: Path = ("spec", "template")

KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "Pod", "pods", (), "never", ("po",)),
    Kind("apps", "v1", "Deployment", "deployments", _SPEC, "rollout", ("deploy",)),
    Kind("apps", "v1", "StatefulSet", "statefulsets", _SPEC, "rollout", ("sts",)),
    Kind("apps", "v1", "DaemonSet", "daemonsets", _SPEC, "rollout", ("ds",)),
    Kind("apps", "v1", "ReplicaSet", "replicasets", _SPEC, "new pods", ("rs",)),
    Kind("", "v1", "ReplicationController", "replicationcontrollers", _SPEC, "new pods", ("rc",)),
    Kind("batch", "v1", "Job", "jobs", _SPEC, "never"),
    Kind("batch", "v1", "CronJob", "cronjobs", ("spec", "jobTemplate", "spec", "template"), "next run", ("cj",)),
    # Not workloads of `inspect` with no TYPE, but templates that make pods, so they are judged where they are met.
    Kind("", "v1", "PodTemplate", "podtemplates", ("template",), "new pods"),
    Kind("argoproj.io", "v1alpha1", "Rollout", "rollouts", _SPEC, "new pods", ("ro",)),
    Kind("apps.kruise.io", "v1alpha1", "CloneSet", "clonesets", _SPEC, "new pods", ("clone",)),
    Kind("serving.knative.dev", "v1", "Service", "services", _SPEC, "new pods", ("kservice", "ksvc")),
    Kind(
        "jobset.x-k8s.io", "v1alpha2", "JobSet", "jobsets",
        ("spec", "replicatedJobs", "*", "template", "spec", "template"), "never",
    ),
)  # fmt: skip

WORKLOADS: tuple[Kind, ...] = KINDS[:8]
"""The eight kinds that `inspect` shows where no TYPE is named."""

# Groups that served a built-in kind before its present one; manifests with them are still about.
_FORMER_GROUPS = {"extensions": ("apps",)}


class MalformedWorkload(ValueError):
    """An object of a known kind whose fields are not what Kubernetes has there. The text names the field."""


class Workload(Struct, frozen=True, kw_only=True):
    """One pod template (or pod) and the object that holds it. `path` is where the template is in the object.

    `raw` is the whole object as the API sent it, where somebody needs more of it than is decoded here.
    """

    api_version: str
    kind: str
    metadata: Metadata
    template: PodTemplate
    path: Path
    source: Mapping[str, Any] = {}
    raw: msgspec.Raw | None = None

    @property
    def namespace(self) -> str:
        """Its namespace, empty where a file names none."""
        return self.metadata.namespace or ""

    @property
    def name(self) -> str:
        """Its name; for an object that has only `generateName`, that."""
        return self.metadata.name or self.metadata.generate_name or ""

    @property
    def reference(self) -> str:
        """`deployment.apps/web`, as kubectl prints it."""
        return reference(self.api_version, self.kind, self.name)

    @property
    def is_pod(self) -> bool:
        """Whether the template is a pod itself."""
        return self.path == ()


def reference(api_version: str, kind: str, name: str) -> str:
    """`deployment.apps/web`, `pod/x`: how kubectl prints an object (kind.group/name, no group for core)."""
    group = api_version.partition("/")[0] if "/" in api_version else ""
    return f"{kind.lower()}{'.' if group else ''}{group}/{name}"


def kind_of(api_version: str, kind: str) -> Kind | None:
    """The row for an object of this apiVersion and kind, whatever the version; None if it is in no row."""
    group = api_version.partition("/")[0] if "/" in api_version else ""
    groups = _FORMER_GROUPS.get(group, (group,))
    return next((row for row in KINDS if row.kind == kind and row.group in groups), None)


def read(kind: Kind, obj: Mapping[str, Any] | msgspec.Raw, source: Mapping[str, Any]) -> Iterator[Workload]:
    """The workloads of one object: a parsed manifest or the API's JSON. Most have one, a JobSet has several.

    Raises MalformedWorkload where a field has a wrong type or the template is missing.
    """
    try:
        raw = isinstance(obj, msgspec.Raw)
        decoded = _decoder(kind).decode(obj) if raw else msgspec.convert(obj, _type(kind))
    except msgspec.ValidationError as error:
        raise MalformedWorkload(_plain(str(error))) from error
    found = list(_templates(decoded, kind.template, ()))
    missing = next((path for path, template in found if template is None), None if found else kind.template)
    if missing is not None and (kind.builtin or looks_like_pods(_plain_object(obj))):
        raise MalformedWorkload(f"{field_path(missing)}: Required value")
    for path, template in found:
        if template is None:
            continue
        yield Workload(
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=decoded.metadata,
            template=template,
            path=path,
            source=source,
        )


def pod_of(obj: Mapping[str, Any], path: Path, name: str, namespace: str) -> dict[str, Any]:
    """The pod that a controller makes of an object's template, as the body of a create request.

    Of the template's metadata only labels and annotations count (k8s.io/kubernetes pkg/controller GetPodFromTemplate).
    A StatefulSet's claims become volumes, which its containers may mount (pkg/controller/statefulset updateStorage).
    Raises MalformedWorkload for a template without a spec, and claims without a name, as custom resources may have.
    """
    template: Any = obj
    for step in path:
        template = template[step]
    if template.get("spec") is None:
        raise MalformedWorkload(f"{field_path((*path, 'spec'))}: Required value")
    metadata = {
        key: template["metadata"][key] for key in ("labels", "annotations") if (template.get("metadata") or {}).get(key)
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "generateName": f"{name}-", "namespace": namespace},
        "spec": _with_claims(template["spec"], _claims(obj), name),
    }


class _Named(Struct, frozen=True):
    name: str


class _Claim(Struct, frozen=True):
    metadata: _Named


class _Claiming(Struct, frozen=True, rename="camel"):
    volume_claim_templates: list[_Claim] | None = None


class _Owning(Struct, frozen=True):
    spec: _Claiming | None = None


msgspec.json.Decoder(_Owning)  # completed before threads share it: see core/pod.py


def _claims(obj: Mapping[str, Any]) -> list[str]:
    """The names of its claims."""
    try:
        spec = msgspec.convert(obj, _Owning).spec
    except msgspec.ValidationError as error:
        raise MalformedWorkload(_plain(str(error))) from error
    return [claim.metadata.name for claim in (spec and spec.volume_claim_templates) or ()]


def _with_claims(spec: dict[str, Any], names: Sequence[str], name: str) -> dict[str, Any]:
    if not names:
        return spec
    own = [volume for volume in spec.get("volumes") or [] if volume.get("name") not in names]
    made = [{"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}-0"}} for claim in names]
    return {**spec, "volumes": own + made}


def looks_like_pods(obj: Any) -> bool:
    """Whether an object of a kind in no row holds something shaped like a pod spec, however deep.

    That is a list of containers with an image, a security context or, in a template, a name. In an object with an
    apiVersion it is also what Argo Workflows and Tekton have: a `container` or `script`, `steps` and `sidecars`.
    """
    in_kubernetes = isinstance(obj, Mapping) and "apiVersion" in obj
    waiting: list[tuple[Any, bool]] = [(obj, False)]
    while waiting:
        node, in_template = waiting.pop()
        if isinstance(node, list):
            waiting += [(item, in_template) for item in node]
        elif isinstance(node, Mapping):
            if _has(node, _CONTAINERS, (*_SIGNS, "name") if in_template else _SIGNS):
                return True
            if in_kubernetes and _has(node, _LIKE_CONTAINERS, _SIGNS):
                return True
            waiting += [(value, in_template or "template" in str(key).lower()) for key, value in node.items()]
    return False


_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_LIKE_CONTAINERS = ("container", "script", "steps", "sidecars")
_SIGNS = ("image", "securityContext")


def _has(node: Mapping[Any, Any], keys: Sequence[str], signs: Sequence[str]) -> bool:
    """Whether one of the keys holds a mapping, or a list with one, that has one of the signs."""
    held = [node[key] for key in keys if key in node]
    items = [item for value in held for item in (value if isinstance(value, list) else [value])]
    return any(isinstance(item, Mapping) and any(sign in item for sign in signs) for item in items)


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
    """A struct with just the metadata and the way to the template, so that a page is decoded without the rest."""
    if not kind.template:
        return Pod
    shape: Any = PodTemplate
    for step in reversed(kind.template[1:]):
        shape = list[shape] if step == "*" else msgspec.defstruct("Step", [(str(step), shape | None, None)])
    fields = [("metadata", Metadata, Metadata()), (str(kind.template[0]), shape | None, None)]
    made = msgspec.defstruct(kind.kind, fields)
    msgspec.json.Decoder(made)  # completed before another thread can get it from the cache: see core/pod.py
    return made


@functools.cache
def _decoder(kind: Kind) -> Any:
    return msgspec.json.Decoder(_type(kind))


def _plain(message: str) -> str:
    """msgspec's `Expected `bool`, got `str` - at `$.spec.x`` as `spec.x: expected bool, got str`."""
    text, _, path = message.partition(" - at `$.")
    text = text.replace("`", "")
    return f"{path.rstrip('`')}: {text[:1].lower()}{text[1:]}" if path else text
