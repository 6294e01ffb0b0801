"""Random policies and the random pods, templates and ephemeral containers that are judged by them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from msgspec import Struct

from kubectl_caps.core.kubernetes.made_pods import COUNTS_AS
from kubectl_caps.core.policy import model
from kubectl_caps.core.policy.model import BUILTIN_CONTROLLERS, NamespacePolicy, PolicyGrant, PolicyWorkload

Json = dict[str, Any]

ADMIN = "admin"
"""The user of every request of the tests."""
CONTAINERS = ("main", "side", "first")
ACCOUNTS = ("default", "other")
WORKLOADS = (
    ("deployment.apps", "web"), ("deployment.apps", "web-api"), ("statefulset.apps", "db"), ("daemonset.apps", "agent"),
    ("cronjob.batch", "report"), ("job.batch", "migrate-2"), ("replicaset.apps", "web-old"), ("pod", "bare"),
    ("rollout.argoproj.io", "canary"), ("replicationcontroller", "rc"), ("deploymentconfig.apps.openshift.io", "dc"),
    ("podtemplate", "kept"),
)  # fmt: skip
OWNERS = (
    ("apps/v1", "ReplicaSet", ("web-5d4f", "web-api-77", "web-old", "web", "canary-9", "web-old-5", "nodash")),
    ("apps/v1", "StatefulSet", ("db", "db-1")),
    ("apps/v1", "DaemonSet", ("agent",)),
    ("batch/v1", "Job", ("report-2938", "migrate-2", "report", "migrate-2-3")),
    ("v1", "ReplicationController", ("rc", "dc-3")),
    ("argoproj.io/v1alpha1", "Rollout", ("canary",)),
)
_CAPABILITIES = ("CHOWN", "NET_ADMIN", "SETUID", "SYS_PTRACE", "SYS_ADMIN", "ALL", "CAP_KILL")
_SPELLED = (
    "CHOWN",
    "NET_ADMIN",
    "SETUID",
    "chown",
    "CAP_CHOWN",
    "cap_setuid",
    "CAP_KILL",
    "KILL",
    "ALL",
    "",
    "Ünicode",
)


class Request(Struct, frozen=True):
    """One request: what is sent where; `kind` and `owner` as the evaluator needs them."""

    method: str
    path: str
    body: Json
    api_version: str = "v1"
    kind: str = "Pod"
    is_ephemeral: bool = False


def policies(random: Random, namespaces: Sequence[str]) -> Iterator[NamespacePolicy]:
    """A policy for each namespace; in half of them the test's user is a controller."""
    for index, namespace in enumerate(namespaces):
        chosen = random.sample(WORKLOADS, random.randint(3, len(WORKLOADS)))
        held = [
            PolicyWorkload(kind, name, random.choice((*ACCOUNTS, model.ANY_ACCOUNT)), _containers(random))
            for kind, name in sorted(chosen)
        ]
        yield NamespacePolicy(namespace, tuple(held), (*BUILTIN_CONTROLLERS, *([ADMIN] if index % 2 else [])))


def _containers(random: Random) -> dict[str, tuple[PolicyGrant, ...]]:
    return {name: _grants(random) for name in random.sample(CONTAINERS, random.randint(1, len(CONTAINERS)))}


def _grants(random: Random) -> tuple[PolicyGrant, ...]:
    names = random.sample((*_CAPABILITIES, *model.FIELD_GRANTS), random.randint(0, 4))
    today = datetime.now(timezone.utc).date()
    days = ["", "", (today - timedelta(2)).isoformat(), (today + timedelta(2)).isoformat()]
    kept = [PolicyGrant(name) for name in model.KEPT if random.random() < 0.2]
    return (*(PolicyGrant(name, random.choice(days)) for name in names), *kept)


def requests(random: Random, namespace: str, count: int, target: str, *, annotated: bool = True) -> Iterator[Request]:
    """Pods, templates, and ephemeral containers for the pod `target`; all as dry runs.

    Annotations are read by the API server, which makes fields of them (`annotated=False`: there are none).
    """
    for _ in range(count):
        kind = random.choices(("pod", "template", "ephemeral"), (7, 1, 2))[0]
        if kind == "ephemeral":
            body: Json = {"spec": {"ephemeralContainers": [_container(random, f"e{random.randint(0, 9)}", good=0.8)]}}
            path = f"/api/v1/namespaces/{namespace}/pods/{target}/ephemeralcontainers?dryRun=All"
            yield Request("PATCH", path, body, is_ephemeral=True)
        elif kind == "pod":
            name = random.choice(("bare", "stranger"))
            metadata: Json = {"name": name, **_owner(random), **(_annotations(random) if annotated else {})}
            body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _spec(random)}
            yield Request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)
        else:
            yield _template(random, namespace)


