"""The `harden` command that fixes a refused workload: no flag that must fail, and the level that is reached."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from built import BAD, GOOD, Json, built, made

from kubectl_caps.cli.parser import parse
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.label.fix import Fix, fix_command
from kubectl_caps.core.label.verdicts import RefusedWorkload, Verdicts, judge
from kubectl_caps.core.pods.owners import workload_key
from kubectl_caps.core.podsecurity.policy import parse_policy


def secured(name: str = "c", **security: Any) -> Json:
    """A container with this securityContext."""
    return {"name": name, "securityContext": security}


def adding(*names: str, name: str = "c", **security: Any) -> Json:
    """A container that adds capabilities."""
    return secured(name, capabilities={"add": list(names)}, **security)


def workload(kind: str, *containers: Mapping[str, Any], owner: str = "", **metadata: Any) -> Workload:
    """A workload as read from a cluster."""
    return built(kind, {"name": "web", **metadata}, containers, owner)


def only(one: Workload, policy: str = "restricted", pod: Pod | None = None, **uids: int) -> RefusedWorkload:
    """The verdict on one workload, whose containers run as these users."""
    found = judge([one], Verdicts(parse_policy(policy), 37, {workload_key(one): pod} if pod else {}))
    assert len(found) == 1
    return msgspec.structs.replace(found[0], running=(running(one, uids),) if uids else ())


def running(one: Workload, uids: Mapping[str, int]) -> Pod:
    """A pod of a workload with the status that tells its users."""
    statuses = [{"name": name, "user": {"linux": {"uid": uid}}} for name, uid in uids.items()]
    body = {**msgspec.to_builtins(one.template), "status": {"containerStatuses": statuses}}
    return msgspec.convert(body, Pod)


def deployment(*containers: Mapping[str, Any]) -> Workload:
    return workload("Deployment", *containers)


PROFILE = "--profile=restricted"
EVERYTHING = ["allowPrivilegeEscalation", "capabilities_restricted", "runAsNonRoot", "seccompProfile_restricted"]
USER = ["runAsNonRoot", "seccompProfile_restricted"]
HOST = {**BAD, "ports": [{"containerPort": 80, "hostPort": 80}]}
PRIVILEGED = secured(privileged=True)

# verdict, flags of each run of harden, checks that remain, level that is reached
CASES: dict[str, tuple[RefusedWorkload, list[list[str]], list[str], str]] = {
    "a user that nobody knows": (only(deployment(BAD)), [[PROFILE]], [], "restricted"),
    "the user that is seen": (only(deployment(BAD), c=101), [[PROFILE, "--run-as-user=101"]], [], "restricted"),
    "the user that is declared": (only(deployment(secured(runAsUser=7)), c=7), [[PROFILE]], [], "restricted"),
    "users that differ": (
        only(deployment(BAD, {"name": "d"}), c=101, d=7),
        [["-c=c", PROFILE, "--run-as-user=101"], ["-c=d", PROFILE, "--run-as-user=7"]], [], "restricted",
    ),
    "root is seen": (only(deployment(BAD), c=0), [[]], USER, "baseline"),
    "root is seen in one of two": (only(deployment(BAD, {"name": "d"}), c=101, d=0), [[]], USER, "baseline"),
    "root is declared": (
        only(workload("CronJob", secured(runAsUser=0))), [[]], ["runAsNonRoot", "runAsUser", USER[1]], "baseline",
    ),
    "an add that baseline allows": (
        only(deployment(adding("CHOWN"))), [[]], ["capabilities_restricted", *USER], "baseline",
    ),
    "an add that baseline allows, of a user": (
        only(deployment(adding("CHOWN")), c=101), [[PROFILE, "--run-as-user=101"]], ["capabilities_restricted"],
        "baseline",
    ),
    "an add that restricted allows": (
        only(deployment(adding("NET_BIND_SERVICE")), c=101), [[PROFILE, "--run-as-user=101"]], [], "restricted",
    ),
    "an add that no level allows": (
        only(deployment(adding("SYS_ADMIN")), "baseline"), [["--remove-adds"]], [], "baseline",
    ),
    "both kinds of adds": (
        only(deployment(adding("SYS_ADMIN", "CHOWN")), "baseline"), [["--remove-adds", "--add=CHOWN"]], [], "baseline",
    ),
    "an add that no level allows, of one container": (
        only(deployment(adding("NET_RAW"), adding("CHOWN", name="d")), "baseline"),
        [["-c=c", "--remove-adds"], ["-c=d"]], [], "baseline",
    ),
    "hardened but for the capability that it needs": (
        only(deployment(adding("CHOWN", allowPrivilegeEscalation=False)), c=0), [[]],
        ["capabilities_restricted", *USER], "baseline",
    ),
    "a host port": (only(deployment(HOST)), [[PROFILE]], ["hostPorts"], "privileged"),
    "a host port, baseline": (only(deployment(HOST), "baseline"), [], ["hostPorts"], "privileged"),
    "privileged": (only(deployment(PRIVILEGED), "baseline"), [], ["privileged"], "privileged"),
    "no seccomp profile, of a user": (
        only(deployment(secured(seccompProfile={"type": "Unconfined"})), "baseline", c=101),
        [[PROFILE, "--run-as-user=101"]], [], "restricted",
    ),
    "no seccomp profile, of root": (
        only(deployment(secured(seccompProfile={"type": "Unconfined"})), "baseline", c=0),
        [], ["seccompProfile_baseline"], "privileged",
    ),
    "a pod": (only(workload("Pod", HOST), "baseline"), [], ["hostPorts"], "privileged"),
    "a Job": (only(workload("Job", HOST), "baseline"), [], ["hostPorts"], "privileged"),
    "what has a controller": (
        only(workload("ReplicaSet", adding("SYS_ADMIN"), owner="x"), "baseline"), [], ["capabilities_baseline"],
        "privileged",
    ),
    "a sidecar that a webhook puts in": (
        only(deployment(GOOD), pod=made(GOOD, adding("SYS_ADMIN", name="sidecar"))), [], EVERYTHING, "privileged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_fix_has_all_possible_flags_and_names_the_remaining_checks(case: str) -> None:
    judged, runs, remain, level = CASES[case]
    baseline = {one.level for one in judged.violations} == {"baseline"}
    found = fix_command(judged, "baseline" if baseline else "restricted", 37)
    assert ([list(run) for run in found.runs], list(found.remain), found.level) == (runs, remain, level)


@pytest.mark.parametrize("case", CASES)
def test_a_proposed_command_is_a_command_line(case: str) -> None:
    for flags in CASES[case][1]:
        parse(["harden", "deploy/web", *flags])


def words(one: Workload, policy: str = "restricted", **uids: int) -> Sequence[str]:
    found: Fix = fix_command(only(one, policy, None, **uids), parse_policy(policy).level, 37)
    return found.words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words(deployment(BAD)), "the user of container c is not known"),
        (words(deployment(BAD), c=0), "container c runs as root, as its pods show, which restricted refuses"),
        (words(deployment(secured(runAsUser=0))), "container c runs as root, as its manifest says"),
        (words(deployment(adding("CHOWN"))), "container c keeps CHOWN, which restricted refuses: --remove-adds"),
        (words(deployment(adding("NET_RAW")), "baseline"), "container c loses NET_RAW, which baseline refuses"),
    ],
)
def test_the_fix_names_its_loss(said: Sequence[str], expected: str) -> None:
    assert any(text.startswith(expected) for text in said)


@pytest.mark.parametrize(
    "said",
    [words(deployment(BAD), c=101), words(deployment(secured(runAsUser=7)))],
)
def test_a_fix_without_a_loss_has_no_remark(said: Sequence[str]) -> None:
    assert said == ()


def test_every_kind_can_be_fixed_in_files() -> None:
    job = msgspec.structs.replace(workload("Job", BAD), source={"file": "a.yaml"})
    assert fix_command(only(job), "restricted", 37).runs == ((PROFILE,),)
