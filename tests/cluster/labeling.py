"""label-ns as the tests run it: in this process, with its JSON decoded; and the pods that it judges."""

import base64
import contextlib
import io
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import urlencode

from loopback import Answer, Loopback, Seen, reply, serving
from testbed.cluster import Cluster

from kubectl_caps.main import main

PREFIX = "pod-security.kubernetes.io/"
ENFORCE = f"{PREFIX}enforce"

GOOD: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""A security context that `restricted` accepts."""


@dataclass(frozen=True)
class Result:
    """What one run of label-ns ended with; `items` by namespace where the output is JSON."""

    status: int
    out: str
    err: str

    @property
    def items(self) -> dict[str, Any]:
        return {item["namespace"]: item for item in json.loads(self.out)["items"]}

    @property
    def item(self) -> dict[str, Any]:
        """The only namespace's."""
        (item,) = self.items.values()
        assert isinstance(item, dict)
        return item


def run(cluster: Cluster, command: str, *arguments: str) -> Result:
    """Run a command in this process; `--server` or another `--kubeconfig` in `arguments` wins."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([command, "--kubeconfig", str(cluster.kubeconfig), *arguments])
    return Result(status, out.getvalue(), err.getvalue())


def label_ns(cluster: Cluster, *arguments: str) -> Result:
    """Run label-ns."""
    return run(cluster, "label-ns", *arguments)


def judged(cluster: Cluster, *arguments: str) -> Result:
    """The same with its JSON."""
    return label_ns(cluster, *arguments, "-o", "json")


def refused(item: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Kind and name of everything that the labels would refuse."""
    return {(violation["kind"], violation["name"]) for violation in item["violations"]}


def labels(cluster: Cluster, namespace: str) -> dict[str, str]:
    """A namespace's Pod Security labels as they are now."""
    found = cluster.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
    return {key: value for key, value in found.items() if key.startswith(PREFIX)}


def spec(security: Mapping[str, Any] | None = None, name: str = "main", **more: Any) -> dict[str, Any]:
    """A pod spec of one container, which no scheduler picks up."""
    container = {"name": name, "image": "none:1", **({"securityContext": security} if security else {})}
    return {"containers": [container], "schedulerName": "nobody", **more}


