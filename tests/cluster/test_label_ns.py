"""label-ns against a real API server: what counts, what is compared, what is written, and what rights are missing."""

import json
import os
import pty
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import middleman
import pytest
import yaml
from labeling import (
    ENFORCE,
    GOOD,
    PREFIX,
    Result,
    custom_kinds,
    deployment,
    judged,
    label_ns,
    labels,
    make,
    passing,
    pod,
    refused,
    run,
    spec,
)
from loopback import Answer, Seen, status
from middleman import CUT, is_patch
from testbed.cluster import Cluster

from kubectl_caps.commands.label_ns import cluster as label_live
from kubectl_caps.commands.shared import late_patch
from kubectl_caps.report import terminal

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "labelling.schema.json").read_text())
SECURITY = "containers[0].securityContext.allowPrivilegeEscalation"

# --- what counts: every template, whether it makes pods now or not

CUSTOM = {
    "Rollout": ("argoproj.io", "v1alpha1", "rollouts"),
    "CloneSet": ("apps.kruise.io", "v1beta1", "clonesets"),  # not the version of the row
    "Service": ("serving.knative.dev", "v1", "services"),
    "JobSet": ("jobset.x-k8s.io", "v1alpha2", "jobsets"),
    "Widget": ("example.com", "v1", "widgets"),  # in no row
}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": spec()}
WORKLOAD = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}
JOB = {"template": {"spec": spec(restartPolicy="Never")}}
OFFENDERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "Pod": ("v1/pods", spec(), f"spec.{SECURITY}"),
    "Deployment": (
        "apps/v1/deployments",
        {**WORKLOAD, "replicas": 0, "paused": True},
        f"spec.template.spec.{SECURITY}",
    ),
    "StatefulSet": ("apps/v1/statefulsets", {**WORKLOAD, "replicas": 0}, f"spec.template.spec.{SECURITY}"),
    "DaemonSet": ("apps/v1/daemonsets", WORKLOAD, f"spec.template.spec.{SECURITY}"),
    "ReplicaSet": ("apps/v1/replicasets", {**WORKLOAD, "replicas": 0}, f"spec.template.spec.{SECURITY}"),
    "ReplicationController": (
        "v1/replicationcontrollers",
        {"replicas": 0, "selector": {"app": "x"}, "template": TEMPLATE},
        f"spec.template.spec.{SECURITY}",
    ),
    "Job": ("batch/v1/jobs", {**JOB, "suspend": True}, f"spec.template.spec.{SECURITY}"),
    "CronJob": (
        "batch/v1/cronjobs",
        {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": JOB}},
        f"spec.jobTemplate.spec.template.spec.{SECURITY}",
    ),
    "PodTemplate": ("v1/podtemplates", TEMPLATE, f"template.spec.{SECURITY}"),
    "Rollout": ("argoproj.io/v1alpha1/rollouts", {**WORKLOAD, "replicas": 0}, f"spec.template.spec.{SECURITY}"),
    "CloneSet": ("apps.kruise.io/v1beta1/clonesets", WORKLOAD, f"spec.template.spec.{SECURITY}"),
    "Service": ("serving.knative.dev/v1/services", {"template": {"spec": spec()}}, f"spec.template.spec.{SECURITY}"),
    "JobSet": (
        "jobset.x-k8s.io/v1alpha2/jobsets",
        {"replicatedJobs": [{"name": "a", "template": {"spec": JOB}}]},
        f"spec.replicatedJobs[0].template.spec.template.spec.{SECURITY}",
    ),
}


