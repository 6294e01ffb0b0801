"""Fills in the fields that a pod leaves out, as the mutating policy does with the JSON Patch of mutating.py."""

from msgspec.structs import replace

from kubectl_caps.core.kubernetes.container import Capabilities, Container
from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.policy import model
from kubectl_caps.core.policy.identity import PolicySubject, workload_of
from kubectl_caps.core.policy.judge import capability
from kubectl_caps.core.policy.model import NamespacePolicy


def filled_in(policy: NamespacePolicy, subject: PolicySubject, template: PodTemplate) -> PodTemplate:
    """The template with drop ALL and allowPrivilegeEscalation=false in the containers that leave these fields out.

    A container is not changed if it is privileged or if the policy grants it the looser value.
    """
    workload = workload_of(subject, policy)
    granted = workload.containers if workload else {}

    def filled(container: Container) -> Container:
        return _filled(container, {grant.name for grant in granted.get(container.name, ())})

    lists = {name: getattr(template.spec, name) for name in ("init_containers", "containers")}
    changed = {name: [filled(one) for one in found] for name, found in lists.items() if found is not None}
    return replace(template, spec=replace(template.spec, **changed))


def _filled(container: Container, may: set[str]) -> Container:
    security = container.security
    if security.privileged:
        return container
    adds = {capability(name).removeprefix("CAP_") for name in container.capabilities.add or ()}
    if security.allow_privilege_escalation is None and model.ESCALATION not in may and "SYS_ADMIN" not in adds:
        security = replace(security, allow_privilege_escalation=False)
    if security.capabilities is None and model.DEFAULTS not in may:
        security = replace(security, capabilities=Capabilities(drop=["ALL"]))
    return container if security == container.security else replace(container, security_context=security)
