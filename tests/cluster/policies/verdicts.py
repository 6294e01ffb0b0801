"""The API server's verdict on a request, and the evaluator's."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from typing import Any

import msgspec
from msgspec import Struct
from testbed.cluster import Cluster

from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.made_pods import COUNTS_AS
from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.policy import judge, vap
from kubectl_caps.core.policy.identity import PolicySubject
from kubectl_caps.core.policy.model import NamespacePolicy
from policies.random_policies import ADMIN, Request

_DENIED = " denied request: "
PATHS = {
    "ConfigMap": "/api/v1/namespaces/kube-system/configmaps",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "MutatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings",
}


class Verdict(Struct, frozen=True):
    """A request, the server's status and message, and the policy that it was judged by."""

    policy: NamespacePolicy
    request: Request
    status: int
    said: str

    @property
    def is_judged(self) -> bool:
        """Whether the policy came to judge it: what the API itself refuses, it refuses before."""
        return self.status in (200, 201) or _DENIED in self.said

    @property
    def theirs(self) -> str:
        """The policy's message; empty where it allows."""
        return self.said.partition(_DENIED)[2]

    def ours(self, today: date) -> str:
        """The evaluator's message."""
        subject, template = _subject(self.request)
        added = None
        if self.request.is_ephemeral:
            added = [one["name"] for one in self.request.body["spec"]["ephemeralContainers"]]
        fields = judge.refused_fields(self.policy, subject, template, today, added=added)
        if not fields:
            return ""
        return judge.refusal_message(self.policy, subject, fields, is_ephemeral=self.request.is_ephemeral)


def _subject(request: Request) -> tuple[PolicySubject, PodTemplate]:
    if request.is_ephemeral:
        template = msgspec.convert(request.body, PodTemplate)
        return PolicySubject("v1", "Pod", "target", ADMIN), template
    row = kind_of(request.api_version, request.kind)
    assert row
    [workload] = read_workloads(row, without_nulls(request.body), {})
    account = workload.template.spec.account
    metadata = workload.metadata
    counts_as = (metadata.annotations or {}).get(COUNTS_AS) or ""
    who = (workload.name, ADMIN, metadata.controller, account, counts_as)
    return PolicySubject(request.api_version, request.kind, *who), workload.template


def without_nulls(value: Any) -> Any:
    """The same without the fields that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def install(cluster: Cluster, policy: NamespacePolicy, *actions: vap.Action) -> None:
    """Creates the objects of a policy."""
    for manifest in vap.manifests(policy, actions or ("deny",), "a test"):
        status, answer = cluster.api.request("POST", PATHS[manifest["kind"]], manifest)
        assert status == 201, answer


def await_policy(cluster: Cluster, namespace: str) -> None:
    """Returns once the policy of a namespace refuses a template of which Pod Security would only warn."""
    container = {"name": "probe", "image": "x", "securityContext": {"privileged": True}}
    labels = {"app": "probe"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    body = {"metadata": {"name": "probe"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments?dryRun=All"
    deadline = time.monotonic() + 60
    while True:
        _, answer = cluster.api.request("POST", path, body)
        if "container probe: privileged" in str(answer.get("message")):
            return
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


def verdicts(cluster: Cluster, asked: Sequence[tuple[NamespacePolicy, Request]], threads: int = 4) -> list[Verdict]:
    """What the server says to each request."""

    def ask(pair: tuple[NamespacePolicy, Request]) -> Verdict:
        policy, request = pair
        content = "application/strategic-merge-patch+json" if request.method == "PATCH" else "application/json"
        status, answer = cluster.api.request(request.method, request.path, request.body, content)
        return Verdict(policy, request, status, str(answer.get("message") or ""))

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, asked))


def today() -> date:
    """The server's day."""
    return datetime.now(timezone.utc).date()
