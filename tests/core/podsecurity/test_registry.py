"""Which checks a level and a version run, and in which order: with toy checks, then the real registry's figures."""

from random import Random

import msgspec
import pytest
from differential.pods import Maker
from differential.verdicts import judged
from pod_cases import MINORS

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import Check, Finding, Revision, RevisionCheck
from kubectl_caps.core.podsecurity.policy import Level
from kubectl_caps.core.podsecurity.registry import CHECKS, checks_for, evaluate, judge_all, level_of


def says(text: str) -> RevisionCheck:
    return lambda template: Finding(text, "")


OLD, NEW, OTHER = says("old"), says("new"), says("other")
TOYS = (
    Check("b", "restricted", (Revision(3, OTHER, ("a",)),)),
    Check("c", "baseline", (Revision(0, OLD), Revision(5, NEW))),
    Check("a", "baseline", (Revision(0, OLD),)),
    Check("B", "baseline", (Revision(0, OLD),)),
    Check("late", "baseline", (Revision(9, OLD),)),
)


def ids(level: Level, minor: int) -> list[str]:
    return [check.id for check, _ in checks_for(level, minor, TOYS)]


@pytest.mark.parametrize(
    ("level", "minor", "expected"),
    [
        ("privileged", 9, []),
        ("baseline", 0, ["B", "a", "c"]),
        ("baseline", 8, ["B", "a", "c"]),
        ("baseline", 9, ["B", "a", "c", "late"]),
        ("baseline", 99, ["B", "a", "c", "late"]),
        ("restricted", 2, ["B", "a", "c"]),
        ("restricted", 3, ["B", "c", "b"]),
        ("restricted", 9, ["B", "c", "late", "b"]),
    ],
)
def test_a_level_runs_its_checks_sorted_by_bytes_and_without_the_overridden(
    level: Level, minor: int, expected: list[str]
) -> None:
    assert ids(level, minor) == expected


@pytest.mark.parametrize(("minor", "expected"), [(0, OLD), (4, OLD), (5, NEW), (99, NEW)])
def test_the_newest_revision_that_is_not_too_new_applies(minor: int, expected: RevisionCheck) -> None:
    applied = {check.id: since.check for check, since in checks_for("baseline", minor, TOYS)}
    assert applied["c"] is expected


def test_before_its_first_version_a_check_does_not_exist() -> None:
    assert TOYS[0].at(2) is None


def test_an_override_begins_with_the_revision_that_declares_it() -> None:
    later = (
        Check("r", "restricted", (Revision(0, OLD), Revision(5, OLD, ("c",)))),
        Check("c", "baseline", (Revision(0, OLD),)),
    )
    assert [len(checks_for("restricted", minor, later)) for minor in (4, 5)] == [2, 1]


BASELINE = [
    "appArmorProfile", "capabilities_baseline", "hostNamespaces", "hostPathVolumes", "hostPorts",
    "hostProbesAndHostLifecycle", "privileged", "procMount", "seLinuxOptions", "seccompProfile_baseline", "sysctls",
    "windowsHostProcess",
]  # fmt: skip
RESTRICTED = [
    "allowPrivilegeEscalation", "capabilities_restricted", "procMount_restricted", "restrictedVolumes", "runAsNonRoot",
    "runAsUser", "seccompProfile_restricted",
]  # fmt: skip


def test_the_registry_holds_upstreams_checks_in_the_order_of_its_messages() -> None:
    assert [check.id for check in CHECKS] == BASELINE + RESTRICTED
    assert {check.level for check in CHECKS[:12]} == {"baseline"}
    assert {check.level for check in CHECKS[12:]} == {"restricted"}


def test_the_registry_has_31_revisions_that_begin_where_upstreams_do() -> None:
    starts = [since.minor for check in CHECKS for since in check.revisions]
    assert len(starts) == 31
    assert sorted(set(starts)) == [0, 8, 19, 22, 23, 25, 27, 29, 31, 32, 34, 35, 37]
    assert all(list(check.revisions) == sorted(check.revisions, key=lambda since: since.minor) for check in CHECKS)


