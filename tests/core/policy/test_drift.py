"""Drift: what only the policy or only the namespace has."""

import pytest

from kubectl_caps.core.policy.drift import policy_drift
from kubectl_caps.core.policy.model import NamespacePolicy, read_policy


def policy(**lines: str) -> NamespacePolicy:
    """A policy of a Deployment web, with the grants of its containers."""
    return read_policy(
        "shop", {"deployment.apps_web": "default", **{f"deployment.apps_web_{k}": v for k, v in lines.items()}}
    )


@pytest.mark.parametrize(
    ("held", "now", "says"),
    [
        pytest.param(policy(c="KILL"), policy(c="KILL"), [], id="equal"),
        pytest.param(policy(c="KILL@2020-01-01"), policy(c="KILL"), [], id="an end is no difference"),
        pytest.param(
            policy(c=""), policy(c="KILL"), ["deployment.apps/web: container c goes beyond the policy by KILL"],
            id="widened",
        ),
        pytest.param(
            policy(c="KILL"), policy(c=""),
            ["deployment.apps/web: container c has less than the policy grants: KILL"], id="narrowed",
        ),
        pytest.param(
            policy(c="runAsNonRoot=true"), policy(c=""),
            ["deployment.apps/web: container c goes beyond the policy by runAsNonRoot=true"], id="not kept",
        ),
        pytest.param(
            policy(c=""), policy(c="runAsNonRoot=true"),
            ["deployment.apps/web: container c has less than the policy grants: runAsNonRoot=true"],
            id="more to keep",
        ),
        pytest.param(policy(c="defaults"), policy(c=""), [], id="only an exemption tells of the defaults"),
        pytest.param(
            policy(c=""), policy(c="", d=""), ["deployment.apps/web: container d is not in the policy"], id="more"
        ),
        pytest.param(
            policy(c="", d=""), policy(c=""),
            ["deployment.apps/web: container d is in the policy, but not in the workload"], id="a container less",
        ),
        pytest.param(
            policy(), read_policy("shop", {"deployment.apps_web": "robot"}),
            ["deployment.apps/web: has service account robot, the policy default"], id="service account",
        ),
        pytest.param(
            policy(), read_policy("shop", {}), ["deployment.apps/web: is in the policy, but not in the namespace"],
            id="gone",
        ),
        pytest.param(
            read_policy("shop", {}), policy(), ["deployment.apps/web: is not in the policy"], id="new"
        ),
    ],
)  # fmt: skip
def test_drift_names_workload_and_grant(held: NamespacePolicy, now: NamespacePolicy, says: list[str]) -> None:
    assert list(policy_drift(held, now)) == says
