"""An exemption takes away exactly what it names, where and until when; whatever is wrong with it is an error."""

from datetime import date
from typing import Any

import msgspec
import pytest

from kubectl_caps.core.assess.apply_exemptions import ExemptionResult, exempt, met_exemptions, unused
from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime
from kubectl_caps.core.assess.exemptions import Exemption, MalformedExemption, parse_exemption
from kubectl_caps.core.assess.gates import required
from kubectl_caps.core.assess.processes import Observation, Process
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.report.html import html

TODAY = date(2026, 6, 15)
ENTRY = {"name": "web", "reason": "a reason", "until": "2027-01-01"}
BASE = {"drop": ["ALL"]}


def container(name: str, add: list[str] | None = None, **context: Any) -> dict[str, Any]:
    """A container that drops ALL and adds this."""
    return {"name": name, "image": "x", "securityContext": {"capabilities": {**BASE, "add": add or []}, **context}}


def assessed(*containers: dict[str, Any], name: str = "web", annotations: Any = None, **spec: Any) -> Assessment:
    """A Deployment in the namespace shop, assessed."""
    kind = kind_of("apps/v1", "Deployment")
    assert kind
    template = {"metadata": {"annotations": annotations or {}}, "spec": {"containers": list(containers), **spec}}
    obj = {"metadata": {"name": name, "namespace": "shop"}, "spec": {"template": template}}
    (workload,) = read_workloads(kind, msgspec.Raw(msgspec.json.encode(obj)), {})
    return assess(workload, [], [NodeRuntime(runtime_of(None), 0, "assumed")], 37)


def entry(**fields: Any) -> Exemption:
    """An entry of a file for the deployment web."""
    return parse_exemption({**ENTRY, **fields}, "file:1")


def applied(assessment: Assessment, *exemptions: Exemption) -> ExemptionResult:
    """The exemptions at work on one workload."""
    return exempt([assessment], exemptions, TODAY)


def risks(result: ExemptionResult) -> list[str]:
    """The risk that counts, container by container."""
    return [item.counted_risk for item in result.assessments[0].containers]


