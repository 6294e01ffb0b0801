"""fit on a real API server: what is refused and said before any trial is made, and what is left of runs that died."""

import json
import time
from typing import Any

import pytest
from testbed.cluster import Cluster, Completed

FIT = ("--yes", "--timeout", "2s", "--settle", "0s")


def deployment(name: str = "web", **spec: Any) -> dict[str, Any]:
    """A Deployment whose pods nobody runs here."""
    container = {"name": "c", "image": "local/none:1", "resources": {"requests": {"cpu": "100m", "memory": "8Mi"}}}
    template = {"metadata": {"labels": {"app": name, "team": "shop"}}, "spec": {"containers": [container], **spec}}
    wanted = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": wanted}


def obj(api_version: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    """Any object."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def apply(cluster: Cluster, namespace: str, *objects: dict[str, Any]) -> None:
    """Make objects."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=text)


def fit(cluster: Cluster, namespace: str, *args: str) -> Completed:
    """Run `fit` on the Deployment."""
    return cluster.caps("fit", "deploy/web", "-n", namespace, *FIT, *args)


def left(cluster: Cluster, namespace: str) -> list[str]:
    """The names of Jobs and pods."""
    return cluster.kubectl("get", "jobs,pods", "-n", namespace, "-o", "name").stdout.split()


CLAIM: dict[str, Any] = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
MOUNTING = deployment(**CLAIM)
MOUNTING["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
BUDGET = obj("policy/v1", "PodDisruptionBudget", "all", spec={"selector": {}, "minAvailable": 1})
QUOTA = obj("v1", "ResourceQuota", "none", spec={"hard": {"pods": "0"}})
LIMIT = obj("v1", "LimitRange", "small", spec={"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]})

REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "claim": ([MOUNTING], "volume v (claim data) can be written: --trial-volumes=empty tries without its data"),
    "host network": ([deployment(hostNetwork=True)], "it runs in the node's network (hostNetwork)"),
    "budget for every pod": ([deployment(), BUDGET], "poddisruptionbudget/all would select its pod"),
    "quota": ([deployment(), QUOTA], "exceeded quota: none"),
    "limit": ([deployment(), LIMIT], "must be less than or equal to memory limit of 1Mi"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_harmful_or_refused_trial_is_not_made(api_cluster: Cluster, namespace: str, case: str) -> None:
    objects, says = REFUSED[case]
    apply(api_cluster, namespace, *objects)
    time.sleep(1 if case == "quota" else 0)  # its controller counts first
    done = fit(api_cluster, namespace, "-o", "json")
    item = json.loads(done.stdout)["items"][0]
    assert (done.returncode, item["result"], item["trials"]) == (2, "refused", [])
    assert says in item["message"]
    assert left(api_cluster, namespace) == []


def test_no_trial_is_made_that_an_enforced_restricted_level_forbids(api_cluster: Cluster) -> None:
    namespace = api_cluster.make_namespace({"pod-security.kubernetes.io/enforce": "restricted"})
    apply(api_cluster, namespace, deployment())
    done = fit(api_cluster, namespace)
    assert done.returncode == 2
    assert 'violates PodSecurity "restricted' in done.stdout
    assert left(api_cluster, namespace) == []


def test_missing_rights_are_named_before_anything_is_made(api_cluster: Cluster, namespace: str) -> None:
    apply(api_cluster, namespace, deployment())
    api_cluster.kubectl("create", "role", "r", "-n", namespace, "--verb=get,list", "--resource=deployments,pods,jobs")
    api_cluster.kubectl("create", "rolebinding", "r", "-n", namespace, "--role=r", "--user=ann")
    done = fit(api_cluster, namespace, "--as", "ann", "--probe", "true")
    assert done.returncode == 2
    needs = "trials need the right to create jobs, delete jobs, get pods/log, create pods/exec"
    assert f"{needs} in namespace {namespace}" in done.stdout
    assert left(api_cluster, namespace) == []


def test_differences_and_cost_of_trials_are_printed_before_the_question(api_cluster: Cluster, namespace: str) -> None:
    service = obj("v1", "Service", "all", spec={"selector": {"team": "shop"}, "ports": [{"port": 80}]})
    policy = obj("networking.k8s.io/v1", "NetworkPolicy", "all", spec={"podSelector": {}})
    apply(api_cluster, namespace, deployment(), service, policy)
    done = api_cluster.caps("fit", "deploy/web", "-n", namespace)
    assert done.returncode == 2
    assert "a trial pod differs from its own pods: networkpolicy/all applies to it" in done.stderr
    assert "a trial pod differs from its own pods: it has no label app, team, so that nothing selects it" in done.stderr
    assert "at most 60 trials, 4 pods at a time that request 400m CPU and 32Mi memory together" in done.stderr
    assert "there is no terminal to ask on; --yes goes ahead" in done.stderr
    assert left(api_cluster, namespace) == []


def test_a_trial_has_no_labels_if_selectors_cannot_be_listed(api_cluster: Cluster, namespace: str) -> None:
    apply(api_cluster, namespace, deployment())
    api_cluster.kubectl("create", "role", "r", "-n", namespace, "--verb=*", "--resource=deployments,pods,jobs,pods/log")
    api_cluster.kubectl("create", "rolebinding", "r", "-n", namespace, "--role=r", "--user=ann")
    done = fit(api_cluster, namespace, "--as", "ann")
    assert "it has none of the labels, because cannot list services (forbidden)" in done.stderr


def test_a_trial_pod_that_never_runs_gives_no_answer_and_is_removed(api_cluster: Cluster, namespace: str) -> None:
    apply(api_cluster, namespace, deployment())
    done = fit(api_cluster, namespace, "-o", "json")
    item = json.loads(done.stdout)["items"][0]
    assert (done.returncode, item["result"], item["needed"]) == (2, "failed", {})
    assert "it does not work with today's rights either" in item["message"]
    assert left(api_cluster, namespace) == []


def test_the_trial_jobs_of_a_job_do_not_conflict_and_repeat_its_work(api_cluster: Cluster, namespace: str) -> None:
    own = job("once", 900)
    own["metadata"] = {"name": "once"}
    own["spec"]["suspend"] = True
    apply(api_cluster, namespace, own)
    done = api_cluster.caps("fit", "job/once", "-n", namespace, *FIT)
    assert "trial 0 with today's rights" in done.stderr
    assert "job.batch/once: EVERY TRIAL DOES THE REAL WORK ONCE MORE" in done.stderr
    assert left(api_cluster, namespace) == ["job.batch/once"]


def test_a_job_that_the_server_refuses_is_no_canary_and_no_failure(api_cluster: Cluster, namespace: str) -> None:
    quota = obj("v1", "ResourceQuota", "none", spec={"hard": {"count/jobs.batch": "0"}})
    apply(api_cluster, namespace, deployment(), quota)
    time.sleep(1)  # its controller counts first
    args = ("harden", "deploy/web", "-n", namespace, "--yes", "--timeout", "5s", "--canary")
    done = api_cluster.caps(*args)
    assert done.returncode == 2
    assert "no canary pod could be made: Error from server (Forbidden): jobs.batch" in done.stderr
    assert "nothing was changed" in done.stdout


def test_a_default_priority_class_is_said(api_cluster: Cluster, namespace: str) -> None:
    high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}}
    apply(api_cluster, namespace, deployment(), {**high, "value": 1000, "globalDefault": True})
    try:
        time.sleep(1)  # admission has to have seen the class
        done = fit(api_cluster, namespace)
    finally:
        api_cluster.kubectl("delete", "priorityclass", "high")
    assert "it gets the cluster's default priority class high (1000): it may displace other pods" in done.stderr


def job(name: str, deadline: int) -> dict[str, Any]:
    """A trial of a run that died."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "local/none:1"}]}}
    spec = {"backoffLimit": 0, "activeDeadlineSeconds": deadline, "template": template}
    return {
        **obj("batch/v1", "Job", name, spec=spec),
        "metadata": {"name": name, "labels": {"caps.kubectl/fit": "old"}},
    }


def test_left_overs_are_removed_after_their_deadline_and_named_before(api_cluster: Cluster, namespace: str) -> None:
    other = {**job("mine", 1), "metadata": {"name": "mine"}}
    apply(api_cluster, namespace, deployment(), job("web-caps-fit-old-1", 1), job("web-caps-fit-old-2", 900), other)
    time.sleep(2.5)
    done = fit(api_cluster, namespace)
    assert "job.batch/web-caps-fit-old-1 deleted: it was left over from an earlier run" in done.stderr
    assert "trials of another run are there, which their deadline ends: web-caps-fit-old-2" in done.stderr
    jobs = [name for name in left(api_cluster, namespace) if name.startswith("job")]
    assert jobs == ["job.batch/mine", "job.batch/web-caps-fit-old-2"]


def test_a_manifest_that_names_missing_objects_is_not_tried(api_cluster: Cluster, namespace: str) -> None:
    source = [{"secretRef": {"name": "key"}}, {"configMapRef": {"name": "maybe", "optional": True}}]
    wanted = deployment(serviceAccountName="robot")
    wanted["spec"]["template"]["spec"]["containers"][0]["envFrom"] = source
    done = api_cluster.caps("fit", "-f", "-", "-n", namespace, *FIT, input=json.dumps(wanted))
    assert done.returncode == 2
    assert f"need serviceaccount/robot, secret/key, which namespace {namespace} does not have" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("deploy",), "you must provide one resource"),
        (("deploy/web", "deploy/other"), "you must provide one resource"),
        (("deploy/web", "-c", "nobody"), "container nobody is not valid for deployment.apps/web"),
        (("deploy/none",), 'deployments.apps "none" not found'),
        (("deploy/web", "--evidence", "/nonexistent"), "/nonexistent: No such file or directory"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    api_cluster: Cluster, namespace: str, args: tuple[str, ...], says: str
) -> None:
    apply(api_cluster, namespace, deployment())
    done = api_cluster.caps("fit", *args, "-n", namespace, *FIT)
    assert done.returncode == 2
    assert says in done.stderr + done.stdout
