"""Lists the mutating webhooks and policies that are configured on the API server."""

import msgspec

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.shapes import MalformedObject, decode_item
from kubectl_caps.core.kubernetes.workloads import reference
from kubectl_caps.core.pods.mutating_admission import Hook, Mutator
from kubectl_caps.errors import ApiError, UsageError

_MUTATOR = msgspec.json.Decoder(Mutator)
_RESOURCES = ("mutatingwebhookconfigurations", "mutatingadmissionpolicies")


def list_hooks(cluster: Cluster) -> tuple[list[Hook], list[ApiError]]:
    """The hooks of every mutating webhook and policy that may be listed, and why others may not be."""
    found: list[Hook] = []
    errors: list[ApiError] = []
    for name in _RESOURCES:
        try:
            resource = cluster.resource(f"{name}.admissionregistration.k8s.io")
            for raw in (raw for page in cluster.pages(resource, None) for raw in page):
                mutator = decode_item(_MUTATOR, raw, resource.api_version, resource.kind)
                source = reference(resource.api_version, resource.kind, mutator.metadata.name or "")
                found += mutator.hooks(source, bytes(raw))
        except UsageError:
            continue  # older servers have no policies
        except MalformedObject as error:  # nobody knows what the object changes, as if it could not be listed
            errors.append(ApiError(200, "UnexpectedServerResponse", error.words))
        except ApiError as error:
            errors.append(error)
    return found, errors