ADDS_ALL = {"name": "a", "image": "x", "securityContext": {"capabilities": {"add": ["ALL"]}}}
RISKS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("the capability itself", {"capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "none"),
    ("in any spelling", {"capabilities": ["cap_net_raw"]}, container("a", ["NET_RAW"]), "none"),
    ("not another one", {"capabilities": ["NET_RAW"]}, container("a", ["NET_RAW", "SYS_ADMIN"]), "critical"),
    ("not one that was added since", {"capabilities": ["NET_RAW"]}, container("a", ["NET_RAW", "CHOWN"]), "medium"),
    ("not ALL", {"capabilities": ["SYS_ADMIN"]}, ADDS_ALL, "critical"),
    ("ALL where it says so", {"capabilities": ["ALL"]}, container("a", ["SYS_ADMIN", "NET_RAW"]), "none"),
    ("not that it is privileged", {"capabilities": ["ALL"]}, container("a", privileged=True), "critical"),
    ("privileged", {"capabilities": ["privileged"]}, container("a", privileged=True), "none"),
    ("privileged, where it is not", {"capabilities": ["privileged"]}, container("a", ["SYS_ADMIN"]), "critical"),
    ("not the risk, by a check", {"checks": ["privileged"]}, container("a", privileged=True), "critical"),
    ("not the risk, by a warning", {"warnings": ["privileged"]}, container("a", privileged=True), "critical"),
    ("another object", {"name": "api", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "high"),
    ("an object that begins so", {"name": "we", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "high"),
    ("a pattern", {"name": "w?b*", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "none"),
    ("another kind", {"kind": "DaemonSet", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "high"),
    ("the kind", {"kind": "deployment", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "none"),
    ("another namespace", {"namespace": "sho", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "high"),
    ("another container", {"container": "b", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "high"),
    ("its last day", {"until": "2026-06-15", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "none"),
    ("the day after", {"until": "2026-06-14", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "high"),
    ("for good", {"until": "never", "capabilities": ["NET_RAW"]}, container("a", ["NET_RAW"]), "none"),
]


@pytest.mark.parametrize(("fields", "wanted", "risk"), [row[1:] for row in RISKS], ids=[row[0] for row in RISKS])
def test_an_exemption_lowers_the_counted_risk_by_the_named_findings(
    fields: dict[str, Any], wanted: dict[str, Any], risk: str
) -> None:
    assessment = assessed(wanted)
    result = applied(assessment, entry(**fields))
    assert risks(result) == [risk]
    assert result.assessments[0].risk == assessment.risk, "the true risk stays"


def test_a_container_is_not_covered_by_its_neighbours_exemption() -> None:
    assessment = assessed(container("a", ["NET_RAW"]), container("b", ["NET_RAW"]))
    assert risks(applied(assessment, entry(container="a", capabilities=["NET_RAW"]))) == ["none", "high"]


HOST = {"hostNetwork": True}
LEVELS: list[tuple[str, dict[str, Any], list[dict[str, Any]], dict[str, Any], list[str]]] = [
    ("an add", {"capabilities": ["NET_ADMIN"]}, [container("a", ["NET_ADMIN"])], {}, []),
    ("not another add", {"capabilities": ["NET_ADMIN"]}, [container("a", ["NET_ADMIN", "BPF"])], {}, ["a"]),
    ("not ALL", {"capabilities": ["NET_ADMIN"]}, [container("a", ["ALL"])], {}, ["a"]),
    ("a check", {"checks": ["capabilities_baseline"]}, [container("a", ["NET_ADMIN"])], {}, []),
    ("not another check", {"checks": ["privileged"]}, [container("a", ["NET_ADMIN"])], {}, ["a"]),
    ("privileged", {"capabilities": ["privileged"]}, [container("a", privileged=True)], {}, []),
    ("privileged, where it is not", {"capabilities": ["privileged"]}, [container("a", ["NET_ADMIN"])], {}, ["a"]),
    (
        "privileged, of one of two",
        {"capabilities": ["privileged"]},
        [container("a", privileged=True), container("b", ["BPF"])],
        {},
        ["b"],
    ),
    ("not privileged, by ALL", {"capabilities": ["ALL"]}, [container("a", privileged=True)], {}, ["a"]),
    (
        "one container", {"container": "a", "checks": ["capabilities_baseline"]},
        [container("a", ["BPF"]), container("b", ["BPF"])], {}, ["b"],
    ),
    ("the pod itself", {"checks": ["hostNamespaces"]}, [container("a")], HOST, []),
    ("not the pod, by a container", {"container": "a", "checks": ["hostNamespaces"]}, [container("a")], HOST, ["pod"]),
    ("not the pod, by a capability", {"capabilities": ["privileged"]}, [container("a")], HOST, ["pod"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "containers", "spec", "left"), [row[1:] for row in LEVELS], ids=[row[0] for row in LEVELS]
)
def test_an_exemption_removes_the_named_violations(
    fields: dict[str, Any], containers: list[dict[str, Any]], spec: dict[str, Any], left: list[str]
) -> None:
    assessment = assessed(*containers, **spec)
    result = applied(assessment, entry(**fields)).assessments[0]
    found = [name for violation in required(result, "baseline") for name in violation.containers or ("pod",)]
    assert found == left
    assert (result.level, result.violations) == (assessment.level, assessment.violations), "the truth stays"


def test_an_exempted_restricted_check_does_not_hide_a_violation_of_baseline() -> None:
    assessment = assessed(container("a", ["SYS_ADMIN"]))
    (result,) = applied(assessment, entry(checks=["capabilities_restricted"])).assessments
    assert "capabilities_baseline" in {violation.check for violation in required(result, "restricted")}


def test_a_pod_that_differs_is_covered_by_its_workloads_exemption() -> None:
    workload, pod = assessed(container("a", ["NET_RAW"])), assessed(container("a", ["NET_RAW"]), name="web-6c-x2")
    owned = msgspec.structs.replace(pod, owner=workload.workload)
    assert risks(applied(pod, entry(capabilities=["NET_RAW"]))) == ["high"]
    assert risks(applied(owned, entry(capabilities=["NET_RAW"]))) == ["none"]


WRONG: list[tuple[Any, str, tuple[Any, ...]]] = [
    ("text", "not a mapping", ()),
    ({"reason": "x", "until": "never", "checks": ["privileged"]}, "name is required", ()),
    ({"name": "x", "until": "never", "checks": ["privileged"]}, "reason is required", ()),
    ({"name": "x", "reason": "x", "checks": ["privileged"]}, "until is required", ()),
    (ENTRY, "one of capabilities, checks, warnings is required", ()),
    ({**ENTRY, "capabilites": ["CHOWN"]}, 'unknown key "capabilites", did you mean capabilities?', ("capabilites",)),
    ({**ENTRY, "reason": " ", "checks": ["privileged"]}, "reason must be a text that is not empty", ("reason",)),
    ({**ENTRY, "name": 7, "checks": ["privileged"]}, "name must be a text that is not empty", ("name",)),
    ({**ENTRY, "checks": []}, "checks must be a list that is not empty", ("checks",)),
    ({**ENTRY, "checks": "privileged"}, "checks must be a list that is not empty", ("checks",)),
    ({**ENTRY, "checks": ["hostPort"]}, 'unknown check "hostPort", did you mean hostPorts?', ("checks", 0)),
    ({**ENTRY, "checks": [7]}, 'unknown check "7"', ("checks", 0)),
    ({**ENTRY, "warnings": ["add-al"]}, 'unknown warning "add-al", did you mean add-all?', ("warnings", 0)),
    (
        {**ENTRY, "capabilities": ["CHOWN", "NET_RAV"]},
        'unknown capability "NET_RAV", did you mean NET_RAW?',
        ("capabilities", 1),
    ),
    *(
        ({**ENTRY, "checks": ["privileged"], "until": day}, "is not a day", ("until",))
        for day in ("2027-02-29", "20270101", "2027-1-1", "tomorrow", "2027-01-01T00:00:00", "٢٠٢٧-٠١-٠١")
    ),
]


@pytest.mark.parametrize(("data", "message", "path"), WRONG, ids=[f"{row[1]}-{n}" for n, row in enumerate(WRONG)])
def test_an_entry_that_is_wrong_is_an_error_that_names_the_field(
    data: Any, message: str, path: tuple[Any, ...]
) -> None:
    with pytest.raises(MalformedExemption) as raised:
        parse_exemption(data, "file:1")
    assert message in str(raised.value)
    assert raised.value.path == path


ANNOTATIONS: list[tuple[dict[str, str], list[str]]] = [
    ({"kubectl-caps/exempt": "NET_RAW; pings; 2027-01-01"}, ["none", "none"]),
    ({"kubectl-caps/exempt": "net_raw , CHOWN; pings; never"}, ["none", "none"]),
    ({"kubectl-caps/exempt": "NET_RAW; pings; and more; never"}, ["none", "none"]),
    ({"exempt.kubectl-caps/a": "NET_RAW; pings; 2027-01-01"}, ["none", "high"]),
    ({"exempt.kubectl-caps/a": "CHOWN; files; 2027-01-01"}, ["high", "high"]),
    ({"kubectl-caps/exempt": "NET_RAW; pings; 2026-06-14"}, ["high", "high"]),
    ({"kubectl-caps/exempt": "NET_RAW; pings"}, ["high", "high"]),
    ({"kubectl-caps/exempt": "NET_RAW;; never"}, ["high", "high"]),
    ({"kubectl-caps/exempt": "; pings; never"}, ["high", "high"]),
    ({"kubectl-caps/exempt": "NET_RAW, NET_RAV; pings; never"}, ["high", "high"]),
    ({"exempt.kubectl-caps/c": "NET_RAW; pings; never"}, ["high", "high"]),
    ({"kubectl-caps/exempted": "NET_RAW; pings; never"}, ["high", "high"]),
]


@pytest.mark.parametrize(("annotations", "wanted"), ANNOTATIONS)
def test_an_annotation_exempts_capabilities_of_all_containers_or_of_one(
    annotations: dict[str, str], wanted: list[str]
) -> None:
    assessment = assessed(container("a", ["NET_RAW"]), container("b", ["NET_RAW"]), annotations=annotations)
    assert risks(applied(assessment)) == wanted


def test_an_exemption_without_effect_is_named() -> None:
    broken = assessed(container("a", ["NET_RAW"]), annotations={"kubectl-caps/exempt": "NET_RAW"})
    listed = [
        entry(capabilities=["NET_RAW", "CHOWN"], until="2026-01-01"),
        parse_exemption({**ENTRY, "name": "other", "checks": ["privileged"]}, "file:9"),
    ]
    result = applied(broken, *listed)
    assert [*result.remarks, *unused(listed, result.met)] == [
        'deployment.apps/web: annotation kubectl-caps/exempt: must be "CAP,…; reason; expiry"; it exempts nothing',
        "deployment.apps/web: NET_RAW: exempted until 2026-01-01 (file:1), counts again",
        "file:1: not used, because no finding matches capability CHOWN",
        "file:9: not used, because no finding matches check privileged",
    ]


def test_an_expired_exemption_is_shown_but_counts() -> None:
    (result,) = applied(
        assessed(container("a", ["NET_RAW"])), entry(capabilities=["NET_RAW"], until="2026-01-01")
    ).assessments
    assert [(item.what, item.id, item.expired) for item in met_exemptions(result)] == [("capability", "NET_RAW", True)]


def test_no_finding_is_marked_without_exemptions() -> None:
    assessment = assessed(container("a", ["NET_RAW"]))
    assert exempt([assessment], [], TODAY).assessments == [assessment]


def test_an_observed_capability_counts_unless_it_is_exempted() -> None:
    held = CapabilitySet.from_names(["SYS_ADMIN"])
    process = Process(1, 1, 0, "init", 0, ProcessSets(held, held, held, no_new_privs=False))
    predicted = assessed(container("a"))
    place = NodeRuntime(runtime_of(None), 1, "observed")
    seen = assess(predicted.workload, [], [place], 37, [Observation("web-1", "a", (process,))])
    assert (predicted.risk, seen.risk) == ("none", "critical")
    assert risks(applied(seen, entry(capabilities=["CHOWN"]))) == ["critical"]
    assert risks(applied(seen, entry(capabilities=["SYS_ADMIN"]))) == ["none"]
    (result,) = applied(seen, entry(capabilities=["SYS_ADMIN"])).assessments
    assert "none without exempted findings" in "".join(html([result], []))
