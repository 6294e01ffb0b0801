"""What the detailed view says to do next."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import NodeRuntime
from kubectl_caps.core.kubernetes.job_run import LastRun
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.report.advice import next_step

Json = dict[str, Any]

HARDENED: Json = {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}
RESTRICTED: Json = {**HARDENED, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "2", "controller": True}
PLACES = [NodeRuntime(by_name("containerd"), 1, "observed")]
LIVE, FILE = {"context": "it"}, {"file": "my app.yaml", "document": 0, "line": 1}
COMMANDS: dict[str, tuple[str, Json, Json, Json, str]] = {
    "Deployment": ("apps/v1", {}, {}, LIVE, "caps harden deployment.apps/web -n shop --dry-run=server"),
    "CronJob": ("batch/v1", {}, {}, LIVE, "caps harden cronjob.batch/web -n shop --dry-run=server"),
    "Job": ("batch/v1", {}, {}, LIVE, "caps harden -f FILE, on its manifest: a job cannot be changed in place"),
    "Pod": ("v1", {}, {}, LIVE, "caps harden -f FILE, on its manifest: a pod cannot be changed in place"),
    "owned": ("v1", {}, {"ownerReferences": [OWNER]}, LIVE, "caps inspect replicaset.apps/web-1 -n shop"),
    "file": ("v1", {}, {}, FILE, "caps harden -f 'my app.yaml' --diff"),
    "privileged": ("v1", {"privileged": True}, {}, LIVE, "remove privileged: true"),
    "with an add": (
        "v1", {**HARDENED, "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, {}, LIVE,
        "see whether it needs these, which make the risk critical: SYS_ADMIN",
    ),
    "restricted": ("v1", RESTRICTED, {}, LIVE, "nothing: every container drops ALL"),
    "one field away": (
        "v1", {**RESTRICTED, "seccompProfile": None}, {}, FILE,
        "caps harden -f 'my app.yaml' --profile=restricted --diff",
    ),
    "root": (
        "v1", {**HARDENED, "runAsUser": 0}, {}, FILE,
        "every container drops ALL and cannot gain privileges, restricted still refuses: runAsNonRoot, runAsUser",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_next_step_names_the_command_for_the_kind_and_its_source(name: str) -> None:
    api_version, security, metadata, source, expected = COMMANDS[name]
    kind = kind_of(api_version, name if name in ("Deployment", "CronJob", "Job") else "Pod")
    assert kind
    template = {"spec": {"containers": [{"name": "app", "image": "app:1", "securityContext": security}]}}
    body: Json = template
    for step in reversed(kind.template):
        body = {str(step): body}
    obj = {**body, "metadata": {"name": "web", "namespace": "shop", **metadata}}
    (workload,) = read_workloads(kind, obj, source)
    assessment = assess(workload, [], PLACES, 37)
    assert next_step(assessment, "caps").startswith(expected)


def test_the_next_step_names_the_user_that_is_seen() -> None:
    kind = kind_of("apps/v1", "Deployment")
    assert kind
    template = {"spec": {"containers": [{"name": "app", "image": "app:1", "securityContext": HARDENED}]}}
    obj = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"template": template}}
    (workload,) = read_workloads(kind, obj, LIVE)
    status = {"containerStatuses": [{"name": "app", "user": {"linux": {"uid": 101}}}]}
    pod = msgspec.convert({**template, "status": status}, Pod)
    expected = "caps harden deployment.apps/web -n shop --profile=restricted --run-as-user=101 --dry-run=server"
    assert next_step(assess(workload, [pod], PLACES, 37), "caps") == expected


def of_cron_job(security: Json, run: LastRun) -> str:
    """The next step for a CronJob, of which this is the last run."""
    kind = kind_of("batch/v1", "CronJob")
    assert kind
    template = {"spec": {"containers": [{"name": "app", "image": "app:1", "securityContext": security}]}}
    spec = {"jobTemplate": {"spec": {"template": template}}}
    (workload,) = read_workloads(kind, {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}, LIVE)
    return next_step(replace(assess(workload, [], PLACES, 37), last_run=run), "caps")


HARDEN = "caps harden cronjob.batch/web -n shop"
FAILED = LastRun("web-1", "failed", "BackoffLimitExceeded: too often")
LOOK = "its last run failed, job.batch/web-1: BackoffLimitExceeded: too often; see why first: "
LAST_RUNS: dict[str, tuple[Json, LastRun, str]] = {
    "failed": ({}, FAILED, f"{LOOK}kubectl describe job web-1 -n shop"),
    "failed, hardened": (RESTRICTED, FAILED, f"{LOOK}kubectl describe job web-1 -n shop"),
    "succeeded": (
        {}, LastRun("web-1", "succeeded"),
        f"{HARDEN} --trigger: runs it once more now; its last run, job.batch/web-1, succeeded",
    ),
    "succeeded, hardened": (RESTRICTED, LastRun("web-1", "succeeded"), "nothing: every container drops ALL and cannot"),
    "active": ({}, LastRun("web-1", "active"), f"{HARDEN} --dry-run=server: its run job.batch/web-1 is not over yet"),
    "never": (
        {}, LastRun("", "never"), f"{HARDEN} --dry-run=server: it has not run yet, so no run shows what it needs",
    ),
    "gone": ({}, LastRun("", "gone"), f"{HARDEN} --dry-run=server: no Job of this template is left"),
    "not known": (
        {}, LastRun("", "unknown", "cannot list jobs.batch (forbidden)"),
        f"{HARDEN} --dry-run=server: how its last run ended is not known: cannot list jobs.batch (forbidden)",
    ),
    "to restricted": (
        {**HARDENED, "runAsUser": 7}, LastRun("web-1", "succeeded"),
        f"{HARDEN} --profile=restricted --trigger: runs it once more now",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LAST_RUNS)
def test_the_next_step_of_a_cron_job_depends_on_its_last_run(case: str) -> None:
    security, run, expected = LAST_RUNS[case]
    assert of_cron_job(security, run).startswith(expected)
