"""Makes the pod that a controller would make from an object's pod template, as the body of a create request."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path, in_words
from kubectl_caps.core.kubernetes.flattened import NotConvertible
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.patch import lookup
from kubectl_caps.core.kubernetes.workloads import MalformedWorkload, MissingField, Workload

COUNTS_AS = "kubectl-caps/counts-as"
"""Names, in a dry run, the workload whose controller would make the pod: an annotation (core/policy/identity.py)."""


def kind_key(api_version: str, kind: str) -> str:
    """`deployment.apps`, or `pod` for the core group."""
    group = api_version.partition("/")[0] if "/" in api_version else ""
    return f"{kind.lower()}.{group}" if group else kind.lower()


def for_dry_run(body: Mapping[str, Any], workload: Workload) -> dict[str, Any]:
    """The pod of a create request, marked as the workload's own, so that its policy judges it as such in a dry run."""
    annotations = body["metadata"].get("annotations") or {}
    key = f"{kind_key(workload.api_version, workload.kind)}_{workload.name}"
    return {**body, "metadata": {**body["metadata"], "annotations": {**annotations, COUNTS_AS: key}}}


def template_of(workload: Workload, obj: Mapping[str, Any]) -> Any:
    """The pod template of a workload in `obj`, which may be a later state of the workload's object; ABSENT if missing.

    For a kind without a pod template, a new template is made from the object's fields. Raises MalformedWorkload if it
    cannot be made.
    """
    kind = kind_of(workload.api_version, workload.kind)
    if workload.places is None or kind is None or kind.convert is None:
        return lookup(obj, workload.path)
    try:
        found = (flat.template for flat in kind.convert(obj) if flat.base == workload.path)
        return next(found, lookup({}, ("",)))
    except NotConvertible as error:
        raise MalformedWorkload(str(error)) from error


def pod_from(workload: Workload, obj: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The pod of a workload in an object, as `pod_of` makes it. Raises MalformedWorkload.

    The pod of a kind without a pod template is changed so that it can be created: a container without an image gets
    one, and mounts of volumes that exist only in a run are left out.
    """
    if workload.places is None:
        return pod_of(obj, workload.path, workload.name, namespace)
    template = template_of(workload, obj)
    volumes = {volume.get("name") for volume in template["spec"].get("volumes") or ()}
    for key in ("initContainers", "containers"):
        for container in template["spec"].get(key) or ():
            container.setdefault("image", _NO_IMAGE)
            mounts = container.pop("volumeMounts", None) or ()
            if left := [mount for mount in mounts if mount.get("name") in volumes]:
                container["volumeMounts"] = left
    return pod_of({"template": template}, ("template",), workload.name, namespace)


_NO_IMAGE = "image-of-the-run"


def pod_of(obj: Mapping[str, Any], path: Path, name: str, namespace: str) -> dict[str, Any]:
    """The pod that a controller makes from an object's template, as the body of a create request.

    The pod takes only labels and annotations from the template's metadata (k8s.io/kubernetes pkg/controller
    GetPodFromTemplate).
    A StatefulSet's claims become volumes, which its containers may mount (pkg/controller/statefulset updateStorage).
    Raises MalformedWorkload for a template without a spec, and for a claim without a name: custom resources may have
    both.
    """
    template: Any = obj
    for step in path:
        template = template[step]
    if template.get("spec") is None:
        raise MissingField((*path, "spec"))
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


msgspec.json.Decoder(_Owning)  # completed before threads share it: see core/kubernetes/pod.py


def _claims(obj: Mapping[str, Any]) -> list[str]:
    """The names of an object's volumeClaimTemplates."""
    try:
        spec = msgspec.convert(obj, _Owning).spec
    except msgspec.ValidationError as error:
        raise MalformedWorkload(in_words(error)) from error
    return [claim.metadata.name for claim in (spec and spec.volume_claim_templates) or ()]


def _with_claims(spec: dict[str, Any], names: Sequence[str], name: str) -> dict[str, Any]:
    if not names:
        return spec
    own = [volume for volume in spec.get("volumes") or [] if volume.get("name") not in names]
    made = [{"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}-0"}} for claim in names]
    return {**spec, "volumes": own + made}