@pytest.fixture(scope="module")
def custom(api_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that serves the custom resources of the kinds table, and one of a kind that nobody knows."""
    kinds = {kind: (f"{group}/{version}", plural) for kind, (group, version, plural) in CUSTOM.items()}
    with custom_kinds(api_cluster, kinds) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def offenders(custom: Cluster) -> Iterator[dict[str, Any]]:
    """A namespace for each kind with one object in it, judged in one run; the verdicts by kind."""
    places = {kind: custom.make_namespace() for kind in OFFENDERS}
    for kind, (path, body, _) in OFFENDERS.items():
        content = {"template": body} if kind == "PodTemplate" else {"spec": body}
        make(custom, places[kind], path, {"kind": kind, "metadata": {"name": "x"}, **content})
    items = judged(custom, *places.values()).items
    yield {kind: items[place] for kind, place in places.items()}
    for place in places.values():
        custom.delete_namespace(place)


@pytest.mark.parametrize("kind", OFFENDERS)
def test_a_namespace_is_refused_for_its_only_offender_with_the_field(offenders: dict[str, Any], kind: str) -> None:
    item = offenders[kind]
    assert (item["result"], refused(item), item["notJudged"]) == ("refused", {(kind, "x")}, [])
    fields = {violation["check"]: violation["fields"] for violation in item["violations"]}
    assert fields["allowPrivilegeEscalation"] == [OFFENDERS[kind][2]]


def test_an_unknown_kind_that_seems_to_hold_pods_is_not_judged(custom: Cluster, namespace: str) -> None:
    make(custom, namespace, "example.com/v1/widgets", {"kind": "Widget", "metadata": {"name": "plain"}, "spec": {}})
    assert judged(custom, namespace, "--dry-run=server").item["notJudged"] == []
    body = {"kind": "Widget", "metadata": {"name": "w"}, "spec": {"pod": {"containers": [{"image": "x"}]}}}
    make(custom, namespace, "example.com/v1/widgets", body)
    result = judged(custom, namespace)
    told = "widget.example.com/w seems to make pods (spec.pod.containers), but the kind is unknown"
    assert (result.status, result.item["notJudged"], labels(custom, namespace)) == (2, [told], {})


MALFORMED = {
    "Rollout": ("argoproj.io/v1alpha1/rollouts", {"template": {"metadata": {"labels": {"a": "b"}}}}),
    "CloneSet": (
        "apps.kruise.io/v1beta1/clonesets",
        {"template": {"spec": spec(GOOD)}, "volumeClaimTemplates": [{"spec": {}}]},
    ),
}


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Rollout", "spec.template.spec: Required value"),
        ("CloneSet", "spec.volumeClaimTemplates[0]: object missing required field metadata"),
    ],
)
def test_a_custom_object_that_no_pod_can_be_made_of_is_not_judged_and_hides_no_other_namespace(
    custom: Cluster, kind: str, why: str
) -> None:
    first, place, last = (custom.make_namespace() for _ in range(3))
    path, body = MALFORMED[kind]
    make(custom, place, path, {"kind": kind, "metadata": {"name": "x"}, "spec": body})
    result = judged(custom, first, place, last)
    told = f"{kind.lower()}.{path.partition('/')[0]}/x: no pod could be created in a dry run: {why}"
    assert result.status == 2
    assert [item["result"] for item in result.items.values()] == ["labeled", "refused", "labeled"]
    assert [item["notJudged"] for item in result.items.values()] == [[], [told], []]
    for name in (first, place, last):
        custom.delete_namespace(name)


def deep(kind: str, namespace: str, content: str) -> str:
    """An object as JSON, whose spec is nested 1,500 levels; json.dumps would not write it."""
    group, version, _ = CUSTOM[kind]
    metadata = json.dumps({"name": "deep", "namespace": namespace})
    inside = '{"a":' * 1500 + "1" + "}" * 1500
    version = "v1beta1" if kind == "CloneSet" else version
    return f"""{{"apiVersion": "{group}/{version}", "kind": "{kind}", "metadata": {metadata},
                 "spec": {{"inside": {inside}, {content}}}}}"""


def test_an_object_that_is_nested_too_deep_is_not_judged_and_hides_no_other(custom: Cluster, namespace: str) -> None:
    other = custom.make_namespace()
    custom.kubectl("create", "-f", "-", input=deep("Widget", namespace, '"b": 1'))
    result = judged(custom, namespace, other)
    told = "widget.example.com/deep is nested too deep to be looked at"
    assert [item["notJudged"] for item in result.items.values()] == [[told], []]
    assert (result.status, labels(custom, namespace), labels(custom, other)) == (2, {}, {ENFORCE: "restricted"})
    custom.delete_namespace(other)


def test_only_the_template_of_a_known_kind_must_be_readable(custom: Cluster, namespace: str) -> None:
    template = json.dumps({"template": {"spec": spec()}})
    custom.kubectl("create", "-f", "-", input=deep("Rollout", namespace, template[1:-1]))
    result = judged(custom, namespace)
    assert (result.status, refused(result.item), result.item["notJudged"]) == (1, {("Rollout", "deep")}, [])


def test_a_bug_in_one_namespace_does_not_hide_the_results_of_other_namespaces(
    api_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, place, last = (api_cluster.make_namespace() for _ in range(3))

    def label(run: Any, namespace: Any, inventory: Any) -> Any:
        if namespace["metadata"]["name"] == place:
            raise KeyError("spec")
        return whole(run, namespace, inventory)

    whole = label_live.label
    monkeypatch.setattr(label_live, "label", label)
    result = judged(api_cluster, first, place, last)
    assert (result.status, "this is a bug in kubectl-caps: KeyError" in result.err) == (2, True)
    assert {name: item["result"] for name, item in result.items.items()} == dict.fromkeys((first, last), "labeled")
    for name in (first, place, last):
        api_cluster.delete_namespace(name)


def test_an_object_that_a_judged_object_owns_is_no_unknown_kind(custom: Cluster, namespace: str) -> None:
    """As Knative's Configurations and Revisions are made by its Service."""
    template = {"spec": spec(GOOD)}
    owner = make(
        custom,
        namespace,
        "serving.knative.dev/v1/services",
        {"kind": "Service", "metadata": {"name": "x"}, "spec": {"template": template}},
    )
    reference = {key: owner[key] for key in ("apiVersion", "kind")}
    reference |= {"name": "x", "uid": owner["metadata"]["uid"], "controller": True}
    metadata = {"name": "w", "ownerReferences": [reference]}
    make(
        custom, namespace, "example.com/v1/widgets", {"kind": "Widget", "metadata": metadata, "spec": template["spec"]}
    )
    assert judged(custom, namespace, "--dry-run=server").item["notJudged"] == []


def finished(cluster: Cluster, namespace: str, name: str) -> None:
    """A pod that has ended."""
    pod(cluster, namespace, name, spec())
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
    found = cluster.api.get(path)
    status, answer = cluster.api.request("PUT", path, {**found, "status": {"phase": "Succeeded"}})
    assert status == 200, answer


def test_finished_pods_do_not_count_although_the_server_warns_of_them(api_cluster: Cluster, namespace: str) -> None:
    finished(api_cluster, namespace, "done")
    result = judged(api_cluster, namespace)
    assert (result.status, result.item["violations"]) == (0, [])
    assert result.item["notes"] == [
        "now holds enforce=restricted:latest, audit=privileged:latest, warn=restricted:latest"
    ]


def test_the_newest_replica_set_of_a_paused_deployment_is_judged(api_cluster: Cluster, namespace: str) -> None:
    """It makes no new ReplicaSet, so the pods are those of the old one, whatever its template says by now."""
    deployment(api_cluster, namespace, "web", spec(hostNetwork=True))
    wait = ("wait", "-n", namespace, "deployment/web", "--for")
    api_cluster.kubectl(*wait, "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}=1")
    api_cluster.kubectl("rollout", "pause", "-n", namespace, "deployment/web")
    patch = {"spec": {"template": {"spec": {"hostNetwork": None}}}}
    api_cluster.kubectl("patch", "-n", namespace, "deployment/web", "-p", json.dumps(patch))
    result = judged(api_cluster, namespace, "--enforce=baseline")
    ((kind, _),) = refused(result.item)
    assert (result.status, kind, labels(api_cluster, namespace)) == (1, "ReplicaSet", {})
    api_cluster.kubectl("rollout", "resume", "-n", namespace, "deployment/web")
    api_cluster.kubectl(*wait, "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}=2")
    assert judged(api_cluster, namespace, "--enforce=baseline").status == 0


# --- the labels


def test_a_namespace_of_compliant_workloads_is_labeled_and_its_labels_are_read_again(
    api_cluster: Cluster, namespace: str
) -> None:
    deployment(api_cluster, namespace, "web", spec(GOOD))
    result = label_ns(api_cluster, namespace)
    (line,) = result.err.splitlines()  # the ReplicaSet may be there already
    assert (result.status, line.partition(",")[0]) == (0, "Judged 1 object")
    holds = "now holds enforce=restricted:latest, audit=privileged:latest, warn=restricted:latest"
    assert result.out.splitlines()[1:] == [
        f"namespace/{namespace}: note: {holds}",
        f"namespace/{namespace}: {ENFORCE}: <none> -> restricted",
        f"namespace/{namespace} labeled",
    ]
    assert labels(api_cluster, namespace) == {ENFORCE: "restricted"}
    assert label_ns(api_cluster, namespace).out.splitlines()[1:] == [f"namespace/{namespace} not labeled"]


@pytest.mark.parametrize(("way", "suffix"), [("client", " (dry run)"), ("server", " (server dry run)")])
def test_a_dry_run_is_reported_and_changes_no_object(
    api_cluster: Cluster, namespace: str, way: str, suffix: str
) -> None:
    result = label_ns(api_cluster, namespace, f"--dry-run={way}")
    assert (result.status, result.out.splitlines()[-1]) == (0, f"namespace/{namespace} labeled{suffix}")
    assert labels(api_cluster, namespace) == {}


def test_the_policy_that_results_is_judged(api_cluster: Cluster) -> None:
    """The version label that is there makes `restricted` a policy that asks less (no seccomp before v1.19)."""
    place = api_cluster.make_namespace({f"{ENFORCE}-version": "v1.18"})
    security = {key: value for key, value in GOOD.items() if key not in ("seccompProfile", "capabilities")}
    pod(api_cluster, place, "old", spec(security))
    result = judged(api_cluster, place)
    assert (result.status, result.item["policy"], result.item["violations"]) == (0, "restricted:v1.18", [])
    assert labels(api_cluster, place) == {ENFORCE: "restricted", f"{ENFORCE}-version": "v1.18"}
    result = judged(api_cluster, place, "--enforce=restricted:latest", "--overwrite")
    assert (result.status, refused(result.item)) == (1, {("Pod", "old")})
    api_cluster.delete_namespace(place)


def test_other_values_need_overwrite_and_loosening_needs_force(api_cluster: Cluster) -> None:
    place = api_cluster.make_namespace({ENFORCE: "restricted", "team": "a"})
    assert label_ns(api_cluster, place, "--enforce=baseline", "--force").out.splitlines()[-1] == (
        f"namespace/{place} not labeled: '{ENFORCE}' already has a value (restricted), and --overwrite is false"
    )
    assert label_ns(api_cluster, place, "--enforce=baseline", "--overwrite").status == 1
    assert labels(api_cluster, place) == {ENFORCE: "restricted"}
    assert label_ns(api_cluster, place, "--enforce=baseline", "--overwrite", "--force").status == 0
    assert labels(api_cluster, place) == {ENFORCE: "baseline"}
    result = label_ns(api_cluster, place, "--remove=enforce", "--force")
    assert (result.status, result.out.splitlines()[-1]) == (0, f"namespace/{place} unlabeled")
    assert api_cluster.api.get(f"/api/v1/namespaces/{place}")["metadata"]["labels"]["team"] == "a"
    api_cluster.delete_namespace(place)


def test_force_labels_a_namespace_and_its_pods_are_then_refused(api_cluster: Cluster, namespace: str) -> None:
    pod(api_cluster, namespace, "old", spec())
    result = judged(api_cluster, namespace, "--force")
    assert (result.status, result.item["result"]) == (0, "labeled")
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new"}, "spec": spec()}
    status, answer = api_cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body)
    assert status == 403
    details = [f"{one['reason']} ({one['detail']})" for one in result.item["violations"]]
    assert answer["message"].endswith(f'violates PodSecurity "restricted:latest": {", ".join(details)}')


