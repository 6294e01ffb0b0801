"""What the detailed view says to do next."""

from typing import Any

import pytest

from kubectl_caps.core.assessment import Place, assess
from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.core.workloads import kind_of, read
from kubectl_caps.report.advice import next_step

Json = dict[str, Any]

HARDENED: Json = {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "2", "controller": True}
LIVE, FILE = {"context": "it"}, {"file": "my app.yaml", "document": 0, "line": 1}
COMMANDS: dict[str, tuple[str, Json, Json, Json, str]] = {
    "Deployment": ("apps/v1", {}, {}, LIVE, "caps harden deployment.apps/web -n shop --dry-run=server"),
    "CronJob": ("batch/v1", {}, {}, LIVE, "caps harden cronjob.batch/web -n shop --dry-run=server"),
    "Job": ("batch/v1", {}, {}, LIVE, "caps harden -f FILE, on its manifest: a job cannot be changed in place"),
    "Pod": ("v1", {}, {}, LIVE, "caps harden -f FILE, on its manifest: a pod cannot be changed in place"),
    "owned": ("v1", {}, {"ownerReferences": [OWNER]}, LIVE, "caps inspect replicaset.apps/web-1 -n shop"),
    "file": ("v1", {}, {}, FILE, "caps harden -f 'my app.yaml' --diff"),
    "privileged": ("v1", {"privileged": True}, {}, LIVE, "make it do without privileged: true"),
    "with an add": (
        "v1", {**HARDENED, "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, {}, LIVE,
        "see whether it can do without what makes the risk critical: SYS_ADMIN",
    ),
    "hardened": ("v1", HARDENED, {}, LIVE, "nothing: every container drops ALL"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_next_step(name: str) -> None:
    api_version, security, metadata, source, expected = COMMANDS[name]
    kind = kind_of(api_version, name if name in ("Deployment", "CronJob", "Job") else "Pod")
    assert kind
    template = {"spec": {"containers": [{"name": "app", "image": "app:1", "securityContext": security}]}}
    body: Json = template
    for step in reversed(kind.template):
        body = {str(step): body}
    obj = {**body, "metadata": {"name": "web", "namespace": "shop", **metadata}}
    (workload,) = read(kind, obj, source)
    assessment = assess(workload, [], [Place(by_name("containerd"), 1, "observed")], 37)
    assert next_step(assessment, "caps").startswith(expected)
