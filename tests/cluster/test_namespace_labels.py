"""A namespace's labels mean to a real API server what they mean to us, and its words about wrong ones are ours."""

from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest
from differential.server import Server
from testbed.cluster import Cluster

from kubectl_caps.core.podsecurity.labels import PREFIX, resolve

LABELS: tuple[dict[str, str], ...] = (
    {},
    {"enforce": "baseline"},
    {"enforce": "restricted", "enforce-version": "v1.25"},
    {"enforce": "restricted", "enforce-version": "v1.25", "warn-version": "v1.30"},
    {"enforce": "baseline", "warn": "restricted", "warn-version": "v1.99"},
    {"enforce": "restricted", "warn": "privileged"},
    {"enforce": "privileged", "enforce-version": "v1.0"},
    {"warn": "baseline", "warn-version": "v1.10"},
    {"audit": "restricted"},
    {"enforce-version": "v1.2", "warn-version": "v1.3"},
)
WRONG = (
    {"enforce": "Baseline"},
    {"enforce": "", "audit": "none", "warn": "x"},
    {"enforce": "baseline", "enforce-version": "v1"},
    {"enforce-version": "1.25", "audit-version": "v1.01", "warn-version": "v1.25.3"},
    {"warn-version": "v1.9223372036854775808"},
)


@pytest.fixture(scope="module")
def server(api_cluster: Cluster) -> Iterator[Server]:
    with closing(Server(api_cluster.place)) as server:
        yield server


def prefixed(labels: Mapping[str, str]) -> dict[str, str]:
    return {PREFIX + key: value for key, value in labels.items()}


INTRUDER = {"hostPID": True, "containers": [{"name": "x", "image": "x"}]}
"""It violates every policy that refuses anything."""


def quoted(text: str) -> str:
    """The policy in a message of Pod Security; what refuses nothing where there is none."""
    return text.partition('PodSecurity "')[2].partition('"')[0] or "privileged"


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_the_resolved_policies_are_those_of_the_server(
    api_cluster: Cluster, server: Server, labels: dict[str, str]
) -> None:
    namespace, policies = api_cluster.make_namespace(prefixed(labels)), resolve(prefixed(labels))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": INTRUDER}
    template = {**pod, "kind": "PodTemplate", "template": {"spec": INTRUDER}}
    enforced = server.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    warned = server.create(f"/api/v1/namespaces/{namespace}/podtemplates", template)
    api_cluster.delete_namespace(namespace)
    assert [quoted(enforced.message), quoted("".join(warned.warnings))] == [
        "privileged" if policy.level == "privileged" else str(policy) for policy in (policies.enforce, policies.warn)
    ]


@pytest.mark.parametrize("labels", WRONG, ids=str)
def test_wrong_labels_are_refused_in_our_words(server: Server, labels: dict[str, str]) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "labels": prefixed(labels)}}
    errors = resolve(prefixed(labels)).errors
    answer = server.create("/api/v1/namespaces", namespace)
    assert answer.status == 422
    text = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
    assert answer.message == f'Namespace "x" is invalid: {text}'