def test_a_namespace_that_has_the_labels_already_is_still_judged(api_cluster: Cluster, namespace: str) -> None:
    """The server is silent where the policy does not tighten: that is no verdict."""
    pod(api_cluster, namespace, "old", spec())
    api_cluster.kubectl("label", "namespace", namespace, f"{ENFORCE}=restricted")
    result = judged(api_cluster, namespace)
    assert (result.status, refused(result.item), result.item["notJudged"]) == (1, {("Pod", "old")}, [])
    (note,) = result.item["notes"]
    assert note.startswith("pod/old: its pods are refused already: pods ")


def test_warnings_are_printed_and_do_not_fail_the_command(api_cluster: Cluster, namespace: str) -> None:
    deployment(api_cluster, namespace, "web", spec())
    result = label_ns(api_cluster, namespace, "--warn=restricted", "--audit=baseline:v1.30")
    assert (result.status, result.out.splitlines()[-1]) == (0, f"namespace/{namespace} labeled")
    assert labels(api_cluster, namespace) == {
        f"{PREFIX}warn": "restricted",
        f"{PREFIX}audit": "baseline",
        f"{PREFIX}audit-version": "v1.30",
    }


def test_the_namespaces_of_the_system_need_their_name_and_force(api_cluster: Cluster, namespace: str) -> None:
    result = label_ns(api_cluster, "kube-public", "--dry-run=server")
    assert (result.status, result.out.splitlines()[-1]) == (
        1,
        "namespace/kube-public not labeled: kube-public belongs to the system; --force labels it",
    )
    assert label_ns(api_cluster, "kube-public", "--dry-run=server", "--force").status == 0
    everything = judged(api_cluster, "--all", "--dry-run=client", "--warn=baseline")
    assert namespace in everything.items
    assert not {"kube-system", "kube-public", "kube-node-lease"} & set(everything.items)
    assert everything.err.splitlines()[0] == (
        "kube-node-lease, kube-public, kube-system left out: "
        "the system's namespaces are labeled only by name, and with --force"
    )