def test_as_many_checks_run_as_upstream_runs_in_each_version() -> None:
    assert [len(checks_for("baseline", minor)) for minor in MINORS] == [11] * 34 + [12] * 4
    assert [len(checks_for("restricted", minor)) for minor in MINORS] == [12] * 8 + [13] * 15 + [14] * 11 + [15] * 4


@pytest.mark.parametrize(
    ("overridden", "since"),
    [("hostPathVolumes", 0), ("seccompProfile_baseline", 19), ("capabilities_baseline", 22), ("procMount", 35)],
)
def test_restricted_overrides_a_baseline_check_from_its_version_on(overridden: str, since: int) -> None:
    runs = [minor for minor in MINORS if overridden in [check.id for check, _ in checks_for("restricted", minor)]]
    assert runs == list(range(since))


def test_no_check_overrides_any_other() -> None:
    names = {name for check in CHECKS for since in check.revisions for name in since.overrides}
    assert names == {"hostPathVolumes", "seccompProfile_baseline", "capabilities_baseline", "procMount"}


def template(**spec: object) -> PodTemplate:
    return msgspec.convert({"spec": {"containers": [{"name": "web"}], **spec}}, PodTemplate)


WINDOWS = template(os={"name": "windows"}, securityContext={"runAsNonRoot": True})
UNCONFINED = template(
    os={"name": "windows"}, securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}}
)
ROOTLESS = template(
    hostUsers=False,
    securityContext={"seccompProfile": {"type": "RuntimeDefault"}},
    containers=[
        {
            "name": "web",
            "securityContext": {
                "runAsUser": 0,
                "procMount": "Unmasked",
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
)


@pytest.mark.parametrize(("minor", "expected"), [(24, 3), (25, 0), (37, 0)])
def test_windows_pods_are_exempt_from_checks_of_linux_features(minor: int, expected: int) -> None:
    assert len(evaluate(WINDOWS, "restricted", minor)) == expected


def test_a_windows_pod_is_refused_by_baseline_for_a_field_that_restricted_accepts() -> None:
    """Restricted overrides baseline's check by version, not by pod: upstream's own gap."""
    verdicts = {level: [item.check for item in evaluate(UNCONFINED, level, 37)] for level in ("baseline", "restricted")}
    assert verdicts == {"baseline": ["seccompProfile_baseline"], "restricted": []}
    assert level_of(judge_all(UNCONFINED, 37), 37) == "restricted"


@pytest.mark.parametrize(
    ("level", "minor", "expected"),
    [
        ("baseline", 34, ["procMount"]),
        ("baseline", 35, []),
        ("restricted", 34, ["procMount", "runAsNonRoot", "runAsUser"]),
        ("restricted", 35, ["procMount_restricted"]),
    ],
)
def test_a_user_namespace_relaxes_from_v1_35(level: Level, minor: int, expected: list[str]) -> None:
    assert [item.check for item in evaluate(ROOTLESS, level, minor)] == expected


def test_both_levels_are_listed_and_overridden_checks_stay_baselines() -> None:
    both = judge_all(template(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), 0)
    assert [(item.level, item.check) for item in both] == [
        ("baseline", "hostPathVolumes"),
        ("restricted", "restrictedVolumes"),
        ("restricted", "runAsNonRoot"),
    ]


@pytest.mark.parametrize(
    ("spec", "level"),
    [
        ({"securityContext": {"runAsNonRoot": True}}, "restricted"),
        ({}, "baseline"),
        ({"hostPID": True}, "privileged"),
    ],
)
def test_the_strictest_level_that_accepts_a_pod(spec: dict[str, object], level: Level) -> None:
    assert level_of(judge_all(template(**spec), 0), 0) == level


@pytest.mark.parametrize("minor", [0, 8, 18, 19, 22, 25, 34, 35, 37])
def test_the_violations_of_one_level_can_be_selected_from_all_violations(minor: int) -> None:
    """So the API server's text for either level can be made of the JSON of `inspect`."""
    overridden = {name for _, since in checks_for("restricted", minor) for name in since.overrides}
    for seed in range(100):
        pod = judged(Maker(Random(seed)).pod(), pod=True)
        both = judge_all(pod, minor)
        assert tuple(item for item in both if item.level == "baseline") == evaluate(pod, "baseline", minor)
        assert tuple(item for item in both if item.check not in overridden) == evaluate(pod, "restricted", minor)