def _owner(random: Random) -> Json:
    if random.random() < 0.15:
        return {}
    api_version, kind, names = random.choice(OWNERS)
    owner = {"apiVersion": api_version, "kind": kind, "name": random.choice(names), "uid": "1"}
    return {"ownerReferences": [{**owner, **({"controller": True} if random.random() < 0.9 else {})}]}


def _annotations(random: Random) -> Json:
    if random.random() < 0.15:
        return {"annotations": {COUNTS_AS: random.choice(("deployment.apps_web", "job.batch_migrate-2", "pod_x"))}}
    if random.random() < 0.9:
        return {}
    key = f"container.apparmor.security.beta.kubernetes.io/{random.choice(CONTAINERS)}"
    return {"annotations": {key: random.choice(("unconfined", "runtime/default"))}}


def _spec(random: Random) -> Json:
    good = random.choice((0.5, 0.9, 1))
    names = list(CONTAINERS)
    init = [_container(random, names.pop(), good=good)] if random.random() < 0.3 else []
    if init and random.random() < 0.5:
        init[0]["restartPolicy"] = "Always"
    spec: Json = {
        "containers": [_container(random, name, good=good) for name in names[: random.randint(1, len(names))]],
        "initContainers": init,
        "hostUsers": False,
        "serviceAccountName": random.choice(("default", "default", "other")),
    }
    context: Json = {}
    if random.random() < 0.3:
        context["runAsNonRoot"] = random.random() < 0.8
    if random.random() < 0.3:
        context["runAsUser"] = random.choice((0, 1000))
    if random.random() < 0.3:
        context["seccompProfile"] = {"type": random.choice(("RuntimeDefault", "Unconfined"))}
    if random.random() < 0.1:
        context["appArmorProfile"] = {"type": random.choice(("RuntimeDefault", "Unconfined"))}
    if random.random() < 0.03:
        return {**spec, "os": {"name": "windows"}, "hostUsers": None, "initContainers": [], "containers": [
            {"name": "main", "image": "x"}
        ]}  # fmt: skip
    return {**spec, "securityContext": context}


def _container(random: Random, name: str, *, good: float) -> Json:
    """A container; each of its fields is hardened with the probability `good`."""
    context: Json = {}
    capabilities: Json = {"drop": ["ALL"]} if random.random() < good else random.choice(({}, {"drop": ["NET_RAW"]}))
    if random.random() < 0.35:
        capabilities["add"] = random.sample(_SPELLED if random.random() < 0.5 else _SPELLED[:3], random.randint(1, 2))
    if capabilities:
        context["capabilities"] = capabilities
    if random.random() < good:
        context["allowPrivilegeEscalation"] = False
    if random.random() > good + 0.4 * (1 - good):
        context["privileged"] = True
        context.pop("allowPrivilegeEscalation", None)
    if random.random() < 0.08:
        context["procMount"] = random.choice(("Default", "Unmasked"))
    if random.random() < 0.1:
        context["appArmorProfile"] = {"type": random.choice(("RuntimeDefault", "Unconfined"))}
    if random.random() < 0.2:
        context["runAsNonRoot"] = random.random() < 0.8
    if random.random() < 0.2:
        context["runAsUser"] = random.choice((0, 1000))
    if random.random() < 0.2:
        context["seccompProfile"] = {"type": random.choice(("RuntimeDefault", "Unconfined"))}
    return {"name": name, "image": "x", **({"securityContext": context} if context else {})}


def _template(random: Random, namespace: str) -> Request:
    spec = _spec(random)
    template: Json = {"metadata": {"labels": {"app": "x"}}, "spec": spec}
    once = {"template": {"spec": {**spec, "restartPolicy": "Never"}}}
    again = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": once}}
    selector = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
    rows: dict[str, tuple[str, str, Sequence[str], Json]] = {
        "Deployment": ("apps/v1", "deployments", ("web", "new"), selector),
        "StatefulSet": ("apps/v1", "statefulsets", ("db", "new"), {**selector, "serviceName": "x"}),
        "ReplicaSet": ("apps/v1", "replicasets", ("web-old", "web-5d4f", "new"), selector),
        "DaemonSet": ("apps/v1", "daemonsets", ("agent", "new"), selector),
        "Job": ("batch/v1", "jobs", ("migrate-2", "report-1", "new"), once),
        "CronJob": ("batch/v1", "cronjobs", ("report", "new"), again),
    }
    kind = random.choice(sorted(rows))
    api_version, plural, names, body = rows[kind]
    metadata: Json = {"name": random.choice(names)}
    makers = {"ReplicaSet": ("apps/v1", "Deployment", "web"), "Job": ("batch/v1", "CronJob", "report")}
    if kind in makers and random.random() < 0.5:
        version, owner, name = makers[kind]
        metadata["ownerReferences"] = [
            {"apiVersion": version, "kind": owner, "name": name, "uid": "1", "controller": True}
        ]
    whole = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": body}
    return Request("POST", f"/apis/{api_version}/namespaces/{namespace}/{plural}?dryRun=All", whole, api_version, kind)
