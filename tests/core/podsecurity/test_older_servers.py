"""What supported API servers that are older than the newest rules refuse, for every version of every policy."""

from typing import Any

import pytest

from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.workloads import Workload, read_workloads
from kubectl_caps.core.label.verdicts import Verdicts
from kubectl_caps.core.podsecurity.older_servers import SUPPORTED, older_server_sentences
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR, parse_policy

SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
SPECS: dict[str, dict[str, Any]] = {
    "root in a user namespace": {
        "hostUsers": False,
        "containers": [{"name": "c", "securityContext": {"runAsUser": 0}}],
    },
    "not said to be another user": {"hostUsers": False, "containers": [{"name": "c"}]},
    "procMount in a user namespace": {
        "hostUsers": False,
        "containers": [{"name": "c", "securityContext": {"procMount": "Unmasked"}}],
    },
    "all of it": {
        "hostUsers": False,
        "containers": [{"name": "c", "securityContext": {"runAsUser": 0, "procMount": "Unmasked"}}],
    },
    "nothing that a version minds": {"containers": [{"name": "c"}]},
    "a host that is probed": {"containers": [{"name": "c", "livenessProbe": {"httpGet": {"host": "x", "port": 1}}}]},
}


def deployment(spec: dict[str, Any], **security: Any) -> Workload:
    """A Deployment that else satisfies restricted."""
    containers = [
        {**one, "securityContext": {**security, **one.get("securityContext", {})}} for one in spec["containers"]
    ]
    node = {"metadata": {"name": "web"}, "spec": {"template": {"spec": {**spec, "containers": containers}}}}
    row = kind_of("apps/v1", "Deployment")
    assert row
    (found,) = read_workloads(row, node, {})
    return found


def test_a_violation_is_told_with_version_object_container_and_field() -> None:
    web = deployment(SPECS["root in a user namespace"], **SECURITY)
    (told,) = older_server_sentences([web], parse_policy("restricted:latest"))
    assert told == (
        "on Kubernetes 1.34 deployment.apps/web violates restricted:latest: runAsUser: "
        'container "c" must not set runAsUser=0: spec.template.spec.containers[0].securityContext.runAsUser'
    )


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("security", [{}, SECURITY], ids=["bare", "restricted"])
@pytest.mark.parametrize("policy", ["restricted:latest", "baseline:latest", "restricted:v1.36", "restricted:v1.34"])
def test_a_violation_that_only_an_older_server_finds_is_named(
    spec: str, security: dict[str, Any], policy: str
) -> None:
    """Compared with the rules themselves: `--kubernetes-version` of every supported server."""
    web, asked = deployment(SPECS[spec], **security), parse_policy(policy)
    newest = {path for violation in Verdicts(asked, None).template_verdict(web) for path in violation.fields}
    servers = range(NEWEST_MINOR - SUPPORTED + 1, NEWEST_MINOR)
    wanted = {
        (f"1.{server}", violation.check)
        for server in servers
        for violation in Verdicts(asked, server).template_verdict(web)
        if not set(violation.fields) <= newest
    }
    told = older_server_sentences([web], asked)
    assert {
        (version, text.partition(f"{policy}: ")[2].partition(":")[0])
        for text in told
        for version in text.removeprefix("on Kubernetes ").partition(" deployment")[0].split(" and ")
    } == wanted


@pytest.mark.parametrize("policy", ["privileged:latest", "restricted:v1.30", "baseline:v1.34"])
def test_a_version_that_every_supported_server_has_is_judged_alike_by_all(policy: str) -> None:
    web = deployment(SPECS["all of it"])
    assert older_server_sentences([web], parse_policy(policy)) == []