def make(cluster: Cluster, namespace: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Create an object; `path` is `apps/v1/deployments`, or `v1/pods` for the core group."""
    root = "api" if path.startswith("v1/") else "apis"
    version, _, plural = path.rpartition("/")
    status, answer = cluster.api.request(
        "POST", f"/{root}/{version}/namespaces/{namespace}/{plural}", {"apiVersion": version, **body}
    )
    assert status == 201, answer
    assert isinstance(answer, dict)
    return answer


def pod(cluster: Cluster, namespace: str, name: str, pod_spec: Mapping[str, Any]) -> dict[str, Any]:
    """Create a pod."""
    return make(cluster, namespace, "v1/pods", {"kind": "Pod", "metadata": {"name": name}, "spec": pod_spec})


def deployment(
    cluster: Cluster, namespace: str, name: str, pod_spec: Mapping[str, Any], replicas: int = 0, **annotations: str
) -> dict[str, Any]:
    """Create a Deployment; without replicas it makes no pods of its own accord."""
    metadata = {"labels": {"app": name}, "annotations": annotations}
    template = {"metadata": metadata, "spec": pod_spec}
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return make(cluster, namespace, "apps/v1/deployments", {"metadata": {"name": name}, "spec": body})


def _nobody(_: Seen) -> None:
    """Does nothing between two requests."""


@contextlib.contextmanager
def passing(
    cluster: Cluster, *, before: Callable[[Seen], None] = _nobody, after: Callable[[Seen], None] = _nobody
) -> Iterator[Loopback]:
    """A proxy to the cluster, as its administrator; something may happen before or after each request."""

    def forward(seen: Seen) -> Answer:
        before(seen)
        answer = _relayed(cluster, seen)
        after(seen)
        return answer

    with serving(forward) as server:
        yield server


def _relayed(cluster: Cluster, seen: Seen) -> Answer:
    tls = ssl.create_default_context(cafile=str(cluster.place.pki / "ca.crt"))
    tls.load_cert_chain(cluster.place.pki / "admin.crt", cluster.place.pki / "admin.key")
    headers = {name: seen.header(name) or "" for name in ("Content-Type", "Accept") if seen.header(name)}
    connection = HTTPSConnection("127.0.0.1", cluster.place.port, context=tls, timeout=30)
    with contextlib.closing(connection):
        connection.request(seen.method, f"{seen.path}?{urlencode(seen.query)}", seen.body or None, headers)
        answer = connection.getresponse()
        warnings = tuple((name, value) for name, value in answer.getheaders() if name == "Warning")
        return Answer(answer.read(), answer.status, warnings)


Patch = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""From a pod to the JSON Patch that a webhook makes of it."""


def inject(container: Mapping[str, Any]) -> Patch:
    """Put a container into every pod that does not have it yet."""

    def patch(pod: dict[str, Any]) -> list[dict[str, Any]]:
        there = any(one["name"] == container["name"] for one in pod["spec"]["containers"])
        return [] if there else [{"op": "add", "path": "/spec/containers/-", "value": container}]

    return patch


@contextlib.contextmanager
def webhook(
    cluster: Cluster, name: str, patch: Patch, serves: Callable[[str], bool] = lambda user: True
) -> Iterator[dict[str, str]]:
    """A mutating webhook for new pods, over HTTPS, in the namespaces that have the labels that are yielded.

    `serves` says by the name of the user who asks whether the pod is changed.
    """

    def answer(seen: Seen) -> Answer:
        request = json.loads(seen.body)["request"]
        made = patch(request["object"]) if serves(request["userInfo"]["username"]) else []
        changes = base64.b64encode(json.dumps(made).encode()).decode()
        response = {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch", "patch": changes}
        return reply({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})

    selector = {"webhook": name}
    with serving(answer, tls=True) as server:
        assert server.ca
        client = {"url": f"{server.url}/", "caBundle": base64.b64encode(server.ca.read_bytes()).decode()}
        rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
        hook = {
            "name": f"{name}.example.com",
            "clientConfig": client,
            "rules": [rule],
            "namespaceSelector": {"matchLabels": selector},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
        configuration = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
        body = {**configuration, "metadata": {"name": name}, "webhooks": [hook]}
        status, said = cluster.api.request("POST", path, body)
        assert status == 201, said
        try:
            probe = cluster.make_namespace(selector)
            _await_call(cluster, probe, lambda: bool(server.seen))
            cluster.delete_namespace(probe)
            yield selector
        finally:
            cluster.api.request("DELETE", f"{path}/{name}")


def _await_call(cluster: Cluster, namespace: str, called: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-"}, "spec": spec()}
    while not called():
        assert time.monotonic() < deadline, "the webhook is never called"
        cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body)
        time.sleep(0.05)


@contextlib.contextmanager
def custom_kinds(cluster: Cluster, kinds: Mapping[str, tuple[str, str]]) -> Iterator[Cluster]:
    """The cluster while it serves custom resources that take anything: kind -> apiVersion, plural."""
    definitions = [_definition(kind, *kinds[kind]) for kind in kinds]
    cluster.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions}))
    names = [f"crd/{definition['metadata']['name']}" for definition in definitions]
    cluster.kubectl("wait", "--for=condition=Established", *names)
    yield cluster
    cluster.kubectl("delete", *names)


def _definition(kind: str, api_version: str, plural: str) -> dict[str, Any]:
    group, _, version = api_version.partition("/")
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    versions = [{"name": version, "served": True, "storage": True, "schema": schema}]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a test"} if "k8s.io" in group else {},
        },
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions},
    }