def test_the_plan_of_a_system_namespace_or_one_with_versions_names_the_flags(api_cluster: Cluster) -> None:
    pinned = api_cluster.make_namespace({f"{PREFIX}enforce": "baseline", f"{PREFIX}enforce-version": "v1.24"})
    (*_, last) = label_ns(api_cluster, pinned, "--enforce=restricted:latest", "--plan").out.splitlines()
    assert last.endswith(f"label-ns {pinned} --enforce restricted:latest --overwrite")
    (*_, last) = label_ns(api_cluster, "kube-public", "--plan").out.splitlines()
    assert last.endswith("label-ns kube-public --enforce restricted --overwrite --force")


def test_the_plan_leads_to_an_enforced_namespace(api_cluster: Cluster, namespace: str) -> None:
    """Its commands, one after the other."""
    deployment(api_cluster, namespace, "web", spec())
    cron_job = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": JOB}}
    make(api_cluster, namespace, "batch/v1/cronjobs", {"metadata": {"name": "report"}, "spec": cron_job})
    plan = label_ns(api_cluster, namespace, "--plan")
    assert (plan.status, labels(api_cluster, namespace)) == (0, {})
    commands = [line.partition(" -m kubectl_caps ")[2] for line in plan.out.splitlines() if not line.startswith("#")]
    assert [command.split()[0] for command in commands] == ["label-ns", "harden", "harden", "label-ns"]
    for command in commands:
        assert run(api_cluster, *shlex.split(command)).status == 0
    assert labels(api_cluster, namespace) == {f"{PREFIX}{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


def commands_of(result: Result) -> list[list[str]]:
    """The commands that a plan or a verdict prints, each without the program."""
    lines = [line.partition(" -m kubectl_caps ")[2] for line in result.out.splitlines() if not line.startswith("#")]
    return [shlex.split(line) for line in lines if line]


def show_user(cluster: Cluster, namespace: str, name: str, uid: int) -> None:
    """A running pod of a Deployment, whose status says whom its container runs as, as a kubelet writes it."""
    owner = cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    controller = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": owner["metadata"]["uid"]}
    metadata = {"name": f"{name}-1", "ownerReferences": [{**controller, "controller": True}]}
    pod_spec = owner["spec"]["template"]["spec"]
    make(cluster, namespace, "v1/pods", {"kind": "Pod", "metadata": metadata, "spec": pod_spec})
    container = pod_spec["containers"][0]["name"]
    status = {"name": container, "image": "i", "imageID": "", "ready": True, "restartCount": 0}
    status |= {"user": {"linux": {"uid": uid, "gid": uid, "supplementalGroups": [uid]}}}
    cluster.kubectl(
        "patch", "pod", f"{name}-1", "-n", namespace, "--subresource=status", "--type=merge",
        "-p", json.dumps({"status": {"phase": "Running", "containerStatuses": [status]}}),
    )  # fmt: skip


def test_the_fix_names_the_observed_user_and_works(api_cluster: Cluster, namespace: str) -> None:
    deployment(api_cluster, namespace, "web", spec())
    show_user(api_cluster, namespace, "web", 101)
    result = label_ns(api_cluster, namespace)
    (command,) = commands_of(result)
    assert (result.status, command[-2:]) == (1, ["--profile=restricted", "--run-as-user=101"])
    assert run(api_cluster, *command, "--wait=false").status == 0
    api_cluster.kubectl("delete", "pod", "web-1", "-n", namespace, "--force", "--grace-period=0")
    assert label_ns(api_cluster, namespace).status == 0


@pytest.mark.parametrize(("adds", "uid"), [(["CHOWN"], 0), ([], 0), (["CHOWN"], None)])
def test_the_plan_leads_to_the_strictest_level_within_reach(
    api_cluster: Cluster, namespace: str, adds: list[str], uid: int | None
) -> None:
    """What a rollout has proved stays: the container keeps its add, and root."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": adds}}
    deployment(api_cluster, namespace, "web", spec(security))
    deployment(api_cluster, namespace, "other", spec())
    if uid is not None:
        show_user(api_cluster, namespace, "web", uid)
    assert "harden cannot reach restricted: the strictest level that it reaches is baseline" in (
        label_ns(api_cluster, namespace).out
    )
    commands = commands_of(label_ns(api_cluster, namespace, "--plan"))
    assert commands[-1] == ["policy", "-n", namespace, "--apply"]
    for command in commands:
        assert ("deployment.apps/web" in command, "--remove-adds" in command) == (False, False)
        assert run(api_cluster, *command, *(["--wait=false"] if command[0] == "harden" else [])).status == 0
    assert labels(api_cluster, namespace)[ENFORCE] == "baseline"


def test_a_plan_has_no_empty_steps(api_cluster: Cluster, namespace: str) -> None:
    plan = label_ns(api_cluster, namespace, "--plan")
    titles = [line for line in plan.out.splitlines() if line.startswith(f"# {namespace}: ") and line[-1] != "7"]
    assert [line.partition(": ")[2] for line in titles] == [
        "1. warn of violations of restricted, and refuse nothing", "2. enforce",
    ]  # fmt: skip
    for command in commands_of(plan):
        assert run(api_cluster, *command).status == 0
    again = label_ns(api_cluster, namespace, "--plan")
    assert (again.status, commands_of(again)) == (0, [])
    assert again.out.splitlines()[-1].endswith("nothing to do: restricted:latest is enforced, and nothing is refused")


def test_the_plan_has_force_where_its_warning_loosens_another(api_cluster: Cluster) -> None:
    """Older rules of restricted know less than baseline's newest, and more."""
    place = api_cluster.make_namespace({f"{PREFIX}warn": "restricted", f"{PREFIX}warn-version": "v1.20"})
    plan = label_ns(api_cluster, place, "--enforce=baseline", "--plan")
    commands = [line.partition(" -m kubectl_caps ")[2] for line in plan.out.splitlines() if not line.startswith("#")]
    assert [run(api_cluster, *shlex.split(command)).status for command in commands] == [0, 0]
    api_cluster.delete_namespace(place)


@pytest.mark.parametrize("other", ["NS/t1", "a/b/c", "ns/"])
def test_a_name_of_another_type_does_not_stop_other_namespaces(
    api_cluster: Cluster, namespace: str, other: str
) -> None:
    result = label_ns(api_cluster, other, f"Namespace/{namespace}", "--dry-run=client")
    assert (result.status, result.out.splitlines()[-1]) == (2, f"namespace/{namespace} labeled (dry run)")
    assert result.err.startswith("error: ")
    theirs = api_cluster.kubectl("label", other, "a=b", "--dry-run=client", check=False)
    assert theirs.stderr.strip() == result.err.removesuffix("Judged 0 objects, passed over 0, left 0 unread.\n").strip()


# --- somebody else


@contextmanager
def between(cluster: Cluster, when: str, change: Mapping[str, str]) -> Iterator[list[str]]:
    """Flags for a proxy to the cluster, that lets somebody else label a namespace right `before` the first PATCH that
    is not a dry run, or right `after` it."""
    changed: list[str] = []

    def somebody(seen: Seen) -> None:
        if seen.method == "PATCH" and "dryRun" not in seen.query and not changed:
            changed.append(seen.path)
            words = [f"{key}={value}" for key, value in change.items()]
            cluster.kubectl("label", "--overwrite", "namespace", seen.path.rpartition("/")[2], *words)

    with passing(cluster, **{when: somebody}) as server:
        yield ["--server", server.url]


@pytest.mark.parametrize("key", [ENFORCE, f"{ENFORCE}-version"], ids=["what is set", "what is judged by"])
def test_a_label_that_somebody_changes_meanwhile_is_not_overwritten(
    api_cluster: Cluster, namespace: str, key: str
) -> None:
    value = "v1.20" if key.endswith("version") else "baseline"
    with between(api_cluster, "before", {key: value}) as proxy:
        result = judged(api_cluster, namespace, *proxy)
    message = "its labels were changed by somebody else in the meantime; nothing was changed"
    assert (result.status, result.item["result"], result.item["message"]) == (2, "failed", message)
    assert labels(api_cluster, namespace) == {key: value}


def test_a_label_that_somebody_changes_right_after_is_told(api_cluster: Cluster, namespace: str) -> None:
    with between(api_cluster, "after", {ENFORCE: "privileged"}) as proxy:
        result = judged(api_cluster, namespace, *proxy)
    assert (result.status, result.item["message"]) == (2, "its labels were changed by somebody else right after")
    assert result.item["after"] == {ENFORCE: "privileged"}


def test_the_patchs_own_answer_counts_where_the_labels_cannot_be_read_again(
    api_cluster: Cluster, namespace: str
) -> None:
    who = user(api_cluster, "no-get-but-list", "get namespaces", {"apiGroups": [""], "resources": ["namespaces"]})
    result = judged(api_cluster, "-l", f"kubernetes.io/metadata.name={namespace}", "--as", who)
    assert (result.status, result.item["result"]) == (2, "labeled")
    assert result.item["after"] == labels(api_cluster, namespace) == {ENFORCE: "restricted"}
    (told,) = result.item["notJudged"]
    assert told.startswith("the labels could not be read again: Error from server (Forbidden): ")


class Network:
    """Answers with `cut` (None: as the server does) to the PATCH that is meant, after it has been done (or not), and to
    what comes later with `then`, if anything."""

    def __init__(self, cut: Answer | None, *, done: bool, then: Answer | None = None) -> None:
        self.cut, self.done, self.next_command, self.patched = cut, done, then, False

    def before(self, seen: Seen) -> Answer | None:
        if is_patch(seen) and not self.done:
            self.patched = True
            return self.cut
        return self.next_command if self.patched else None

    def after(self, seen: Seen) -> Answer | None:
        self.patched = self.patched or is_patch(seen)
        return self.cut if is_patch(seen) else None


BROKEN = status(500, "InternalError", "etcdserver: request timed out")
LOGIN = Answer(b"<html>", content_type="text/html")
GIVEN_UP = Answer(b"request timeout", 408, content_type="text/plain")
TWICE = status(422, "Invalid", "the server rejected our request due to an error in our request")
MAY_COME = "the patch may still be applied: Unable to connect to the server: EOF"
ENDS = {
    "no answer": (Network(CUT, done=True), "labeled", "answer was lost: Unable to connect to the server: EOF"),
    "500": (Network(BROKEN, done=True), "labeled", "answer was lost: Error from server (InternalError): etcd"),
    "a page": (Network(LOGIN, done=True), "labeled", "answer was lost: Error from server (Unexpected"),
    "nothing more": (Network(CUT, done=True, then=CUT), "unknown", MAY_COME),
    "never came": (Network(CUT, done=False), "unknown", f"{MAY_COME}; the change was not there within 1 s"),
    "never, and nothing more": (Network(CUT, done=False, then=CUT), "unknown", MAY_COME),
    "408": (Network(GIVEN_UP, done=True), "labeled", "answer was lost: "),
    "422, as a proxy that asks twice gets": (Network(TWICE, done=True), "labeled", "answer was lost: "),
    "only the read back": (
        Network(None, done=True, then=BROKEN),
        "labeled",
        "the labels could not be read again: Error from server (InternalError)",
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_label_whose_answer_was_lost_is_looked_for_again(
    api_cluster: Cluster, namespace: str, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, result, told = ENDS[case]
    monkeypatch.setattr(late_patch, "LATE", 1 if result == "unknown" else 60)
    with middleman.between(api_cluster, tmp_path, network.before, network.after) as server:
        done = judged(api_cluster, namespace, "--kubeconfig", server.kubeconfig)
    assert (done.status, done.item["result"]) == (0 if "answer was lost" in told else 2, result)
    assert told in " ".join([done.item["message"], *done.item["notes"], *done.item["notJudged"]])
    jsonschema.validate(json.loads(done.out), SCHEMA)
    assert labels(api_cluster, namespace) == ({ENFORCE: "restricted"} if network.done else {})


def test_a_label_that_is_set_late_is_waited_for(
    api_cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_patch, "LATE", 60)
    held: list[Seen] = []
    reads: list[Seen] = []

    def hold(seen: Seen) -> Answer | None:
        """The patch gets no answer, and arrives when the labels have been read twice."""
        if is_patch(seen):
            held.append(seen)
            return CUT
        reads.extend([seen] if held else [])
        if len(reads) == 3:
            server.deliver(held[0])
        return None

    with middleman.between(api_cluster, tmp_path, hold) as server:
        done = judged(api_cluster, namespace, "--kubeconfig", server.kubeconfig)
    assert (done.status, done.item["result"]) == (0, "labeled")
    assert labels(api_cluster, namespace) == {ENFORCE: "restricted"}


def test_a_label_that_may_be_set_is_not_said_to_be_missing(
    api_cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_patch, "LATE", 1)
    network = Network(CUT, done=True, then=CUT)
    with middleman.between(api_cluster, tmp_path, network.before, network.after) as server:
        result = label_ns(api_cluster, namespace, "--kubeconfig", server.kubeconfig)
    assert result.status == 2
    assert result.out.splitlines()[-1].startswith(f"namespace/{namespace} may have been labeled: {MAY_COME}")


@pytest.mark.parametrize("flags", [[], ["--force"]])
def test_a_pod_that_comes_right_before_the_label_is_told_in_the_servers_words(
    api_cluster: Cluster, namespace: str, flags: list[str]
) -> None:
    def somebody(seen: Seen) -> None:
        if is_patch(seen):
            pod(api_cluster, namespace, "new", spec(hostNetwork=True))

    with passing(api_cluster, before=somebody) as server:
        result = judged(api_cluster, namespace, "--enforce=baseline", *flags, "--server", server.url)
    assert (result.status, result.item["result"]) == (2, "labeled")
    said = "only the server says, since it is labeled: "
    policy = 'violate the new PodSecurity enforce level "baseline:latest"'
    assert result.item["notJudged"] == [
        f'{said}existing pods in namespace "{namespace}" {policy}',
        f"{said}new: host namespaces",
    ]


def test_a_warning_that_the_server_repeats_when_it_labels_is_not_new(api_cluster: Cluster, namespace: str) -> None:
    pod(api_cluster, namespace, "old", spec())
    result = judged(api_cluster, namespace, "--force")
    assert (result.status, result.item["result"], result.item["notJudged"]) == (0, "labeled", [])


def test_a_server_dry_run_shows_the_other_warnings_of_the_server(api_cluster: Cluster, namespace: str) -> None:
    group = "/apis/admissionregistration.k8s.io/v1"
    rule = {"operations": ["UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces"]}
    policy = {
        "matchConstraints": {"resourceRules": [{**rule, "resourceNames": [namespace]}]},
        "validations": [{"expression": "false", "message": f"{namespace} has its rules elsewhere"}],
    }
    binding = {"policyName": namespace, "validationActions": ["Warn"]}
    for plural, body in (("validatingadmissionpolicies", policy), ("validatingadmissionpolicybindings", binding)):
        made = api_cluster.api.request("POST", f"{group}/{plural}", {"metadata": {"name": namespace}, "spec": body})
        assert made[0] == 201, made
    deadline = time.monotonic() + 20
    while "elsewhere" not in label_ns(api_cluster, namespace, "--warn=baseline", "--dry-run=server").err:
        assert time.monotonic() < deadline, "the policy is never asked"
    terminal._SEEN.clear()
    result = label_ns(api_cluster, namespace, "--enforce=baseline", "--dry-run=server")
    assert (result.status, result.err.count("has its rules elsewhere")) == (0, 1)
    for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings"):
        api_cluster.api.request("DELETE", f"{group}/{plural}/{namespace}")


# --- rights

LISTS = {
    "": ["pods", "replicationcontrollers", "podtemplates"],
    "apps": ["deployments", "statefulsets", "daemonsets", "replicasets"],
    "batch": ["jobs", "cronjobs"],
    "apiextensions.k8s.io": ["customresourcedefinitions"],
    "admissionregistration.k8s.io": ["mutatingwebhookconfigurations", "mutatingadmissionpolicies"],
}
RULES: list[dict[str, Any]] = [
    *({"apiGroups": [group], "resources": [plural], "verbs": ["list"]} for group, _, plural in CUSTOM.values()),
    *({"apiGroups": [group], "resources": names, "verbs": ["list"]} for group, names in LISTS.items()),
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "patch"]},
]


def user(cluster: Cluster, name: str, without: str, *listed: Mapping[str, Any]) -> str:
    """A user with the rights that label-ns needs, but one: `list cronjobs`; and who may list more. Returns its name."""
    verb, resource = without.split()
    rules = [
        {**rule, "resources": [one], "verbs": [can]}
        for rule in RULES
        for one in rule["resources"]
        for can in rule["verbs"]
        if (can, one) != (verb, resource)
    ] + [{**rule, "verbs": ["list"]} for rule in listed]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    subject = {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"},
        "subjects": [subject],
    }
    for path, body in (("clusterroles", {**role, "rules": rules}), ("clusterrolebindings", binding)):
        status, answer = cluster.api.request("POST", f"/apis/rbac.authorization.k8s.io/v1/{path}", body)
        assert status in (201, 409), answer
    return name


def test_a_list_that_is_forbidden_is_not_judged_and_enforcing_is_refused(api_cluster: Cluster, namespace: str) -> None:
    who = user(api_cluster, "no-cronjobs", "list cronjobs")
    result = label_ns(api_cluster, namespace, "--as", who)
    assert result.status == 2
    assert result.out.splitlines() == [
        f"namespace/{namespace}: judged 0 objects, passed over 0, left 1 unread, by the rules of v1.37",
        f"namespace/{namespace}: not judged: cannot list cronjobs.batch (forbidden)",
        f"namespace/{namespace}: {ENFORCE}: <none> -> restricted",
        f"namespace/{namespace} not labeled: not everything could be judged; --force labels it anyway",
    ]
    assert labels(api_cluster, namespace) == {}
    result = judged(api_cluster, namespace, "--as", who, "--force")
    told = ["cannot list cronjobs.batch (forbidden)"]
    assert (result.status, result.item["result"], result.item["notJudged"]) == (2, "labeled", told)


def test_an_empty_namespace_is_labeled_and_said_to_be_empty(api_cluster: Cluster, namespace: str) -> None:
    result = label_ns(api_cluster, namespace)
    empty = f"namespace/{namespace}: nothing runs in it: judged 0 objects, passed over 0, left 0 unread"
    assert (result.status, result.out.splitlines()[0]) == (0, f"{empty}, by the rules of v1.37")
    assert (labels(api_cluster, namespace), result.err) == (
        {ENFORCE: "restricted"},
        "Judged 0 objects, passed over 0, left 0 unread.\n",
    )


def test_every_verdict_counts_judged_passed_over_and_unread_objects(
    api_cluster: Cluster, namespace: str
) -> None:
    """Judged: a PodTemplate and two pods; passed over: a pod that is finished; not read: CronJobs."""
    make(api_cluster, namespace, "v1/podtemplates", {"metadata": {"name": "web"}, "template": {"spec": spec(GOOD)}})
    for name in ("a", "b", "done"):
        pod(api_cluster, namespace, name, spec(GOOD))
    status = {"status": {"phase": "Succeeded"}}
    api_cluster.kubectl(
        "patch", "pod", "done", "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps(status)
    )
    who = user(api_cluster, "no-cronjobs", "list cronjobs")
    line, counts = "Judged 3 objects, passed over 1, left 1 unread.\n", {"judged": 3, "passedOver": 1, "notRead": 1}
    for flags in (["-o", "json"], ["-o", "name"], ["--plan"], ["--enforce=baseline"], ["--warn=restricted"]):
        result = label_ns(api_cluster, namespace, "--as", who, "--dry-run=server", *flags)
        assert result.err.endswith(line), flags
        if "json" in flags:
            assert {key: json.loads(result.out)["summary"][key] for key in counts} == counts
        elif "name" not in flags:
            assert "judged 3 objects, passed over 1, left 1 unread, by the rules of v1.37" in result.out


def test_a_pod_that_may_not_be_tried_is_not_counted_as_judged(api_cluster: Cluster, namespace: str) -> None:
    """The two Deployments are alike, so that one trial stands for both."""
    for name in ("web", "api"):
        deployment(api_cluster, namespace, name, spec(GOOD))
    who = user(api_cluster, "no-pods", "create pods")
    result = judged(api_cluster, namespace, "--as", who)
    summary = json.loads(result.out)["summary"]
    assert (result.status, summary["judged"], summary["notRead"]) == (2, 0, 2)
    assert all('cannot create resource "pods"' in text for text in result.item["notJudged"])


def test_a_label_of_level_privileged_says_that_it_judges_nothing(api_cluster: Cluster, namespace: str) -> None:
    result = label_ns(api_cluster, namespace, "--enforce=privileged")
    nothing = "enforce=privileged:latest refuses nothing, so nothing was judged"
    assert (result.status, result.out.splitlines()[0]) == (0, f"namespace/{namespace}: {nothing}")


def test_in_many_namespaces_a_forbidden_list_counts_for_each(api_cluster: Cluster) -> None:
    who = user(api_cluster, "no-cronjobs", "list cronjobs")
    places = [api_cluster.make_namespace() for _ in range(5)]
    result = judged(api_cluster, *places, "--as", who, "--dry-run=server")
    assert [item["notJudged"] for item in result.items.values()] == [["cannot list cronjobs.batch (forbidden)"]] * 5
    counts = {"judged": 0, "passedOver": 0, "notRead": 5}
    assert json.loads(result.out)["summary"] == {"namespaces": 5, "unknown": 5, "byResult": {"refused": 5}, **counts}
    for place in places:
        api_cluster.delete_namespace(place)


def test_without_the_right_to_see_webhooks_every_pod_has_to_be_tried(api_cluster: Cluster, namespace: str) -> None:
    deployment(api_cluster, namespace, "web", spec(GOOD))
    who = user(api_cluster, "no-webhooks", "list mutatingwebhookconfigurations")
    (told,) = judged(api_cluster, namespace, "--as", who, "--dry-run=server").item["notJudged"]
    hidden = "cannot list mutatingwebhookconfigurations.admissionregistration.k8s.io (forbidden)"
    assert told.startswith("a dry run does not show what admission makes of real pods once the labels are set, ")
    assert told.endswith(f": {hidden}")
    role = api_cluster.api.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/no-webhooks")
    role["rules"] = [rule for rule in role["rules"] if rule["verbs"] != ["create"]]
    api_cluster.api.request("PUT", "/apis/rbac.authorization.k8s.io/v1/clusterroles/no-webhooks", role)
    result = judged(api_cluster, namespace, "--as", who)
    assert result.status == 2
    told, _ = result.item["notJudged"]
    assert told.startswith("deployment.apps/web: no pod could be created in a dry run: Error from server (Forbidden): ")


def test_a_plan_needs_no_right_to_change_anything(api_cluster: Cluster, namespace: str) -> None:
    who = user(api_cluster, "no-patch", "patch namespaces")
    assert label_ns(api_cluster, namespace, "--plan", "--as", who).status == 0
    result = judged(api_cluster, namespace, "--as", who)
    assert (result.status, result.item["result"]) == (2, "failed")
    assert "cannot patch resource" in result.item["message"]


# --- the outputs


@pytest.fixture(scope="module")
def two(api_cluster: Cluster) -> Iterator[tuple[str, str]]:
    """A namespace that may be labeled and one that may not."""
    good, bad = api_cluster.make_namespace(), api_cluster.make_namespace()
    pod(api_cluster, bad, "old", spec())
    yield good, bad
    api_cluster.delete_namespace(good)
    api_cluster.delete_namespace(bad)


def run_two(cluster: Cluster, two: tuple[str, str], *arguments: str) -> Result:
    return label_ns(cluster, *two, "--dry-run=server", *arguments)


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_the_output_conforms_to_its_schema(api_cluster: Cluster, two: tuple[str, str], output: str) -> None:
    result = run_two(api_cluster, two, "-o", output)
    jsonschema.validate(yaml.safe_load(result.out), SCHEMA)
    assert result.status == 1


def test_several_namespaces_end_with_a_table(api_cluster: Cluster, two: tuple[str, str]) -> None:
    good, bad = two
    out = run_two(api_cluster, two).out
    assert [line.split() for line in out.splitlines()[-3:]] == [
        ["NAMESPACE", "RESULT", "POLICY", "WORKLOADS", "PODS", "NOT-JUDGED"],
        [good, "planned", "enforce=restricted:latest", "0", "0", "0"],
        [bad, "refused", "enforce=restricted:latest", "1", "1", "0"],
    ]
    assert run_two(api_cluster, two).out == out


def test_output_name_prints_only_namespaces_that_may_be_labeled(api_cluster: Cluster, two: tuple[str, str]) -> None:
    assert run_two(api_cluster, two, "-o", "name").out == f"namespace/{two[0]}\n"


def test_a_missing_namespace_does_not_stop_other_namespaces(api_cluster: Cluster, two: tuple[str, str]) -> None:
    result = label_ns(api_cluster, "nosuch", two[0], "--dry-run=server")
    assert (result.status, result.err.splitlines()[0]) == (
        2,
        'Error from server (NotFound): namespaces "nosuch" not found',
    )
    assert f"namespace/{two[0]} labeled (server dry run)\n" in result.out


def test_progress_is_shown_on_a_terminal_only(api_cluster: Cluster, two: tuple[str, str]) -> None:
    assert run_two(api_cluster, two).err == "Judged 1 object, passed over 0, left 0 unread.\n"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "kubectl_caps", "label-ns", *two, "--dry-run=server"]
    environment = {**os.environ, "KUBECONFIG": str(api_cluster.kubeconfig), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=theirs, check=False)
    os.close(theirs)
    said = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 1
    assert "reading the workloads of 2 namespaces" in said
    assert "2 of 2 namespaces judged" in said
    assert said.endswith("\r\x1b[KJudged 1 object, passed over 0, left 0 unread.\r\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "you must name one or more namespaces, or use -l, --all or -f"),
        (["a", "-l", "x=y"], "name cannot be provided when a selector is specified"),
        (["a", "--all"], "name cannot be provided together with --all"),
        (["-l", "x=y", "--all"], "cannot set --all and --selector at the same time"),
        (["a", "--plan", "--warn=baseline"], "--plan leads to --enforce"),
        (["a", "--dry-run=maybe"], 'Invalid dry-run value (maybe). Must be "none", "server", or "client".'),
        (["a", "--diff"], "--diff goes with -f"),
    ],
)
def test_flags_that_do_not_go_together_are_errors(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    from kubectl_caps.main import main

    assert main(["label-ns", *arguments]) == 2
    assert words in capsys.readouterr().err
