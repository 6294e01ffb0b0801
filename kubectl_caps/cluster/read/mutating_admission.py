"""Lists the mutating webhooks and mutating admission policies of the API server."""

import msgspec
from msgspec.structs import replace

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.decode import MalformedObject, decode_item
from kubectl_caps.cluster.api.rights import lacking
from kubectl_caps.core.kubernetes.workloads import reference
from kubectl_caps.core.pods.mutating_admission import Hook, MutatingAdmission, Mutator
from kubectl_caps.errors import ApiError, UsageError

_MUTATOR = msgspec.json.Decoder(Mutator)
_RESOURCES = ("mutatingwebhookconfigurations", "mutatingadmissionpolicies")


def mutating_admission(cluster: Cluster) -> MutatingAdmission:
    """The hooks of every mutating webhook and policy, and the reasons why some cannot be read."""
    found: list[Hook] = []
    hidden: list[str] = []
    for name in _RESOURCES:
        try:
            resource = cluster.resource(f"{name}.admissionregistration.k8s.io")
            for raw in (raw for page in cluster.pages(resource, None) for raw in page):
                mutator = decode_item(_MUTATOR, raw, resource.api_version, resource.kind)
                source = reference(resource.api_version, resource.kind, mutator.metadata.name or "")
                found += [replace(hook, source=source, text=bytes(raw)) for hook in mutator.hooks]
        except UsageError:
            continue  # older servers have no policies
        except (ApiError, MalformedObject) as error:
            hidden.append(lacking(error, "list"))
    return MutatingAdmission(found, hidden)
