"""Reads the objects of a policy from the cluster, compares them with the wanted objects, and changes them."""

import copy
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from msgspec import Struct

from kubectl_caps.cli.flags import program_name
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import Resource
from kubectl_caps.core.kubernetes.patch import Patch, between
from kubectl_caps.core.kubernetes.workloads import reference
from kubectl_caps.core.policy.forms import PLURALS, SINCE
from kubectl_caps.core.policy.vap import MADE_AT, MANAGED_BY, OF_NAMESPACE, Manifest
from kubectl_caps.errors import ApiError, CapsError, UsageError


class PolicyObject(Struct, frozen=True):
    """One object of a policy: the wanted object, and the current object on the cluster (None if there is none)."""

    resource: Resource
    wanted: Manifest
    current: dict[str, Any] | None

    @property
    def reference(self) -> str:
        """The object's name as kubectl prints it, such as `configmap/kubectl-caps-shop`."""
        return reference(self.wanted["apiVersion"], self.wanted["kind"], self.wanted["metadata"]["name"])

    @property
    def namespace(self) -> str | None:
        """The object's own namespace; None for an object of the whole cluster."""
        namespace: str | None = self.wanted["metadata"].get("namespace")
        return namespace


def resource_of_kind(cluster: Cluster, api_version: str, kind: str) -> Resource:
    """The resource that serves a kind. Raises UsageError, which names the first Kubernetes version with the kind."""
    group, _, version = api_version.rpartition("/")
    try:
        return cluster.resource(f"{PLURALS[kind]}.{version}.{group}" if group else PLURALS[kind])
    except UsageError as error:
        base = kind.removesuffix("Binding")
        since = f" (Kubernetes {SINCE[base]} and later)" if base in SINCE else ""
        form = "vap" if base.startswith("Mutating") else "kyverno"
        instead = f"; `{program_name()} policy --form {form}` is the form for this server" if base in SINCE else ""
        raise UsageError(f"the API server has no {base} in {api_version}{since}{instead}") from error


def read_policy_objects(cluster: Cluster, wanted: Sequence[Manifest]) -> list[PolicyObject]:
    """Read the current objects. Raises CapsError, also for an object of the name that kubectl caps did not make."""
    found = []
    for manifest in wanted:
        resource = resource_of_kind(cluster, manifest["apiVersion"], manifest["kind"])
        name, namespace = manifest["metadata"]["name"], manifest["metadata"].get("namespace")
        try:
            current = cluster.get(resource, namespace, name)
        except ApiError as error:
            if error.code != 404:
                raise
            current = None
        item = PolicyObject(resource, manifest, current)
        if current is not None and not _is_ours(current, manifest):
            raise CapsError(f"{item.reference} exists, and kubectl caps did not make it: left as it is")
        found.append(item)
    return found


def _is_ours(current: dict[str, Any], wanted: Manifest) -> bool:
    labels = (current.get("metadata") or {}).get("labels") or {}
    return all(labels.get(key) == wanted["metadata"]["labels"][key] for key in (MANAGED_BY, OF_NAMESPACE))


def policy_patch(item: PolicyObject) -> Patch:
    """The changes from the current object to the wanted object. Other labels and annotations stay."""
    assert item.current is not None
    wanted = copy.deepcopy(item.current)
    for key in ("labels", "annotations"):
        wanted["metadata"][key] = {**(wanted["metadata"].get(key) or {}), **item.wanted["metadata"].get(key, {})}
    for key in item.wanted.keys() - {"apiVersion", "kind", "metadata"}:
        wanted[key] = item.wanted[key]
    return between(item.current, wanted)


def apply_object(cluster: Cluster, item: PolicyObject, manager: str, *, dry_run: bool) -> str:
    """Create or change one object: `created`, `configured` or `unchanged`. Raises CapsError."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    stamped = copy.deepcopy(item.wanted)
    stamped["metadata"]["annotations"][MADE_AT] = now
    if item.current is None:
        cluster.create(item.resource, item.namespace, stamped, dry_run=dry_run, field_manager=manager)
        return "created"
    if not policy_patch(item).changes:
        return "unchanged"
    operations = policy_patch(PolicyObject(item.resource, stamped, item.current)).json_patch()
    name = item.wanted["metadata"]["name"]
    try:
        cluster.patch(item.resource, item.namespace, name, operations, dry_run=dry_run, field_manager=manager)
    except ApiError as error:
        if error.code == 422 and not error.details:
            raise CapsError(f"{item.reference} was changed by somebody else in the meantime; run it again") from error
        raise
    return "configured"
