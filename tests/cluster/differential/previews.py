"""What the server says of existing pods when their namespace's label changes, and what this project says of them."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from differential.rooms import enforcing, guest, make
from differential.server import Server
from differential.verdicts import judged
from kubectl_caps.core.podsecurity import enforce_warnings
from kubectl_caps.core.podsecurity.policy import Policy, effective_minor
from kubectl_caps.core.podsecurity.registry import evaluate

Json = dict[str, Any]


class Look(Struct, frozen=True):
    """The warnings of one dry run of labels, as they came and as they were read, and those that we expect."""

    policy: Policy
    warnings: list[str]
    said: enforce_warnings.EnforceWarnings
    expected: list[str]


def looks(server: Server, namespace: str, count: int, hot: int, policies: Sequence[Policy]) -> Iterator[Look]:
    """Fills a namespace with `count` random pods, and tries the policies on it."""
    make(server, namespace, {})
    pods = [guest(server, namespace, f"{namespace}/{at}", hot) for at in range(count)]
    for policy in policies:
        labels = {"metadata": {"labels": enforcing(policy)}}
        answer = server.merge(f"/api/v1/namespaces/{namespace}", labels)
        assert answer.status == 200, answer.message
        yield Look(
            policy,
            answer.warnings,
            enforce_warnings.read_warnings(answer.warnings, namespace),
            _expected(pods, namespace, policy),
        )


def _expected(pods: list[Json], namespace: str, policy: Policy) -> list[str]:
    minor = effective_minor(policy.version, None)
    found = {pod["metadata"]["name"]: evaluate(judged(pod, pod=True), policy.level, minor) for pod in pods}
    return enforce_warnings.expected(found, namespace, policy)
