"""`policy --form map` against a real API server: pods that say nothing pass *restricted*'s capability checks."""

import time
from typing import Any

import pytest
from labeling import ENFORCE, deployment, spec
from policies.verdicts import PATHS, await_policy
from test_policy_commands import policy
from testbed.cluster import Cluster

NOT_OURS: dict[str, Any] = {
    "runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
"""What *restricted* wants beside capabilities and escalation."""
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@pytest.fixture(scope="module")
def restricted(api_cluster: Cluster) -> str:
    """A namespace that enforces *restricted* and has the policy that fills in; it denies."""
    name = api_cluster.make_namespace({ENFORCE: "restricted"})
    deployment(api_cluster, name, "web", spec(securityContext=NOT_OURS))
    traced = {"allowPrivilegeEscalation": True, "capabilities": {"drop": ["ALL"]}}
    deployment(api_cluster, name, "traced", spec(traced, securityContext=NOT_OURS))
    done = policy(api_cluster, name, "--form", "map", "--apply", "--action", "deny")
    assert done.status == 0, done
    assert "new pods of deployment.apps/web say nothing and would get drop ALL" in done.err
    await_policy(api_cluster, name)
    await_filling(api_cluster, name)
    return name


def create(cluster: Cluster, namespace: str, security: dict[str, Any] | None) -> tuple[int, Any]:
    """Try a pod with a container and an init container."""
    body = spec(security, securityContext=NOT_OURS)
    body["initContainers"] = [{"name": "first", "image": "x"}]
    pod = {"metadata": {"generateName": "x-"}, "spec": body}
    return cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)


def await_filling(cluster: Cluster, namespace: str) -> None:
    """Return once the mutating policy works."""
    deadline = time.monotonic() + 60
    while create(cluster, namespace, None)[0] != 201:
        assert time.monotonic() < deadline, create(cluster, namespace, None)
        time.sleep(0.1)


def test_a_pod_that_says_nothing_passes_restricted(api_cluster: Cluster, restricted: str) -> None:
    for security in (None, {"readOnlyRootFilesystem": True}, {"capabilities": {"drop": ["ALL"]}}):
        status, pod = create(api_cluster, restricted, security)
        assert status == 201, pod
        for container in (*pod["spec"]["containers"], *pod["spec"]["initContainers"]):
            assert container["securityContext"].items() >= HARDENED.items()


@pytest.mark.parametrize(
    "security",
    [
        pytest.param({"capabilities": {"add": ["NET_ADMIN"]}}, id="adds"),
        pytest.param({"capabilities": {"drop": ["NET_RAW"]}}, id="drops one"),
        pytest.param({"allowPrivilegeEscalation": True}, id="escalates"),
        pytest.param({"privileged": True}, id="privileged"),
    ],
)
def test_what_a_pod_says_itself_stays_and_is_refused(
    api_cluster: Cluster, restricted: str, security: dict[str, Any]
) -> None:
    status, answer = create(api_cluster, restricted, security)
    assert status == 403, answer


def test_a_template_that_says_nothing_passes_because_its_pods_are_filled_in(
    api_cluster: Cluster, restricted: str
) -> None:
    deployment(api_cluster, restricted, "new", spec(securityContext=NOT_OURS))
    # In the background the ReplicaSet would go later, and the next run of the policy would still see it.
    api_cluster.kubectl("delete", "deployment", "new", "-n", restricted, "--cascade=foreground")
    with pytest.raises(AssertionError):
        deployment(api_cluster, restricted, "bad", spec({"privileged": True}))


def test_it_agrees_and_goes_as_a_whole(api_cluster: Cluster, restricted: str) -> None:
    again = policy(api_cluster, restricted, "--form", "map", "--apply", "--action", "deny")
    assert (again.status, again.out.split()[1::2]) == (0, ["unchanged"] * 5), again
    agreed = policy(api_cluster, restricted, "--form", "map", "--check")
    assert agreed.status == 0, agreed
    assert policy(api_cluster, restricted, "--remove").status == 0
    left = [api_cluster.api.get(f"{path}/kubectl-caps-{restricted}") for path in PATHS.values()]
    assert left == [None] * len(PATHS)
