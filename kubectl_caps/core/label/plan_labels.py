"""Plans the labels of a namespace, from its present labels and the requests of the user."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.patch import Patch, between
from kubectl_caps.core.podsecurity.labels import MODES, PREFIX, Policies, looser, resolve
from kubectl_caps.core.podsecurity.policy import Level

Mode = Literal["enforce", "audit", "warn"]
SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")


class LabelRequest(Struct, frozen=True):
    """The requested level of one mode, with a version if the user named one. Without a level the labels are removed."""

    mode: Mode
    level: Level | None
    version: str | None = None

    def applied(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels after this request."""
        key, version_key = f"{PREFIX}{self.mode}", f"{PREFIX}{self.mode}-version"
        if self.level is None:
            return {name: value for name, value in labels.items() if name not in (key, version_key)}
        version = {version_key: self.version} if self.version else {}
        return {**labels, key: self.level, **version}


class LabelOptions(Struct, frozen=True, kw_only=True):
    """The command's requests and flags, and the server's minor version; None if the server does not tell it."""

    requests: tuple[LabelRequest, ...]
    minor: int | None = None
    overwrite: bool
    force: bool


class LabelPlan(Struct, frozen=True):
    """The patch of the labels, the policies and labels before and after, and the reasons not to set the labels."""

    patch: Patch
    before: Policies
    after: Policies
    present: dict[str, str]
    labels: dict[str, str]
    refusals: tuple[str, ...]


def plan_labels(
    namespace: Mapping[str, Any], requests: Sequence[LabelRequest], *, overwrite: bool, force: bool
) -> LabelPlan:
    """Plan the labels. As in kubectl, another value needs `overwrite`; a looser policy needs `force`."""
    metadata = namespace.get("metadata") or {}
    labels: dict[str, str] = metadata.get("labels") or {}
    after = labels
    for request in requests:
        after = request.applied(after)
    refusals = [
        f"'{key}' already has a value ({labels[key]}), and --overwrite is false"
        for key, value in after.items()
        if not overwrite and labels.get(key, value) != value
    ]
    wanted = copy.deepcopy(dict(namespace))
    if after or "labels" in metadata:
        wanted["metadata"]["labels"] = after
    old, new = resolve(labels), resolve(after)
    for request in requests:
        if not force and looser(old.of(request.mode), new.of(request.mode)):  # warn also where it only follows enforce
            change = f"{request.mode}={new.of(request.mode)} is looser than {old.of(request.mode)}"
            refusals.append(f"{change}; --force does it anyway")
    return LabelPlan(_guarded(between(namespace, wanted), labels), old, new, labels, after, tuple(refusals))


def _guarded(patch: Patch, labels: Mapping[str, str]) -> Patch:
    """The patch with guards on the unchanged labels, because the verdict depends on them too."""
    touched = {change.path for change in patch.changes}
    keys = [f"{PREFIX}{mode}{suffix}" for mode in MODES for suffix in ("", "-version")]
    paths: dict[str, Path] = {key: ("metadata", "labels", key) for key in keys}
    if ("metadata", "labels") in touched or not touched:
        return patch
    guards = tuple((path, labels.get(key)) for key, path in paths.items() if path not in touched)
    return Patch(patch.changes, patch.guards + guards)


def security_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that Pod Security reads."""
    return {key: value for key, value in labels.items() if key.startswith(PREFIX)}
