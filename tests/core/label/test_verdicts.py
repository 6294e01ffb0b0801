"""From labels and requests to the labels that result; from the workloads of a namespace to those that are refused."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from built import BAD, GOOD, built, made

from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.label.plan_labels import LabelOptions, LabelPlan, LabelRequest, plan_labels
from kubectl_caps.core.label.verdicts import Verdicts, finished_jobs, fixed_by_webhook, judge, new_result, objections
from kubectl_caps.core.pods.owners import workload_key
from kubectl_caps.core.podsecurity.labels import PREFIX, looser
from kubectl_caps.core.podsecurity.policy import Policy, parse_policy

RESTRICTED = Policy("restricted")


def workload(kind: str, name: str, container: Mapping[str, Any] = BAD, owner: str = "", **more: Any) -> Workload:
    """A workload with one container, as read from a cluster."""
    return built(kind, {"name": name}, [container], owner, **more)


def rows(*workloads: Workload) -> list[tuple[str, list[str]]]:
    """Who would be refused, with the pods that would be for the same reasons."""
    return [(one.workload.reference, list(one.pods)) for one in judge(workloads, Verdicts(RESTRICTED, 37))]


# --- the labels that result


def labels(**modes: str) -> dict[str, str]:
    """`enforce="baseline", enforce_version="v1.20"` as labels."""
    return {PREFIX + mode.replace("_", "-"): value for mode, value in modes.items()}


def plan(before: Mapping[str, str], *requests: LabelRequest, overwrite: bool = False, force: bool = False) -> LabelPlan:
    """The plan for a namespace with these labels."""
    return plan_labels({"metadata": {"uid": "u", "labels": before}}, requests, overwrite=overwrite, force=force)


def wish(mode: Any, policy: str | None) -> LabelRequest:
    """`restricted:v1.20` as a wish; None takes the labels away."""
    if policy is None:
        return LabelRequest(mode, None)
    return LabelRequest(mode, parse_policy(policy).level, policy.partition(":")[2] or None)


def test_labels_that_are_not_asked_for_stay() -> None:
    result = plan({"team": "a", **labels(audit="baseline")}, wish("enforce", "baseline"))
    assert result.labels == {"team": "a", **labels(audit="baseline", enforce="baseline")}
    assert result.refusals == ()


@pytest.mark.parametrize(
    ("before", "asked", "resulting"),
    [
        (labels(enforce_version="v1.20"), wish("enforce", "restricted"), "restricted:v1.20"),
        (labels(enforce_version="v1.20"), wish("enforce", "restricted:latest"), "restricted:latest"),
        (labels(enforce="baseline"), wish("enforce", "restricted:v1.30"), "restricted:v1.30"),
        (labels(enforce="baseline", enforce_version="v1.20"), wish("enforce", None), "privileged:latest"),
    ],
)
def test_the_policy_that_results_is_judged_with_the_version_label_that_is_there(
    before: dict[str, str], asked: LabelRequest, resulting: str
) -> None:
    result = plan(before, asked, overwrite=True, force=True)
    item = new_result("shop", before, result, LabelOptions(requests=(asked,), minor=37, overwrite=True, force=True))
    assert str(item.policy) == resulting


def test_warn_follows_enforce_as_on_the_server() -> None:
    assert str(plan({}, wish("enforce", "restricted")).after.warn) == "restricted:latest"


@pytest.mark.parametrize(
    ("before", "asked", "refusal"),
    [
        (
            labels(enforce="baseline"),
            wish("enforce", "restricted"),
            f"'{PREFIX}enforce' already has a value (baseline), and --overwrite is false",
        ),
        (
            labels(enforce="restricted", enforce_version="v1.20"),
            wish("enforce", "restricted:v1.21"),
            f"'{PREFIX}enforce-version' already has a value (v1.20), and --overwrite is false",
        ),
    ],
)
def test_another_value_needs_overwrite_in_kubectls_words(
    before: dict[str, str], asked: LabelRequest, refusal: str
) -> None:
    assert plan(before, asked).refusals == (refusal,)
    assert plan(before, asked, overwrite=True).refusals == ()


@pytest.mark.parametrize(
    ("old", "new", "is_looser"),
    [
        ("restricted", "baseline", True),
        ("baseline", "restricted", False),
        ("restricted", "restricted", False),
        ("restricted:latest", "restricted:v1.25", True),
        ("restricted:v1.25", "restricted:latest", False),
        ("baseline:latest", "restricted:v1.0", True),
        ("baseline:v1.20", "restricted:v1.20", False),
        ("privileged:latest", "baseline:v1.0", False),
        ("restricted:v1.99", "restricted:latest", False),
    ],
)
def test_a_policy_that_may_accept_more_than_the_old_one_is_looser(old: str, new: str, is_looser: bool) -> None:
    assert looser(parse_policy(old), parse_policy(new)) is is_looser


def test_a_looser_level_needs_force() -> None:
    before, asked = labels(enforce="restricted"), wish("enforce", "baseline")
    refusal = "enforce=baseline:latest is looser than restricted:latest; --force does it anyway"
    assert plan(before, asked, overwrite=True).refusals == (refusal,)
    assert plan(before, asked, overwrite=True, force=True).refusals == ()
    assert plan(before, wish("enforce", None)).refusals != ()


def test_loosening_a_warn_that_only_follows_enforce_needs_force() -> None:
    """Without it, templates whose pods are refused are not warned of any more."""
    refusal = "warn=baseline:latest is looser than restricted:latest; --force does it anyway"
    assert plan(labels(enforce="restricted"), wish("warn", "baseline")).refusals == (refusal,)
    assert plan(labels(enforce="restricted"), wish("warn", "baseline"), force=True).refusals == ()


@pytest.mark.parametrize(
    ("requests", "judged"),
    [
        ({"audit": "privileged", "warn": "restricted"}, ("warn", "restricted:latest")),
        ({"audit": "baseline", "warn": "baseline:v1.20"}, ("audit", "baseline:latest")),
        ({"enforce": "baseline", "warn": "restricted"}, ("enforce", "baseline:latest")),
        ({"enforce": "privileged", "warn": "restricted"}, ("warn", "restricted:latest")),
        ({"warn": "baseline", "enforce": None}, ("warn", "baseline:latest")),
        ({"enforce": "privileged"}, ("enforce", "privileged:latest")),
    ],
)
def test_enforce_is_judged_before_the_strictest_other_mode(
    requests: dict[str, str | None], judged: tuple[str, str]
) -> None:
    asked = LabelOptions(
        requests=tuple(wish(mode, policy) for mode, policy in requests.items()), minor=37, overwrite=True, force=True
    )
    item = new_result("shop", {}, plan({}, *asked.requests, force=True), asked)
    assert (item.mode, str(item.policy)) == judged


def test_a_label_that_holds_already_is_no_change() -> None:
    assert plan(labels(enforce="restricted"), wish("enforce", "restricted")).patch.json_patch() == []


def test_the_patch_tests_every_label_that_the_judged_policy_depends_on() -> None:
    """Also those that it does not change: with another version label another policy would result."""
    operations = plan({"a": "b", **labels(enforce_version="v1.20")}, wish("enforce", "baseline")).patch.json_patch()
    tests = {step["path"]: step["value"] for step in operations if step["op"] == "test"}
    root = "/metadata/labels/pod-security.kubernetes.io~1"
    assert tests == {
        "/metadata/uid": "u",
        **dict.fromkeys(f"{root}{key}" for key in ("enforce", "audit", "audit-version", "warn", "warn-version")),
        f"{root}enforce-version": "v1.20",
    }


def test_invalid_labels_and_unknown_versions_are_reported() -> None:
    before = labels(audit="strict")
    asked = LabelOptions(requests=(wish("enforce", "baseline:v1.99"),), minor=37, overwrite=False, force=False)
    notes = new_result("shop", before, plan(before, *asked.requests), asked).notes
    wrong = f'metadata.labels[{PREFIX}audit]: Invalid value: "strict": must be one of privileged, baseline, restricted'
    assert notes == (
        f"the API server finds its labels wrong: {wrong}",
        "v1.99 is newer than the rules known here: judged by v1.37",
    )


# --- what would be refused


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Pod", {}),
        ("Deployment", {"spec": {"replicas": 0}}),
        ("Deployment", {"spec": {"paused": True}}),
        ("StatefulSet", {}),
        ("DaemonSet", {}),
        ("ReplicaSet", {"spec": {"replicas": 0}}),
        ("ReplicationController", {}),
        ("Job", {"spec": {"suspend": True}}),
        ("CronJob", {"spec": {"suspend": True}}),
        ("PodTemplate", {}),
        ("Rollout", {}),
        ("CloneSet", {}),
        ("Service", {}),
        ("JobSet", {}),
    ],
)
def test_every_template_counts_that_makes_pods_now_or_later(kind: str, more: dict[str, Any]) -> None:
    assert len(rows(workload(kind, "x", **more))) == 1
    assert rows(workload(kind, "x", GOOD, **more)) == []


FINISHED: Any = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}


@pytest.mark.parametrize(
    "gone",
    [
        [workload("Pod", "x", status={"phase": "Succeeded"})],
        [workload("Pod", "x", status={"phase": "Failed"})],
        [workload("Job", "x", **FINISHED)],
        [workload("Job", "x", status={"conditions": [{"type": "Failed", "status": "True"}]})],
        [workload("Deployment", "x", GOOD), workload("ReplicaSet", "x-1", owner="x", spec={"replicas": 0})],
    ],
)
def test_a_workload_that_makes_no_more_pods_is_not_judged(gone: list[Workload]) -> None:
    assert rows(*gone) == []


def test_a_job_of_another_group_has_not_ended_by_the_conditions_of_kubernetes_jobs() -> None:
    """Nobody knows which conditions a custom kind has, whatever it is called."""
    other = msgspec.structs.replace(workload("Job", "x", **FINISHED), api_version="example.com/v1")
    assert rows(other) == [("job.example.com/x", [])]


def paused(kind: str) -> Workload:
    """A workload that is fine, and makes no new ReplicaSet."""
    return workload(kind, "x", GOOD, spec={"paused": True, "replicas": 0})


def left_behind(name: str, created: str) -> Workload:
    """A ReplicaSet at zero that it has made."""
    one = workload("ReplicaSet", name, owner="x", spec={"replicas": 0})
    assert one.raw is not None
    obj = msgspec.json.decode(one.raw)
    obj["metadata"]["creationTimestamp"] = created
    return msgspec.structs.replace(one, raw=msgspec.Raw(msgspec.json.encode(obj)))


@pytest.mark.parametrize(
    ("active", "refused"),
    [
        ([workload("Job", "x", status={"conditions": [{"type": "Suspended", "status": "True"}]})], "job.batch/x"),
        (
            [workload("Deployment", "x", GOOD), workload("ReplicaSet", "x-1", owner="x", spec={"replicas": 1})],
            "replicaset.apps/x-1",
        ),
        ([workload("ReplicaSet", "x-1", owner="somebody", spec={"replicas": 0})], "replicaset.apps/x-1"),
        ([workload("CronJob", "x", GOOD), workload("Job", "x-1", owner="x")], "job.batch/x-1"),
        ([paused("Deployment"), left_behind("x-1", "2026-01-01T00:00:00Z")], "replicaset.apps/x-1"),
        ([paused("Rollout"), left_behind("x-1", "2026-01-01T00:00:00Z")], "replicaset.apps/x-1"),
        (
            [
                paused("Deployment"),
                *(left_behind(f"x-{day}", f"2026-01-{day}T00:00:00Z") for day in ("02", "10", "09")),
            ],
            "replicaset.apps/x-10",
        ),
    ],
)
def test_a_workload_that_may_still_make_a_pod_is_judged_beside_a_good_owner(
    active: list[Workload], refused: str
) -> None:
    assert rows(*active) == [(refused, [])]


def test_a_terminating_pod_is_not_judged() -> None:
    pod = workload("Pod", "x")
    metadata = msgspec.structs.replace(pod.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
    assert rows(msgspec.structs.replace(pod, metadata=metadata)) == []


def test_pods_that_are_refused_for_their_owners_reasons_are_folded_into_it() -> None:
    apart = workload("Pod", "p2", {**BAD, "securityContext": {"privileged": True}}, owner="web")
    assert rows(workload("Deployment", "web"), workload("Pod", "p1", owner="web"), apart) == [
        ("deployment.apps/web", ["p1"]),
        ("pod/p2", ["p2"]),
    ]


def test_finished_jobs_that_would_be_refused_if_made_again_are_said() -> None:
    jobs = [workload("Job", "old", **FINISHED), workload("Job", "good", GOOD, **FINISHED), workload("Job", "new")]
    assert finished_jobs(jobs, Verdicts(RESTRICTED, 37)) == ["job.batch/old"]


def test_the_pod_that_the_server_returns_decides() -> None:
    web, job = workload("Deployment", "web", GOOD), workload("CronJob", "job")
    admitted = {workload_key(web): made(GOOD, {"name": "sidecar"}), workload_key(job): made(GOOD)}
    verdicts = Verdicts(RESTRICTED, 37, admitted)
    found = judge([web, job], verdicts)
    assert [(one.workload.name, one.created) for one in found] == [("web", True)]
    assert {name for violation in found[0].violations for name in violation.containers} == {"sidecar"}
    assert fixed_by_webhook([web, job], verdicts) == ["cronjob.batch/job"]


def test_fields_are_the_templates_own_where_the_server_changes_no_verdict() -> None:
    web = workload("Deployment", "web")
    assert [one.created for one in judge([web], Verdicts(RESTRICTED, 37, {workload_key(web): made(BAD)}))] == [False]


# --- what to do about it


def objected(judged: bool, missing: bool, *, policy: str = "restricted", mode: Any = "enforce") -> list[str]:
    """The objections to a namespace with something that is refused, or that was not judged."""
    asked = LabelOptions(requests=(wish(mode, policy),), minor=37, overwrite=False, force=False)
    item = new_result("shop", {}, plan({}, *asked.requests), asked)
    item.judged = judge([workload("Deployment", "web")], Verdicts(RESTRICTED, 37)) if judged else ()
    item.not_judged = ("cronjobs (forbidden)",) if missing else ()
    return objections(item, force=False)


def test_enforcing_is_refused_for_violations_and_for_unjudged_objects() -> None:
    assert objected(judged=False, missing=False) == []
    assert objected(judged=True, missing=False) == [
        "enforce=restricted:latest would refuse what is listed; --force labels it anyway"
    ]
    assert objected(judged=False, missing=True) == ["not everything could be judged; --force labels it anyway"]
    assert len(objected(judged=True, missing=True)) == 2


@pytest.mark.parametrize("mode", ["warn", "audit"])
def test_warn_and_audit_modes_do_not_prevent_the_label(mode: str) -> None:
    assert objected(judged=True, missing=True, mode=mode) == []


def test_without_enforce_the_strictest_mode_is_judged() -> None:
    """Whatever comes first: `--audit privileged --warn restricted` is to say what would be warned of."""
    requests = (wish("audit", "privileged"), wish("warn", "restricted"))
    asked = LabelOptions(requests=requests, minor=37, overwrite=False, force=False)
    item = new_result("shop", {}, plan({}, *asked.requests), asked)
    assert (item.mode, str(item.policy)) == ("warn", "restricted:latest")
