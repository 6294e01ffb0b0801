"""Runs `policy --remove`: deletes the objects of a namespace's policy, the binding first."""

from kubectl_caps.cli.policy import PolicyArguments
from kubectl_caps.cli.values import SUFFIX
from kubectl_caps.commands.policy.objects import read_policy_objects, resource_of_kind
from kubectl_caps.commands.shared.connect import connected
from kubectl_caps.core.policy.forms import FORMS
from kubectl_caps.core.policy.model import NamespacePolicy
from kubectl_caps.core.policy.vap import Manifest, policy_name
from kubectl_caps.errors import UsageError
from kubectl_caps.report.terminal import escaped, say


def remove(arguments: PolicyArguments) -> int:
    """Delete the policy, and return the exit status. Raises CapsError."""
    cluster, namespace, _ = connected(arguments)
    form = "map" if arguments.form == "vap" and "map" in FORMS else arguments.form
    served: list[Manifest] = []
    for manifest in reversed(FORMS[form](NamespacePolicy(namespace, ()), arguments.actions, "")):
        try:
            resource_of_kind(cluster, manifest["apiVersion"], manifest["kind"])
        except UsageError:
            continue  # a server without the kind has no object of the kind
        served.append(manifest)
    present = [item for item in read_policy_objects(cluster, served) if item.current is not None]
    if not present:
        say(f"No policy {policy_name(namespace)} found")
        return 0
    for item in present:
        metadata = (item.current or {})["metadata"]
        if arguments.dry_run == "none":
            cluster.delete(item.resource, item.namespace, metadata["name"], uid=metadata.get("uid"))
        print(escaped(f"{item.reference} deleted{SUFFIX[arguments.dry_run]}"), flush=True)
    return 0
