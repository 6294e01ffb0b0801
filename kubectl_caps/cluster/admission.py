"""What is configured on the API server to change objects as they are created."""

import msgspec

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.core.mutation import Mutator
from kubectl_caps.errors import UsageError

_MUTATOR = msgspec.json.Decoder(Mutator)
_RESOURCES = ("mutatingwebhookconfigurations", "mutatingadmissionpolicies")


def mutators(cluster: Cluster) -> list[Mutator]:
    """Every mutating webhook and policy of the cluster. Raises ApiError where they may not be listed."""
    found = []
    for name in _RESOURCES:
        try:
            resource = cluster.resource(f"{name}.admissionregistration.k8s.io")
        except UsageError:
            continue  # older servers have no policies
        found += [_MUTATOR.decode(raw) for page in cluster.pages(resource, None) for raw in page]
    return found
